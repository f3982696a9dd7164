//! Reads the passphrase of the officer's key.

use super::output::Output;
use crate::error::StartError;
use std::io::{self, BufRead, IsTerminal, Write};

/// Where it may be set.
const VARIABLE: &str = "FIELDPROOF_PASSPHRASE";
/// Bytes of the longest line that is read.
const BYTES_MAX: u64 = 4096;

/// From the environment; an empty one is none.
pub(super) fn given() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|passphrase| !passphrase.is_empty())
}

/// From the environment, else from the first line of standard input.
pub(super) fn read(output: &Output) -> Result<String, StartError> {
    if let Some(passphrase) = given() {
        return Ok(passphrase);
    }
    let failed = |source| StartError::File { what: "reading the passphrase", source };
    let input = io::stdin();
    if input.is_terminal() {
        let mut error = io::stderr().lock();
        let prompt = output.text("passphrase", &[]);
        error.write_all(prompt.as_bytes()).and_then(|()| error.flush()).map_err(failed)?;
    }
    first_line(input.lock()).map_err(failed)
}

fn first_line(input: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    input.take(BYTES_MAX).read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts_with_its_spaces_and_without_its_end() {
        assert_eq!(first_line("a b \r\nmore\n".as_bytes()).unwrap(), "a b ");
        assert_eq!(first_line("".as_bytes()).unwrap(), "");
    }
}
