//! What machines have, as far as one can see by asking them.

use super::model::Deed;
use super::stage::Sim;
use crate::faults::Disk;
use fieldproof_client_core::ClientError;
use fieldproof_schema::document::{ChangeHeader, ChangeId, Document, inspect, is_document, name, split};
use fieldproof_schema::ids::{DeviceId, InspectionId};
use fieldproof_schema::suite::Digest;
use fieldproof_server::db::{DbError, Row, Tx, Value as DbValue};
use std::collections::BTreeSet;
use std::panic::catch_unwind;

/// Every change in the server's record, with the terminal that wrote it.
///
/// # Errors
/// When it cannot be read.
pub fn recorded(tx: &mut Tx<'_>) -> Result<Vec<(InspectionId, ChangeId, Option<DeviceId>)>, DbError> {
    let mut found = Vec::new();
    for row in tx.query("SELECT inspection, device, bytes FROM changes", &[])? {
        let (visit, device) = (row.get(0)?, row.get(1)?);
        found.extend(run_in(&row, 2)?.into_iter().map(|(change, _)| (visit, change, device)));
    }
    Ok(found)
}

/// The changes that stand one behind the other in a column, with their names.
fn run_in(row: &Row, column: usize) -> Result<Vec<(ChangeId, Vec<u8>)>, DbError> {
    let bytes: Vec<u8> = row.get(column)?;
    let damaged = |_| row.invalid(column, "changes that are none");
    let parts = split(&bytes).map_err(damaged)?.into_iter();
    parts.map(|part| Ok((name(part).map_err(damaged)?, part.to_vec()))).collect()
}

impl Sim {
    /// Notes the change that a terminal wrote last, which it said is saved.
    pub fn written(&mut self, hand: usize, visit: InspectionId) {
        // A disk that cannot be read now is not asked again: what was saved is looked for when the others are.
        let Ok(last) = self.hands[hand].device.client().changes(visit, 0, 1) else { return };
        if let Some(line) = last.rows.first() {
            self.model.done(hand, Deed::Change(visit, line.change));
        }
    }

