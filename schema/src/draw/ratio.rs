//! The share of entities that a plan draws (抽查比例), as an exact fraction.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A share above 0 and at most 1, in lowest terms.
///
/// Read from `"1/5"`, `"0.2"` (up to nine decimals) or `"20%"`; written as `"1/5"`. Never a floating-point number, which
/// would round 15 picks to 16 on some machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    numerator: u64,
    denominator: u64,
}

/// A text that is not a usable share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RatioError {
    /// Neither a fraction, a decimal nor a percentage.
    #[error("{0:?} is not a share such as \"0.2\", \"1/5\" or \"20%\"")]
    Malformed(String),
    /// Zero, or more than everything.
    #[error("the share {0:?} is not above 0 and at most 1")]
    OutOfRange(String),
}

impl Ratio {
    /// How many of `count` entities the share is: rounded up, so that a non-empty pool gives at least one.
    pub fn of(self, count: usize) -> usize {
        let product = count as u128 * u128::from(self.numerator);
        usize::try_from(product.div_ceil(u128::from(self.denominator))).unwrap_or(count)
    }
}

/// A decimal text as numerator and a power of ten.
fn decimal(text: &str) -> Option<(u64, u64)> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = [whole, decimals].concat();
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !whole.is_empty() && !text.ends_with('.');
    if !plain || digits.len() > 12 || decimals.len() > 9 {
        return None;
    }
    let scale = 10u64.pow(u32::try_from(decimals.len()).ok()?);
    Some((digits.parse().ok()?, scale))
}

fn integer(text: &str) -> Option<u64> {
    decimal(text).filter(|_| !text.contains('.')).map(|(value, _)| value)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl FromStr for Ratio {
    type Err = RatioError;

    fn from_str(text: &str) -> Result<Self, RatioError> {
        let shown = || text.chars().take(64).collect();
        let parts = if let Some(percent) = text.strip_suffix('%') {
            decimal(percent).map(|(n, d)| (n, d * 100))
        } else if let Some((n, d)) = text.split_once('/') {
            integer(n).zip(integer(d))
        } else {
            decimal(text)
        };
        let (n, d) = parts.ok_or_else(|| RatioError::Malformed(shown()))?;
        if n == 0 || n > d {
            return Err(RatioError::OutOfRange(shown()));
        }
        let common = gcd(n, d);
        Ok(Self { numerator: n / common, denominator: d / common })
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ratio({self})")
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_mean_the_same_share() {
        for text in ["0.2", "1/5", "20%", "0.20", "2/10", "20.0%"] {
            assert_eq!(text.parse::<Ratio>().unwrap().to_string(), "1/5", "{text}");
        }
        assert_eq!("1".parse::<Ratio>().unwrap().to_string(), "1/1");
    }

    #[test]
    fn samples_are_rounded_up_as_the_source_data_shows() {
        for (population, ratio, n) in [
            (7, "0.2", 2),
            (10, "0.2", 2),
            (3, "0.5", 2),
            (0, "0.3", 0),
            (72, "0.2", 15),
            (9, "1", 9),
            (1, "0.001", 1),
        ] {
            assert_eq!(ratio.parse::<Ratio>().unwrap().of(population), n, "{population} × {ratio}");
        }
    }

    #[test]
    fn what_is_not_a_share_is_refused() {
        for text in ["", ".", "1.", ".5", "-0.2", "+1", "1e-1", "0.2/1", "1/", "%", "0.0000000001", "１/５"]
        {
            assert!(text.parse::<Ratio>().is_err(), "{text}");
        }
        for text in ["0", "1/0", "0/5", "0%", "1.1", "6/5", "101%"] {
            assert_eq!(text.parse::<Ratio>(), Err(RatioError::OutOfRange(text.to_owned())));
        }
    }
}
