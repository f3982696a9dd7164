//! Draws. While a draw is committed its `record` is the frozen input; once it is drawn, the whole record.

use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::draw::{DrawInput, DrawRecord, DrawSecret};
use fieldproof_schema::ids::{DrawId, OrgId, PlanId, UserId};
use fieldproof_schema::moment::Moment;

/// How far a draw went.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Frozen and committed; the entropy is not known yet.
    Committed(Box<DrawInput>),
    /// Drawn; recusals can be declared.
    Drawn(Box<DrawRecord>),
    /// Tasks were made of it.
    Dispatched(Box<DrawRecord>),
}

impl Stage {
    /// The name in JSON and SQL.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Committed(_) => "committed",
            Self::Drawn(_) => "drawn",
            Self::Dispatched(_) => "dispatched",
        }
    }

    /// The record, once there is one.
    pub fn record(&self) -> Option<&DrawRecord> {
        match self {
            Self::Committed(_) => None,
            Self::Drawn(record) | Self::Dispatched(record) => Some(record),
        }
    }

    /// What was fixed beforehand.
    pub fn input(&self) -> &DrawInput {
        match self {
            Self::Committed(input) => input,
            Self::Drawn(record) | Self::Dispatched(record) => &record.input,
        }
    }

    fn text(&self) -> String {
        let text = match self {
            Self::Committed(input) => serde_json::to_string(input),
            Self::Drawn(record) | Self::Dispatched(record) => serde_json::to_string(record),
        };
        text.expect("draw types have text keys")
    }
}

/// A draw as it is kept.
#[derive(Debug, Clone)]
pub struct Draw {
    /// Which draw.
    pub id: DrawId,
    /// Of which row of a plan.
    pub plan: PlanId,
    /// How far it went.
    pub stage: Stage,
    /// The server's secret; shown to nobody before the entropy is known.
    pub secret: DrawSecret,
    /// Steps with every change.
    pub version: i64,
    /// Who committed it.
    pub created_by: UserId,
    /// When.
    pub created_at: Moment,
}

fn read(r: &Row) -> Result<Draw, DbError> {
    let (state, text): (String, Option<String>) = (r.get(2)?, r.get(4)?);
    let text = text.unwrap_or_default();
    let wrong = |error: serde_json::Error| r.invalid(4, error.to_string());
    let secret: Vec<u8> = r.get(3)?;
    let secret: [u8; 32] = secret.try_into().map_err(|_| r.invalid(3, "not 32 bytes"))?;
    let record = || serde_json::from_str(&text).map_err(wrong);
    Ok(Draw {
        id: r.get(0)?,
        plan: r.get(1)?,
        stage: match state.as_str() {
            "committed" => Stage::Committed(serde_json::from_str(&text).map_err(wrong)?),
            "drawn" => Stage::Drawn(record()?),
            "dispatched" => Stage::Dispatched(record()?),
            _ => return Err(r.invalid(2, state)),
        },
        secret: DrawSecret::from_bytes(secret),
        version: r.get(5)?,
        created_by: r.get(6)?,
        created_at: r.get(7)?,
    })
}

/// One draw.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: DrawId) -> Result<Option<Draw>, DbError> {
    let row = tx.query_opt(
        "SELECT id, plan, state, secret, record, version, created_by, created_at FROM draws
         WHERE org = $1 AND id = $2",
        &params![org, id],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// A draw as lists show it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Which draw.
    pub id: DrawId,
    /// `committed`, `drawn` or `dispatched`.
    pub state: String,
    /// When it was committed.
    pub created_at: Moment,
    /// Who committed it, as printed.
    pub by: String,
}

/// The draws of a row of a plan, oldest first.
pub fn of_plan(tx: &mut Tx<'_>, org: OrgId, plan: PlanId) -> Result<Vec<Listed>, DbError> {
    let rows = tx.query(
        "SELECT d.id, d.state, d.created_at, u.name FROM draws d
         JOIN users u ON u.org = d.org AND u.id = d.created_by
         WHERE d.org = $1 AND d.plan = $2 ORDER BY d.created_at, d.id",
        &params![org, plan],
    )?;
    let listed =
        |r: &Row| Ok(Listed { id: r.get(0)?, state: r.get(1)?, created_at: r.get(2)?, by: r.get(3)? });
    rows.iter().map(listed).collect()
}

/// Adds a draw.
pub fn insert(tx: &mut Tx<'_>, org: OrgId, draw: &Draw) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO draws (org, id, plan, state, commitment, secret, record, version, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &params![
            org,
            draw.id,
            draw.plan,
            draw.stage.as_str(),
            draw.secret.commitment(),
            draw.secret.as_bytes().to_vec(),
            draw.stage.text(),
            draw.version,
            draw.created_by,
            draw.created_at
        ],
    )?;
    Ok(())
}

/// Moves a draw on from `version`; false when another writer came first.
pub fn step(tx: &mut Tx<'_>, org: OrgId, id: DrawId, version: i64, stage: &Stage) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE draws SET state = $4, record = $5, version = version + 1 WHERE org = $1 AND id = $2 AND version = $3",
        &params![org, id, version, stage.as_str(), stage.text()],
    )?;
    Ok(changed > 0)
}
