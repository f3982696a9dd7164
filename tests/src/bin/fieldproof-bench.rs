//! `fieldproof-bench [PHASE …] [--cases N] …`: one JSON line for each phase of syncing N inspections.

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(fieldproof_tests::bench::main(std::env::args().skip(1))));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            writeln!(io::stderr(), "{failure}").ok();
            ExitCode::FAILURE
        }
    }
}
