//! What was found, worst first: failed, undecided, in dispute, open; what is in order stands folded below.

use crate::console::captures::Capture;
use crate::console::wording;
use crate::dossier::{Around, Dossier};
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::{Answer, Applicability, Item, Judgement, Reference, Severity, Verdict};
use fieldproof_schema::directory::JsonFields;
use fieldproof_schema::document::{Side, View};
use fieldproof_schema::law::{Cited, InForce, Mark};
use fieldproof_schema::reference::DecisionKind;
use std::collections::BTreeMap;

/// Why items stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Failed,
    Undecided,
    Disputed,
    Open,
    Recorded,
    NotApplicable,
    Passed,
}

impl Group {
    const ALL: &[Group] = &[
        Self::Failed,
        Self::Undecided,
        Self::Disputed,
        Self::Open,
        Self::Recorded,
        Self::NotApplicable,
        Self::Passed,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Undecided => "undecided",
            Self::Disputed => "disputed",
            Self::Open => "open",
            Self::Recorded => "recorded",
            Self::NotApplicable => "not_applicable",
            Self::Passed => "passed",
        }
    }

    /// Whether somebody has to look at it.
    fn stands_open(self) -> bool {
        self <= Self::Disputed
    }
}

/// Items that stand together.
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) open: bool,
    pub(crate) items: Vec<Shown>,
}

/// A provision that an item rests on.
pub(crate) struct Provision {
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) mark: Mark,
    /// Not in force on the day of the visit, or nobody can say.
    pub(crate) warning: String,
}

/// Who wrote something, where and when.
pub(crate) struct By {
    pub(crate) officer: String,
    pub(crate) device: String,
    pub(crate) when: String,
}

/// One item with its answer.
pub(crate) struct Shown {
    group: Group,
    rank: (u8, bool, usize),
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) key: bool,
    pub(crate) severity: String,
    pub(crate) verdict: Option<Verdict>,
    /// Whether the limit decided, and not the officer.
    pub(crate) automatic: bool,
    pub(crate) value: String,
    pub(crate) limit: Option<(String, Mark)>,
    pub(crate) provisions: Vec<Provision>,
    pub(crate) note: String,
    pub(crate) by: Option<By>,
    pub(crate) captures: Vec<Capture>,
    /// The open conflict about it.
    pub(crate) conflict: Option<String>,
    /// What the document says now, where that is not what was sealed.
    pub(crate) beside: Option<String>,
    /// What the last return said about it.
    pub(crate) returned: Option<String>,
    /// What the supervisor is writing about it.
    pub(crate) remark: String,
}

/// The sections of a case page. `remarks` are what the supervisor has typed so far.
pub(crate) fn sections(
    p: &Page,
    dossier: &Dossier,
    captures: &[Capture],
    remarks: &BTreeMap<String, String>,
) -> Vec<Section> {
    let view = dossier.official();
    let template = &dossier.around.template;
    let answers = |id: &str| Some(Answer::from_register(&view.answers.get(id)?.standing.value));
    let entity = JsonFields(&view.identity.entity.fields);
    let shown = template.applicability(&answers, &entity).into_iter().enumerate();
    let mut items: Vec<_> = shown
        .filter(|(_, (item, applies))| {
            *applies != Applicability::DoesNotApply || view.answers.contains_key(&item.id)
        })
        .map(|(at, (item, _))| one(p, dossier, captures, remarks, at, item))
        .collect();
    items.sort_by_key(|item| (item.group, item.rank));
    let mut sections: Vec<_> = Group::ALL.iter().map(|group| (*group, Vec::new())).collect();
    for item in items {
        if let Some((_, members)) = sections.iter_mut().find(|(group, _)| *group == item.group) {
            members.push(item);
        }
    }
    let filled = sections.into_iter().filter(|(_, items)| !items.is_empty());
    filled
        .map(|(group, items)| Section {
            title: p.t1(format!("console.case.group.{}", group.name()), "n", items.len()),
            open: group.stands_open() || items.iter().any(|item| !item.remark.is_empty()),
            items,
        })
        .collect()
}

fn one(
    p: &Page,
    dossier: &Dossier,
    captures: &[Capture],
    remarks: &BTreeMap<String, String>,
    at: usize,
    item: &Item,
) -> Shown {
    let (around, view) = (&dossier.around, dossier.official());
    let standing = view.answers.get(&item.id).map(|register| &register.standing);
    let given = standing.map(|side| around.judge(item, &side.value));
    let path = format!("answers/{}", item.id);
    let conflict = around.open_conflicts().find(|known| known.conflict.path == path);
    let verdict = given.as_ref().map(|(_, judgement)| judgement.verdict);
    let group = group(verdict, conflict.is_some());
    Shown {
        group,
        rank: (severity_rank(item), !item.key, at),
        id: item.id.clone(),
        text: wording::item(p, item),
        key: item.key,
        severity: p.severity(&item.severity),
        verdict,
        automatic: given.as_ref().is_some_and(|(_, judgement)| judgement.automatic),
        value: given.as_ref().map(|(answer, _)| wording::value(p, answer)).unwrap_or_default(),
        limit: limit(item, given.as_ref().map(|(_, judgement)| judgement)),
        provisions: provisions(p, around, item),
        note: view.notes.get(&item.id).cloned().unwrap_or_default(),
        by: standing.map(|side| by(p, around, side)),
        captures: captures
            .iter()
            .filter(|capture| capture.item.as_ref().is_some_and(|(id, _)| *id == item.id))
            .cloned()
            .collect(),
        conflict: conflict.map(|known| known.conflict.id.to_string()),
        beside: beside(p, dossier, view, &item.id),
        returned: around
            .decisions
            .iter()
            .rev()
            .find(|decision| decision.kind == DecisionKind::Returned)
            .and_then(|decision| decision.items.get(&item.id).cloned()),
        remark: remarks.get(&item.id).cloned().unwrap_or_default(),
    }
}

