//! Moments, and how well a moment is known.
//!
//! A [`Moment`] is what some clock said. Order between acts comes from causality, never from comparing moments of
//! different devices. An [`Interval`] is what the server can vouch for. This module reads no clock.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z, as some clock said. RFC 3339 in JSON, an integer in CBOR and SQL.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Moment(#[n(0)] i64);

impl Moment {
    /// The moment `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch; 0 before it.
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.div_euclid(1000)).unwrap_or(0)
    }

    /// The moment `seconds` later (or earlier, when negative), clamped at the ends of the range.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The civil date of this moment in China Standard Time (UTC+8, no daylight saving since 1991).
    pub fn date_in_china(self) -> jiff::civil::Date {
        let shifted = self.plus_seconds(8 * 3600);
        jiff::tz::Offset::UTC.to_datetime(shifted.timestamp()).date()
    }

    fn timestamp(self) -> Timestamp {
        let bounded = self.0.clamp(Timestamp::MIN.as_microsecond(), Timestamp::MAX.as_microsecond());
        Timestamp::from_microsecond(bounded).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.timestamp())
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Moment({self})")
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let stamp: Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(stamp.as_microsecond()))
    }
}

/// The span in which something happened, as far as the server can vouch for it.
///
/// `earliest` is the server's time at the device's last contact before the act, `latest` the moment of receipt. Either
/// is absent while nobody can say.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, minicbor::Encode, minicbor::Decode,
)]
pub struct Interval {
    /// Not before this.
    #[n(0)]
    pub earliest: Option<Moment>,
    /// Not after this.
    #[n(1)]
    pub latest: Option<Moment>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_in_json() {
        let moment = Moment::from_micros(1_795_442_645_000_001);
        let json = serde_json::to_string(&moment).unwrap();
        assert_eq!(json, "\"2026-11-23T14:04:05.000001Z\"");
        assert_eq!(serde_json::from_str::<Moment>(&json).unwrap(), moment);
    }

    #[test]
    fn the_date_is_chinas() {
        let late_evening_utc = Moment::from_micros(1_795_442_645_000_000).plus_seconds(3 * 3600);
        assert_eq!(late_evening_utc.date_in_china().to_string(), "2026-11-24");
    }
}
