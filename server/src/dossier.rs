//! Everything about one inspection that reviewers look at, read in one transaction.
//!
//! What counts is what the team sealed last; while nothing is sealed, what the document says now. Pages decide how it is
//! shown.

use crate::app::{App, blocking};
use crate::auth::UserActor;
use crate::db::Tx;
use crate::documents::{self, Stored};
use crate::error::ApiError;
use crate::judging::{day_of_visit, judged};
use crate::laws::Laws;
use crate::numbers;
use crate::policy::Act;
use crate::store::changes::Header;
use crate::store::inspections::Inspection;
use crate::store::journal::Writer;
use crate::store::numbers as number_store;
use crate::store::{
    captures, case_links, changes, conflicts, decisions, disclosures, inbox, journal, seals, tasks, teams,
    units,
};
use fieldproof_schema::checklist::{Answer, Item, Judgement, Template};
use fieldproof_schema::document::{self, Actor, ChangeId, Document, View};
use fieldproof_schema::ids::{DisclosureId, InspectionId, OfficerId, OrgId, RecordId};
use fieldproof_schema::moment::Interval;
use fieldproof_schema::reference::{Decision, PaperCorrection, TaskRow};
use fieldproof_schema::seal::Statement;
use fieldproof_schema::wire::error::ErrorCode;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A version that the whole team signed.
pub(crate) struct Sealed {
    /// What they signed.
    pub(crate) statement: Statement,
    /// What it said.
    pub(crate) view: View,
}

/// What is known besides the document.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) info: Inspection,
    pub(crate) template: Arc<Template>,
    pub(crate) laws: Option<Laws>,
    /// The day whose law counts.
    pub(crate) day: Date,
    pub(crate) task: Option<TaskRow>,
    /// Who is or was on the team.
    pub(crate) team: Vec<teams::Member>,
    /// The name of the unit whose record it is.
    pub(crate) unit: String,
    pub(crate) seals: Vec<seals::Known>,
    pub(crate) conflicts: Vec<conflicts::Known>,
    /// What was decided about paper forms beside the seal, by record.
    pub(crate) corrections: BTreeMap<String, PaperCorrection>,
    pub(crate) writers: BTreeMap<Actor, Writer>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) captures: BTreeMap<RecordId, captures::Listed>,
    pub(crate) changes: Vec<Header>,
    /// When each change was written.
    pub(crate) written: BTreeMap<ChangeId, Interval>,
    /// How many changes are held apart.
    pub(crate) quarantined: i64,
    pub(crate) disclosure: Option<DisclosureId>,
    /// Visits that were put into one case with this one.
    pub(crate) linked: Vec<InspectionId>,
}

impl Around {
    /// Who is on the team now.
    pub(crate) fn present(&self) -> impl Iterator<Item = &teams::Member> {
        self.team.iter().filter(|member| member.left_at.is_none())
    }

    /// The name of an officer of the visit. Who signs need not have written anything.
    pub(crate) fn officer_name(&self, officer: OfficerId) -> String {
        let team = self.team.iter().map(|member| (member.officer, &member.name));
        let writers = self.writers.values().map(|writer| (writer.officer, &writer.officer_name));
        let known = team.chain(writers).find(|(known, _)| *known == officer);
        known.map_or_else(|| officer.to_string(), |(_, name)| name.clone())
    }
}

/// An inspection with its document.
pub(crate) struct Dossier {
    pub(crate) around: Around,
    pub(crate) document: Document,
    /// What it says now.
    pub(crate) now: Arc<View>,
    /// What the team sealed last.
    pub(crate) sealed: Option<Sealed>,
}

/// Reads an inspection of the asker's scope.
///
/// # Errors
/// [`ErrorCode::NotFound`] when there is none, or none that the asker may see.
pub(crate) async fn read(app: &App, actor: &UserActor, id: InspectionId) -> Result<Dossier, ApiError> {
    let (reader, asker, org, today) = (app.clone(), actor.user.clone(), actor.org, app.now().date_in_china());
    let (stored, around) = app
        .db
        .read(move |tx| {
            let stored = documents::read(tx, &reader, org, id)?;
            asker.may_on(Act::ReadInspections, &stored.info.unit_code)?;
            let around = around(tx, &reader, org, &stored, today)?;
            Ok::<_, ApiError>((stored, around))
        })
        .await?;
    blocking(move || open(&stored, around)).await?
}

