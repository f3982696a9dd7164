//! Counts tests by what the test programs say at their end.

use std::fmt;

/// How many tests passed and failed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Adds the counts of a result line; other lines change nothing.
    pub(super) fn read(&mut self, line: &str) {
        if let Some((passed, failed)) = counts(line) {
            self.passed += passed;
            self.failed += failed;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Passed and failed of `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn counts(line: &str) -> Option<(u64, u64)> {
    let (_verdict, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what| counts.split("; ").find_map(|part| part.strip_suffix(what)?.parse().ok());
    Some((count(" passed")?, count(" failed")?))
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn tally(output: &str) -> String {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        tally.to_string()
    }

    #[test]
    fn result_lines_add_up() {
        let output = "
running 2 tests
test a::b ... ok
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.00s
     Running suite/main.rs
test result: FAILED. 10 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 12.33s
";
        assert_eq!(tally(output), "12 passed, 3 failed");
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in [
            "",
            "3 passed; 1 failed",
            "test result: unknown",
            "test result: ok. many passed; 0 failed; 0 ignored",
            "test result: ok. 3 passed",
            "said: test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
        ] {
            assert_eq!(tally(line), "0 passed, 0 failed", "{line}");
        }
    }
}
