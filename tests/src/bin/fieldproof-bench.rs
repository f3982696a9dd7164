//! `fieldproof-bench [--cases N] [--postgres URL] [--gate-workers N]`: one JSON line for each phase of syncing N inspections.

use std::io::{self, Write};
use std::process::ExitCode;

const USAGE: &str = "fieldproof-bench [--cases N] [--postgres URL] [--gate-workers N]";

fn main() -> ExitCode {
    let mut options = fieldproof_tests::bench::Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let fits = match (name.as_str(), arguments.next()) {
            ("--cases", Some(value)) => value.parse().map(|cases| options.cases = cases).is_ok(),
            ("--gate-workers", Some(value)) => {
                value.parse().map(|workers| options.gate_workers = workers).is_ok()
            }
            ("--postgres", Some(value)) => {
                options.postgres = Some(value);
                true
            }
            _ => false,
        };
        if !fits {
            writeln!(io::stderr(), "{USAGE}").ok();
            return ExitCode::FAILURE;
        }
    }
    let done = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(fieldproof_tests::bench::run(&options, &mut io::stdout())));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            writeln!(io::stderr(), "{failure}").ok();
            ExitCode::FAILURE
        }
    }
}
