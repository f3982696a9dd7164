//! Every change that was ever received, and what became of it.

use super::usage::Amount;
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, OrgId, UserId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::sync::Outcome;
use minicbor::{Decode, Encode};

/// What became of a received change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum State {
    /// Durable, not yet through the gate.
    #[n(0)]
    Received,
    /// Part of the record.
    #[n(1)]
    Accepted,
    /// Builds upon changes that are not here yet.
    #[n(2)]
    Waiting,
    /// Held apart for people to decide.
    #[n(3)]
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

    pub(super) fn find(text: &str) -> Self {
        match text {
            "accepted" => Self::Accepted,
            "waiting" => Self::Waiting,
            "quarantined" => Self::Quarantined,
            _ => Self::Received,
        }
    }
}

/// What people decided about a change that was held apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// It goes through the gate once more, whoever was on the team.
    Accept,
    /// It stays apart.
    Keep,
}

impl Ruling {
    /// Every ruling.
    pub const ALL: &[Ruling] = &[Self::Accept, Self::Keep];

    /// The name in SQL, JSON and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Keep => "keep",
        }
    }

    /// Finds a ruling by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|ruling| ruling.as_str() == name)
    }
}

/// A ruling with who gave it, when and why.
#[derive(Debug, Clone)]
pub struct Decided {
    /// Its record in the audit trail.
    pub id: DecisionId,
    /// What was decided.
    pub ruling: Ruling,
    /// By whom.
    pub by: UserId,
    /// When.
    pub at: Moment,
    /// Why.
    pub reason: String,
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
    /// Why it is held apart, as an error code. What is to be judged again keeps it until then.
    pub code: Option<String>,
    /// The change as it came.
    pub bytes: Vec<u8>,
    /// When it came.
    pub received_at: Moment,
    /// What people decided last.
    pub ruling: Option<Ruling>,
}

impl Item {
    /// True for what judging failed over when it was looked at alone: nobody looks at it again unless people let it in.
    pub fn is_unjudgeable(&self) -> bool {
        self.code.as_deref() == Some(ErrorCode::ChangeUnjudgeable.as_str())
    }

    /// What its sender is told of it: of what is to be judged again, not what was said before.
    pub fn told(self) -> (Outcome, Option<String>) {
        (self.state.outcome(), self.code.filter(|_| self.state != State::Received))
    }
}

fn read(r: &Row) -> Result<Item, DbError> {
    Ok(Item {
        digest: r.get(0)?,
        device: r.get(1)?,
        state: State::find(&r.get::<String>(2)?),
        code: r.get(3)?,
        bytes: r.get(4)?,
        received_at: r.get(5)?,
        ruling: r.get::<Option<String>>(6)?.as_deref().and_then(Ruling::find),
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
        "SELECT item, device, state, code, bytes, received_at, decision FROM inbox
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

/// What a device has sent and is not part of the record.
pub fn backlog(tx: &mut Tx<'_>, org: OrgId, device: DeviceId) -> Result<Amount, DbError> {
    const SQL: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(bytes)), 0) AS BIGINT) FROM inbox
         WHERE org = $1 AND device = $2 AND state <> 'accepted'";
    let row = tx.query_opt(SQL, &params![org, device])?.ok_or(DbError::NoRow { sql: SQL })?;
    Ok(Amount { items: row.get(0)?, bytes: row.get(1)? })
}

/// Changes of an inspection that the gate has still to judge, in order of arrival.
pub fn pending(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Item>, DbError> {
    let rows = tx.query(
        "SELECT item, device, state, code, bytes, received_at, decision FROM inbox
         WHERE org = $1 AND inspection = $2 AND state IN ('received', 'waiting') ORDER BY received_at, item, device",
        &params![org, inspection],
    )?;
    rows.iter().map(read).collect()
}

/// What a device sent about an inspection and is not part of the record: what a change that is held apart may build upon.
/// Not what was not judged yet, and not what cannot be. In order of arrival, at most `limit`, each of at most `bytes_max` bytes.
pub fn beside(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    device: DeviceId,
    bytes_max: i64,
    limit: i64,
) -> Result<Vec<Vec<u8>>, DbError> {
    let rows = tx.query(
        "SELECT bytes FROM inbox WHERE org = $1 AND inspection = $2 AND device = $3
         AND state IN ('waiting', 'quarantined') AND COALESCE(code, '') <> 'change_unjudgeable'
         AND CAST(LENGTH(bytes) AS BIGINT) <= $4 ORDER BY received_at, item LIMIT $5",
        &params![org, inspection, device, bytes_max, limit],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// Changes of a device that are held apart: the last one of a run may be among them. In order of arrival, at most `limit`,
/// each of at most `bytes_max` bytes.
pub fn apart(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    device: DeviceId,
    bytes_max: i64,
    limit: i64,
) -> Result<Vec<Item>, DbError> {
    let rows = tx.query(
        "SELECT item, device, state, code, bytes, received_at, decision FROM inbox
         WHERE org = $1 AND inspection = $2 AND device = $3 AND state = 'quarantined'
         AND CAST(LENGTH(bytes) AS BIGINT) <= $4 ORDER BY received_at, item LIMIT $5",
        &params![org, inspection, device, bytes_max, limit],
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

/// What of an inspection is held apart only because no entry covers it.
pub fn uncovered(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
) -> Result<Vec<(Digest, DeviceId)>, DbError> {
    let rows = tx.query(
        "SELECT item, device FROM inbox WHERE org = $1 AND inspection = $2 AND state = 'quarantined'
         AND code = 'change_uncovered'",
        &params![org, inspection],
    )?;
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// Whether a change is held apart that came from another terminal than `device`, too.
pub fn is_apart_of_another(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    (digest, device): (&Digest, DeviceId),
) -> Result<bool, DbError> {
    let row = tx.query_opt(
        "SELECT device FROM inbox WHERE org = $1 AND inspection = $2 AND item = $3 AND device <> $4
         AND state = 'quarantined' LIMIT 1",
        &params![org, inspection, *digest, device],
    )?;
    Ok(row.is_some())
}

/// What was held apart only because no entry covered it is to be judged again: an entry has come. That nobody vouched for it was
/// all that people could know when they decided to keep it apart.
pub fn reconsider(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    device: DeviceId,
) -> Result<(), DbError> {
    if planted::is(Bug::NoSecondChance) {
        return Ok(());
    }
    tx.execute(
        "UPDATE inbox SET state = 'received' WHERE org = $1 AND inspection = $2 AND device = $3
         AND state = 'quarantined' AND code = 'change_uncovered'",
        &params![org, inspection, device],
    )?;
    Ok(())
}

/// Keeps a decision about a change that is held apart, with what becomes of it now; false when it is held apart no more,
/// or when another decision than `replaces` stands.
pub fn decide(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    (digest, device): (&Digest, DeviceId),
    decided: &Decided,
    replaces: Option<DecisionId>,
    (state, code): (State, Option<&str>),
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE inbox SET state = $5, code = $6, decision = $7, decision_id = $8, decided_at = $9, decided_by = $10,
         reason = $11 WHERE org = $1 AND inspection = $2 AND item = $3 AND device = $4 AND state = 'quarantined'
         AND COALESCE(decision_id, '') = $12",
        &params![
            org,
            inspection,
            *digest,
            device,
            state.as_str(),
            code,
            decided.ruling.as_str(),
            decided.id,
            decided.at,
            decided.by,
            &decided.reason,
            replaces.map(|id| id.to_string()).unwrap_or_default()
        ],
    )?;
    Ok(changed > 0)
}
