//! `cargo measure`: prints what an officer waits for.

use std::io;

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(fieldproof_tests::measure::measure(&mut io::stdout()))
}
