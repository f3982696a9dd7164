//! `cargo sim`: looks for what bad luck breaks. Prints lines of JSON, and fails when anything was lost.

use clap::{Parser, Subcommand};
use fieldproof_tests::crash::cli::Crash;
use fieldproof_tests::{crash, sim};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// Simulations of what goes wrong.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// One store whose disk fails.
    Crash {
        #[command(subcommand)]
        how: Crash,
    },
    #[command(flatten)]
    Worlds(sim::cli::Command),
}

fn main() -> ExitCode {
    match carry_out(&Arguments::parse().what) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            writeln!(io::stderr(), "{failure}").ok();
            ExitCode::FAILURE
        }
    }
}

fn carry_out(what: &What) -> Result<bool, Box<dyn Error + Send + Sync>> {
    match what {
        What::Crash { how } => Ok(crash::cli::carry_out(how)?),
        What::Worlds(command) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(runtime.block_on(command.carry_out()))
        }
    }
}
