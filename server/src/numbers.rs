//! Numbers of documents: blocks are leased to terminals while they sync, and what arrives is taken into the ledger.
//!
//! A number is given out once. What a terminal lost sight of, what is left of a unit that its officer left, and what a server
//! cannot know after a restore ([`restored`]) is closed and stays a gap with its reason. Where numbers conflict is found in
//! [`crate::findings::number`].

pub(crate) mod ledger;
pub(crate) mod restored;

use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::findings;
use crate::store::changes::{self, Change};
use crate::store::inspections::Inspection;
use crate::store::journal::Writer;
use crate::store::numbers::{self, Known, Lease};
use crate::store::units::{self, Unit};
use crate::store::{conflicts, devices, feeds, officers, tenants};
use fieldproof_schema::conflict::{ConflictKind, NO_VISIT, Origin};
use fieldproof_schema::form::FormRegister;
use fieldproof_schema::ids::{BlockId, DeviceId, InspectionId, OfficerId, OrgId, RecordId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::numbering::{
    Block, Leased, Number, NumbersRow, Registered, Series, Use, UseState, carried_by, cut, used_at,
};
use fieldproof_schema::reference::PaperFate;
use fieldproof_schema::wire::row::RowKind;
use std::collections::{BTreeMap, BTreeSet};

/// In whose name the documents of an officer go out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Issuer {
    unit: String,
    prefix: String,
}

/// The nearest unit above the officer's that has a prefix; the officer's own where none has.
fn issuer(home: &str, units: &BTreeMap<String, Unit>) -> Issuer {
    let parent = |code: &&str| units.get(*code).and_then(|unit| unit.parent_code.as_deref());
    // Bounded by the number of units, so that a loop in the directory ends.
    let above = std::iter::successors(Some(home), move |code| parent(code)).take(units.len());
    let mut prefixed = above.filter_map(|code| Some((code, prefix_of(units.get(code)?)?)));
    match prefixed.next() {
        Some((unit, prefix)) => Issuer { unit: unit.to_owned(), prefix },
        None => Issuer { unit: home.to_owned(), prefix: String::new() },
    }
}

fn prefix_of(unit: &Unit) -> Option<String> {
    let row: serde_json::Value = serde_json::from_str(&unit.body).ok()?;
    let prefix = row.get("docPrefix")?.as_str()?.trim();
    (!prefix.is_empty()).then(|| prefix.to_owned())
}

fn issuer_of(tx: &mut Tx<'_>, org: OrgId, officer: OfficerId) -> Result<Option<Issuer>, DbError> {
    let Some(officer) = officers::find(tx, org, officer)? else { return Ok(None) };
    let home = &officer.facts.org_code;
    Ok(Some(issuer(home, &units::above(tx, org, home)?)))
}

/// What has to be done so that a terminal can give numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Needs {
    /// Blocks of which no number is given any more, and why.
    close: Vec<(BlockId, &'static str)>,
    /// Series of which there is not enough, and how many numbers a block has.
    lease: Vec<(Series, u32)>,
    /// Whose terminal it is.
    officer: Option<OfficerId>,
    /// How long the terminal's journal is.
    at_entry: u64,
}

impl Needs {
    fn is_empty(&self) -> bool {
        self.close.is_empty() && self.lease.is_empty()
    }
}

