//! What a database says, whatever its pages look like.

use crate::faults::Files;
use crate::store;
use fieldproof_schema::suite::{Digest, DigestStream};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::{fs, io};

/// Told by the file's place on the disk, so that it says something else in every folder.
const OF_ITS_PLACE: &str = "numbers_mark";

/// The digest of everything that the database `name` among these files says. They are laid out in the folder `scratch`, which
/// is no disk.
///
/// # Errors
/// What is wrong with it, when it cannot be read or its pages do not hold together.
pub(super) fn digest(files: &Files, name: &str, scratch: &Path) -> Result<Digest, String> {
    lay_out(files, scratch).map_err(|error| format!("the scratch folder: {error}"))?;
    let path = scratch.join(name);
    if !path.exists() {
        return Ok(Digest::stream().finish());
    }
    read(&path).map_err(|error| format!("the database cannot be read: {error}"))?
}

fn lay_out(files: &Files, scratch: &Path) -> io::Result<()> {
    for entry in fs::read_dir(scratch)? {
        fs::remove_file(entry?.path())?;
    }
    files.iter().try_for_each(|(name, bytes)| fs::write(scratch.join(name), bytes))
}

fn read(path: &Path) -> rusqlite::Result<Result<Digest, String>> {
    let connection = store::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Nobody else reads this copy: no index in shared memory is needed, and nothing needs to be safe.
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF")?;
    let whole: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if whole != "ok" {
        return Ok(Err(format!("the database does not hold together: {whole}")));
    }
    let mut stream = Digest::stream();
    let mut tables = Vec::new();
    {
        let mut schema = connection
            .prepare("SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")?;
        let mut rows = schema.query([])?;
        while let Some(row) = rows.next()? {
            let (name, kind, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            stream.update(sql.as_bytes());
            tables.extend((kind == "table").then_some(name));
        }
    }
    for table in &tables {
        stream.update(table.as_bytes());
        table_into(&connection, table, &mut stream)?;
    }
    if !tables.is_empty() {
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        stream.update(&version.to_be_bytes());
    }
    Ok(Ok(stream.finish()))
}

fn table_into(connection: &Connection, table: &str, stream: &mut DigestStream) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\" ORDER BY rowid"))?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if row.get_ref(0)?.as_str().is_ok_and(|name| name == OF_ITS_PLACE) {
            continue;
        }
        for column in 0..width {
            match row.get_ref(column)? {
                ValueRef::Null => stream.update(&[0]),
                ValueRef::Integer(number) => {
                    stream.update(&[1]);
                    stream.update(&number.to_be_bytes());
                }
                ValueRef::Real(number) => {
                    stream.update(&[2]);
                    stream.update(&number.to_be_bytes());
                }
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    stream.update(&[3]);
                    stream.update(&(bytes.len() as u64).to_be_bytes());
                    stream.update(bytes);
                }
            }
        }
    }
    Ok(())
}
