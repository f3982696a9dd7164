//! The PostgreSQL server programs that tests start for themselves: found, or installed where that is one command.

use std::process::Command;

use super::run::{answers, visibly};
use super::{Failure, Outcome};
use crate::postgres::find_programs;

/// Makes sure of the server programs.
pub(super) fn provide() -> Outcome {
    if find_programs().is_some() {
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
    match find_programs() {
        Some(_) => Ok(Some("installed".to_owned())),
        None => Err(Failure::Missing("PostgreSQL was installed, but its programs are not found".to_owned())),
    }
}

fn apt(arguments: &[&str]) -> Outcome {
    visibly(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"), "apt-get")
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