    /// What a terminal has of that which was ever acknowledged.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn has(&self, hand: usize) -> Result<BTreeSet<Deed>, String> {
        let client = self.hands[hand].device.client();
        let mut has = BTreeSet::new();
        for visit in &self.visits {
            let broken = |error: ClientError| format!("{}: {visit}: {error}", self.hands[hand].name);
            let changes = match client.changes(*visit, 0, u64::MAX) {
                Ok(changes) => changes,
                // A store that was begun anew knows nothing until it has synced.
                Err(error) if error.code().as_str() == "not_found" => continue,
                Err(error) => return Err(broken(error)),
            };
            has.extend(changes.rows.into_iter().map(|line| Deed::Change(*visit, line.change)));
            // Where nothing was captured the checklist need not be read for it.
            if !self.model.captured(*visit) {
                continue;
            }
            let detail = client.inspection(*visit).map_err(broken)?;
            let captures =
                detail.evidence.iter().filter(|item| client.evidence_file(*visit, item.record).is_ok());
            has.extend(captures.map(|item| Deed::Capture(*visit, item.digest)));
        }
        Ok(has)
    }

    /// What the server has: in the record, or held apart, or waiting. Nothing fails meanwhile that was about to.
    pub async fn server_has(&self) -> BTreeSet<Deed> {
        if let Some(disk) = self.world.disk() {
            disk.calm();
        }
        let read = |tx: &mut Tx<'_>| {
            let mut has = BTreeSet::new();
            has.extend(recorded(tx)?.into_iter().map(|(visit, change, _)| Deed::Change(visit, change)));
            for row in tx.query("SELECT inspection, bytes FROM inbox", &[])? {
                let (visit, bytes): (InspectionId, Vec<u8>) = (row.get(0)?, row.get(1)?);
                has.extend(headers_in(&bytes).into_iter().map(|(_, header)| Deed::Change(visit, header.id)));
            }
            for sql in [
                "SELECT inspection, digest FROM captures WHERE held_at IS NOT NULL",
                "SELECT inspection, digest FROM captures_apart WHERE held_at IS NOT NULL",
            ] {
                for row in tx.query(sql, &[])? {
                    has.insert(Deed::Capture(row.get(0)?, row.get(1)?));
                }
            }
            for sql in [
                "SELECT id FROM decisions",
                "SELECT id FROM conflict_decisions",
                "SELECT id FROM audit WHERE act = 'quarantine.decided'",
            ] {
                for row in tx.query(sql, &[])? {
                    has.insert(Deed::Decision(row.get(0)?));
                }
            }
            Ok::<_, DbError>(has)
        };
        self.world.app.db.read(read).await.expect("the server's store can be read")
    }

    /// The changes of a visit as the server holds them, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn changes_of(&self, visit: InspectionId) -> Result<Vec<Vec<u8>>, String> {
        let read = move |tx: &mut Tx<'_>| {
            let sql = "SELECT bytes FROM changes WHERE inspection = $1 ORDER BY position";
            let rows = tx.query(sql, &[DbValue::Text(visit.to_string())])?;
            let mut found: Vec<Vec<u8>> = Vec::new();
            for row in &rows {
                found.extend(run_in(row, 0)?.into_iter().map(|(_, bytes)| bytes));
            }
            Ok::<_, DbError>(found)
        };
        self.world.app.db.read(read).await.map_err(|error| error.to_string())
    }

    /// What the server calls the time since it began or came back from a backup.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn epoch(&self) -> Result<Digest, String> {
        let sql = "SELECT epoch FROM tenants";
        let read = move |tx: &mut Tx<'_>| tx.query_opt(sql, &[])?.ok_or(DbError::NoRow { sql })?.get(0);
        self.world.app.db.read(read).await.map_err(|error: DbError| error.to_string())
    }

    /// What the server wrote into visits itself is said: terminals have it soon, and bring it back.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn note_own(&mut self) -> Result<(), String> {
        let read = |tx: &mut Tx<'_>| {
            let own = recorded(tx)?.into_iter().filter(|(_, _, device)| device.is_none());
            Ok::<_, DbError>(own.map(|(visit, change, _)| Deed::Change(visit, change)).collect::<Vec<_>>())
        };
        let own = self.world.app.db.read(read).await.map_err(|error| error.to_string())?;
        own.into_iter().for_each(|deed| self.model.said(deed));
        Ok(())
    }

    /// What anybody has. Nothing fails meanwhile that was about to.
    ///
    /// # Errors
    /// When a terminal cannot be read.
    pub async fn all_have(&self) -> Result<BTreeSet<Deed>, String> {
        let mut has = self.server_has().await;
        for hand in self.in_use() {
            self.hands[hand].disk.calm();
            has.append(&mut self.has(hand)?);
        }
        Ok(has)
    }

    /// Whether a terminal has everything that it said is saved, but for visits that it gave up.
    ///
    /// # Errors
    /// What is missing.
    pub fn keeps(&self, hand: usize) -> Result<(), String> {
        let (has, given_up) = (self.has(hand)?, self.given_up(hand));
        let lost =
            |deed: &Deed| !has.contains(deed) && deed.visit().is_none_or(|visit| !given_up.contains(&visit));
        match self.model.on(hand).find(lost) {
            Some(lost) => Err(format!("{} has lost {lost:?}", self.hands[hand].name)),
            None => Ok(()),
        }
    }

    /// Visits that a terminal does not have any more: its officer left the team.
    fn given_up(&self, hand: usize) -> Vec<InspectionId> {
        if !self.reassigned {
            return Vec::new();
        }
        let client = self.hands[hand].device.client();
        let lacks = |visit: &&InspectionId| {
            client.inspection(**visit).is_err_and(|error| error.code().as_str() == "not_found")
        };
        self.visits.iter().filter(lacks).copied().collect()
    }

    /// What a terminal gave up has to be on the server by then.
    pub async fn look_at_what_was_given_up(&mut self, hand: usize) {
        // A machine that has just failed cannot be asked. Nothing is missed: what was given up stays so until the next sync.
        let failed = |disk: &Disk| disk.struck() || disk.is_dead();
        if failed(&self.hands[hand].disk) || self.world.disk().is_some_and(failed) {
            return;
        }
        // What is not shown any more may still be here, and is offered again when the server lost it.
        let mut given_up = self.given_up(hand);
        // A disk that fails just now is asked after the next sync.
        given_up.retain(|visit| !self.hands[hand].holds(*visit).unwrap_or(true));
        let is_of_it = |deed: &Deed| deed.visit().is_some_and(|visit| given_up.contains(&visit));
        let deeds: Vec<Deed> = self.model.on(hand).filter(is_of_it).collect();
        if deeds.is_empty() {
            return;
        }
        let has = self.server_has().await;
        if let Some(lost) = deeds.iter().find(|deed| !has.contains(deed)) {
            let what = format!("{} gave up {lost:?}, which the server has not got", self.hands[hand].name);
            self.breaks("I3", what);
        }
    }

    /// Adds to the trace what everybody has in the end.
    ///
    /// # Errors
    /// When a terminal cannot be read.
    pub async fn note_all(&mut self) -> Result<(), String> {
        let server = self.server_has().await;
        self.note(&Digest::of(format!("{server:?}").as_bytes()).to_string());
        for hand in self.in_use() {
            let has = self.has(hand)?;
            self.note(&Digest::of(format!("{has:?}").as_bytes()).to_string());
        }
        Ok(())
    }
}

/// The changes in something that was received, with the digests of their bytes.
pub fn headers_in(bytes: &[u8]) -> Vec<(Digest, ChangeHeader)> {
    let one = |bytes: &[u8]| Some((Digest::of(bytes), header(bytes)?));
    if is_document(bytes) {
        let changes = Document::load(bytes).map(|document| document.changes()).unwrap_or_default();
        return changes.iter().filter_map(|(_, raw)| one(&raw.0)).collect();
    }
    one(bytes).into_iter().collect()
}

/// What a change says about itself; none for what cannot be read. The decoder may panic on what a stranger sent.
pub fn header(bytes: &[u8]) -> Option<ChangeHeader> {
    catch_unwind(|| inspect(bytes).ok()).ok()?
}
