//! What happened to an inspection: who wrote what on which terminal and when, what was decided and signed, and what this
//! terminal's journal says.
//!
//! Changes stand in the order in which they build upon each other, the last first: clocks of different terminals are
//! shown, and decide nothing.

use super::paging::{self, Pager, ROWS};
use super::{Ask, Route};
use crate::api::{Path, parse};
use crate::error::ApiError;
use askama::Template;
use axum::extract::OriginalUri;
use axum::response::Response;
use axum::routing::get;
use fieldproof_client_core::{Author, ChangeLine, ChangePage, History, InspectionDetail, Stage};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::Page;
use fieldproof_presentation::texts;
use fieldproof_schema::checklist::Template as Checklist;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::reference::DecisionKind;
use fieldproof_schema::seal::Party;

pub(super) const ROUTES: &[Route] = &[Route { path: "/inspections/{id}/history", answer: || get(show) }];

/// Places of one change that are named; a pasted text or a settled conflict touches few.
const PLACES_MAX: usize = 6;

/// Which part of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// What was decided and signed.
    Decisions,
    /// What was written.
    Changes,
    /// This terminal's journal.
    Journal,
}

impl Part {
    const ALL: [Part; 3] = [Self::Changes, Self::Decisions, Self::Journal];

    fn as_str(self) -> &'static str {
        match self {
            Self::Decisions => "decisions",
            Self::Changes => "changes",
            Self::Journal => "journal",
        }
    }
}

/// One thing that happened.
struct Event {
    icon: &'static str,
    what: String,
    /// Where in the inspection.
    places: Vec<String>,
    who: String,
    /// On which terminal; empty where it was none.
    device: String,
    when: String,
    words: String,
    stage: Option<Stage>,
}

struct Tab {
    address: String,
    word: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    p: Page,
    id: InspectionId,
    entity: String,
    tabs: Vec<Tab>,
    part: Part,
    events: Vec<Event>,
    pager: Pager,
}

async fn show(ask: Ask, Path(id): Path<String>, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let id: InspectionId = parse("inspection", &id)?;
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let part =
        Part::ALL.into_iter().find(|part| part.as_str() == fields.get("show")).unwrap_or(Part::Changes);
    let from = paging::from(&fields);
    let (detail, changes, history) = ask
        .app()
        .read(move |client| {
            let changes = match part {
                Part::Changes => client.changes(id, from, ROWS)?,
                Part::Decisions | Part::Journal => ChangePage::default(),
            };
            Ok((client.inspection(id)?, changes, client.history(id)?))
        })
        .await?;
    let p = ask.p.clone();
    let (events, more) = match part {
        Part::Changes => {
            let checklist = detail.template.as_deref();
            let events = changes.rows.iter().map(|line| change(&p, checklist, line)).collect();
            (events, changes.more)
        }
        Part::Decisions => cut(decisions(&p, &detail, &history), from),
        Part::Journal => cut(journal(&p, &detail, &history), from),
    };
    let path = format!("/inspections/{id}/history");
    let tab = |known: Part| Tab {
        address: format!("{path}?show={}", known.as_str()),
        word: p.t(format!("terminal.history.{}", known.as_str())),
        chosen: known == part,
    };
    Ok(ask.show(&HistoryPage {
        id,
        entity: detail.summary.entity_name.clone(),
        tabs: Part::ALL.map(tab).into(),
        pager: Pager::new(&path, &[("show", part.as_str())], from, more),
        part,
        events,
        p,
    }))
}

/// One page of events, and whether others follow.
fn cut(events: Vec<Event>, from: u64) -> (Vec<Event>, bool) {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let more = events.len() > from.saturating_add(ROWS as usize);
    (events.into_iter().skip(from).take(ROWS as usize).collect(), more)
}

fn change(p: &Page, checklist: Option<&Checklist>, line: &ChangeLine) -> Event {
    let mut places: Vec<String> =
        line.places.iter().take(PLACES_MAX).map(|place| at(p, checklist, place)).collect();
    if line.places.len() > PLACES_MAX {
        places.push(p.t1("terminal.history.more", "n", line.places.len() - PLACES_MAX));
    }
    let author = &line.author;
    Event {
        icon: if author.officer.is_some() { "pencil" } else { "database" },
        what: p.t(if line.places.is_empty() { "terminal.history.began" } else { "terminal.history.wrote" }),
        places,
        who: who(p, author),
        device: device(p, author),
        when: match author.at {
            Some(at) if author.written.latest.is_none() => p.moment(&at),
            _ => p.interval(&author.written),
        },
        words: String::new(),
        stage: author.own.then_some(author.stage),
    }
}

