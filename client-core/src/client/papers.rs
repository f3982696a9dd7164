//! Registered paper forms (文书登记): a form gets the next number of the terminal's block, without a link.

use super::detail::{Author, authors};
use super::edits::line;
use super::{Client, directory};
use crate::error::{ClientError, Obstacle};
use crate::mark;
use crate::sealing;
use crate::store::{changes, meta, numbers, rows};
use fieldproof_schema::conflict::Conflict;
use fieldproof_schema::document::{ChangeId, View};
use fieldproof_schema::form::{Form, FormRegister, Parts};
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::limits::{PAPERS_MAX, REASON_CHARS_MAX, SERIAL_MAX};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::numbering::{
    self, Ended, Issued, Number, NumbersRow, Paper, Registered, Series, Use, UseState, free_count, next_free,
    number_conflicts, year_of,
};
use fieldproof_schema::reference::{InspectionRow, OfficerRow, PaperFate};
use fieldproof_schema::wire::row::RowKind;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

/// What an officer registers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewPaper {
    /// The code of the form.
    pub form: String,
    /// What it is about (执法类别), where the form's number says so.
    pub category: String,
    /// A note.
    pub note: String,
    /// The serial number that stands on the paper already; none where the next one is to be given.
    pub typed: Option<u32>,
}

/// The paper forms of a visit, and what can be registered.
#[derive(Debug, Clone)]
pub struct PaperBook {
    /// What is registered.
    pub papers: Vec<PaperLine>,
    /// Conflicts about their numbers, as far as this terminal sees them.
    pub conflicts: Vec<Conflict>,
    /// What can be registered, in the order of the register.
    pub forms: Vec<FormChoice>,
    /// The word that starts the unit's numbers; empty while no server has said it.
    pub prefix: String,
    /// False when nothing can be registered here: it is signed, or not the officer's any more.
    pub editable: bool,
}

/// A registered paper form.
#[derive(Debug, Clone)]
pub struct PaperLine {
    /// Under which id, and what it says.
    pub registered: Registered,
    /// Who wrote it so, and how far that got.
    pub author: Option<Author>,
    /// What the server says besides.
    pub fate: Option<PaperFate>,
    /// The conflict about its number that is open here or at the server.
    pub disputed: bool,
}

/// A form that can be registered.
#[derive(Debug, Clone)]
pub struct FormChoice {
    /// The form.
    pub form: &'static Form,
    /// How many numbers this terminal can give it; none where it has no number.
    pub free: Option<usize>,
}

impl PaperLine {
    /// Where its number stands.
    pub fn state(&self) -> UseState {
        let correction = self.fate.as_ref().and_then(|fate| fate.correction.as_ref());
        let is_void = self.registered.paper.void.is_some()
            || correction.is_some_and(|correction| correction.number.is_none());
        match (is_void, correction) {
            (true, _) => UseState::Void,
            (false, Some(_)) => UseState::Corrected,
            (false, None) => UseState::Standing,
        }
    }

    /// Why it is void, in the document or beside its seal.
    pub fn void(&self) -> Option<&Ended> {
        let beside = self.fate.as_ref().and_then(|fate| fate.correction.as_ref());
        let beside =
            beside.filter(|correction| correction.number.is_none()).map(|correction| &correction.ended);
        self.registered.paper.void.as_ref().or(beside)
    }

    /// The number that it has now.
    pub fn number(&self) -> Option<&Issued> {
        let beside = self.fate.as_ref().and_then(|fate| fate.correction.as_ref());
        let beside = beside.and_then(|correction| correction.number.as_ref());
        beside.or(self.registered.paper.number.as_ref())
    }

    /// The numbers that it had before, with why they were replaced.
    pub fn former(&self) -> Vec<(&Issued, &Ended)> {
        let paper = &self.registered.paper;
        let own = paper.former.iter().map(|former| (&former.number, &former.ended));
        let beside = self.fate.as_ref().and_then(|fate| fate.correction.as_ref());
        let beside = beside.filter(|correction| correction.number.is_some());
        own.chain(beside.and_then(|correction| Some((paper.number.as_ref()?, &correction.ended)))).collect()
    }
}

