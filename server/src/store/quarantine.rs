//! Changes that are held apart as people look at them: with the visit, the terminal and the officer, within a scope.
//!
//! A visit that the server does not know has no unit; what came for it shows to the unit of the officer who sent it, and to
//! the organisation itself.

use super::inbox::{Decided, Ruling, State};
use super::page::{Before, Page, rows_asked};
use super::within::in_scope;
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId, UserId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use std::fmt;

/// Which change, as which device sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// For which visit.
    pub inspection: InspectionId,
    /// By which terminal.
    pub device: DeviceId,
    /// The digest of its bytes.
    pub digest: Digest,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.inspection, self.device, self.digest)
    }
}

/// A change that is, or was, held apart.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Which one.
    pub name: Name,
    /// What became of it.
    pub state: State,
    /// Why it is held apart, as an error code.
    pub code: Option<String>,
    /// When it came.
    pub received_at: Moment,
    /// Its length.
    pub size_bytes: u64,
    /// The entity at the dispatch; none for a visit that is not known here.
    pub entity_name: Option<String>,
    /// The terminal's name; empty for the server itself.
    pub device_name: String,
    /// Whose terminal it is; none for the server itself.
    pub officer: Option<OfficerId>,
    /// The officer's name as printed.
    pub officer_name: String,
    /// What was decided last, and the name of who did.
    pub decided: Option<(Decided, String)>,
}

impl Listed {
    /// Whether it waits for a decision: what was let in and did not pass waits again.
    pub fn is_open(&self) -> bool {
        let kept = self.decided.as_ref().is_some_and(|(decided, _)| decided.ruling == Ruling::Keep);
        self.state == State::Quarantined && !kept
    }
}

/// A statement about what was ever received, `b`, within the scope of user `$2`.
macro_rules! received {
    ($sql:literal) => {
        concat!(
            "WITH RECURSIVE scope (code) AS (SELECT unit_code FROM users WHERE org = $1 AND id = $2
             UNION SELECT u.code FROM units u JOIN scope s ON u.parent_code = s.code WHERE u.org = $1)
             SELECT b.inspection, b.device, b.item, b.state, b.code, b.received_at, CAST(LENGTH(b.bytes) AS BIGINT),
              i.entity_name, COALESCE(d.name, ''), d.officer, COALESCE(o.name, ''), b.decision, b.decision_id, b.decided_by, b.decided_at, b.reason, w.name
             FROM inbox b LEFT JOIN devices d ON d.org = b.org AND d.id = b.device
             LEFT JOIN officers o ON o.org = d.org AND o.id = d.officer
             LEFT JOIN inspections i ON i.org = b.org AND i.id = b.inspection
             LEFT JOIN users w ON w.org = b.org AND w.id = b.decided_by
             WHERE b.org = $1 AND (COALESCE(i.unit_code, o.unit_code) IN (SELECT code FROM scope) OR (i.id IS NULL
              AND EXISTS (SELECT 1 FROM units r JOIN scope s ON s.code = r.code WHERE r.org = $1 AND r.parent_code IS NULL))) ",
            $sql
        )
    };
}

fn read(r: &Row) -> Result<Listed, DbError> {
    let ruling = r.get::<Option<String>>(11)?.as_deref().and_then(Ruling::find);
    let decided = match (ruling, r.get(12)?, r.get(13)?, r.get(14)?) {
        (Some(ruling), Some(id), Some(by), Some(at)) => {
            let reason = r.get::<Option<String>>(15)?.unwrap_or_default();
            Some((Decided { id, ruling, by, at, reason }, r.get::<Option<String>>(16)?.unwrap_or_default()))
        }
        _ => None,
    };
    Ok(Listed {
        name: Name { inspection: r.get(0)?, device: r.get(1)?, digest: r.get(2)? },
        state: State::find(&r.get::<String>(3)?),
        code: r.get(4)?,
        received_at: r.get(5)?,
        size_bytes: r.get(6)?,
        entity_name: r.get(7)?,
        device_name: r.get(8)?,
        officer: r.get::<Option<OfficerId>>(9)?,
        officer_name: r.get(10)?,
        decided,
    })
}

/// Which ones; what is absent does not limit.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Held apart for this reason, an error code.
    pub code: Option<String>,
    /// Of this visit.
    pub inspection: Option<InspectionId>,
}

/// The end of a page: the moment alone does not name a row, since a round brings many.
fn end(at: Moment, name: &Name) -> String {
    let digest = hex::encode(name.digest.to_bytes());
    Before { at, id: format!("{}.{}.{digest}", name.inspection, name.device) }.to_string()
}

/// The parts of the end of a page. What is none begins at its moment.
fn parts(before: &Before) -> (String, String, Vec<u8>) {
    let mut parts = before.id.split('.').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    let (inspection, device) = (next(), next());
    (inspection, device, hex::decode(next()).unwrap_or_default())
}

