//! `fieldproof-terminal`: reads the command line, does what it says, and turns failure into an exit code.

#![forbid(unsafe_code)]

use clap::Parser;
use fieldproof_terminal::cli::{self, Cli};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
