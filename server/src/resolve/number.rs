//! Decisions about numbers of documents: one is made void, or gets another number.
//!
//! Before the seal that is a change of the visit's document by an actor of the server's own, on which every device converges.
//! What was sealed stays as it was signed, and the correction stands beside it. The new number is given by the server out of
//! the unit's own series, and stays used when the decision is taken back.

use super::content::{self, Pen};
use super::{Choice, Outcome, Ruling, already_decided, find, is_sealed, offered, standing};
use crate::app::{App, blocking};
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::findings;
use crate::numbers;
use crate::policy::User;
use crate::store::conflicts::{self, Known};
use crate::store::numbers as store;
use crate::store::{feeds, inspections};
use crate::sync::settle::{self, Answered, Settled, TRIES_MAX, Unsettled};
use fieldproof_schema::conflict::{ChoiceKind, Conflict, Origin, Resolution};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::form::{FormRegister, Parts};
use fieldproof_schema::ids::{BlockId, DecisionId, InspectionId, OrgId, RecordId};
use fieldproof_schema::numbering::{Block, Ended, Issued, Number, Paper, Use, UseState, used_at};
use fieldproof_schema::reference::PaperCorrection;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::BTreeSet;

/// Which paper form of which visit.
type Place = (InspectionId, RecordId);

/// A number that is to be given to a document.
#[derive(Clone)]
struct Next {
    number: Number,
    issued: Issued,
    block: BlockId,
}

/// What was read before a decision is written.
struct Read {
    known: Known,
    place: Place,
    /// The use that is decided about.
    used: store::Known,
    /// Absent where the visit is not known here.
    unsettled: Option<Unsettled>,
    next: Option<Next>,
}

