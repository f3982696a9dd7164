//! Numbers of documents: series, blocks, uses, and corrections beside seals.

use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::conflict::Origin;
use fieldproof_schema::ids::{BlockId, DecisionId, DeviceId, InspectionId, OfficerId, OrgId, RecordId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::numbering::{Block, Leased, Number, Series, Use, UseState};
use fieldproof_schema::reference::PaperCorrection;
use std::collections::BTreeSet;

/// A block with what lists show of it.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The block, whose it is, and whether it was closed.
    pub leased: Leased,
    /// The officer of the terminal; none for the server's own.
    pub officer: Option<OfficerId>,
    /// When it was given out.
    pub leased_at: Moment,
    /// Why it was closed.
    pub closed_why: Option<String>,
    /// In the words of whoever took it back.
    pub closed_note: Option<String>,
    /// How many of its numbers were used.
    pub used: u32,
}

impl Lease {
    /// The lease as uses are held against it. What closes a block without any doubt about its terminal leaves what the terminal
    /// had given before it heard of that.
    pub fn for_uses(self) -> Leased {
        let in_doubt = matches!(self.closed_why.as_deref(), Some("lost_sight" | "revoked" | "taken_back"));
        Leased { closed_at: self.leased.closed_at.filter(|_| in_doubt), ..self.leased }
    }
}

/// A use as the server knows it.
#[derive(Debug, Clone)]
pub struct Known {
    /// The use, with where it comes from.
    pub used: Use,
    /// The terminal that first wrote it; none for the server.
    pub device: Option<DeviceId>,
    /// When it became known.
    pub known_at: Moment,
    /// Whether a decision beside a seal says how it stands, and not the document.
    pub beside: bool,
    /// Whether people decided that it stands outside its lease.
    pub allowed: bool,
}

fn small(r: &Row, column: usize) -> Result<u32, DbError> {
    let found: i64 = r.get(column)?;
    u32::try_from(found).map_err(|error| r.invalid(column, error.to_string()))
}

/// How far the numbers of a series were given out.
pub fn last(tx: &mut Tx<'_>, org: OrgId, series: &Series) -> Result<u32, DbError> {
    let row = tx.query_opt(
        "SELECT last_serial FROM number_series WHERE org = $1 AND unit_code = $2 AND form = $3 AND year = $4",
        &params![org, &series.unit, &series.form, i64::from(series.year)],
    )?;
    row.map_or(Ok(0), |r| small(&r, 0))
}

/// Counts a series on from `before`; false when somebody else did in between.
pub fn advance(
    tx: &mut Tx<'_>,
    org: OrgId,
    series: &Series,
    before: u32,
    last: u32,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "INSERT INTO number_series (org, unit_code, form, year, last_serial) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org, unit_code, form, year) DO UPDATE SET last_serial = excluded.last_serial
         WHERE number_series.last_serial = $6",
        &params![org, &series.unit, &series.form, i64::from(series.year), i64::from(last), i64::from(before)],
    )?;
    Ok(changed > 0)
}

/// Every series with how far it was given out, by form, newest year first.
pub fn all_series(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<(Series, u32)>, DbError> {
    let rows = tx.query(
        "SELECT unit_code, form, year, last_serial FROM number_series WHERE org = $1
         ORDER BY unit_code, year DESC, form",
        &params![org],
    )?;
    rows.iter()
        .map(|r| Ok((Series { unit: r.get(0)?, form: r.get(1)?, year: small(r, 2)? }, small(r, 3)?)))
        .collect()
}

/// Adds a block.
pub fn insert_block(tx: &mut Tx<'_>, org: OrgId, lease: &Lease) -> Result<(), DbError> {
    let Leased { block, device, closed_at } = &lease.leased;
    tx.execute(
        "INSERT INTO number_blocks (org, id, unit_code, form, year, first_serial, last_serial, device, officer, at_entry,
           leased_at, closed_at, closed_why)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &params![
            org,
            block.id,
            &block.series.unit,
            &block.series.form,
            i64::from(block.series.year),
            i64::from(block.first),
            i64::from(block.last),
            *device,
            lease.officer,
            block.at_entry,
            lease.leased_at,
            *closed_at,
            lease.closed_why.as_deref()
        ],
    )?;
    Ok(())
}

fn read_lease(r: &Row) -> Result<Lease, DbError> {
    let series = Series { unit: r.get(1)?, form: r.get(2)?, year: small(r, 3)? };
    let block = Block { id: r.get(0)?, series, first: small(r, 4)?, last: small(r, 5)?, at_entry: r.get(8)? };
    Ok(Lease {
        leased: Leased { block, device: r.get(6)?, closed_at: r.get(10)? },
        officer: r.get(7)?,
        leased_at: r.get(9)?,
        closed_why: r.get(11)?,
        used: small(r, 12)?,
        closed_note: r.get(13)?,
    })
}

