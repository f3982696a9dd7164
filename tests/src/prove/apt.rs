//! Installs packages of the distribution where that is one command: as root, on Debian or Ubuntu.

use std::process::Command;

use super::run::{answers, visibly};
use super::{Failure, Outcome};

/// Makes sure of what `is_there` looks for, with `packages` where it is missing; `by_hand` says how to get it elsewhere.
pub(super) fn provide(is_there: impl Fn() -> bool, packages: &[&str], by_hand: &str) -> Outcome {
    if is_there() {
        return Ok(None);
    }
    if !answers("apt-get", &["--version"]) || !is_root() {
        return Err(Failure::Missing(format!("missing: {by_hand}")));
    }
    apt(&["update"])?;
    apt(&[&["install", "-y", "--no-install-recommends"], packages].concat())?;
    if is_there() {
        return Ok(Some("installed".to_owned()));
    }
    Err(Failure::Missing(format!("{} were installed, but what they bring is not found", packages.join(", "))))
}

fn apt(arguments: &[&str]) -> Outcome {
    visibly(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"), "apt-get")
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
