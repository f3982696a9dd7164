//! `cargo sim`: looks for what bad luck breaks. Prints lines of JSON, and fails when anything was lost.

use clap::{Parser, Subcommand};
use fieldproof_tests::crash::cli::Crash;
use fieldproof_tests::hostile::Hostile;
use fieldproof_tests::{crash, sim};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};

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
    /// Peers that hold on to connections in every way, while an honest terminal syncs.
    Hostile(Hostile),
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
        What::Hostile(hostile) => runtime()?.block_on(hostile.carry_out()),
        What::Worlds(command) => Ok(runtime()?.block_on(command.carry_out())),
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