/// The open blocks of a terminal, by form and number.
pub fn open_of(tx: &mut Tx<'_>, org: OrgId, device: DeviceId) -> Result<Vec<Lease>, DbError> {
    let rows = tx.query(
        "SELECT b.id, b.unit_code, b.form, b.year, b.first_serial, b.last_serial, b.device, b.officer, b.at_entry,
           b.leased_at, b.closed_at, b.closed_why,
           (SELECT CAST(COUNT(DISTINCT u.serial) AS BIGINT) FROM number_uses u WHERE u.org = b.org
            AND u.unit_code = b.unit_code AND u.form = b.form AND u.year = b.year
            AND u.serial BETWEEN b.first_serial AND b.last_serial), b.closed_note
         FROM number_blocks b WHERE b.org = $1 AND b.device = $2 AND b.closed_at IS NULL
         ORDER BY b.year, b.form, b.first_serial",
        &params![org, device],
    )?;
    rows.iter().map(read_lease).collect()
}

/// The blocks of a series, by number.
pub fn of_series(tx: &mut Tx<'_>, org: OrgId, series: &Series) -> Result<Vec<Lease>, DbError> {
    let rows = tx.query(
        "SELECT b.id, b.unit_code, b.form, b.year, b.first_serial, b.last_serial, b.device, b.officer, b.at_entry,
           b.leased_at, b.closed_at, b.closed_why,
           (SELECT CAST(COUNT(DISTINCT u.serial) AS BIGINT) FROM number_uses u WHERE u.org = b.org
            AND u.unit_code = b.unit_code AND u.form = b.form AND u.year = b.year
            AND u.serial BETWEEN b.first_serial AND b.last_serial), b.closed_note
         FROM number_blocks b WHERE b.org = $1 AND b.unit_code = $2 AND b.form = $3 AND b.year = $4
         ORDER BY b.first_serial",
        &params![org, &series.unit, &series.form, i64::from(series.year)],
    )?;
    rows.iter().map(read_lease).collect()
}

/// A block, whether it was closed or not.
pub fn block(tx: &mut Tx<'_>, org: OrgId, id: BlockId) -> Result<Option<Lease>, DbError> {
    let row = tx.query_opt(
        "SELECT id, unit_code, form, year, first_serial, last_serial, device, officer, at_entry, leased_at, closed_at,
           closed_why, CAST(0 AS BIGINT), closed_note
         FROM number_blocks WHERE org = $1 AND id = $2",
        &params![org, id],
    )?;
    row.map(|r| read_lease(&r)).transpose()
}

/// Closes an open block.
pub fn close(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: BlockId,
    (why, note): (&str, &str),
    at: Moment,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE number_blocks SET closed_at = $3, closed_why = $4, closed_note = $5
         WHERE org = $1 AND id = $2 AND closed_at IS NULL",
        &params![org, id, at, why, (!note.is_empty()).then_some(note)],
    )?;
    Ok(changed > 0)
}

/// Closes every open block; returns the terminals that had some.
pub fn close_all(tx: &mut Tx<'_>, org: OrgId, why: &str, at: Moment) -> Result<BTreeSet<DeviceId>, DbError> {
    let rows = tx.query(
        "SELECT DISTINCT device FROM number_blocks WHERE org = $1 AND closed_at IS NULL AND device IS NOT NULL
         ORDER BY device",
        &params![org],
    )?;
    let devices = rows.iter().map(|r| r.get(0)).collect::<Result<_, _>>()?;
    tx.execute(
        "UPDATE number_blocks SET closed_at = $2, closed_why = $3 WHERE org = $1 AND closed_at IS NULL",
        &params![org, at, why],
    )?;
    Ok(devices)
}

const USES_MAX: i64 = 2000;

/// The numbers of a series beyond `last` that are used all the same, the lowest first: as many as anybody types.
pub fn used_beyond(
    tx: &mut Tx<'_>,
    org: OrgId,
    series: &Series,
    last: u32,
) -> Result<BTreeSet<u32>, DbError> {
    let rows = tx.query(
        "SELECT DISTINCT serial FROM number_uses
         WHERE org = $1 AND unit_code = $2 AND form = $3 AND year = $4 AND serial > $5 ORDER BY serial LIMIT $6",
        &params![org, &series.unit, &series.form, i64::from(series.year), i64::from(last), USES_MAX],
    )?;
    rows.iter().map(|r| small(r, 0)).collect()
}

fn read_use(r: &Row) -> Result<Known, DbError> {
    let (origin, state): (String, String) = (r.get(9)?, r.get(11)?);
    let origin: Origin = serde_json::from_str(&origin).map_err(|error| r.invalid(9, error.to_string()))?;
    let series = Series { unit: r.get(2)?, form: r.get(3)?, year: small(r, 4)? };
    Ok(Known {
        used: Use {
            inspection: r.get(0)?,
            record: r.get(1)?,
            number: Number { series, serial: small(r, 5)? },
            text: r.get(6)?,
            block: r.get(7)?,
            state: UseState::find(&state).ok_or_else(|| r.invalid(11, "no state of a number".to_owned()))?,
            origin,
        },
        device: r.get(8)?,
        known_at: r.get(10)?,
        beside: r.get(12)?,
        allowed: r.get(13)?,
    })
}

