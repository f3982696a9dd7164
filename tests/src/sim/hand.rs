//! Terminals in people's hands, and copies of them.

use super::model::Deed;
use crate::faults::Disk;
use crate::store;
use crate::world::World;
use crate::world::device::Device;
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId};
use fieldproof_schema::journal::Entry;
use fieldproof_schema::wire::floor::{Floor, SignedFloor};
use fieldproof_schema::wire::sync::Receipt;
use rusqlite::OptionalExtension;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A terminal in somebody's hand.
pub struct Hand {
    /// The terminal.
    pub device: Device,
    /// What its store lies on.
    pub disk: Disk,
    /// What it is called in the world's folder.
    pub name: String,
    /// What the server calls it.
    pub id: DeviceId,
    /// Whose it is.
    pub officer: OfficerId,
    /// False for terminals of which there are copies, and for the copies: the server tells people about them.
    pub alone: bool,
    /// False once it came back older.
    pub steady: bool,
    /// True once it is lost for good.
    pub lost: bool,
}

impl Hand {
    /// Takes up a terminal whose files are there.
    pub fn take(world: &World, name: String) -> Self {
        let disk = Disk::under(&world.folder().join(&name)).expect("the terminal's folder is there");
        let device = Device::new(world, &name);
        let enrolled = device.client().status().ok().and_then(|status| status.enrolled);
        let enrolled = enrolled.expect("the terminal is somebody's");
        let (id, officer) = (enrolled.device, enrolled.officer);
        Self { device, disk, name, id, officer, alone: true, steady: true, lost: false }
    }

    /// The epoch of the server that it knows.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub fn epoch(&self) -> rusqlite::Result<Option<String>> {
        let store = store::look_into(&self.store())?;
        store.query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| row.get(0)).optional()
    }

    fn store(&self) -> PathBuf {
        self.disk.folder().join("store.db")
    }

    /// Whether it has changes of a visit, shown or not.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub fn holds(&self, visit: InspectionId) -> rusqlite::Result<bool> {
        let store = store::look_into(&self.store())?;
        let sql = "SELECT EXISTS (SELECT 1 FROM changes WHERE inspection = ?1)
             OR EXISTS (SELECT 1 FROM folded WHERE inspection = ?1)";
        store.query_row(sql, [visit.as_bytes()], |row| row.get(0))
    }

    /// The receipts that it keeps.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub fn receipts(&self) -> rusqlite::Result<Vec<Receipt>> {
        let store = store::look_into(&self.store())?;
        let mut rows = store.prepare("SELECT bytes FROM receipts ORDER BY id")?;
        let kept =
            rows.query_map([], |row| row.get::<_, Vec<u8>>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(kept.iter().filter_map(|bytes| minicbor::decode(bytes).ok()).collect())
    }

    /// Visits of which all is folded although a conflict is open in them.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub fn folded_open(&self) -> rusqlite::Result<i64> {
        let store = store::look_into(&self.store())?;
        let sql = "SELECT COUNT(*) FROM folded f JOIN inspections i ON i.inspection = f.inspection
             WHERE f.own > 0 AND i.conflicts > 0
               AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.inspection = f.inspection)";
        store.query_row(sql, [], |row| row.get(0))
    }

    /// The floor that it was told.
    ///
    /// # Errors
    /// When its store cannot be read.
    pub fn floor(&self) -> rusqlite::Result<Option<Floor>> {
        let store = store::look_into(&self.store())?;
        let sql = "SELECT value FROM meta WHERE name = 'floor'";
        let text: Option<String> = store.query_row(sql, [], |row| row.get(0)).optional()?;
        let signed = text.and_then(|text| minicbor::decode::<SignedFloor>(&hex::decode(text).ok()?).ok());
        Ok(signed.and_then(|signed| minicbor::decode(&signed.bytes).ok()))
    }

    /// What its journal holds, in a few words: for whoever reads a failure.
    pub fn journal(&self) -> String {
        let read = || {
            let store = store::look_into(&self.store())?;
            let mut rows =
                store.prepare("SELECT seq, kind, bytes, receipt IS NOT NULL FROM journal ORDER BY seq")?;
            let lines = rows.query_map([], |row| {
                let bytes: Vec<u8> = row.get(2)?;
                let entry = minicbor::decode::<Entry>(&bytes);
                let body = entry.map(|entry| entry.body).unwrap_or_default();
                Ok(format!(
                    "{} {} {} {body}",
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, bool>(3)?
                ))
            })?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_or_else(|error| error.to_string(), |lines| lines.join(", "))
    }
}

/// How a terminal was.
pub struct Copy {
    /// Which.
    pub hand: usize,
    /// Its files.
    pub folder: PathBuf,
    /// What it had.
    pub deeds: BTreeSet<Deed>,
}