impl Client {
    /// Registers a paper form: with the next number of this terminal's blocks, or with the one that stands on it.
    ///
    /// # Errors
    /// [`ClientError::NumbersUsedUp`] when no number is free here: sync, or write on and register it afterwards with what was
    /// written by hand. [`ClientError::FieldInvalid`] for a form that is not made in the field, a category that its number
    /// does not have, a number that cannot be one.
    pub fn register_paper(
        &self,
        inspection: InspectionId,
        new: &NewPaper,
    ) -> Result<(RecordId, Option<Issued>), ClientError> {
        let register = FormRegister::shipped();
        let form = register.find(new.form.trim()).filter(|form| form.offline);
        let form = form.ok_or(ClientError::FieldInvalid { field: "form" })?;
        let category = checked_category(register, form, &new.category)?;
        if new.note.trim().chars().count() > REASON_CHARS_MAX {
            return Err(ClientError::FieldInvalid { field: "note" });
        }
        let record = self.new_record();
        let mut marked = None;
        let issued = self.edit(inspection, |act| {
            if numbering::standing(&*act.document.view()?).len() >= PAPERS_MAX {
                return Err(ClientError::FieldInvalid { field: "form" });
            }
            let now = act.pen.clocks.now;
            let issued = match form.numbering.pattern() {
                None if new.typed.is_some() => return Err(ClientError::FieldInvalid { field: "serial" }),
                None => None,
                Some(_) => Some(next(act.tx, form, category, new.typed, now)?),
            };
            if let Some(issued) = &issued {
                let series = Series { unit: issued.unit.clone(), form: form.code.clone(), year: issued.year };
                let body = body::Numbered {
                    record,
                    number: Number { series, serial: issued.serial },
                    text: issued.text.clone(),
                    block: issued.block,
                };
                act.pen.write(act.tx, line(act.pen, Kind::Numbered, inspection, None, &body))?;
                marked = Some(mark::renew(&self.dir, act.tx, &*self.host)?);
            }
            let paper = Paper {
                form: form.code.clone(),
                number: issued.clone(),
                note: new.note.trim().to_owned(),
                at: now,
                void: None,
                former: Vec::new(),
                rest: serde_json::Map::new(),
            };
            Ok(Box::new(move |edit| {
                edit.document(&record.to_string(), &paper.to_register())?;
                Ok(issued)
            }))
        })?;
        if let Some(marked) = marked {
            marked.settle();
        }
        Ok((record, issued))
    }

    /// Makes a registered paper form void. It stays, with its number and the reason.
    pub fn void_paper(
        &self,
        inspection: InspectionId,
        record: RecordId,
        reason: &str,
    ) -> Result<(), ClientError> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
            return Err(ClientError::ReasonMissing);
        }
        self.edit(inspection, |act| {
            let view = act.document.view()?;
            let missing = || ClientError::NotFound { what: "paper form" };
            let register = view.documents.get(&record.to_string()).ok_or_else(missing)?;
            let paper = Paper::from_register(&register.standing.value).ok_or_else(missing)?;
            if paper.void.is_some() {
                return Err(ClientError::StateWrong { why: Obstacle::PaperVoid });
            }
            let member = view.identity.team.iter().find(|member| member.officer == act.pen.officer);
            let by = match member {
                Some(member) => member.name.clone(),
                None => {
                    let row: Option<OfficerRow> = directory(act.tx, RowKind::Officer, act.pen.officer)?;
                    row.map(|row| row.name).unwrap_or_default()
                }
            };
            let ended = Ended { reason: reason.to_owned(), by, at: act.pen.clocks.now, conflict: None };
            let text = paper.voided(ended).to_register();
            Ok(Box::new(move |edit| Ok(edit.document(&record.to_string(), &text)?)))
        })
    }

    /// The paper forms of a visit, where their numbers conflict among what this terminal holds, and what can be registered.
    pub fn papers(&self, inspection: InspectionId) -> Result<PaperBook, ClientError> {
        let (who, line, view) = {
            let mut desk = self.desk()?;
            let who = desk.who.clone().ok_or(ClientError::NotEnrolled)?;
            (who, desk.visible(inspection)?, desk.document(inspection)?.view()?)
        };
        let reader = self.reader();
        let book = sealing::book(&reader, inspection, who.device, who.member.officer)?;
        let row = row_of(&reader)?;
        let standing = numbering::standing(&view);
        let conflicts = disputes(&reader, &standing, row.as_ref())?;
        Ok(PaperBook {
            papers: lines(&reader, &view, standing, &conflicts)?,
            conflicts,
            forms: choices(&reader, year_of(self.host.now()))?,
            prefix: row.map(|row| row.prefix).unwrap_or_default(),
            editable: line.scoped && book.editable(),
        })
    }
}

fn checked_category<'a>(
    register: &FormRegister,
    form: &Form,
    category: &'a str,
) -> Result<&'a str, ClientError> {
    let category = category.trim();
    let asks = form.numbering.pattern().is_some_and(|pattern| pattern.asks_category());
    if asks && register.category(category).is_none() {
        return Err(ClientError::FieldInvalid { field: "category" });
    }
    Ok(if asks { category } else { "" })
}

/// What the server said about this terminal's numbers.
fn row_of(conn: &Connection) -> Result<Option<NumbersRow>, ClientError> {
    let bodies = rows::bodies(conn, RowKind::Numbers)?;
    Ok(bodies.first().and_then(|body| serde_json::from_str(body).ok()))
}

/// The same with the blocks of which this terminal may give: none of before it lost sight of what it had given, none of before
/// the server did.
fn givable(conn: &Connection) -> Result<Option<NumbersRow>, ClientError> {
    let Some(mut row) = row_of(conn)? else { return Ok(None) };
    let (since, epoch) = (meta::numbers_since(conn)?, meta::epoch(conn)?);
    row.blocks.retain(|block| block.is_trusted(since) && Some(row.epoch) == epoch);
    Ok(Some(row))
}

