//! Who did what, when and on which terminal: sessions of writing, seals, conflicts, decisions; newest first.

use crate::console::wording;
use crate::dossier::Around;
use fieldproof_presentation::page::Page;
use fieldproof_schema::conflict::{ConflictKind, Resolution};
use fieldproof_schema::document::Actor;
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::reference::DecisionKind;
use fieldproof_schema::seal::Statement;

/// Events of one page.
pub(crate) const EVENTS: usize = 40;

/// Something that happened.
pub(crate) struct Event {
    at: Moment,
    pub(crate) icon: &'static str,
    pub(crate) title: String,
    pub(crate) by: String,
    pub(crate) device: String,
    pub(crate) when: String,
    pub(crate) text: String,
    /// Remarks about single items: the question and what was said.
    pub(crate) items: Vec<(String, String)>,
}

/// One page of events, from the newest one that is not skipped; and how many to skip for the next.
pub(crate) fn events(p: &Page, around: &Around, skip: usize) -> (Vec<Event>, Option<usize>) {
    let mut events = sessions(p, around);
    events.extend(seals(p, around));
    events.extend(conflicts(p, around));
    events.extend(decisions(p, around));
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    let next = (events.len() > skip + EVENTS).then_some(skip + EVENTS);
    (events.into_iter().skip(skip).take(EVENTS).collect(), next)
}

/// What one writer (one officer in one opening of one terminal's store) wrote between two seals or decisions.
fn sessions(p: &Page, around: &Around) -> Vec<Event> {
    let seals = around.seals.iter().filter_map(|seal| seal.completed_at);
    let turns: Vec<Moment> = seals.chain(around.decisions.iter().map(|decision| decision.at)).collect();
    let turn = |at: Moment| turns.iter().filter(|turn| **turn <= at).count();
    let mut groups: Vec<(Actor, usize, Interval, Moment)> = Vec::new();
    // The first change is the dispatch itself.
    for change in around.changes.iter().skip(1).filter(|change| around.writers.contains_key(&change.actor)) {
        let at = change.accepted_at;
        match groups.iter_mut().find(|group| group.0 == change.actor && turn(group.3) == turn(at)) {
            Some((_, count, written, last)) => {
                *count += 1;
                *written = joined(*written, change.written);
                *last = at;
            }
            None => groups.push((change.actor, 1, change.written, at)),
        }
    }
    let event = |(actor, count, written, at): (Actor, usize, Interval, Moment)| {
        let (by, device) = wording::writer(p, &around.writers, actor);
        Event {
            at,
            icon: "pencil",
            title: p.t1("console.history.written", "n", count),
            by,
            device,
            when: p.interval(&written),
            text: String::new(),
            items: Vec::new(),
        }
    };
    groups.into_iter().map(event).collect()
}

fn joined(one: Interval, other: Interval) -> Interval {
    let earliest = one.earliest.zip(other.earliest).map(|(a, b)| a.min(b));
    Interval { earliest, latest: one.latest.zip(other.latest).map(|(a, b)| a.max(b)) }
}

fn seals(p: &Page, around: &Around) -> Vec<Event> {
    let event = |seal: &crate::store::seals::Known| {
        let statement = Statement::from_text(&seal.seal.statement).ok()?;
        let at = seal
            .completed_at
            .or(seal.seal.signatures.first().map(|signed| signed.at))
            .unwrap_or(statement.at);
        let key =
            if seal.completed_at.is_some() { "console.history.sealed" } else { "console.history.sealing" };
        let name = |signed: &fieldproof_schema::seal::Signed| around.officer_name(signed.officer);
        Some(Event {
            at,
            icon: "signature",
            title: p.t1(key, "n", seal.version),
            by: p.list(seal.seal.signatures.iter().map(name)),
            device: String::new(),
            when: p.moment(&at),
            text: statement.comment.unwrap_or_default(),
            items: Vec::new(),
        })
    };
    around.seals.iter().filter_map(event).collect()
}

fn conflicts(p: &Page, around: &Around) -> Vec<Event> {
    let mut events = Vec::new();
    for known in &around.conflicts {
        let place = wording::place(p, &around.template, &known.conflict.path);
        let found = match known.conflict.kind {
            ConflictKind::LateChange => "console.history.late",
            _ => "console.history.conflict",
        };
        let event = |at: Moment, icon, title: String, by: String, text: String| Event {
            at,
            icon,
            title,
            by,
            device: String::new(),
            when: p.moment(&at),
            text,
            items: Vec::new(),
        };
        events.push(event(known.found_at, "arrows-diff", p.t(found), String::new(), place.clone()));
        let Some(closed) = known.closed_at else { continue };
        match known.resolution.as_deref().and_then(Resolution::from_register) {
            // An administrator's decision stands among the decisions.
            Some(resolution) if resolution.capacity == "administrator" => {}
            Some(resolution) => {
                let text = format!("{place}\n{}", resolution.reason);
                events.push(event(closed, "check", p.t("console.history.settled"), resolution.by, text));
            }
            None => events.push(event(closed, "check", p.t("console.history.merged"), String::new(), place)),
        }
    }
    events
}

fn decisions(p: &Page, around: &Around) -> Vec<Event> {
    let event = |decision: &fieldproof_schema::reference::Decision| {
        let icon = match decision.kind {
            DecisionKind::Returned => "arrow-back-up",
            DecisionKind::Accepted => "circle-check",
            DecisionKind::Resolved => "gavel",
            DecisionKind::Disclosed => "world",
        };
        let items = decision.items.iter().map(|(id, said)| {
            let question = around.template.item(id).map(|item| wording::item(p, item));
            (question.unwrap_or_else(|| id.clone()), said.clone())
        });
        Event {
            at: decision.at,
            icon,
            title: p.t(format!("console.history.{}", decision.kind.as_str())),
            by: decision.by.clone(),
            device: String::new(),
            when: p.moment(&decision.at),
            text: decision.comment.clone(),
            items: items.collect(),
        }
    };
    around.decisions.iter().map(event).collect()
}
