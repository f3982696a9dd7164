//! Backups of the server's files and their return, as an operator makes them with the server stopped.

use super::World;
use fieldproof_server::db::DbUrl;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A copy of database and evidence.
pub struct Backup(pub(crate) PathBuf);

impl Backup {
    /// One that lies in this folder already.
    pub fn at(folder: PathBuf) -> Self {
        Self(folder)
    }
}

impl World {
    fn database_file(&self) -> PathBuf {
        match &self.url {
            DbUrl::Sqlite(path) => path.clone(),
            DbUrl::Postgres(_) => panic!("only a world on SQLite can be copied as files"),
        }
    }

    /// Stops the server, copies what it stored and starts it again.
    pub async fn back_up(&mut self, name: &str) -> Backup {
        let copy = self.folder().join(format!("backup-{name}"));
        let (database, evidence) = (self.database_file(), self.folder().join("evidence"));
        let to = copy.clone();
        let act = move || {
            fs::create_dir_all(&to).expect("a folder for the copy");
            // With the write-ahead log: connections that close at the same moment may leave it behind.
            for end in ENDS {
                copy_or_remove(&beside(&database, end), &beside(&to.join("server.db"), end));
            }
            copy_all(&evidence, &to.join("evidence")).expect("evidence is files");
        };
        self.restart_upon(act).await;
        Backup(copy)
    }

    /// Stops the server, puts a backup in the place of everything that it stored, and starts it again.
    pub async fn put_back(&mut self, Backup(copy): &Backup) {
        let (database, evidence) = (self.database_file(), self.folder().join("evidence"));
        let from = copy.clone();
        let act = move || {
            for end in ENDS {
                copy_or_remove(&beside(&from.join("server.db"), end), &beside(&database, end));
            }
            fs::remove_dir_all(&evidence).expect("evidence can be removed");
            copy_all(&from.join("evidence"), &evidence).expect("evidence can be put back");
        };
        let disk = self.disk.take();
        self.restart_upon(|| {
            act();
            if let Some(disk) = &disk {
                disk.replaced().expect("the server's files are closed");
            }
        })
        .await;
        self.disk = disk;
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
