//! Going on after the store was lost or came back older: the chain continues at the server's tip, and says so.

use crate::client::Desk;
use crate::documents;
use crate::error::ClientError;
use crate::journal_writer::{Line, Pen};
use crate::store::{evidence, folded, journal, meta, runs};
use fieldproof_schema::journal::{Kind, Tip, body};
use fieldproof_schema::suite::Digest;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// Hashes in one `adopted` entry: so many fit its bounds with room to spare.
const ADOPTED_PER_ENTRY: usize = 400;

/// The body of [`Kind::Adopted`]: entries that could not stay in the chain and were written anew behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Adopted {
    /// The entries, old name and new name.
    pub(crate) entries: Vec<(Digest, Digest)>,
}

/// A new store takes its place behind what the server holds.
pub(crate) fn settle_in(
    tx: &Connection,
    pen: &Pen<'_>,
    server: Tip,
    kept_as: &str,
    version: &str,
) -> Result<(), ClientError> {
    meta::put_base(tx, server)?;
    meta::put_numbers_since(tx, server.seq)?;
    write_rebuilt(tx, pen, Kind::SetAside, server, (!kept_as.is_empty()).then(|| kept_as.to_owned()))?;
    crate::client::write_opened(tx, pen, version)?;
    meta::end_recovering(tx)
}

/// This store came back older: the chain goes on behind the server's tip. What was written here meanwhile stays in
/// the table of forked entries as it was signed, and its content is journalled anew.
pub(crate) fn roll_forward(tx: &Connection, pen: &Pen<'_>, server: Tip) -> Result<(), ClientError> {
    // Receipts of a branch that the server no longer has say nothing about this one.
    let behind = server.seq.saturating_sub(1);
    // What the server shows to be its own is not said anew.
    let shared = journal::hash_at(tx, server.seq)?.is_some_and(|here| Some(here) == server.hash);
    let from = if shared { server.seq } else { 0 };
    // In another epoch entries before that place have no receipt either.
    for inspection in folded::discount_where(tx, (behind, from))? {
        // Their entries get other names.
        documents::unfold(tx, inspection)?;
    }
    journal::offer_again_after(tx, behind)?;
    let forked = journal::fork_pending(tx, from, pen.clocks.now)?;
    meta::put_base(tx, server)?;
    meta::put_numbers_since(tx, server.seq)?;
    write_rebuilt(tx, pen, Kind::RolledBack, server, None)?;
    let mut adopted = Vec::with_capacity(forked.len());
    for stored in forked {
        let entry = stored.entry.read().map_err(|_| ClientError::Damaged { what: "a journal entry" })?;
        if matches!(entry.kind, Kind::RolledBack | Kind::SetAside) {
            // Where a branch began that nobody goes on with: said again here it would be wrong.
            continue;
        }
        let hash =
            pen.write_text(tx, entry.kind, entry.inspection, entry.content, entry.officer, entry.body)?;
        runs::covered_by(tx, stored.hash, hash)?;
        evidence::covered_by(tx, stored.hash, hash)?;
        adopted.push((stored.hash, hash));
    }
    for entries in adopted.chunks(ADOPTED_PER_ENTRY) {
        let body = Adopted { entries: entries.to_vec() };
        pen.write(
            tx,
            Line { kind: Kind::Adopted, inspection: None, content: None, officer: None, body: &body },
        )?;
    }
    Ok(())
}

/// Says behind which place the journal goes on.
pub(crate) fn write_rebuilt(
    tx: &Connection,
    pen: &Pen<'_>,
    kind: Kind,
    server: Tip,
    kept_as: Option<String>,
) -> Result<(), ClientError> {
    let body = body::Rebuilt { kept_as, server_seq: server.seq, server_hash: server.hash };
    pen.write(tx, Line { kind, inspection: None, content: None, officer: None, body: &body }).map(drop)
}

/// Writers declared before are declared again at the next edit: no pair of writer and count is ever used twice.
pub(crate) fn forget_actors(desk: &mut Desk) {
    desk.actors.clear();
}
