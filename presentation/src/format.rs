//! Moments, sizes and numbers as people read them.

use crate::texts::{Language, text};
use fieldproof_schema::moment::{Interval, Moment};
use jiff::civil::DateTime;

/// The civil time of a moment in China, where all users are.
fn civil(moment: Moment) -> DateTime {
    let bounded = moment.plus_seconds(8 * 3600).as_micros();
    let stamp = jiff::Timestamp::from_microsecond(bounded).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::UTC.to_datetime(stamp)
}

/// `2026-11-23 14:05`.
pub fn moment(moment: Moment) -> String {
    let at = civil(moment);
    format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute())
}

/// `2026-11-23 周一`, for days on which somebody plans something; other texts as they are.
pub fn day(language: Language, iso: &str) -> String {
    match iso.parse::<jiff::civil::Date>() {
        Ok(date) => {
            let weekday = date.weekday().to_monday_one_offset();
            format!("{iso} {}", text(language, &format!("kit.weekday.{weekday}"), &[]))
        }
        Err(_) => iso.to_owned(),
    }
}

/// The span in which something happened; one moment where both ends fall into one minute.
pub fn interval(language: Language, interval: &Interval) -> String {
    let [from, to] = [interval.earliest, interval.latest].map(|at| at.map(moment));
    match (from, to) {
        (Some(from), Some(to)) if from == to => from,
        (Some(from), Some(to)) => {
            text(language, "kit.interval.between", &[("from", from.as_str()), ("to", to.as_str())])
        }
        (Some(from), None) => text(language, "kit.interval.after", &[("from", from.as_str())]),
        (None, Some(to)) => text(language, "kit.interval.before", &[("to", to.as_str())]),
        (None, None) => text(language, "kit.interval.unknown", &[]),
    }
}

/// Bytes in the largest unit that leaves a number above one: `1.4 MB`, with a thin space.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes}\u{202F}B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1000.0, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 10.0 {
        format!("{value:.1}\u{202F}{}", UNITS[unit])
    } else {
        format!("{value:.0}\u{202F}{}", UNITS[unit])
    }
}

/// The first `chars` characters, and how many there are when that is not all.
pub fn cut(text: &str, chars: usize) -> (&str, Option<usize>) {
    match text.char_indices().nth(chars) {
        Some((at, _)) => (&text[..at], Some(text.chars().count())),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_chinas_to_the_minute() {
        assert_eq!(moment(Moment::from_micros(1_795_442_645_000_001)), "2026-11-23 22:04");
        assert_eq!(moment(Moment::from_micros(i64::MAX)).len(), "1970-01-01 00:00".len());
    }

    #[test]
    fn days_say_their_weekday() {
        assert_eq!(day(Language::Chinese, "2026-11-23"), "2026-11-23 周一");
        assert_eq!(day(Language::English, "2026-11-29"), "2026-11-29 Sun");
        assert_eq!(day(Language::English, "soon"), "soon");
    }

    #[test]
    fn a_narrow_interval_is_one_moment() {
        let at = Moment::from_micros(1_795_442_645_000_001);
        let narrow = Interval { earliest: Some(at), latest: Some(at.plus_seconds(5)) };
        assert_eq!(interval(Language::Chinese, &narrow), "2026-11-23 22:04");
        let wide = Interval { earliest: Some(at), latest: Some(at.plus_seconds(3600)) };
        assert_eq!(interval(Language::Chinese, &wide), "2026-11-23 22:04 至 2026-11-23 23:04 之间");
        assert_eq!(interval(Language::English, &Interval::default()), "time unknown");
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, said) in
            [(0, "0 B"), (999, "999 B"), (1_400_000, "1.4 MB"), (999_900, "1.0 MB"), (62_000_000, "62 MB")]
        {
            assert_eq!(size(bytes), said.replace(' ', "\u{202F}"));
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("检查情况", 2), ("检查", Some(4)));
        assert_eq!(cut("检查", 2), ("检查", None));
    }
}