fn next(
    conn: &Connection,
    form: &Form,
    category: &str,
    typed: Option<u32>,
    now: Moment,
) -> Result<Issued, ClientError> {
    let row = givable(conn)?.ok_or(ClientError::NumbersUsedUp)?;
    let series = Series { unit: row.unit.clone(), form: form.code.clone(), year: year_of(now) };
    let (block, serial) = match typed {
        Some(serial) if (1..=SERIAL_MAX).contains(&serial) => (None, serial),
        Some(_) => return Err(ClientError::FieldInvalid { field: "serial" }),
        None => {
            let free = next_free(&row.blocks, &series, &numbers::used(conn, &series)?);
            let (block, serial) = free.ok_or(ClientError::NumbersUsedUp)?;
            (Some(block), serial)
        }
    };
    let parts = Parts { prefix: &row.prefix, category, year: series.year, serial };
    let text = FormRegister::shipped().spell(&form.code, parts);
    let text = text.ok_or(ClientError::FieldInvalid { field: "form" })?;
    Ok(Issued { unit: series.unit, year: series.year, serial, category: category.to_owned(), text, block })
}

fn choices(conn: &Connection, year: u32) -> Result<Vec<FormChoice>, ClientError> {
    let row = givable(conn)?;
    let mut choices = Vec::new();
    for form in FormRegister::shipped().offline() {
        let free = match (&row, form.numbering.pattern()) {
            (_, None) => None,
            (None, Some(_)) => Some(0),
            (Some(row), Some(_)) => {
                let series = Series { unit: row.unit.clone(), form: form.code.clone(), year };
                Some(free_count(&row.blocks, &series, &numbers::used(conn, &series)?))
            }
        };
        choices.push(FormChoice { form, free });
    }
    Ok(choices)
}

type Fates = BTreeMap<RecordId, PaperFate>;

fn fates(conn: &Connection, inspection: InspectionId) -> Result<Fates, ClientError> {
    let row: Option<InspectionRow> = rows::about_inspection(conn, RowKind::Inspection, inspection)?;
    let fates = row.map(|row| row.papers).unwrap_or_default();
    Ok(fates.into_iter().map(|fate| (fate.record, fate)).collect())
}

/// The conflicts about the numbers of a visit among everything that this terminal holds. Of blocks that were leased to others
/// it knows nothing, and takes them for good.
fn disputes(
    conn: &Connection,
    standing: &[Registered],
    row: Option<&NumbersRow>,
) -> Result<Vec<Conflict>, ClientError> {
    let ours: BTreeSet<Number> = standing.iter().filter_map(|registered| registered.paper.number()).collect();
    let mut corrections: BTreeMap<InspectionId, Fates> = BTreeMap::new();
    let mut uses: Vec<Use> = Vec::new();
    for number in &ours {
        for mut one in numbers::of_number(conn, number)? {
            let fates = match corrections.entry(one.inspection) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unread) => unread.insert(fates(conn, one.inspection)?),
            };
            let fate = fates.get(&one.record);
            if one.state == UseState::Standing && fate.is_some_and(|fate| fate.correction.is_some()) {
                // Decided beside its seal.
                one.state = UseState::Corrected;
            }
            uses.push(one);
        }
    }
    let is_allowed = |one: &Use| {
        let fate = corrections.get(&one.inspection).and_then(|fates| fates.get(&one.record));
        fate.is_some_and(|fate| fate.allowed)
    };
    let is_leased = |one: &Use| {
        if is_allowed(one) {
            return true;
        }
        let Some(name) = one.block else { return false };
        let known = row.and_then(|row| row.blocks.iter().find(|block| block.id == name));
        known.is_none_or(|block| block.has(&one.number))
    };
    Ok(number_conflicts(&uses, is_leased))
}

fn lines(
    conn: &Connection,
    view: &View,
    standing: Vec<Registered>,
    conflicts: &[Conflict],
) -> Result<Vec<PaperLine>, ClientError> {
    let inspection = view.identity.inspection;
    let wrote: BTreeSet<ChangeId> = standing.iter().map(|registered| registered.change).collect();
    let authors = authors(conn, view, changes::origins_of(conn, inspection, &wrote)?)?;
    let fates = fates(conn, inspection)?;
    let line = |registered: Registered| {
        let fate = fates.get(&registered.record).cloned();
        let here = (inspection, registered.record);
        let is_side =
            |conflict: &Conflict| conflict.sides.iter().any(|side| numbering::used_at(side) == Some(here));
        let disputed =
            conflicts.iter().any(is_side) || fate.as_ref().is_some_and(|fate| fate.conflict.is_some());
        PaperLine { author: authors.get(&registered.change).cloned(), registered, fate, disputed }
    };
    let mut lines: Vec<PaperLine> = standing.into_iter().map(line).collect();
    lines.sort_by(|a, b| {
        let key = |line: &PaperLine| {
            let paper = &line.registered.paper;
            (paper.at, paper.form.clone(), paper.number.as_ref().map(|issued| issued.serial))
        };
        key(a).cmp(&key(b))
    });
    Ok(lines)
}