/// What a terminal needs. `since` is where its journal ended when it lost sight of what it had given.
fn needs(
    tx: &mut Tx<'_>,
    (org, device): (OrgId, DeviceId),
    since: Option<u64>,
    now: Moment,
) -> Result<Needs, DbError> {
    let Some(known) = devices::find(tx, org, device)? else { return Ok(Needs::default()) };
    if known.revoked_at.is_some() {
        return Ok(Needs::default());
    }
    let Some(issuer) = issuer_of(tx, org, known.officer)? else { return Ok(Needs::default()) };
    let mut needs = Needs { officer: Some(known.officer), at_entry: known.tip.seq, ..Needs::default() };
    let open = numbers::open_of(tx, org, device)?;
    let mut free: BTreeMap<&Series, u32> = BTreeMap::new();
    for lease in &open {
        let block = &lease.leased.block;
        let left = (block.last - block.first + 1).saturating_sub(lease.used);
        if !block.is_trusted(since) {
            needs.close.push((block.id, "lost_sight"));
        } else if block.series.unit != issuer.unit {
            needs.close.push((block.id, "moved"));
        } else if left == 0 {
            needs.close.push((block.id, "spent"));
        } else {
            *free.entry(&block.series).or_default() += left;
        }
    }
    // Until its journal is here as far as where it lost sight, a new block would look like one of before.
    if since.is_none_or(|since| known.tip.seq > since) {
        let carried = carried_by(FormRegister::shipped(), &issuer.unit, &issuer.prefix, now);
        let is_short = |(series, size): &(Series, u32)| free.get(series).copied().unwrap_or(0) * 2 <= *size;
        needs.lease = carried.into_iter().filter(is_short).collect();
    }
    Ok(needs)
}

/// Leases numbers to a terminal that has not enough of them, and closes blocks that it may not use any more.
///
/// # Errors
/// When the database fails. Repeated, it does what is left to do.
pub(crate) async fn top_up(app: &App, device: &DeviceActor, since: Option<u64>) -> Result<(), ApiError> {
    let (name, now) = ((device.org, device.id), app.now());
    let needed = app.db.read(move |tx| needs(tx, name, since, now)).await?;
    if needed.is_empty() {
        return Ok(());
    }
    // Looked at once more: another node may have done it in between.
    Ok(app.db.write(move |tx| meet(tx, name, since, now)).await?)
}

/// Does what a terminal needs, in the caller's transaction.
fn meet(
    tx: &mut Tx<'_>,
    (org, device): (OrgId, DeviceId),
    since: Option<u64>,
    now: Moment,
) -> Result<(), DbError> {
    let needed = needs(tx, (org, device), since, now)?;
    if needed.is_empty() {
        return Ok(());
    }
    for (block, why) in &needed.close {
        numbers::close(tx, org, *block, (why, ""), now)?;
    }
    let to = Recipient { device: Some(device), officer: needed.officer, at_entry: needed.at_entry };
    for (series, size) in &needed.lease {
        lease(tx, org, (series, *size), to, now)?;
    }
    tell(tx, org, device);
    Ok(())
}

/// Who is given numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Recipient {
    device: Option<DeviceId>,
    officer: Option<OfficerId>,
    at_entry: u64,
}

/// Gives out the next numbers of a series; none when it is at its end, or somebody else counted on in between.
fn lease(
    tx: &mut Tx<'_>,
    org: OrgId,
    (series, size): (&Series, u32),
    to: Recipient,
    now: Moment,
) -> Result<Option<Block>, DbError> {
    let last = numbers::last(tx, org, series)?;
    let used = numbers::used_beyond(tx, org, series, last)?;
    let Some((first, end)) = cut(last, size, &used) else { return Ok(None) };
    if !numbers::advance(tx, org, series, last, end)? {
        return Ok(None);
    }
    let block = Block::new(series.clone(), (first, end), to.at_entry);
    let leased = Leased { block: block.clone(), device: to.device, closed_at: None };
    let lease =
        Lease { leased, officer: to.officer, leased_at: now, closed_why: None, closed_note: None, used: 0 };
    numbers::insert_block(tx, org, &lease)?;
    Ok(Some(block))
}

/// The next number of a unit's own series, for a document whose number is replaced: given by the server itself.
///
/// # Errors
/// [`DbError`]; none is left when the series is at its end.
pub(crate) fn give(
    tx: &mut Tx<'_>,
    org: OrgId,
    series: &Series,
    now: Moment,
) -> Result<Option<Block>, DbError> {
    lease(tx, org, (series, 1), Recipient::default(), now)
}

/// Which number [`give`] would give.
pub(crate) fn next_of(tx: &mut Tx<'_>, org: OrgId, series: &Series) -> Result<Option<u32>, DbError> {
    let last = numbers::last(tx, org, series)?;
    let used = numbers::used_beyond(tx, org, series, last)?;
    Ok(cut(last, 1, &used).map(|(first, _)| first))
}