/// What waits for a decision, newest first.
pub fn open(
    tx: &mut Tx<'_>,
    org: OrgId,
    asker: UserId,
    filter: &Filter,
    before: &Before,
) -> Result<Page<Listed>, DbError> {
    let (inspection, device, item) = parts(before);
    let rows = tx.query(
        received!(
            "AND b.state = 'quarantined' AND (b.decision IS NULL OR b.decision <> 'keep')
             AND (CAST($3 AS TEXT) IS NULL OR b.code = $3) AND (CAST($4 AS TEXT) IS NULL OR b.inspection = $4)
             AND (b.received_at, b.inspection, b.device, b.item) < ($5, $6, $7, $8)
             ORDER BY b.received_at DESC, b.inspection DESC, b.device DESC, b.item DESC LIMIT $9"
        ),
        &params![
            org,
            asker,
            filter.code.clone(),
            filter.inspection,
            before.at,
            inspection,
            device,
            item,
            rows_asked()
        ],
    )?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(rows, |listed| end(listed.received_at, &listed.name)))
}

/// What was decided and does not wait again, last decided first.
pub fn decided(
    tx: &mut Tx<'_>,
    org: OrgId,
    asker: UserId,
    filter: &Filter,
    before: &Before,
) -> Result<Page<Listed>, DbError> {
    let (inspection, device, item) = parts(before);
    let rows = tx.query(
        received!(
            "AND b.decided_at IS NOT NULL AND (b.decision = 'keep' OR b.state <> 'quarantined')
             AND (CAST($3 AS TEXT) IS NULL OR b.code = $3) AND (CAST($4 AS TEXT) IS NULL OR b.inspection = $4)
             AND (b.decided_at, b.inspection, b.device, b.item) < ($5, $6, $7, $8)
             ORDER BY b.decided_at DESC, b.inspection DESC, b.device DESC, b.item DESC LIMIT $9"
        ),
        &params![
            org,
            asker,
            filter.code.clone(),
            filter.inspection,
            before.at,
            inspection,
            device,
            item,
            rows_asked()
        ],
    )?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let at = |listed: &Listed| listed.decided.as_ref().map_or(listed.received_at, |(decided, _)| decided.at);
    Ok(Page::cut(rows, |listed| end(at(listed), &listed.name)))
}

/// How much of the asker's scope waits for a decision, counted up to ten thousand.
pub fn open_count(tx: &mut Tx<'_>, org: OrgId, asker: UserId) -> Result<i64, DbError> {
    let row = tx.query_opt(
        in_scope!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT b.item FROM inbox b
             LEFT JOIN devices d ON d.org = b.org AND d.id = b.device
             LEFT JOIN officers o ON o.org = d.org AND o.id = d.officer
             LEFT JOIN inspections i ON i.org = b.org AND i.id = b.inspection
             WHERE b.org = $1 AND b.state = 'quarantined' AND (b.decision IS NULL OR b.decision <> 'keep')
             AND (COALESCE(i.unit_code, o.unit_code) IN (SELECT code FROM scope) OR (i.id IS NULL
              AND EXISTS (SELECT 1 FROM units r JOIN scope s ON s.code = r.code WHERE r.org = $1 AND r.parent_code IS NULL)))
             ORDER BY b.received_at, b.inspection, b.device, b.item LIMIT 10000) w"
        ),
        &params![org, asker],
    )?;
    row.map_or(Ok(0), |r| r.get(0))
}

/// One change that is held apart, or that people decided about, in the asker's scope.
pub fn find(tx: &mut Tx<'_>, org: OrgId, asker: UserId, name: &Name) -> Result<Option<Listed>, DbError> {
    let row = tx.query_opt(
        received!(
            "AND b.inspection = $3 AND b.device = $4 AND b.item = $5
             AND (b.state = 'quarantined' OR b.decided_at IS NOT NULL)"
        ),
        &params![org, asker, name.inspection, name.device, name.digest],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// Everything that a terminal sent for a visit and that is held apart for one reason, decided or not, in order of arrival,
/// at most `limit`.
pub fn of_sender(
    tx: &mut Tx<'_>,
    org: OrgId,
    asker: UserId,
    (inspection, device): (InspectionId, DeviceId),
    code: &str,
    limit: i64,
) -> Result<Vec<Listed>, DbError> {
    let rows = tx.query(
        received!(
            "AND b.inspection = $3 AND b.device = $4 AND b.code = $5 AND b.state = 'quarantined'
             ORDER BY b.received_at, b.item LIMIT $6"
        ),
        &params![org, asker, inspection, device, code, limit],
    )?;
    rows.iter().map(read).collect()
}

/// What else the same terminal sent for the same visit and waits for a decision for the same reason, in order of arrival,
/// at most `limit`.
pub fn alike(
    tx: &mut Tx<'_>,
    org: OrgId,
    asker: UserId,
    listed: &Listed,
    limit: i64,
) -> Result<Vec<Listed>, DbError> {
    let name = &listed.name;
    let rows = tx.query(
        received!(
            "AND b.inspection = $3 AND b.device = $4 AND b.item <> $5 AND b.code = $6 AND b.state = 'quarantined'
             AND (b.decision IS NULL OR b.decision <> 'keep') ORDER BY b.received_at, b.item LIMIT $7"
        ),
        &params![org, asker, name.inspection, name.device, name.digest, listed.code.clone(), limit],
    )?;
    rows.iter().map(read).collect()
}
