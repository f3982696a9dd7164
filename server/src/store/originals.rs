//! When each original was looked at last, and what was found.

use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use serde::Serialize;

/// What is the matter with an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is something else.
    Altered,
    /// It cannot be read; it may be what it was.
    Unreadable,
}

impl Fault {
    /// Every one.
    pub const ALL: &[Self] = &[Self::Missing, Self::Altered, Self::Unreadable];

    /// The name in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Altered => "altered",
            Self::Unreadable => "unreadable",
        }
    }

    /// Reads a column that has its name, or nothing.
    pub(super) fn read(r: &Row, column: usize) -> Result<Option<Self>, DbError> {
        let Some(name) = r.get::<Option<String>>(column)? else { return Ok(None) };
        let found = Self::ALL.iter().copied().find(|fault| fault.as_str() == name);
        found.map(Some).ok_or_else(|| r.invalid(column, format!("no such fault: {name}")))
    }
}

/// One look at an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its hash.
    pub digest: Digest,
    /// When it began.
    pub at: Moment,
    /// How many bytes were read; none where there was nothing to read.
    pub size_bytes: Option<u64>,
    /// What is the matter.
    pub fault: Option<Fault>,
}

/// Notes a look, unless somebody looked later or terminals are asked for the original; returns what was known before: none where
/// nothing was noted.
pub fn looked(tx: &mut Tx<'_>, org: OrgId, look: &Look) -> Result<Option<Option<Fault>>, DbError> {
    let known = tx.query_opt(
        "SELECT fault FROM originals WHERE org = $1 AND digest = $2",
        &params![org, look.digest],
    )?;
    let before = known.map_or(Ok(None), |r| Fault::read(&r, 0))?;
    let size_bytes = look.size_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let found_at = look.fault.map(|_| look.at);
    let noted = tx.execute(
        "INSERT INTO originals (org, digest, looked_at, size_bytes, fault, found_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (org, digest) DO UPDATE SET looked_at = excluded.looked_at,
           size_bytes = COALESCE(excluded.size_bytes, originals.size_bytes), fault = excluded.fault,
           found_at = CASE WHEN excluded.fault IS NULL OR originals.found_at IS NULL THEN excluded.found_at
             ELSE originals.found_at END
         WHERE originals.looked_at <= excluded.looked_at AND originals.asked_at IS NULL",
        &params![org, look.digest, look.at, size_bytes, look.fault.map(Fault::as_str), found_at],
    )?;
    Ok((noted > 0).then_some(before))
}

/// Notes that an original came, and was read back: whatever was the matter with it is mended.
pub fn came(tx: &mut Tx<'_>, org: OrgId, digest: &Digest, at: Moment) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO originals (org, digest, looked_at) VALUES ($1, $2, $3)
         ON CONFLICT (org, digest) DO UPDATE SET looked_at = excluded.looked_at, fault = NULL, found_at = NULL,
           asked_at = NULL",
        &params![org, *digest, at],
    )?;
    Ok(())
}

/// Notes that terminals are asked for an original again: nobody looks at it until it comes.
pub fn asked(tx: &mut Tx<'_>, org: OrgId, digest: &Digest, at: Moment) -> Result<(), DbError> {
    tx.execute(
        "UPDATE originals SET asked_at = $3 WHERE org = $1 AND digest = $2",
        &params![org, *digest, at],
    )?;
    Ok(())
}