/// The word that starts the numbers of a unit.
pub(crate) fn prefix(tx: &mut Tx<'_>, org: OrgId, unit: &str) -> Result<String, DbError> {
    let above = units::above(tx, org, unit)?;
    Ok(above.get(unit).and_then(prefix_of).unwrap_or_default())
}

/// Tells a terminal that its numbers are others now.
pub(crate) fn tell(tx: &mut Tx<'_>, org: OrgId, device: DeviceId) {
    tx.publish(org, &feeds::of_device(device), RowKind::Numbers.as_str(), &device.to_string());
}

/// A terminal was revoked: no number of its blocks is given any more.
pub(crate) fn revoked(tx: &mut Tx<'_>, org: OrgId, device: DeviceId, now: Moment) -> Result<(), DbError> {
    for lease in numbers::open_of(tx, org, device)? {
        numbers::close(tx, org, lease.leased.block.id, ("revoked", ""), now)?;
    }
    Ok(())
}

/// What a terminal is told about its numbers.
pub(crate) fn row(tx: &mut Tx<'_>, org: OrgId, device: DeviceId) -> Result<Option<NumbersRow>, DbError> {
    let Some(known) = devices::find(tx, org, device)? else { return Ok(None) };
    let Some(issuer) = issuer_of(tx, org, known.officer)? else { return Ok(None) };
    let open = numbers::open_of(tx, org, device)?;
    Ok(Some(NumbersRow {
        epoch: tenants::epoch(tx, org)?,
        unit: issuer.unit,
        prefix: issuer.prefix,
        blocks: open.into_iter().map(|lease| lease.leased.block).collect(),
    }))
}

/// Takes over what stands in the document of a visit: after everything that came was judged, in the same transaction.
/// `standing` are the paper forms of the document, `came` its newest changes.
pub(crate) fn arrive(
    tx: &mut Tx<'_>,
    org: OrgId,
    visit: &Inspection,
    standing: &[Registered],
    (came, writers): (&[Change], &[Writer]),
    now: Moment,
) -> Result<(), DbError> {
    let before = numbers::of_inspection(tx, org, visit.id)?;
    let mut looked_at: BTreeSet<Number> = BTreeSet::new();
    let mut givers: BTreeSet<DeviceId> = BTreeSet::new();
    let mut found: BTreeMap<(RecordId, Number), Known> = BTreeMap::new();
    for registered in standing {
        for used in registered.uses() {
            let name = (used.record, used.number.clone());
            let known =
                before.iter().find(|known| known.used.record == name.0 && known.used.number == name.1);
            if known.is_some_and(|known| known.beside) {
                continue;
            }
            let mut one = match known {
                Some(known) => known.clone(),
                None => first_seen(tx, org, registered, used.clone(), (came, writers), now)?,
            };
            one.used.state = used.state;
            // Where officers wrote different words at the same time, a number stands as long as one of them says so.
            match found.get_mut(&name) {
                Some(other) => other.used.state = other.used.state.min(one.used.state),
                None => drop(found.insert(name, one)),
            }
        }
    }
    for known in &before {
        let name = (known.used.record, known.used.number.clone());
        if !known.beside && !found.contains_key(&name) {
            // Written over by somebody who wrote at the same time: it stays used.
            let mut gone = known.clone();
            gone.used.state = UseState::Corrected;
            found.insert(name, gone);
        }
    }
    for ((_, number), one) in found {
        let same = before.iter().any(|known| {
            known.used.record == one.used.record
                && known.used.number == number
                && known.used.state == one.used.state
        });
        if !same {
            numbers::put_use(tx, org, &one)?;
            looked_at.insert(number);
            givers.extend(one.device);
        }
    }
    for number in looked_at {
        findings::number::look(tx, org, &number, now)?;
    }
    for device in givers {
        meet(tx, (org, device), None, now)?;
    }
    Ok(())
}

