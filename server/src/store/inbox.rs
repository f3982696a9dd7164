//! Every change that was ever received, and what became of it.

use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{DeviceId, InspectionId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::sync::Outcome;

/// What became of a received change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Durable, not yet through the gate.
    Received,
    /// Part of the record.
    Accepted,
    /// Builds upon changes that are not here yet.
    Waiting,
    /// Held apart for people to decide.
    Quarantined,
}

impl State {
    /// The name in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Accepted => "accepted",
            Self::Waiting => "waiting",
            Self::Quarantined => "quarantined",
        }
    }

    /// What its sender is told.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Accepted => Outcome::Accepted,
            Self::Received | Self::Waiting => Outcome::Waiting,
            Self::Quarantined => Outcome::Quarantined,
        }
    }

    fn find(text: &str) -> Self {
        match text {
            "accepted" => Self::Accepted,
            "waiting" => Self::Waiting,
            "quarantined" => Self::Quarantined,
            _ => Self::Received,
        }
    }
}

/// One received change.
#[derive(Debug, Clone)]
pub struct Item {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Who sent it.
    pub device: DeviceId,
    /// What became of it.
    pub state: State,
    /// Why, as an error code.
    pub code: Option<String>,
    /// The change as it came.
    pub bytes: Vec<u8>,
    /// When it came.
    pub received_at: Moment,
}

fn read(r: &Row) -> Result<Item, DbError> {
    Ok(Item {
        digest: r.get(0)?,
        device: r.get(1)?,
        state: State::find(&r.get::<String>(2)?),
        code: r.get(3)?,
        bytes: r.get(4)?,
        received_at: r.get(5)?,
    })
}

/// One change as one device sent it.
pub fn find(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    digest: &Digest,
    device: DeviceId,
) -> Result<Option<Item>, DbError> {
    let row = tx.query_opt(
        "SELECT item, device, state, code, bytes, received_at FROM inbox
         WHERE org = $1 AND inspection = $2 AND item = $3 AND device = $4",
        &params![org, inspection, *digest, device],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// Makes a received change durable.
pub fn insert(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId, item: &Item) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO inbox (org, inspection, item, device, bytes, received_at, state, code)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org, inspection, item, device) DO NOTHING",
        &params![
            org,
            inspection,
            item.digest,
            item.device,
            item.bytes.clone(),
            item.received_at,
            item.state.as_str(),
            item.code.clone()
        ],
    )?;
    Ok(())
}

/// Changes of an inspection that the gate has still to judge, in order of arrival.
pub fn pending(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Item>, DbError> {
    let rows = tx.query(
        "SELECT item, device, state, code, bytes, received_at FROM inbox
         WHERE org = $1 AND inspection = $2 AND state IN ('received', 'waiting') ORDER BY received_at, item, device",
        &params![org, inspection],
    )?;
    rows.iter().map(read).collect()
}

/// Changes of an inspection that are held apart.
pub fn quarantined(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Item>, DbError> {
    let rows = tx.query(
        "SELECT item, device, state, code, bytes, received_at FROM inbox
         WHERE org = $1 AND inspection = $2 AND state = 'quarantined' ORDER BY received_at, item, device",
        &params![org, inspection],
    )?;
    rows.iter().map(read).collect()
}

/// How many changes of an inspection are held apart.
pub fn quarantined_count(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<i64, DbError> {
    let row = tx.query_opt(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM inbox WHERE org = $1 AND inspection = $2 AND state = 'quarantined'",
        &params![org, inspection],
    )?;
    row.map_or(Ok(0), |r| r.get(0))
}

/// Notes what became of a change.
pub fn judge(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    (digest, device): (&Digest, DeviceId),
    state: State,
    code: Option<&str>,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE inbox SET state = $5, code = $6 WHERE org = $1 AND inspection = $2 AND item = $3 AND device = $4",
        &params![org, inspection, *digest, device, state.as_str(), code],
    )?;
    Ok(())
}
