//! The PostgreSQL server programs that tests start for themselves: found, or installed where that is one command.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::run::{answers, visibly};
use super::{Failure, Outcome};

/// Where Debian and its kin put them: a folder per version, none of it on `PATH`.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Makes sure of the server programs.
pub(super) fn provide() -> Outcome {
    if find().is_some() {
        return Ok(None);
    }
    if !answers("apt-get", &["--version"]) || !is_root() {
        return Err(Failure::Missing(
            "missing: the PostgreSQL server (initdb, pg_ctl, postgres), on PATH or in /usr/lib/postgresql/*/bin. \
             Debian, Ubuntu: sudo apt-get install --no-install-recommends postgresql; \
             Fedora: sudo dnf install postgresql-server; macOS: brew install postgresql"
                .to_owned(),
        ));
    }
    apt(&["update"])?;
    apt(&["install", "-y", "--no-install-recommends", "postgresql"])?;
    match find() {
        Some(_) => Ok(Some("installed".to_owned())),
        None => Err(Failure::Missing("PostgreSQL was installed, but its programs are not found".to_owned())),
    }
}

/// The folder of the programs: from `PATH`, else the newest version installed.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(VERSIONS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by(|one, other| other.cmp(one));
    std::env::split_paths(&path)
        .chain(versions.into_iter().map(|(_, folder)| folder))
        .find(|folder| has_programs(folder))
}

fn has_programs(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
}

fn apt(arguments: &[&str]) -> Outcome {
    visibly(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"), "apt-get")
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
