//! The part of an item that an answer changes: verdict, segments, who answered, what is to be looked at. It holds no
//! field that somebody types in, so that it can be swapped at any moment.

use super::visit::{Known, SectionLine, Visit};
use super::words::{self, By};
use super::{control::Control, typed};
use askama::Template;
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::{Answer, ItemKind, Outcome, Verdict};
use fieldproof_schema::document::{ChangeId, Side};

/// One of the large buttons.
pub(super) struct Segment {
    pub(super) value: &'static str,
    pub(super) icon: &'static str,
    pub(super) tone: &'static str,
    pub(super) key: &'static str,
    pub(super) pressed: bool,
}

/// A colleague's value that the page had not shown, beside what was given.
pub(super) struct Differs {
    pub(super) theirs: String,
    pub(super) mine: String,
    pub(super) by: By,
    /// What "mine" posts to stand.
    pub(super) seen: String,
    pub(super) fields: Vec<(&'static str, String)>,
}

/// What an act has to say besides what stands.
#[derive(Default)]
pub(super) struct Said {
    /// Whether the answer was given just now and can be taken back.
    pub(super) fresh: bool,
    /// Whether the reading is to be looked at again.
    pub(super) strange: bool,
    /// Why nothing was kept.
    pub(super) fault: Option<String>,
    /// Why a file was not taken.
    pub(super) shot_fault: Option<String>,
    /// What was taken back, or why not.
    pub(super) done: Option<&'static str>,
    pub(super) differs: Option<Differs>,
    /// How many items were asked for when the page was made, to tell when an answer makes others apply.
    pub(super) total_was: Option<usize>,
}

/// The swapped part.
#[derive(Template)]
#[template(path = "inspection/region.html")]
pub(super) struct Region {
    pub(super) p: Page,
    pub(super) n: usize,
    /// Where answers are posted, below the root.
    pub(super) item_path: String,
    /// Where the item is shown as it stands, below the root.
    pub(super) place: String,
    /// Where differences are settled, below the root.
    pub(super) team: String,
    /// The change that wrote what stands.
    pub(super) seen: String,
    pub(super) verdict: Option<Verdict>,
    /// `open` or the verdict, for what depends on it beside the region.
    pub(super) word: &'static str,
    pub(super) reading: Option<String>,
    /// Whether the officer decided where the limit could not, or other than it says.
    pub(super) by_officer: bool,
    /// What stands, where segments do not show it.
    pub(super) standing: Option<String>,
    /// Who answered, when it was somebody else.
    pub(super) by: Option<By>,
    pub(super) segments: Vec<Segment>,
    /// Whether the segments ask for the officer's own verdict.
    pub(super) own_verdict: bool,
    pub(super) contested: bool,
    pub(super) editable: bool,
    pub(super) said: Said,
    /// For a part that is swapped: how far the section and the whole are.
    pub(super) progress: Option<Progress>,
}

/// How many items have an answer.
pub(super) struct Progress {
    pub(super) done: usize,
    pub(super) total: usize,
    /// Whether more or fewer items apply than when the page was made.
    pub(super) changed: bool,
    pub(super) section: SectionLine,
}

impl Region {
    /// The part of one item.
    pub(super) fn new(p: &Page, visit: &Visit, known: Known<'_>, said: Said) -> Self {
        let (item, state) = (known.item, known.state);
        let standing = visit.detail.view.answers.get(&item.id).map(|register| &register.standing);
        let by = standing.map(|side| words::by(p, visit, side.stamp.change)).filter(|by| !by.own);
        let judgement = state.judgement.as_ref();
        let number = words::number_of(item);
        let reading = number.zip(judgement.and_then(|judgement| judgement.why.as_ref()));
        let verdict = known.verdict();
        let own_verdict = asks_for_verdict(known);
        let contested = state.conflict.is_some();
        Self {
            p: p.clone(),
            n: known.n,
            item_path: visit.item_path(&item.id),
            place: format!(
                "{}/sections/{}?keep=theirs#item-{}",
                visit.path(),
                visit.section_of(&item.id),
                item.id
            ),
            team: format!("{}/team", visit.path()),
            seen: standing.map(|side| side.stamp.change.to_string()).unwrap_or_default(),
            verdict,
            word: word(verdict),
            reading: reading.map(|(number, reading)| words::reading(p, number, reading)),
            by_officer: matches!(verdict, Some(Verdict::Pass | Verdict::Fail))
                && judgement.is_some_and(|judgement| judgement.why.is_some() && !judgement.automatic),
            standing: shown(p, known),
            by,
            segments: segments(known, own_verdict),
            own_verdict,
            contested,
            editable: visit.detail.editable && !contested,
            said,
            progress: None,
        }
    }

