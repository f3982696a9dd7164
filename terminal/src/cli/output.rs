//! What commands print: results to standard output, failures to standard error, in the catalogues' words.

use crate::error::{StartError, chain};
use fieldproof_presentation::texts::{self, Language, text};
use fieldproof_schema::moment::Moment;
use jiff::Timestamp;
use jiff::tz::Offset;
use std::io::{self, Write};
use std::process::ExitCode;

/// Where a command's words go, and in which language.
pub(super) struct Output {
    language: Language,
}

impl Output {
    pub(super) fn new(language: Language) -> Self {
        Self { language }
    }

    /// The text under `key`.
    pub(super) fn text(&self, key: &str, values: &[(&str, &str)]) -> String {
        text(self.language, &format!("terminal.cli.{key}"), values)
    }

    /// Prints the text under `key` as a line.
    pub(super) fn say(&self, key: &str, values: &[(&str, &str)]) -> Result<(), StartError> {
        self.line(&self.text(key, values))
    }

    /// Prints a line.
    pub(super) fn line(&self, line: &str) -> Result<(), StartError> {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .map_err(|source| StartError::File { what: "writing to standard output", source })
    }

    /// Says on standard error what failed: both languages, the code, and the technical cause.
    pub(super) fn failed(&self, error: &StartError) -> ExitCode {
        // Nobody is left to tell when standard error fails.
        let _ = io::stderr().lock().write_all(failure(error).as_bytes());
        ExitCode::FAILURE
    }
}

fn failure(error: &StartError) -> String {
    let code = error.code();
    let messages = texts::error_messages(code);
    let mut text = String::new();
    for language in Language::ALL {
        text.push_str(messages.get(language.tag()).map_or("", String::as_str));
        text.push('\n');
    }
    text.push_str(&format!("[{}] {}\n", code.as_str(), chain(error)));
    text
}

/// A moment as people in China read it, to the minute.
pub(super) fn local(moment: Moment) -> String {
    let stamp = Timestamp::from_microsecond(moment.as_micros()).unwrap_or(Timestamp::UNIX_EPOCH);
    Offset::constant(8).to_datetime(stamp).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Bytes in megabytes, to one decimal.
pub(super) fn megabytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_failure_says_both_languages_then_code_and_cause() {
        let text = failure(&StartError::NoData(PathBuf::from("nowhere")));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(!lines[0].is_ascii());
        assert!(lines[1].is_ascii());
        assert_eq!(lines[2], "[not_enrolled] nowhere is not the data directory of a terminal");
    }

    #[test]
    fn moments_are_local_and_sizes_never_round_to_nothing() {
        assert_eq!(local(Moment::from_micros(1_795_442_645_000_000)), "2026-11-23 22:04");
        assert_eq!(megabytes(0), "0.0 MB");
        assert_eq!(megabytes(1), "0.1 MB");
        assert_eq!(megabytes(12_340_000), "12.4 MB");
    }
}
