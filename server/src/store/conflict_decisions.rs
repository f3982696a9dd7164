//! Every decision about every conflict, in order. Rows are only added.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{DecisionId, OrgId, UserId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name, the same as in the audit trail.
    pub id: DecisionId,
    /// When, by the clock of whoever decided.
    pub at: Moment,
    /// Which user; none for what the team settled on its terminals.
    pub user: Option<UserId>,
    /// Who, as printed.
    pub by: String,
    /// `team` or `administrator`.
    pub capacity: String,
    /// The name of a choice.
    pub choice: String,
    /// The value that it made stand; empty where it was not about a value.
    pub value: String,
    /// Why.
    pub reason: String,
    /// The decision that it takes back.
    pub undoes: Option<DecisionId>,
}

/// Adds a decision behind those that there are. Whoever calls it has closed or opened the conflict in the same transaction,
/// so that nobody else is at it.
pub fn insert(tx: &mut Tx<'_>, org: OrgId, conflict: &Digest, kept: &Kept) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO conflict_decisions (org, conflict, id, at, user_id, user_name, capacity, choice, value, reason, undoes,
          position)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
          (SELECT CAST(COUNT(*) AS BIGINT) + 1 FROM conflict_decisions WHERE org = $1 AND conflict = $2))",
        &params![
            org,
            *conflict,
            kept.id,
            kept.at,
            kept.user,
            &kept.by,
            &kept.capacity,
            &kept.choice,
            &kept.value,
            &kept.reason,
            kept.undoes
        ],
    )?;
    Ok(())
}

/// The decisions about a conflict, oldest first.
pub fn of_conflict(tx: &mut Tx<'_>, org: OrgId, conflict: &Digest) -> Result<Vec<Kept>, DbError> {
    let rows = tx.query(
        "SELECT id, at, user_id, user_name, capacity, choice, value, reason, undoes FROM conflict_decisions
         WHERE org = $1 AND conflict = $2 ORDER BY position",
        &params![org, *conflict],
    )?;
    rows.iter()
        .map(|r| {
            Ok(Kept {
                id: r.get(0)?,
                at: r.get(1)?,
                user: r.get(2)?,
                by: r.get(3)?,
                capacity: r.get(4)?,
                choice: r.get(5)?,
                value: r.get(6)?,
                reason: r.get(7)?,
                undoes: r.get(8)?,
            })
        })
        .collect()
}