/// Originals that were looked at before `before`, longest ago first, at most `limit`.
pub fn due(tx: &mut Tx<'_>, org: OrgId, before: Moment, limit: i64) -> Result<Vec<Digest>, DbError> {
    let rows = tx.query(
        "SELECT digest FROM originals WHERE org = $1 AND asked_at IS NULL AND looked_at < $2
         ORDER BY looked_at, digest LIMIT $3",
        &params![org, before, limit],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// The original with which something is the matter that was looked at before `before`, longest ago.
pub fn doubtful(tx: &mut Tx<'_>, org: OrgId, before: Moment) -> Result<Option<Digest>, DbError> {
    let row = tx.query_opt(
        "SELECT digest FROM originals WHERE org = $1 AND fault IS NOT NULL AND asked_at IS NULL AND looked_at < $2
         ORDER BY looked_at, digest LIMIT 1",
        &params![org, before],
    )?;
    row.map(|r| r.get(0)).transpose()
}

/// Has what was looked at after `after` count as looked at `before`: a clock was ahead. Returns how many those are.
pub fn distrust(tx: &mut Tx<'_>, org: OrgId, after: Moment, before: Moment) -> Result<u64, DbError> {
    tx.execute(
        "UPDATE originals SET looked_at = $3 WHERE org = $1 AND asked_at IS NULL AND looked_at > $2",
        &params![org, after, before],
    )
}

/// How much there is to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// Originals.
    pub originals: u64,
    /// Originals whose size is known.
    pub measured: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Counts all originals.
pub fn total(tx: &mut Tx<'_>, org: OrgId) -> Result<Total, DbError> {
    let row = tx.query_opt(
        "SELECT CAST(COUNT(*) AS BIGINT), CAST(COUNT(size_bytes) AS BIGINT), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT)
         FROM originals WHERE org = $1",
        &params![org],
    )?;
    row.map_or_else(
        || Ok(Total::default()),
        |r| Ok(Total { originals: r.get(0)?, measured: r.get(1)?, bytes: r.get(2)? }),
    )
}

/// How the originals stand: how many there are with which something is the matter, and since when the others are known to be well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Those that are not there, and for which nobody asks.
    pub missing: u64,
    /// Those that are something else, and for which nobody asks.
    pub altered: u64,
    /// Those that cannot be read.
    pub unreadable: u64,
    /// Those for which terminals are asked again.
    pub asked_again: u64,
    /// When the one was looked at that was looked at longest ago; none where there are none.
    pub unseen_since: Option<Moment>,
}

impl Standing {
    /// How many wait for somebody to do something.
    pub fn open(&self) -> u64 {
        self.missing.saturating_add(self.altered).saturating_add(self.unreadable)
    }
}

/// Counts those with which something is the matter.
pub fn standing(tx: &mut Tx<'_>, org: OrgId) -> Result<Standing, DbError> {
    let mut standing = Standing::default();
    let rows = tx.query(
        "SELECT fault, CAST(COUNT(*) AS BIGINT), CAST(COUNT(asked_at) AS BIGINT) FROM originals
         WHERE org = $1 AND fault IS NOT NULL GROUP BY fault",
        &params![org],
    )?;
    for r in &rows {
        let (all, asked) = (r.get::<u64>(1)?, r.get::<u64>(2)?);
        let open = all.saturating_sub(asked);
        match Fault::read(r, 0)? {
            Some(Fault::Missing) => standing.missing = open,
            Some(Fault::Altered) => standing.altered = open,
            Some(Fault::Unreadable) => standing.unreadable = open,
            None => {}
        }
        standing.asked_again = standing.asked_again.saturating_add(asked);
    }
    let first = tx.query_opt(
        "SELECT looked_at FROM originals WHERE org = $1 AND asked_at IS NULL ORDER BY looked_at LIMIT 1",
        &params![org],
    )?;
    standing.unseen_since = first.map(|r| r.get(0)).transpose()?;
    Ok(standing)
}

/// An original with which something is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// Its hash.
    pub digest: Digest,
    /// What is the matter.
    pub fault: Fault,
    /// Since when this is known.
    pub found_at: Option<Moment>,
    /// When it was looked at last.
    pub looked_at: Moment,
    /// Since when terminals are asked for it again.
    pub asked_at: Option<Moment>,
}

/// Those with which something is the matter, those for which nobody asks first, in the order in which they were found, at most `limit`.
pub fn findings(tx: &mut Tx<'_>, org: OrgId, limit: i64) -> Result<Vec<Finding>, DbError> {
    let rows = tx.query(
        "SELECT digest, fault, found_at, looked_at, asked_at FROM originals WHERE org = $1 AND fault IS NOT NULL
         ORDER BY asked_at NULLS FIRST, found_at, digest LIMIT $2",
        &params![org, limit],
    )?;
    let mut findings = Vec::with_capacity(rows.len());
    for r in &rows {
        let Some(fault) = Fault::read(r, 1)? else { continue };
        let (digest, found_at) = (r.get(0)?, r.get(2)?);
        findings.push(Finding { digest, fault, found_at, looked_at: r.get(3)?, asked_at: r.get(4)? });
    }
    Ok(findings)
}