fn around(tx: &mut Tx<'_>, app: &App, org: OrgId, stored: &Stored, today: Date) -> Result<Around, ApiError> {
    let (info, id) = (stored.info.clone(), stored.info.id);
    let task = match info.task {
        Some(task) => tasks::find(tx, org, task)?,
        None => None,
    };
    let seals = seals::list(tx, org, id)?;
    let changes = changes::headers(tx, org, id)?;
    let writers = journal::writers(tx, org, id)?.into_iter().map(|writer| (writer.actor, writer));
    let captures = captures::list(tx, org, id)?.into_iter().map(|capture| (capture.facts.record, capture));
    let corrections = number_store::corrections_of(tx, org, id)?.into_iter();
    Ok(Around {
        template: Arc::clone(&stored.template),
        laws: app.laws.get(tx, org)?,
        day: day_of_visit(&seals).unwrap_or(today),
        unit: units::name(tx, org, &info.unit_code)?.unwrap_or_else(|| info.unit_code.clone()),
        conflicts: {
            let mut known = conflicts::of_inspection(tx, org, id)?;
            known.extend(numbers::disputes(tx, org, id)?);
            known
        },
        corrections: corrections.map(|(record, correction)| (record.to_string(), correction)).collect(),
        writers: writers.collect(),
        decisions: decisions::list(tx, org, id)?,
        captures: captures.collect(),
        team: teams::members(tx, org, id)?,
        written: changes.iter().map(|header| (header.id, header.written)).collect(),
        quarantined: inbox::quarantined_count(tx, org, id)?,
        disclosure: disclosures::of_inspection(tx, org, id)?,
        linked: case_links::visits(tx, org, info.case)?,
        info,
        task,
        seals,
        changes,
    })
}

fn open(stored: &Stored, around: Around) -> Result<Dossier, ApiError> {
    let document = stored.open()?;
    let now = document.view().map_err(ApiError::internal)?;
    let sealed = match around.versions().last() {
        Some(statement) => {
            let view = document.view_at(&statement.heads).map_err(ApiError::internal)?;
            Some(Sealed { statement: statement.clone(), view })
        }
        None => None,
    };
    Ok(Dossier { around, document, now, sealed })
}

impl Around {
    /// The statements that the whole team signed, oldest first.
    pub(crate) fn versions(&self) -> Vec<Statement> {
        let complete = self.seals.iter().filter(|seal| seal.completed_at.is_some());
        complete.filter_map(|seal| Statement::from_text(&seal.seal.statement).ok()).collect()
    }

    /// What a register amounts to.
    pub(crate) fn judge(&self, item: &Item, register: &str) -> (Answer, Judgement) {
        let answer = Answer::from_register(register);
        let judgement = judged(item, &answer, self.laws.as_ref(), self.day);
        (answer, judgement)
    }

    /// Captures that a journal or a seal names and whose bytes are not here; the last seal's are given.
    pub(crate) fn missing(&self, sealed: Option<&Statement>) -> BTreeSet<RecordId> {
        let declared = self.captures.iter().filter(|(_, capture)| capture.held_at.is_none());
        let mut missing: BTreeSet<_> = declared.map(|(record, _)| *record).collect();
        let named = sealed.into_iter().flat_map(|statement| &statement.captures);
        missing.extend(
            named
                .filter(|named| {
                    let known = self.captures.get(&named.record);
                    !known.is_some_and(|known| known.held_at.is_some() && known.digest == named.digest)
                })
                .map(|named| named.record),
        );
        missing
    }

    /// Those of them that a review waits for.
    pub(crate) fn blocking_conflicts(&self) -> impl Iterator<Item = &conflicts::Known> {
        self.open_conflicts().filter(|known| known.blocks)
    }

    /// The conflicts that wait for somebody.
    pub(crate) fn open_conflicts(&self) -> impl Iterator<Item = &conflicts::Known> {
        self.conflicts.iter().filter(|known| known.closed_at.is_none())
    }
}

impl Dossier {
    /// What counts: the sealed content, or what the document says while nothing is sealed.
    pub(crate) fn official(&self) -> &View {
        self.sealed.as_ref().map_or(&self.now, |sealed| &sealed.view)
    }

    /// The statement under [`Self::official`].
    pub(crate) fn statement(&self) -> Option<&Statement> {
        self.sealed.as_ref().map(|sealed| &sealed.statement)
    }

    /// What the document said before any of these changes was written: at their common history. None where it has none.
    pub(crate) fn before_all(&self, changes: &[ChangeId]) -> Result<Option<View>, ApiError> {
        let mut parents = BTreeMap::new();
        for (id, raw) in self.document.changes() {
            parents.insert(id, document::inspect(&raw.0).map_err(ApiError::internal)?.deps);
        }
        let history = |change: &ChangeId| {
            let mut known = BTreeSet::new();
            let mut next = parents.get(change).cloned().unwrap_or_default();
            while let Some(change) = next.pop() {
                if known.insert(change) {
                    next.extend(parents.get(&change).into_iter().flatten());
                }
            }
            known
        };
        let common = changes.iter().map(history).reduce(|one, other| &one & &other).unwrap_or_default();
        let inner: BTreeSet<_> =
            common.iter().filter_map(|change| parents.get(change)).flatten().copied().collect();
        let heads: Vec<_> = common.difference(&inner).copied().collect();
        if heads.is_empty() {
            return Ok(None);
        }
        self.document.view_at(&heads).map(Some).map_err(ApiError::internal)
    }

    /// What the document said at one sealed version; none where there is no such version.
    pub(crate) fn version(&self, version: u32) -> Result<Option<View>, ApiError> {
        let versions = self.around.versions();
        let Some(statement) = versions.iter().find(|statement| statement.version == version) else {
            return Ok(None);
        };
        self.document.view_at(&statement.heads).map(Some).map_err(ApiError::internal)
    }
}

/// Says that something is not there.
pub(crate) fn nowhere() -> ApiError {
    ErrorCode::NotFound.into()
}
