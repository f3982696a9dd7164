//! Fuzzes what reads bytes from outside; what it finds it keeps beside the inputs of the tests.

use clap::Parser;
use fieldproof_schema::suite::Digest;
use fieldproof_tests::fuzz::watch::Watch;
use fieldproof_tests::fuzz::{Finding, Range, Target, corpus, fuzz, targets};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, process};

/// Runs mutants of the stored inputs through one target, or through all.
#[derive(Parser)]
struct Arguments {
    /// The target; all of them by default.
    target: Option<String>,
    /// Mutants for each target.
    #[arg(long, default_value_t = 10_000)]
    iterations: u64,
    /// What everything follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first mutant: a finding names its own.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Writes the valid inputs anew instead.
    #[arg(long)]
    write_valid: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            say(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

/// True when nothing was found.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn std::error::Error>> {
    let chosen: Vec<&'static Target> = match &arguments.target {
        Some(name) => vec![targets::find(name).ok_or_else(|| unknown(name))?],
        None => targets::ALL.iter().collect(),
    };
    let mut clean = true;
    for target in chosen {
        if arguments.write_valid {
            write_valid(target)?;
            continue;
        }
        // Findings are no good material: most end early.
        let valid: Vec<Vec<u8>> = corpus::seeds(target.name).into_iter().map(|(_, bytes)| bytes).collect();
        let range = Range { seed: arguments.seed, first: arguments.first, iterations: arguments.iterations };
        let folder = target.folder();
        let watch = Watch::start(move |input, what| {
            let kept = keep(&folder, input);
            say(&format!("{}: {what}: {kept:?}", target.name));
            process::exit(1);
        });
        let found = fuzz(target, &valid, range, &mut |input| watch.begin(input));
        watch.end();
        match found {
            Some(finding) => {
                clean = false;
                let Finding { input, .. } = &finding;
                let kept = keep(&target.folder(), input)?;
                say(&format!("{finding}\n  kept as {}", kept.display()));
            }
            None => say(&format!("{}: {} mutants of seed {}", target.name, range.iterations, range.seed)),
        }
    }
    Ok(clean)
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = targets::ALL.iter().map(|target| target.name).collect();
    format!("no target {name}; there are {}", known.join(", "))
}

/// Keeps an input under its digest.
fn keep(folder: &Path, input: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let digest = Digest::of(input).to_string();
    let name: String = digest.trim_start_matches("std-").chars().take(32).collect();
    let path = folder.join(format!("{name}.bin"));
    fs::write(&path, input)?;
    Ok(path)
}

fn write_valid(target: &Target) -> io::Result<()> {
    fs::create_dir_all(target.folder())?;
    for (name, bytes) in corpus::seeds(target.name) {
        fs::write(target.folder().join(name), bytes)?;
    }
    Ok(())
}

fn say(line: &str) {
    writeln!(io::stderr(), "{line}").ok();
}
