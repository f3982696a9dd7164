//! What can still be done with a draw: recusals, and the dispatch with the checklists that have to be named.

use super::super::{Seat, words};
use super::result::{Names, kind_key};
use crate::app::App;
use crate::dispatch::{self, Undecided};
use crate::error::ApiError;
use crate::store::plans::Plan;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::checklist::Template;
use fieldproof_schema::draw::{DrawRecord, RecusalKind};
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::rule::specialty_covers;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands before the specialty in the name of a field that names a checklist.
pub(super) const TEMPLATE: &str = "template.";

/// The kinds of interests, in the order in which they are offered.
pub(super) const KINDS: [(&str, RecusalKind); 4] = [
    ("kinship", RecusalKind::Kinship),
    ("investment", RecusalKind::Investment),
    ("employment", RecusalKind::Employment),
    ("other", RecusalKind::Other),
];

/// The forms.
pub(super) struct Open {
    /// The pick whose recusal form is open.
    recusing: Option<u32>,
    /// The officer who was chosen in it.
    chosen: String,
    pub(super) kinds: Vec<Choice>,
    pub(super) due: String,
    pub(super) questions: Vec<Question>,
}

/// A checklist that has to be named for some picks.
pub(super) struct Question {
    /// The field's name.
    pub(super) field: String,
    /// The field's id in the page.
    pub(super) id: String,
    pub(super) specialty: String,
    pub(super) picks: Vec<(u32, String)>,
    pub(super) choices: Vec<Choice>,
}

impl Open {
    pub(super) fn is_recusing(&self, pick: &u32) -> bool {
        self.recusing == Some(*pick)
    }

    pub(super) fn has_chosen(&self, pick: &u32, officer: &OfficerId) -> bool {
        self.is_recusing(pick) && self.chosen == officer.to_string()
    }

    pub(super) async fn of(
        app: &App,
        seat: &Seat,
        record: &DrawRecord,
        plan: &Plan,
        names: &Names,
        typed: &Fields,
    ) -> Result<Self, ApiError> {
        let p = &seat.p;
        let (templates, undecided) = dispatch::outlook(app, seat.actor.org, record, &names.entities).await?;
        let kind = |(name, kind): (&str, RecusalKind)| {
            Choice::new(name, p.t(kind_key(kind)), typed.get("kind") == name)
        };
        let due = dispatch::due(&plan.row, app.now().date_in_china()).map(|day| day.to_string());
        Ok(Self {
            recusing: typed.get("pick").parse().ok(),
            chosen: typed.get("officer").to_owned(),
            kinds: KINDS.map(kind).to_vec(),
            due: typed.find("due").map_or_else(|| due.unwrap_or_default(), str::to_owned),
            questions: questions(p, &plan.row.specialty, &undecided, &templates, typed),
        })
    }
}

/// One question per specialty that leaves the choice open.
fn questions(
    p: &Page,
    plan: &str,
    undecided: &[Undecided],
    templates: &[Arc<Template>],
    typed: &Fields,
) -> Vec<Question> {
    let mut by_specialty: BTreeMap<String, Vec<&Undecided>> = BTreeMap::new();
    for pick in undecided {
        let own = pick.specialties.iter().find(|own| specialty_covers(plan, own));
        by_specialty.entry(own.cloned().unwrap_or_else(|| plan.to_owned())).or_default().push(pick);
    }
    let question = |(number, (specialty, picks)): (usize, (String, Vec<&Undecided>))| {
        let field = format!("{TEMPLATE}{specialty}");
        let chosen = typed.get(&field);
        let fits = |template: &Arc<Template>| picks.iter().any(|pick| pick.fitting.contains(&template.id));
        let (fitting, others): (Vec<_>, Vec<_>) = templates.iter().partition(|template| fits(template));
        let choice = |template: &&Arc<Template>| {
            let value = format!("{}@{}", template.id, template.revision);
            let label = format!("{} ({value})", p.either(&template.title, &template.title_en));
            Choice::new(value.clone(), label, chosen == value)
        };
        Question {
            id: format!("template-{number}"),
            choices: fitting.iter().chain(&others).map(choice).collect(),
            picks: picks.iter().map(|pick| (pick.pick, pick.name.clone())).collect(),
            specialty: words::specialty(p, &specialty),
            field,
        }
    };
    by_specialty.into_iter().enumerate().map(question).collect()
}