fn group(verdict: Option<Verdict>, disputed: bool) -> Group {
    match verdict {
        Some(Verdict::Fail) => Group::Failed,
        Some(Verdict::NotDecided) => Group::Undecided,
        _ if disputed => Group::Disputed,
        None => Group::Open,
        Some(Verdict::Recorded) => Group::Recorded,
        Some(Verdict::NotApplicable) => Group::NotApplicable,
        Some(Verdict::Pass) => Group::Passed,
    }
}

fn severity_rank(item: &Item) -> u8 {
    match item.severity {
        Severity::Critical => 0,
        Severity::Major => 1,
        Severity::Minor => 2,
    }
}

/// The limit with how well it is known on the day of the visit.
fn limit(item: &Item, judgement: Option<&Judgement>) -> Option<(String, Mark)> {
    let text = wording::limit_of(item)?;
    let read = judgement.and_then(|judgement| judgement.why.as_ref()).map(|reading| reading.mark);
    Some((text, read.or(item.limit().map(|limit| limit.source.mark))?))
}

/// Who wrote a value.
pub(crate) fn by(p: &Page, around: &Around, side: &Side) -> By {
    let (officer, device) = wording::writer(p, &around.writers, side.stamp.actor);
    let when = around.written.get(&side.stamp.change).map(|written| p.interval(written));
    By { officer, device, when: when.unwrap_or_default() }
}

fn beside(p: &Page, dossier: &Dossier, view: &View, item: &str) -> Option<String> {
    dossier.sealed.as_ref()?;
    let (sealed, now) = (view.answers.get(item), dossier.now.answers.get(item));
    let differs =
        sealed.map(|register| &register.standing.value) != now.map(|register| &register.standing.value);
    let said = differs.then(|| match now {
        Some(register) => wording::answer(p, &Answer::from_register(&register.standing.value)),
        None => p.t("kit.verdict.open"),
    });
    let (noted, note) = (view.notes.get(item), dossier.now.notes.get(item));
    let note = (noted != note).then(|| note.cloned().unwrap_or_default());
    match (said, note) {
        (None, None) => None,
        (said, note) => Some(said.into_iter().chain(note).collect::<Vec<_>>().join("\n")),
    }
}

fn provisions(p: &Page, around: &Around, item: &Item) -> Vec<Provision> {
    let standard = item.limit().and_then(|limit| limit.source.standard.clone());
    let named =
        item.provisions.iter().map(|reference| provision(p, around, &reference.provision, Some(reference)));
    standard.iter().map(|key| provision(p, around, key, None)).chain(named).collect()
}

fn provision(p: &Page, around: &Around, key: &str, repeated: Option<&Reference>) -> Provision {
    let cited = |law: &str, article: &Option<String>| {
        p.t2("console.case.cited", "law", law, "article", article.as_deref().unwrap_or_default())
    };
    let repeats = |law: &Option<String>, article: &Option<String>| match law {
        Some(law) => cited(law, article),
        None => format!("{key} {}", article.as_deref().unwrap_or_default()),
    };
    let Some(laws) = &around.laws else {
        let title = repeated.map_or_else(|| key.to_owned(), |r| repeats(&r.law, &r.article));
        let mark = repeated.map_or(Mark::Unverified, |r| r.mark);
        return Provision { title, summary: String::new(), mark, warning: String::new() };
    };
    let standing = laws.register.standing(key, &laws.released, around.day);
    let (title, summary) = match laws.register.resolve(key) {
        Some(Cited::Provision(provision, law)) => {
            (cited(p.either(&law.title, &law.title_en), &provision.article), provision.summary.clone())
        }
        Some(Cited::Standard(standard)) => (format!("{} {}", standard.no, standard.title), String::new()),
        None => (repeated.map_or_else(|| key.to_owned(), |r| repeats(&r.law, &r.article)), String::new()),
    };
    let warning = match (standing.in_force, standing.released) {
        (InForce::No, _) => p.t("console.case.not_in_force"),
        (InForce::Unknown, _) => p.t("console.case.force_unknown"),
        (InForce::Yes, false) => p.t("console.case.not_released"),
        (InForce::Yes, true) => String::new(),
    };
    Provision { title, summary, mark: standing.mark, warning }
}
