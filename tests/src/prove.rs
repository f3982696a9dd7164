//! Runs every check of the project, after finding or installing what the checks need.
//!
//! A step that fails does not stop the later ones, so that one run shows everything. What a check means is its tool's
//! and its test's business; here is only the order, the clock and the count.

mod apt;
mod chromium;
mod postgres;
mod run;
mod steps;
mod tally;
mod tools;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use self::tally::Tally;
use crate::workspace;

/// What the steps share.
struct Proof<'a> {
    out: &'a mut dyn Write,
    root: PathBuf,
    target: PathBuf,
    tally: Tally,
}

/// How a step went, when it did not fail: something worth a line, or nothing.
type Outcome = Result<Option<String>, Failure>;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Something that the checks need is missing; how to get it.
    #[error("{0}")]
    Missing(String),
    /// A program ran and was not content; it has said why above.
    #[error("{0} was not content")]
    Discontent(String),
    /// A program could not be run.
    #[error("{program} cannot be run: {source}")]
    NotRun { program: String, source: io::Error },
}

/// Runs all steps, writing to `out` what goes on; returns whether all of them passed.
///
/// The last line is the count of tests: `N passed, M failed`.
///
/// # Errors
/// When `out` cannot be written, or cargo does not understand the workspace.
pub fn prove(out: &mut dyn Write) -> io::Result<bool> {
    let root = workspace::root().to_path_buf();
    let target = workspace::target(&root)?;
    let mut proof = Proof { out, root, target, tally: Tally::default() };
    let mut failed = Vec::new();
    for (name, step) in steps::ALL {
        writeln!(proof.out, "── {name}")?;
        proof.out.flush()?;
        let began = Instant::now();
        let outcome = step(&mut proof);
        let seconds = began.elapsed().as_secs_f32();
        match outcome {
            Ok(None) => writeln!(proof.out, "── {name}: passed ({seconds:.1} s)")?,
            Ok(Some(note)) => writeln!(proof.out, "── {name}: {note} ({seconds:.1} s)")?,
            Err(failure) => {
                writeln!(proof.out, "── {name}: FAILED ({seconds:.1} s)\n{failure}")?;
                failed.push(*name);
            }
        }
    }
    if !failed.is_empty() {
        writeln!(proof.out, "failed: {}", failed.join("; "))?;
    }
    writeln!(proof.out, "{}", proof.tally)?;
    proof.out.flush()?;
    Ok(failed.is_empty())
}
