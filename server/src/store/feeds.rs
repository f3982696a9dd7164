//! Feeds: what is new for whom. Rows are references; bodies are looked up when they are read.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::wire::row::RowKind;

/// The feed that every device of the organisation reads: officers, checklists, laws.
pub const EVERYONE: &str = "everyone";

/// The feed of one officer: tasks, visits, changes.
pub fn of_officer(officer: OfficerId) -> String {
    format!("officer:{officer}")
}

/// The feed of one unit: its entities.
pub fn of_unit(code: &str) -> String {
    format!("unit:{code}")
}

/// The feed of one device: what became of its changes after its round had ended.
pub fn of_device(device: DeviceId) -> String {
    format!("device:{device}")
}

/// One reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its place in the feed.
    pub seq: u64,
    /// What kind of row.
    pub kind: String,
    /// Which row.
    pub subject: String,
    /// The number that it carries.
    pub detail: Option<i64>,
    /// The place of the newest reference to the same row.
    pub newest: u64,
    /// The least number that a reference to the same row carries which was not there when the reader was last up to date.
    pub least: Option<i64>,
}

/// The references of a feed after `seq`, at most `limit`, for a reader who was last up to date at `since`.
pub fn after(
    tx: &mut Tx<'_>,
    org: OrgId,
    feed: &str,
    (seq, since): (u64, u64),
    limit: i64,
) -> Result<Vec<Reference>, DbError> {
    let rows = tx.query(
        "SELECT f.seq, f.kind, f.subject, f.detail,
           (SELECT MAX(n.seq) FROM feed_rows n
            WHERE n.org = f.org AND n.feed = f.feed AND n.kind = f.kind AND n.subject = f.subject),
           (SELECT MIN(l.detail) FROM feed_rows l
            WHERE l.org = f.org AND l.feed = f.feed AND l.kind = f.kind AND l.subject = f.subject AND l.seq > $5)
         FROM feed_rows f WHERE f.org = $1 AND f.feed = $2 AND f.seq > $3 ORDER BY f.seq LIMIT $4",
        &params![org, feed, seq, limit, since],
    )?;
    rows.iter()
        .map(|r| {
            Ok(Reference {
                seq: r.get(0)?,
                kind: r.get(1)?,
                subject: r.get(2)?,
                detail: r.get(3)?,
                newest: r.get(4)?,
                least: r.get(5)?,
            })
        })
        .collect()
}

/// The end of one feed; 0 when nothing was ever said in it.
pub fn end(tx: &mut Tx<'_>, org: OrgId, feed: &str) -> Result<u64, DbError> {
    let row = tx.query_opt("SELECT last_seq FROM feeds WHERE org = $1 AND feed = $2", &params![org, feed])?;
    row.map_or(Ok(0), |r| r.get(0))
}

/// The end of every feed.
pub fn ends(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<(String, u64)>, DbError> {
    let rows = tx.query("SELECT feed, last_seq FROM feeds WHERE org = $1 ORDER BY feed", &params![org])?;
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// Tells every device of a visit's team that the visit has changes beyond the first `known`.
pub fn publish_document(
    tx: &mut Tx<'_>,
    org: OrgId,
    team: &[OfficerId],
    inspection: InspectionId,
    known: i64,
) {
    for officer in team {
        let (feed, subject) = (of_officer(*officer), inspection.to_string());
        tx.publish_with(org, &feed, RowKind::Document.as_str(), &subject, Some(known));
    }
}

/// Tells every device of a visit's team that the row of the visit is new.
pub fn publish_inspection(tx: &mut Tx<'_>, org: OrgId, team: &[OfficerId], inspection: InspectionId) {
    for officer in team {
        tx.publish(org, &of_officer(*officer), RowKind::Inspection.as_str(), &inspection.to_string());
    }
}
