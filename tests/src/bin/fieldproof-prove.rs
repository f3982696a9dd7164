//! `cargo prove`: all checks and tests, with what they need.
#![allow(clippy::print_stderr, reason = "a command-line program speaks on its standard streams")]

use std::process::ExitCode;

use fieldproof_tests::prove::prove;

fn main() -> ExitCode {
    match prove(&mut std::io::stdout()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
