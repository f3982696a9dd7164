//! The steps, in order. A new one is a line in the table.

use super::run::{cargo, deny, stream};
use super::{Failure, Outcome, Proof, chromium, postgres, tools};

type Step = fn(&mut Proof<'_>) -> Outcome;

/// First what the checks need, then the quick checks, then the slow ones.
pub(super) const ALL: &[(&str, Step)] = &[
    ("set-up: rustfmt and clippy", |_| tools::components()),
    ("set-up: PostgreSQL", |_| postgres::provide()),
    ("set-up: Chromium", |_| chromium::provide()),
    ("set-up: cargo-deny", |proof| tools::deny(&proof.target)),
    ("format", |proof| cargo(proof, &["fmt", "--all", "--check"])),
    ("dependencies: bans, licences, sources", |proof| {
        deny(proof, &["--log-level", "error", "check", "bans", "licenses", "sources"])
    }),
    ("dependencies: advisories", advisories),
    ("lints", |proof| cargo(proof, &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])),
    // All targets rather than the programs alone: only so are dependencies built with the features that the tests
    // want, and built once.
    ("build", |proof| cargo(proof, &["build", "--workspace", "--all-targets"])),
    ("tests", tests),
];

/// Advisories change without us. When the database cannot be reached nothing is wrong with the project.
fn advisories(proof: &mut Proof<'_>) -> Outcome {
    match deny(proof, &["fetch", "db"]) {
        Ok(_) => deny(proof, &["check", "--disable-fetch", "advisories"]),
        Err(Failure::Discontent(_)) => Ok(Some("not checked, database unreachable".to_owned())),
        Err(other) => Err(other),
    }
}

/// Runs the tests and counts them.
fn tests(proof: &mut Proof<'_>) -> Outcome {
    stream(proof, &["test", "--workspace", "--no-fail-fast"], |proof, line| proof.tally.read(line))
}
