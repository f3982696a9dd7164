//! `fieldproof`: the server and what an operator does with it. All of it is in [`fieldproof_server::cli`].

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    fieldproof_server::cli::main()
}
