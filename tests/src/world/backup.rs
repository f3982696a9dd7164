//! Backups of the server's files and their return, as an operator makes them with the server stopped.

use super::World;
use crate::postgres::{self, Database};
use fieldproof_server::db::DbUrl;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A copy of database and evidence.
pub struct Backup {
    /// The evidence, and the database where that is files.
    pub(crate) folder: PathBuf,
    /// The database where that is PostgreSQL's.
    pub(crate) database: Option<Database>,
}

impl Backup {
    /// One that lies in this folder already.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder, database: None }
    }
}

impl World {
    /// Stops the server, copies what it stored and starts it again.
    pub async fn back_up(&mut self, name: &str) -> Backup {
        let folder = self.folder().join(format!("backup-{name}"));
        let (url, evidence) = (self.url.clone(), self.folder().join("evidence"));
        let to = folder.clone();
        let mut database = None;
        self.restart_upon(|| {
            fs::create_dir_all(&to).expect("a folder for the copy");
            match &url {
                DbUrl::Sqlite(file) => copy_files(file, &to.join("server.db")),
                DbUrl::Postgres(config) => database = Some(Database::like(name_of(config))),
            }
            copy_all(&evidence, &to.join("evidence")).expect("evidence is files");
        })
        .await;
        Backup { folder, database }
    }

    /// Stops the server, puts a backup in the place of everything that it stored, and starts it again.
    pub async fn put_back(&mut self, backup: &Backup) {
        let (url, evidence) = (self.url.clone(), self.folder().join("evidence"));
        // As the manual says: notes of earlier restores stay.
        let org = self.app.org().await.ok().map(|org| org.to_string());
        let noted = org.map(|org| evidence.join("blobs").join(org).join("restores"));
        let (noted, aside) = (noted.filter(|noted| noted.exists()), self.folder().join("restores"));
        let disk = self.disk.take();
        self.restart_upon(|| {
            match (&url, &backup.database) {
                (DbUrl::Sqlite(file), _) => copy_files(&backup.folder.join("server.db"), file),
                (DbUrl::Postgres(config), kept) => {
                    let kept = kept.as_ref().expect("a backup of this world");
                    postgres::shared().copy_database(kept.name(), name_of(config));
                }
            }
            if let Some(noted) = &noted {
                fs::rename(noted, &aside).expect("notes can be put aside");
            }
            fs::remove_dir_all(&evidence).expect("evidence can be removed");
            copy_all(&backup.folder.join("evidence"), &evidence).expect("evidence can be put back");
            if let Some(noted) = &noted {
                copy_all(&aside, noted).expect("notes can be put back");
                fs::remove_dir_all(&aside).expect("notes can be removed");
            }
            if let Some(disk) = &disk {
                disk.replaced().expect("the server's files are closed");
            }
        })
        .await;
        self.disk = disk;
    }
}

/// What a database of PostgreSQL is called.
fn name_of(config: &tokio_postgres::Config) -> &str {
    config.get_dbname().expect("a world's database has a name")
}

/// Makes the files of one database those of another, with the write-ahead log: connections that close at the same moment may
/// leave it behind.
fn copy_files(from: &Path, to: &Path) {
    for end in ENDS {
        copy_or_remove(&beside(from, end), &beside(to, end));
    }
}

/// What the files of one database are called.
const ENDS: [&str; 3] = ["", "-wal", "-shm"];

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.to_owned().into_os_string();
    name.push(end);
    name.into()
}

/// Makes `to` what `from` is: the same bytes, or not there.
fn copy_or_remove(from: &Path, to: &Path) {
    if from.exists() {
        fs::copy(from, to).expect("a file of the database can be copied");
    } else if to.exists() {
        fs::remove_file(to).expect("a file of the database can be removed");
    }
}

/// Copies a folder with everything in it.
pub(crate) fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
