//! What a terminal keeps, and in which form: settled changes are folded, and what is not its own any more is deleted once
//! it is safe elsewhere; originals that lie in the clear are encrypted. All of it happens after a sync, a bounded piece at a time, and
//! none of it ever loses a change.

mod fold;
mod left;

use crate::client::Client;
use crate::documents;
use crate::error::ClientError;
use crate::store::folded;
use fieldproof_schema::limits::{ENCRYPTED_AT_ONCE_BYTES, RETENTION_VISITS_MAX, UNFOLD_CHANGES_MAX};

impl Client {
    /// Folds and frees the next piece of what is settled, for some tens of milliseconds, and encrypts what an earlier version left in
    /// the clear, for about a second. What fails is tried again after the next sync, and the sync is none the worse for it. Whether
    /// nothing failed.
    pub fn retain(&self) -> bool {
        let all = [
            ("folding", self.fold_some()),
            ("freeing", self.free_some()),
            ("encrypting", self.encrypt_some()),
        ];
        let mut is_done = true;
        for (what, done) in all {
            if let Err(error) = done {
                tracing::warn!(%error, "{what} what is kept failed; it is tried again");
                is_done = false;
            }
        }
        is_done
    }

    /// Encrypts originals that an earlier version left in the clear: one at least, and more while they are small. One that cannot be
    /// read holds up no other.
    fn encrypt_some(&self) -> Result<(), ClientError> {
        let originals = self.originals()?;
        let clear = originals.clear().map_err(|e| ClientError::file("encrypting an original", e))?;
        let (mut encrypted, mut failed) = (0, Ok(()));
        for digest in clear {
            if encrypted >= ENCRYPTED_AT_ONCE_BYTES {
                break;
            }
            let done = originals.encrypt_clear(&*self.host, digest).and_then(|beside| {
                // It must not be removed meanwhile, and then be there again.
                let _taking = self.taking_originals();
                originals.replace_clear(digest, beside)
            });
            match done {
                Ok(bytes) => encrypted += bytes,
                Err(error) => failed = Err(error),
            }
        }
        failed
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