/// Decides: one document is void, or gets the next number of the unit's series.
pub(super) async fn decide(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    choice: Choice,
    reason: String,
) -> Result<Outcome, ApiError> {
    let side = match choice {
        Choice::Void(side) | Choice::Renumber(side) => Some(side),
        Choice::Plain(ChoiceKind::Accept) => None,
        _ => return Err(ErrorCode::ChoiceUnknown.into()),
    };
    for _ in 0..TRIES_MAX {
        let ruling = Ruling::new(app, org, user, choice.kind(), None);
        let (reader, by) = (app.clone(), ruling.clone());
        let read = app.db.read(move |tx| read(tx, &reader, &by, (id, side))).await?;
        let (pen, decision, why) = (Pen::new(app), ruling.id, reason.clone());
        let by = ruling.clone();
        let made = blocking(move || Made::new(read, &by, &pen, why)).await??;
        let resolution = made.resolution.clone();
        match app.db.write(move |tx| made.keep(tx, &ruling)).await {
            Ok(()) => return Ok(Outcome { resolution, decision, code: None }),
            // Somebody else wrote, or was given the number, in between: look again.
            Err(error) if error.code == ErrorCode::StateWrong => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorCode::Unavailable.into())
}

fn read(
    tx: &mut Tx<'_>,
    app: &App,
    ruling: &Ruling,
    (id, side): (Digest, Option<ChangeId>),
) -> Result<Read, ApiError> {
    let known = find(tx, ruling.org, &ruling.user, &id)?;
    if known.closed_at.is_some() {
        return Err(already_decided(&known));
    }
    if !offered(&known.conflict, None).contains(&ruling.choice) {
        return Err(ErrorCode::ChoiceUnknown.into());
    }
    // Without one it is about the only one.
    let side = known.conflict.sides.iter().find(|known| side.is_none_or(|side| known.change == side));
    let place = side.and_then(used_at).ok_or(ErrorCode::ChoiceUnknown)?;
    let number = Number::placed(&known.conflict.path).ok_or(ErrorCode::ChoiceUnknown)?;
    let uses = store::of_number(tx, ruling.org, &number)?;
    let used = uses.into_iter().find(|one| (one.used.inspection, one.used.record) == place);
    let used = used.ok_or(ErrorCode::ChoiceUnknown)?;
    let unsettled = match settle::read(tx, app, ruling.org, place.0) {
        Ok(unsettled) => Some(unsettled),
        Err(error) if error.code == ErrorCode::NotFound => None,
        Err(error) => return Err(error),
    };
    let next = match ruling.choice {
        ChoiceKind::Renumber => Some(next(tx, ruling.org, &number, &used.used)?),
        _ => None,
    };
    Ok(Read { known, place, used, unsettled, next })
}

/// The number that would be given, in the words of the form.
fn next(tx: &mut Tx<'_>, org: OrgId, number: &Number, used: &Use) -> Result<Next, ApiError> {
    let series = &number.series;
    let serial = numbers::next_of(tx, org, series)?.ok_or(ErrorCode::ChoiceUnknown)?;
    let prefix = numbers::prefix(tx, org, &series.unit)?;
    let category = category_of(used);
    let parts = Parts { prefix: &prefix, category: &category, year: series.year, serial };
    let text = FormRegister::shipped().spell(&series.form, parts).ok_or(ErrorCode::ChoiceUnknown)?;
    let block = Block::new(series.clone(), (serial, serial), 0).id;
    let issued =
        Issued { unit: series.unit.clone(), year: series.year, serial, category, text, block: Some(block) };
    Ok(Next { number: Number { series: series.clone(), serial }, issued, block })
}

/// What a number is about, by how it was spelled: the one category with which it is spelled so.
fn category_of(used: &Use) -> String {
    let register = FormRegister::shipped();
    let asks = register
        .find(&used.number.series.form)
        .and_then(|form| form.numbering.pattern())
        .is_some_and(|pattern| pattern.asks_category());
    let fits = |word: &str| {
        let parts =
            Parts { prefix: "", category: word, year: used.number.series.year, serial: used.number.serial };
        let spelled = register.spell(&used.number.series.form, parts);
        spelled.is_some_and(|spelled| used.text.ends_with(&spelled))
    };
    let words = register.categories.iter().map(|category| category.word.clone());
    words.into_iter().find(|word| asks && fits(word)).unwrap_or_default()
}

/// A decision that is ready to be written.
struct Made {
    read: Read,
    resolution: Resolution,
    ended: Ended,
    /// The change of the document; none where it is sealed, or does not have the number.
    settled: Option<Settled>,
}

impl Made {
    fn new(read: Read, ruling: &Ruling, pen: &Pen, reason: String) -> Result<Self, ApiError> {
        let conflict = &read.known.conflict;
        let ended = Ended {
            reason: reason.clone(),
            by: ruling.user.name.clone(),
            at: ruling.now,
            conflict: Some(conflict.id),
        };
        let said = read.next.as_ref().map_or(&read.used.used.text, |next| &next.issued.text);
        let resolution = ruling.resolution(conflict, said.clone(), reason);
        let settled = match &read.unsettled {
            _ if ruling.choice == ChoiceKind::Accept => None,
            Some(unsettled) if !is_sealed(unsettled.stored.info.state) && !read.used.beside => {
                let paper = paper_of(unsettled, read.place.1)?;
                let paper = paper.filter(|paper| paper.number() == Some(read.used.used.number.clone()));
                let written = |paper: Paper| match &read.next {
                    Some(next) => paper.renumbered(next.issued.clone(), ended.clone()),
                    None => paper.voided(ended.clone()),
                };
                match paper.map(written) {
                    Some(paper) => Some(settle_with(
                        unsettled,
                        ruling,
                        pen,
                        (read.place.1, &paper),
                        (conflict, &resolution),
                    )?),
                    None => None,
                }
            }
            _ => None,
        };
        Ok(Self { resolution, ended, settled, read })
    }

    fn keep(&self, tx: &mut Tx<'_>, ruling: &Ruling) -> Result<(), ApiError> {
        let (org, conflict, now) = (ruling.org, &self.read.known.conflict, ruling.now);
        if !conflicts::close(tx, org, conflict, now, Some(&self.resolution.to_register()))? {
            return Err(changed());
        }
        if let Some(next) = &self.read.next {
            let given = numbers::give(tx, org, &next.number.series, now)?;
            if given.is_none_or(|block| block.first != next.number.serial) {
                return Err(changed());
            }
        }
        match (&self.settled, &self.read.unsettled) {
            (Some(settled), Some(unsettled)) => {
                if !unsettled.write(tx, org, settled, &Answered::new(), now)? {
                    return Err(changed());
                }
            }
            _ if ruling.choice == ChoiceKind::Accept => {
                let allowed = store::Known { allowed: true, ..self.read.used.clone() };
                store::put_use(tx, org, &allowed)?;
            }
            _ => self.correct_beside(tx, ruling)?,
        }
        ruling.keep(tx, &self.read.known, &self.resolution)?;
        Ok(tell(tx, org, conflict)?)
    }

    /// The sealed content stays; the ledger and the terminals are told what counts.
    fn correct_beside(&self, tx: &mut Tx<'_>, ruling: &Ruling) -> Result<(), ApiError> {
        let Read { place, used, next, .. } = &self.read;
        let org = ruling.org;
        let number = next.as_ref().map(|next| next.issued.clone());
        let correction = PaperCorrection { number, ended: self.ended.clone() };
        store::put_correction(tx, org, *place, ruling.id, &correction)?;
        let state = if next.is_some() { UseState::Corrected } else { UseState::Void };
        let mut before = used.clone();
        (before.used.state, before.beside) = (state, true);
        store::put_use(tx, org, &before)?;
        if let Some(next) = next {
            let origin = Origin {
                officer_name: ruling.user.name.clone(),
                inspection: Some(place.0),
                record: Some(place.1),
                ..Origin::default()
            };
            let given = Use {
                inspection: place.0,
                record: place.1,
                number: next.number.clone(),
                text: next.issued.text.clone(),
                block: Some(next.block),
                state: UseState::Standing,
                origin,
            };
            let given = store::Known {
                used: given,
                device: None,
                known_at: ruling.now,
                beside: true,
                allowed: false,
            };
            store::put_use(tx, org, &given)?;
            findings::number::look(tx, org, &next.number, ruling.now)?;
        }
        Ok(findings::number::look(tx, org, &used.used.number, ruling.now)?)
    }
}

/// Takes a decision back: the document is whole again, or has its former number; a number that was given stays used.
pub(super) async fn undo(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    decision: DecisionId,
    reason: String,
) -> Result<Outcome, ApiError> {
    for _ in 0..TRIES_MAX {
        let ruling = Ruling::new(app, org, user, ChoiceKind::Undo, Some(decision));
        let (reader, by) = (app.clone(), ruling.clone());
        let look = move |tx: &mut Tx<'_>| {
            let known = find(tx, org, &by.user, &id)?;
            let kept = standing(tx, org, &known, decision)?;
            let beside = store::corrected_by(tx, org, decision)?;
            let mut visits = Vec::new();
            if beside.is_none() && kept.choice != ChoiceKind::Accept.as_str() {
                let places: BTreeSet<Place> = known.conflict.sides.iter().filter_map(used_at).collect();
                for place in places {
                    visits.push((place, settle::read(tx, &reader, org, place.0)?));
                }
            }
            let from = match (beside, kept.choice == ChoiceKind::Accept.as_str()) {
                (Some(place), _) => Undoing::Beside(place),
                (None, true) => Undoing::Ledger,
                (None, false) => Undoing::Documents(visits),
            };
            Ok::<_, ApiError>((known, from))
        };
        let (known, from) = app.db.read(look).await?;
        let (pen, by, why) = (Pen::new(app), ruling.clone(), reason.clone());
        let made = move || Undone::new(known, from, &by, &pen, &why);
        let made = blocking(made).await??;
        let (resolution, named) = (made.resolution.clone(), ruling.id);
        match app.db.write(move |tx| made.keep(tx, &ruling, decision)).await {
            Ok(()) => return Ok(Outcome { resolution, decision: named, code: None }),
            Err(error) if error.code == ErrorCode::StateWrong => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorCode::Unavailable.into())
}

/// Where a decision has to be taken back.
enum Undoing {
    /// Beside the seal of a paper form.
    Beside(Place),
    /// In the ledger alone.
    Ledger,
    /// In one of these documents.
    Documents(Vec<(Place, Unsettled)>),
}

/// What takes a decision back, ready to be written.
struct Undone {
    known: Known,
    resolution: Resolution,
    what: What,
}

/// What is written.
enum What {
    Beside(Place),
    Ledger,
    Change(Box<(Unsettled, Settled)>),
}

impl Undone {
    fn new(known: Known, from: Undoing, ruling: &Ruling, pen: &Pen, reason: &str) -> Result<Self, ApiError> {
        let conflict = &known.conflict;
        let resolution = ruling.resolution(conflict, String::new(), reason.to_owned());
        let visits = match from {
            Undoing::Beside(place) => return Ok(Self { resolution, what: What::Beside(place), known }),
            Undoing::Ledger => return Ok(Self { resolution, what: What::Ledger, known }),
            Undoing::Documents(visits) => visits,
        };
        for ((_, record), unsettled) in visits {
            let ended = Ended {
                reason: reason.to_owned(),
                by: ruling.user.name.clone(),
                at: ruling.now,
                conflict: None,
            };
            let paper = paper_of(&unsettled, record)?;
            let Some(paper) = paper.and_then(|paper| paper.taken_back(conflict.id, ended)) else { continue };
            if is_sealed(unsettled.stored.info.state) {
                return Err(ErrorCode::Sealed.into());
            }
            let settled = settle_with(&unsettled, ruling, pen, (record, &paper), (conflict, &resolution))?;
            return Ok(Self { resolution, what: What::Change(Box::new((unsettled, settled))), known });
        }
        // What the decision wrote does not stand any more: officers wrote on.
        Err(ErrorCode::DecisionTookEffect.into())
    }

    fn keep(&self, tx: &mut Tx<'_>, ruling: &Ruling, decision: DecisionId) -> Result<(), ApiError> {
        let (org, conflict, now) = (ruling.org, &self.known.conflict, ruling.now);
        let known = find(tx, org, &ruling.user, &conflict.id)?;
        standing(tx, org, &known, decision)?;
        if !conflicts::reopen(tx, org, conflict)? {
            return Err(already_decided(&self.known));
        }
        let number = Number::placed(&conflict.path).ok_or(ErrorCode::ChoiceUnknown)?;
        match &self.what {
            What::Change(change) => {
                let (unsettled, settled) = change.as_ref();
                if !unsettled.write(tx, org, settled, &Answered::new(), now)? {
                    return Err(changed());
                }
            }
            What::Ledger => {
                for mut one in store::of_number(tx, org, &number)? {
                    one.allowed = false;
                    store::put_use(tx, org, &one)?;
                }
                findings::number::look(tx, org, &number, now)?;
            }
            What::Beside((inspection, record)) => {
                store::drop_correction(tx, org, decision)?;
                for mut one in store::of_inspection(tx, org, *inspection)? {
                    if one.used.record != *record || !one.beside {
                        continue;
                    }
                    let is_ours = one.used.number == number;
                    one.used.state = if is_ours { UseState::Standing } else { UseState::Corrected };
                    one.beside = !is_ours;
                    store::put_use(tx, org, &one)?;
                    findings::number::look(tx, org, &one.used.number, now)?;
                }
            }
        }
        ruling.keep(tx, &self.known, &self.resolution)?;
        Ok(tell(tx, org, conflict)?)
    }
}

/// What stands in the document under a record, when it is a paper form that this version reads.
fn paper_of(unsettled: &Unsettled, record: RecordId) -> Result<Option<Paper>, ApiError> {
    let view = unsettled.stored.open()?.view().map_err(ApiError::internal)?;
    let register = view.documents.get(&record.to_string());
    Ok(register.and_then(|register| Paper::from_register(&register.standing.value)))
}

/// The visit with a paper form as it was decided, and the decision in the document.
fn settle_with(
    unsettled: &Unsettled,
    ruling: &Ruling,
    pen: &Pen,
    (record, paper): (RecordId, &Paper),
    (conflict, resolution): (&Conflict, &Resolution),
) -> Result<Settled, ApiError> {
    let written = content::write(unsettled, pen, ruling.now, |edit| {
        edit.document(&record.to_string(), &paper.to_register())?;
        edit.resolution(&conflict.id.to_string(), &resolution.to_register())
    })?;
    written.settled(unsettled, ruling.now)
}

fn tell(tx: &mut Tx<'_>, org: OrgId, conflict: &Conflict) -> Result<(), DbError> {
    let visits: BTreeSet<InspectionId> = findings::number::visits(conflict).collect();
    for visit in visits {
        let team = inspections::team(tx, org, visit)?;
        feeds::publish_inspection(tx, org, &team, visit);
    }
    Ok(())
}

fn changed() -> ApiError {
    ApiError::new(ErrorCode::StateWrong)
}
