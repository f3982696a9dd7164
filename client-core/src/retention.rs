//! What a terminal keeps, and in which form: settled changes are folded, and what is not its own any more is deleted once
//! it is safe elsewhere. Both happen after a sync, a bounded piece at a time, and neither ever loses a change.

mod fold;
mod left;

use crate::client::Client;
use crate::documents;
use crate::error::ClientError;
use crate::store::folded;
use fieldproof_schema::limits::{RETENTION_VISITS_MAX, UNFOLD_CHANGES_MAX};

impl Client {
    /// Folds and frees the next piece of what is settled, for some tens of milliseconds. What fails is tried again after the next
    /// sync, and the sync is none the worse for it.
    pub fn retain(&self) {
        for (what, done) in [("folding", self.fold_some()), ("freeing", self.free_some())] {
            if let Err(error) = done {
                tracing::warn!(%error, "{what} what is kept failed; it is tried again");
            }
        }
    }

    /// Takes folds apart of which the server has to be offered everything again, some at a time: a terminal has years of
    /// them, and whoever works on it must not wait.
    pub(crate) fn offer_folded_again(&self) -> Result<(), ClientError> {
        let next = folded::discounted(&self.reader(), RETENTION_VISITS_MAX)?;
        if next.is_empty() {
            return Ok(());
        }
        let mut desk = self.desk()?;
        let tx = desk.conn.transaction()?;
        let mut changes = 0;
        for (inspection, own) in next {
            documents::unfold(&tx, inspection)?;
            changes += own;
            if changes >= UNFOLD_CHANGES_MAX {
                break;
            }
        }
        Ok(tx.commit()?)
    }
}
