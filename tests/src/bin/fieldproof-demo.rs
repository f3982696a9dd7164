//! `cargo demo`: plays a working day and leaves everything open; with `--headless` it ends when the day does.

use clap::Parser;
use fieldproof_tests::demo::{Options, play};
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Plays a working day of the sample city with the real programs.
#[derive(Parser)]
struct Arguments {
    /// Ends when the day is over, with exit code 0 if every step held.
    #[arg(long)]
    headless: bool,
    /// A new folder for everything that the day leaves behind; by default a temporary one.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Takes the pictures of the documentation when the day is over, into this folder; needs Chromium.
    #[arg(long)]
    pictures: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            use io::Write;
            writeln!(io::stderr(), "{failure}").ok();
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // The demo starts the programs that belong to this very source.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo).args(["build", "--quiet", "--workspace", "--bins"]).status()?;
    if !built.success() {
        return Err("the programs could not be built".into());
    }
    let temporary = tempfile::tempdir()?;
    let data = match arguments.data {
        Some(data) if data.exists() => {
            return Err(format!("{} exists: name a new folder", data.display()).into());
        }
        Some(data) => data,
        None => temporary.path().join("demo"),
    };
    let options = Options { headless: arguments.headless, data, pictures: arguments.pictures };
    tokio::runtime::Runtime::new()?.block_on(play(&options, &mut io::stdout()))
}
