//! `cargo bench`: syncing two hundred inspections; for other numbers and for PostgreSQL see `fieldproof-bench`.

use fieldproof_tests::bench::{self, Options};
use std::error::Error;
use std::io;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    // What cargo passes along concerns harnesses that know test names.
    let options = Options { cases: 200, ..Options::default() };
    tokio::runtime::Runtime::new()?.block_on(bench::run(&options, &mut io::stdout()))
}
