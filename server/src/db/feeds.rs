//! Feeds: numbered announcements of what changed, in the order of commits.
//!
//! Tables, made by the caller's migrations: `feeds(org, feed, last_seq)` and `feed_rows(org, feed, seq, kind,
//! subject, detail)`.

use super::error::DbError;
use super::tx::Tx;
use super::value::params;
use fieldproof_schema::ids::OrgId;
use std::collections::BTreeMap;

/// One announcement that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Publication {
    pub(super) org: OrgId,
    pub(super) feed: String,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) detail: Option<i64>,
}

/// One step per feed for a whole batch: the row's lock is held from here to the commit.
const STEP: &str = "INSERT INTO feeds (org, feed, last_seq) VALUES ($1, $2, $3) \
     ON CONFLICT (org, feed) DO UPDATE SET last_seq = feeds.last_seq + excluded.last_seq RETURNING last_seq";
const ANNOUNCE: &str =
    "INSERT INTO feed_rows (org, feed, seq, kind, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)";

/// Numbers the publications of a batch and stores them. Whoever steps a counter holds its lock until the commit, so
/// numbers become visible in their own order; the fixed order of feeds keeps two writers from waiting for each other.
pub(super) fn append(tx: &mut Tx<'_>, publications: Vec<Publication>) -> Result<(), DbError> {
    type Announced = (String, String, Option<i64>);
    let mut feeds: BTreeMap<(OrgId, String), Vec<Announced>> = BTreeMap::new();
    for Publication { org, feed, kind, subject, detail } in publications {
        feeds.entry((org, feed)).or_default().push((kind, subject, detail));
    }
    let mut rows = Vec::new();
    for ((org, feed), subjects) in feeds {
        let steps = i64::try_from(subjects.len()).unwrap_or(i64::MAX);
        let counter = tx.query_opt(STEP, &params![org, &feed, steps])?;
        let last: i64 = counter.ok_or(DbError::NoRow { sql: STEP })?.get(0)?;
        for (seq, (kind, subject, detail)) in (last - steps + 1..).zip(subjects) {
            rows.push(params![org, &feed, seq, kind, subject, detail]);
        }
    }
    tx.execute_many(ANNOUNCE, &rows)?;
    Ok(())
}
