//! Runs programs where the user sees what they say.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Failure, Outcome, Proof, tools};
use crate::workspace;

/// Runs cargo on the workspace.
pub(super) fn cargo(proof: &Proof<'_>, arguments: &[&str]) -> Outcome {
    visibly(workspace::cargo(&proof.root).args(arguments), &format!("cargo {}", arguments[0]))
}

/// Runs cargo-deny on the workspace.
pub(super) fn deny(proof: &Proof<'_>, arguments: &[&str]) -> Outcome {
    let program = tools::find_deny(&proof.target)
        .ok_or_else(|| Failure::Missing("cargo-deny is not here, see its set-up above".to_owned()))?;
    let mut command = Command::new(program);
    command.current_dir(&proof.root).args(arguments);
    visibly(&mut command, "cargo-deny")
}

/// Runs a program that writes where we write.
pub(super) fn visibly(command: &mut Command, name: &str) -> Outcome {
    let not_run = |source| Failure::NotRun { program: name.to_owned(), source };
    let status = command.stdin(Stdio::null()).status().map_err(not_run)?;
    if status.success() { Ok(None) } else { Err(Failure::Discontent(name.to_owned())) }
}

/// Runs cargo on the workspace, and gives each line that it writes to `read` after passing it on.
pub(super) fn stream(
    proof: &mut Proof<'_>,
    arguments: &[&str],
    mut read: impl FnMut(&mut Proof<'_>, &str),
) -> Outcome {
    let name = format!("cargo {}", arguments[0]);
    let not_run = |source| Failure::NotRun { program: name.clone(), source };
    let mut command = workspace::cargo(&proof.root);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    // The last lines of a proof say what failed; thirty frames of a runtime would stand in their place.
    command.env("RUST_BACKTRACE", "0");
    let mut child = command.spawn().map_err(not_run)?;
    if let Some(output) = child.stdout.take() {
        // A test may print anything, UTF-8 or not.
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(not_run)?;
            let line = String::from_utf8_lossy(&line);
            writeln!(proof.out, "{line}").map_err(not_run)?;
            read(proof, &line);
        }
    }
    let status = child.wait().map_err(not_run)?;
    if status.success() { Ok(None) } else { Err(Failure::Discontent(name)) }
}

/// Whether a program runs at all.
pub(super) fn answers(program: impl AsRef<Path>, arguments: &[&str]) -> bool {
    let mut command = Command::new(program.as_ref());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