/// A place in the inspection as people call it.
fn at(p: &Page, checklist: Option<&Checklist>, place: &str) -> String {
    let (map, key) = place.split_once('/').unwrap_or((place, ""));
    let known = format!("terminal.place.{map}");
    let map = if texts::has(&known) { p.t(known) } else { map.to_owned() };
    let item = checklist.and_then(|checklist| checklist.item(key));
    match item {
        Some(item) => format!("{map} {key} {}", p.either(&item.text, &item.text_en)),
        // Ids of registers say nothing to people.
        None => map,
    }
}

fn who(p: &Page, author: &Author) -> String {
    match (&author.name, author.officer) {
        (Some(name), _) => name.clone(),
        (None, Some(_)) => p.t("kit.unknown"),
        (None, None) => p.t("terminal.history.server"),
    }
}

fn device(p: &Page, author: &Author) -> String {
    match author.device {
        _ if author.own => p.t("terminal.history.here"),
        Some(device) => {
            let device = device.to_string();
            p.t1("terminal.history.device", "end", device.get(device.len() - 4..).unwrap_or_default())
        }
        None => String::new(),
    }
}

/// Decisions and signatures, the last first; each by the clock that it says.
fn decisions(p: &Page, detail: &InspectionDetail, history: &History) -> Vec<Event> {
    let mut found: Vec<(fieldproof_schema::moment::Moment, Event)> = Vec::new();
    for decision in &history.decisions {
        let (icon, key) = match decision.kind {
            DecisionKind::Returned => ("arrow-back-up", "terminal.history.returned"),
            DecisionKind::Accepted => ("circle-check", "terminal.history.accepted"),
            DecisionKind::Resolved => ("gavel", "terminal.history.resolved"),
            DecisionKind::Disclosed => ("world", "terminal.history.disclosed"),
        };
        let mut words = decision.comment.clone();
        for (item, remark) in &decision.items {
            words.push('\n');
            words.push_str(&p.t2("terminal.field.part", "label", item, "words", remark));
        }
        found.push((decision.at, event(icon, p.t(key), decision.by.clone(), p.moment(&decision.at), words)));
    }
    for seal in &history.seals {
        for signed in &seal.signatures {
            let member = detail.person(signed.officer);
            let name = member.map_or_else(|| p.t("kit.unknown"), |member| member.name.clone());
            let mut words = match &seal.statement.party {
                Party::Signed { name } => p.t1("terminal.history.party_signed", "name", name),
                Party::Refused { witness, reason } => {
                    p.t2("terminal.history.party_refused", "witness", witness, "reason", reason)
                }
            };
            if let Some(unsettled) = &seal.statement.unsettled {
                words.push('\n');
                words.push_str(&p.t1("terminal.seal.unsettled", "n", unsettled.conflicts.len()));
                words.push('\n');
                words.push_str(&p.t("terminal.seal.unsettled.why"));
                words.push_str(&unsettled.reason);
            }
            let what = p.t1("terminal.history.signed", "n", seal.statement.version);
            found.push((signed.at, event("signature", what, name, p.moment(&signed.at), words)));
        }
    }
    found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    found.into_iter().map(|(_, event)| event).collect()
}

/// This terminal's journal, the last entry first.
fn journal(p: &Page, detail: &InspectionDetail, history: &History) -> Vec<Event> {
    let entries = history.entries.iter().rev();
    entries
        .map(|entry| {
            let key = format!("terminal.journal.{}", entry.kind.as_str());
            let what = if texts::has(&key) { p.t(key) } else { entry.kind.as_str().to_owned() };
            let member = entry.officer.and_then(|officer| detail.person(officer));
            let name = member.map(|member| member.name.clone()).unwrap_or_default();
            let number = p.t1("terminal.history.entry", "seq", entry.seq);
            let mut event = event("book", what, name, p.moment(&entry.device_at), number);
            event.stage = Some(if entry.received { Stage::Held } else { Stage::Here });
            event
        })
        .collect()
}

fn event(icon: &'static str, what: String, who: String, when: String, words: String) -> Event {
    Event { icon, what, places: Vec::new(), who, device: String::new(), when, words, stage: None }
}
