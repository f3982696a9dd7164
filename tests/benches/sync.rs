//! `cargo bench`: syncing two hundred inspections; for other numbers and for PostgreSQL see `fieldproof-bench`.

use fieldproof_tests::bench::{self, Options, handheld};
use std::error::Error;
use std::io;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut arguments = std::env::args().skip(1);
    // What cargo passes along concerns harnesses that know test names.
    if arguments.any(|argument| argument == handheld::SUBCOMMAND) {
        return runtime.block_on(handheld::be(arguments));
    }
    let options = Options { cases: 200, ..Options::default() };
    runtime.block_on(bench::run(&options, &mut io::stdout()))
}
