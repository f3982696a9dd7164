//! `cargo sim`: looks for what bad luck breaks. Prints lines of JSON, and fails when anything was lost.

use clap::Parser;
use fieldproof_tests::sim::cli::Command;
use std::io::{self, Write};
use std::process::ExitCode;

/// Simulations of what goes wrong.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(command.carry_out())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            writeln!(io::stderr(), "{error}").ok();
            ExitCode::FAILURE
        }
    }
}
