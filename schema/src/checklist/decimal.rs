//! Exact decimal numbers: what an instrument showed and what a standard says, compared without rounding.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A decimal number of at most [`Decimal::DIGITS_MAX`] digits, kept as it was written: `7.80` stays `7.80`.
///
/// Comparison and equality are by size, so `7.80 == 7.8`. There is no arithmetic.
#[derive(Clone, Copy)]
pub struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// A text that is not a plain decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a plain decimal number of at most {} digits", Decimal::DIGITS_MAX)]
pub struct DecimalError;

impl Decimal {
    /// Digits before and behind the point together. Two numbers within it compare without overflow.
    pub const DIGITS_MAX: usize = 18;

    /// How many digits stand behind the point.
    pub fn decimals(&self) -> u32 {
        self.scale
    }

    /// The mantissa at a scale of at least its own; at most 36 digits, which 128 bits hold.
    fn at_scale(self, scale: u32) -> i128 {
        self.mantissa * 10_i128.pow(scale - self.scale)
    }
}

/// `-?digits[.digits]`: no sign `+`, no exponent, no spaces, no leading zeros, so that a number has few spellings.
impl FromStr for Decimal {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(DecimalError),
            None => (digits, ""),
        };
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let padded = whole.len() > 1 && whole.starts_with('0');
        let length = whole.len() + fraction.len();
        if whole.is_empty() || padded || !plain(whole) || !plain(fraction) || length > Self::DIGITS_MAX {
            return Err(DecimalError);
        }
        let magnitude = format!("{whole}{fraction}").parse::<i128>().map_err(|_| DecimalError)?;
        let negative = digits.len() != text.len();
        // A zero with a sign would be a second spelling that prints without it.
        if negative && magnitude == 0 {
            return Err(DecimalError);
        }
        let scale = u32::try_from(fraction.len()).map_err(|_| DecimalError)?;
        Ok(Self { mantissa: if negative { -magnitude } else { magnitude }, scale })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let scale = self.scale as usize;
        let digits = format!("{:0width$}", self.mantissa.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({self})")
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.at_scale(scale).cmp(&other.at_scale(scale))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

impl serde::Serialize for Decimal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Decimal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_has_no_exponent_padding_or_foreign_digits() {
        for bad in ["", ".", "1.", ".5", "+1", "1e3", " 1", "01", "-0", "-0.0", "NaN", "１", "1.2.3", "1,5"]
        {
            assert_eq!(bad.parse::<Decimal>(), Err(DecimalError), "{bad:?}");
        }
        assert!("999999999999999999".parse::<Decimal>().is_ok());
        assert!("1.000000000000000000".parse::<Decimal>().is_err());
    }

    #[test]
    fn trailing_zeros_are_kept_and_do_not_count() {
        let shown: Decimal = "7.80".parse().unwrap();
        assert_eq!(shown, "7.8".parse().unwrap());
        assert_eq!((shown.to_string().as_str(), shown.decimals()), ("7.80", 2));
    }

    proptest! {
        #[test]
        fn text_survives(whole in 0_i64..1_000_000_000, fraction in "[0-9]{1,9}", negative: bool) {
            let text = format!("{}{whole}.{fraction}", if negative { "-" } else { "" });
            if let Ok(decimal) = text.parse::<Decimal>() {
                prop_assert_eq!(decimal.to_string(), text);
            } else {
                prop_assert!(negative && whole == 0 && fraction.bytes().all(|b| b == b'0'));
            }
        }

        #[test]
        fn order_is_that_of_the_integers_at_a_common_scale(
            a in -999_999_999_i64..999_999_999, a_scale in 0_usize..9,
            b in -999_999_999_i64..999_999_999, b_scale in 0_usize..9,
        ) {
            let decimal = |value: i64, scale: usize| {
                let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                let sign = if value < 0 { "-" } else { "" };
                let point = if scale == 0 { "" } else { "." };
                format!("{sign}{whole}{point}{fraction}").parse::<Decimal>().unwrap()
            };
            let common = |value: i64, scale: usize| i128::from(value) * 10_i128.pow(9 - scale as u32);
            prop_assert_eq!(
                decimal(a, a_scale).cmp(&decimal(b, b_scale)),
                common(a, a_scale).cmp(&common(b, b_scale))
            );
        }
    }
}
