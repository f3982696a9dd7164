//! Times of one act, as figures that people read.

use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Times of one act, sorted.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Does it so often.
    pub(crate) fn of(count: usize, mut act: impl FnMut(usize)) -> Self {
        let time = |n| {
            let start = Instant::now();
            act(n);
            start.elapsed()
        };
        Self::taken((0..count).map(time).collect())
    }

    /// Of times that were taken elsewhere; at least one.
    pub(crate) fn taken(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that so many of a hundred are within.
    pub(crate) fn at(&self, hundredths: usize) -> Duration {
        self.0[(self.0.len() * hundredths / 100).min(self.0.len() - 1)]
    }

    /// Prints them, also as so many times those of another act.
    pub(super) fn line(&self, out: &mut dyn Write, what: &str, raw: Option<&Times>) -> io::Result<()> {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let ratio = raw.map(|raw| format!("  {:.1} x the raw limit", ms(self.at(50)) / ms(raw.at(50))));
        let (median, p99, most) = (ms(self.at(50)), ms(self.at(99)), ms(self.at(100)));
        let ratio = ratio.unwrap_or_default();
        writeln!(out, "{what:<44} median {median:8.3} ms  p99 {p99:8.3} ms  most {most:8.3} ms{ratio}")
    }
}
