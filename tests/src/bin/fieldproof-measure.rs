//! `cargo measure`: prints what people wait for.

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let measured = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(fieldproof_tests::measure::measure(&mut io::stdout())));
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            writeln!(io::stderr(), "{failure}").ok();
            ExitCode::FAILURE
        }
    }
}
