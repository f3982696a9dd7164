//! How often someone failed to get in, per account and per address, in a window of time.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::limits::{SIGN_IN_FAILURES_MAX, SIGN_IN_WINDOW_SECONDS};
use fieldproof_schema::moment::Moment;

/// Seconds until `subject` may try again; `None` when it may now.
pub fn wait_seconds(tx: &mut Tx<'_>, org: OrgId, subject: &str, now: Moment) -> Result<Option<i64>, DbError> {
    let row = tx.query_opt(
        "SELECT window_start, failures FROM failures WHERE org = $1 AND subject = $2",
        &params![org, subject],
    )?;
    let Some(row) = row else { return Ok(None) };
    let (start, failures): (Moment, i64) = (row.get(0)?, row.get(1)?);
    let end = start.plus_seconds(SIGN_IN_WINDOW_SECONDS);
    if failures < SIGN_IN_FAILURES_MAX || now >= end {
        return Ok(None);
    }
    Ok(Some((end.as_micros() - now.as_micros()).div_euclid(1_000_000) + 1))
}

/// Counts one failure.
pub fn count(tx: &mut Tx<'_>, org: OrgId, subject: &str, now: Moment) -> Result<(), DbError> {
    let open_since = now.plus_seconds(-SIGN_IN_WINDOW_SECONDS);
    tx.execute("DELETE FROM failures WHERE org = $1 AND window_start <= $2", &params![org, open_since])?;
    tx.execute(
        "INSERT INTO failures (org, subject, window_start, failures) VALUES ($1, $2, $3, 1)
         ON CONFLICT (org, subject) DO UPDATE SET failures = failures.failures + 1",
        &params![org, subject, now],
    )?;
    Ok(())
}

/// Forgets the failures of `subject`.
pub fn forget(tx: &mut Tx<'_>, org: OrgId, subject: &str) -> Result<(), DbError> {
    tx.execute("DELETE FROM failures WHERE org = $1 AND subject = $2", &params![org, subject])?;
    Ok(())
}