/// A use that was not known: who wrote it is whose it is.
fn first_seen(
    tx: &mut Tx<'_>,
    org: OrgId,
    registered: &Registered,
    mut used: Use,
    (came, writers): (&[Change], &[Writer]),
    now: Moment,
) -> Result<Known, DbError> {
    let writer = writers.iter().find(|writer| writer.actor == registered.actor);
    let written: Option<Interval> = match came.iter().find(|change| change.id == registered.change) {
        Some(change) => Some(change.written),
        None => {
            changes::find(tx, org, registered.inspection, registered.change)?.map(|change| change.written)
        }
    };
    used.origin = Origin {
        device: writer.map(|writer| writer.device),
        device_name: writer.map(|writer| writer.device_name.clone()).unwrap_or_default(),
        officer: writer.map(|writer| writer.officer),
        officer_name: writer.map(|writer| writer.officer_name.clone()).unwrap_or_default(),
        written,
        inspection: Some(registered.inspection),
        record: Some(registered.record),
    };
    Ok(Known { device: used.origin.device, used, known_at: now, beside: false, allowed: false })
}

/// The open conflicts about the numbers of a visit.
pub(crate) fn disputes(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
) -> Result<Vec<conflicts::Known>, DbError> {
    let mut found: Vec<conflicts::Known> = Vec::new();
    for known in numbers::of_inspection(tx, org, inspection)? {
        if known.used.state != UseState::Standing {
            continue;
        }
        let place = known.used.number.place();
        for open in conflicts::open_at(tx, org, NO_VISIT, &ConflictKind::Number, &place)? {
            if found.iter().all(|other| other.conflict.id != open.conflict.id) {
                found.push(open);
            }
        }
    }
    Ok(found)
}

/// What the terminals of a visit are told about its paper forms besides the document.
pub(crate) fn fates(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
) -> Result<Vec<PaperFate>, DbError> {
    let blank = |record| PaperFate { record, conflict: None, correction: None, allowed: false };
    let mut fates: BTreeMap<RecordId, PaperFate> = BTreeMap::new();
    for (record, correction) in numbers::corrections_of(tx, org, inspection)? {
        fates.insert(record, PaperFate { correction: Some(correction), ..blank(record) });
    }
    for known in numbers::of_inspection(tx, org, inspection)?.iter().filter(|known| known.allowed) {
        fates.entry(known.used.record).or_insert(blank(known.used.record)).allowed = true;
    }
    for open in disputes(tx, org, inspection)? {
        let ours = open.conflict.sides.iter().filter_map(used_at).filter(|(visit, _)| *visit == inspection);
        for (_, record) in ours {
            fates.entry(record).or_insert(blank(record)).conflict = Some(open.conflict.id);
        }
    }
    Ok(fates.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_go_out_in_the_name_of_the_nearest_unit_with_a_prefix() {
        let unit = |code: &str, parent: Option<&str>, body: &str| Unit {
            id: OrgId::from_bytes([1; 16]),
            code: code.into(),
            parent_code: parent.map(str::to_owned),
            level: "district".into(),
            kind: "enforcement".into(),
            name: code.into(),
            body: body.into(),
        };
        let units: BTreeMap<String, Unit> = [
            unit("D", None, r#"{"docPrefix": "棠卫"}"#),
            unit("D-SUP", Some("D"), "{}"),
            unit("D-T1", Some("D-SUP"), r#"{"docPrefix": " "}"#),
            unit("X", Some("X"), "not a row"),
        ]
        .into_iter()
        .map(|unit| (unit.code.clone(), unit))
        .collect();
        let of = |home: &str| {
            let Issuer { unit, prefix } = issuer(home, &units);
            (unit, prefix)
        };
        assert_eq!(of("D-T1"), ("D".to_owned(), "棠卫".to_owned()));
        assert_eq!(of("D"), of("D-SUP"));
        assert_eq!(of("X"), ("X".to_owned(), String::new()));
        assert_eq!(of("NOWHERE"), ("NOWHERE".to_owned(), String::new()));
    }
}