/// The numbers that a visit uses or used.
pub fn of_inspection(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Known>, DbError> {
    let rows = tx.query(
        "SELECT inspection, record, unit_code, form, year, serial, spelled, block, device, origin, known_at, state, beside,
           allowed
         FROM number_uses WHERE org = $1 AND inspection = $2 ORDER BY record, year, serial",
        &params![org, inspection],
    )?;
    rows.iter().map(read_use).collect()
}

/// The uses of a number.
pub fn of_number(tx: &mut Tx<'_>, org: OrgId, number: &Number) -> Result<Vec<Known>, DbError> {
    let Series { unit, form, year } = &number.series;
    let rows = tx.query(
        "SELECT inspection, record, unit_code, form, year, serial, spelled, block, device, origin, known_at, state, beside,
           allowed
         FROM number_uses WHERE org = $1 AND unit_code = $2 AND form = $3 AND year = $4 AND serial = $5
         ORDER BY known_at, inspection, record",
        &params![org, unit, form, i64::from(*year), i64::from(number.serial)],
    )?;
    rows.iter().map(read_use).collect()
}

/// The uses of a series, by number.
pub fn uses_of(tx: &mut Tx<'_>, org: OrgId, series: &Series) -> Result<Vec<Known>, DbError> {
    let Series { unit, form, year } = series;
    let rows = tx.query(
        "SELECT inspection, record, unit_code, form, year, serial, spelled, block, device, origin, known_at, state, beside,
           allowed
         FROM number_uses WHERE org = $1 AND unit_code = $2 AND form = $3 AND year = $4
         ORDER BY serial, known_at, inspection, record",
        &params![org, unit, form, i64::from(*year)],
    )?;
    rows.iter().map(read_use).collect()
}

/// Adds a use, or says how a known one stands; who used it first and when stays.
pub fn put_use(tx: &mut Tx<'_>, org: OrgId, known: &Known) -> Result<(), DbError> {
    let origin = serde_json::to_string(&known.used.origin).expect("an origin is plain data with text keys");
    let Use { inspection, record, number, text, block, state, .. } = &known.used;
    tx.execute(
        "INSERT INTO number_uses (org, inspection, record, unit_code, form, year, serial, spelled, block, device, origin,
           known_at, state, beside, allowed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (org, inspection, record, unit_code, form, year, serial)
         DO UPDATE SET state = excluded.state, beside = excluded.beside, allowed = excluded.allowed",
        &params![
            org,
            *inspection,
            *record,
            &number.series.unit,
            &number.series.form,
            i64::from(number.series.year),
            i64::from(number.serial),
            text,
            *block,
            known.device,
            origin,
            known.known_at,
            state.as_str(),
            known.beside,
            known.allowed
        ],
    )?;
    Ok(())
}

/// Notes a correction beside a seal, in place of the one before.
pub fn put_correction(
    tx: &mut Tx<'_>,
    org: OrgId,
    (inspection, record): (InspectionId, RecordId),
    decision: DecisionId,
    correction: &PaperCorrection,
) -> Result<(), DbError> {
    let body = serde_json::to_string(correction).expect("a correction is plain data with text keys");
    tx.execute(
        "INSERT INTO number_corrections (org, inspection, record, decision, body) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org, inspection, record) DO UPDATE SET decision = excluded.decision, body = excluded.body",
        &params![org, inspection, record, decision, body],
    )?;
    Ok(())
}

/// The corrections beside the seals of a visit.
pub fn corrections_of(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
) -> Result<Vec<(RecordId, PaperCorrection)>, DbError> {
    let rows = tx.query(
        "SELECT record, body FROM number_corrections WHERE org = $1 AND inspection = $2 ORDER BY record",
        &params![org, inspection],
    )?;
    let read = |r: &Row| {
        let body: String = r.get(1)?;
        Ok((r.get(0)?, serde_json::from_str(&body).map_err(|error| r.invalid(1, error.to_string()))?))
    };
    rows.iter().map(read).collect()
}

/// The paper form that a decision corrected beside its seal.
pub fn corrected_by(
    tx: &mut Tx<'_>,
    org: OrgId,
    decision: DecisionId,
) -> Result<Option<(InspectionId, RecordId)>, DbError> {
    let row = tx.query_opt(
        "SELECT inspection, record FROM number_corrections WHERE org = $1 AND decision = $2",
        &params![org, decision],
    )?;
    row.map(|r| Ok((r.get(0)?, r.get(1)?))).transpose()
}

/// Forgets what a decision corrected beside a seal.
pub fn drop_correction(tx: &mut Tx<'_>, org: OrgId, decision: DecisionId) -> Result<(), DbError> {
    tx.execute("DELETE FROM number_corrections WHERE org = $1 AND decision = $2", &params![org, decision])?;
    Ok(())
}