    /// As the answer to an act: with the progress beside it.
    pub(super) fn swapped(mut self, visit: &Visit) -> Self {
        let (done, total) = visit.progress();
        let changed = self.said.total_was.is_some_and(|was| was != total);
        let section = visit.template.items.get(self.n - 1).map_or(1, |item| visit.section_of(&item.id));
        let section = visit.sections(&self.p, section).into_iter().find(|line| line.current);
        self.progress = section.map(|section| Progress { done, total, changed, section });
        self
    }
}

impl Differs {
    /// A colleague's value beside one's own.
    pub(super) fn new(p: &Page, visit: &Visit, theirs: &Side, mine: Option<&Answer>) -> Self {
        let change: ChangeId = theirs.stamp.change;
        Self {
            theirs: words::register(p, "answers/", &theirs.value),
            mine: mine.map_or_else(|| p.t("inspection.answer.none"), |mine| words::answer(p, mine)),
            by: words::by(p, visit, change),
            seen: change.to_string(),
            fields: mine.map(typed::fields).unwrap_or_default(),
        }
    }
}

fn word(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        None => "open",
        Some(Verdict::Pass) => "pass",
        Some(Verdict::Fail) => "fail",
        Some(Verdict::NotApplicable) => "na",
        Some(Verdict::Recorded) => "recorded",
        Some(Verdict::NotDecided) => "undecided",
    }
}

/// What stands in words, where neither the control nor the segments say it.
fn shown(p: &Page, known: Known<'_>) -> Option<String> {
    let answer = known.state.answer.as_ref()?;
    match (&known.item.kind, answer) {
        (_, Answer::Other(_)) | (ItemKind::Other(_), _) => Some(words::answer(p, answer)),
        (_, Answer::NotApplicable { reason }) if !reason.is_empty() => Some(words::answer(p, answer)),
        _ => None,
    }
}

/// Whether the officer is asked for a verdict of their own: neither limit nor options decide, or the officer decided.
fn asks_for_verdict(known: Known<'_>) -> bool {
    match &known.state.answer {
        Some(Answer::Number { result, .. } | Answer::Choice { result, .. }) => {
            known.verdict() == Some(Verdict::NotDecided)
                || result.is_some() && known.state.judgement.as_ref().is_some_and(|j| !j.automatic)
        }
        _ => false,
    }
}

fn segments(known: Known<'_>, own_verdict: bool) -> Vec<Segment> {
    let answer = known.state.answer.as_ref();
    let stated = match answer {
        Some(Answer::Conformity { result }) => Some(*result),
        Some(Answer::Number { result, .. } | Answer::Choice { result, .. }) => *result,
        _ => None,
    };
    let outcome = |value, icon, tone, key, outcome| Segment {
        value,
        icon,
        tone,
        key,
        pressed: stated == Some(outcome),
    };
    let mut segments = Vec::new();
    if own_verdict || matches!(known.item.kind, ItemKind::Conformity { .. }) {
        segments.push(outcome("pass", "circle-check", "pass", "kit.verdict.pass", Outcome::Pass));
        segments.push(outcome("fail", "circle-x", "fail", "kit.verdict.fail", Outcome::Fail));
    }
    if known.item.kind.allows_not_applicable() {
        segments.push(Segment {
            value: "na",
            icon: "circle-minus",
            tone: "none",
            key: "kit.verdict.not_applicable",
            pressed: matches!(answer, Some(Answer::NotApplicable { .. })),
        });
    }
    segments
}

/// Whether an item's kind has anything to type in.
pub(super) fn is_typed(control: &Control) -> bool {
    match control {
        Control::Number(_) | Control::Options { .. } | Control::Text(_) | Control::Date(_) => true,
        Control::Segments | Control::Photos { .. } | Control::Unknown => false,
    }
}
