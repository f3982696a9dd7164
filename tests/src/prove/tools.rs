//! Tools of the Rust world that the checks need: found, or installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::run::{answers, visibly};
use super::{Failure, Outcome};
use crate::workspace;

/// Pinned, so that all machines judge alike.
const DENY_VERSION: &str = "0.20.2";

/// Makes sure of `cargo fmt` and `cargo clippy`.
pub(super) fn components() -> Outcome {
    let missing: Vec<&str> = [("rustfmt", "fmt"), ("clippy", "clippy")]
        .into_iter()
        .filter(|(_, subcommand)| !answers("cargo", &[subcommand, "--version"]))
        .map(|(component, _)| component)
        .collect();
    if missing.is_empty() {
        return Ok(None);
    }
    if !answers("rustup", &["--version"]) {
        return Err(Failure::Missing(format!(
            "missing: {}; without rustup they come from wherever Rust came from (Debian: rustfmt, rust-clippy)",
            missing.join(", ")
        )));
    }
    visibly(Command::new("rustup").args(["component", "add"]).args(missing), "rustup component add")
}

/// Makes sure of cargo-deny; takes about a minute when it has to be built.
pub(super) fn deny(target: &Path) -> Outcome {
    if find_deny(target).is_some() {
        return Ok(None);
    }
    let tools = tools_folder(target);
    let build = tools.join("build");
    let mut install = workspace::cargo(target);
    install
        .args(["install", "cargo-deny", "--locked", "--version", DENY_VERSION, "--debug", "--root"])
        .arg(&tools)
        // It runs for a second, so what counts is how soon it is built.
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        // Apart from the workspace's own build, and gone afterwards.
        .env("CARGO_TARGET_DIR", &build);
    let installed = visibly(&mut install, "cargo install cargo-deny");
    // Left over it costs space only.
    let _ = std::fs::remove_dir_all(build);
    match installed {
        Ok(_) => Ok(Some(format!("installed {DENY_VERSION}"))),
        Err(Failure::Discontent(_)) => Err(Failure::Missing(format!(
            "cargo-deny could not be installed; cargo says above why (without a network it cannot be). \
             By hand: cargo install cargo-deny --locked --version {DENY_VERSION}"
        ))),
        Err(other) => Err(other),
    }
}

/// The program: from `PATH`, else where [`deny`] puts it.
pub(super) fn find_deny(target: &Path) -> Option<PathBuf> {
    let own = tools_folder(target).join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    [PathBuf::from("cargo-deny"), own].into_iter().find(|program| answers(program, &["--version"]))
}

fn tools_folder(target: &Path) -> PathBuf {
    target.join("tools")
}
