//! Dates as sources give them: a day, a month or a year.

use super::InForce;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

/// The span of days that `2019-11-01`, `2018-12` or `2009` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub first: Date,
    /// Its last day.
    pub last: Date,
}

impl Period {
    /// Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let day = |text: &str| text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        let first = match text.len() {
            4 => day(&format!("{text}-01-01"))?,
            7 => day(&format!("{text}-01"))?,
            _ => day(text)?,
        };
        let last = match text.len() {
            4 => first.last_of_year(),
            7 => first.last_of_month(),
            _ => first,
        };
        Some(Self { first, last })
    }

    /// Whether what starts within the period has started on `day`; unknown inside a period of several days.
    pub(super) fn begun_by(self, day: Date) -> InForce {
        if day < self.first {
            InForce::No
        } else if day >= self.last {
            InForce::Yes
        } else {
            InForce::Unknown
        }
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!("{text:?} is not YYYY, YYYY-MM or YYYY-MM-DD"))
        })
    }
}
