//! What was typed and tapped, as an answer. Pure: digits of any width, points as an input method gives them, dates as
//! people write them; nothing is guessed where it could be read in two ways.

use fieldproof_presentation::fields::Fields;
use fieldproof_schema::checklist::{Answer, Decimal, Item, ItemKind, NumberKind, Outcome};
use jiff::civil::Date;

/// Why what was typed is no answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typo {
    /// Not a number.
    NotANumber,
    /// It can be read as either of two numbers.
    TwoReadings(String, String),
    /// More digits behind the point than the item takes.
    TooPrecise(u32),
    /// Not a day of the calendar.
    NotADate,
    /// A control that the item does not have.
    Unknown,
}

/// Reads the fields of an item's form: an answer, or none where everything is empty.
///
/// `standing` is the answer that stands: the officer's own verdict about a number or a choice goes on as long as the
/// value is the same.
pub(super) fn answer(
    item: &Item,
    fields: &Fields,
    standing: Option<&Answer>,
) -> Result<Option<Answer>, Typo> {
    if fields.get("result") == "na" {
        return Ok(Some(Answer::NotApplicable { reason: fields.get("reason").trim().to_owned() }));
    }
    let stated = outcome(fields.get("result"));
    match &item.kind {
        ItemKind::Conformity { .. } => match (stated, fields.get("result")) {
            (Some(result), _) => Ok(Some(Answer::Conformity { result })),
            (None, "") => Ok(None),
            (None, _) => Err(Typo::Unknown),
        },
        ItemKind::Number(number) => number_answer(number, fields, stated, standing),
        ItemKind::Choice { .. } => Ok(choice(fields, stated, standing)),
        ItemKind::Text => {
            let text = fields.get("text");
            Ok((!text.trim().is_empty()).then(|| Answer::Text { text: text.to_owned() }))
        }
        ItemKind::Date => match fields.filled("date") {
            Some(text) => Ok(Some(Answer::Date { date: date(text)? })),
            None => Ok(None),
        },
        // Photos are answered by taking them.
        ItemKind::Photo { .. } | ItemKind::Other(_) => Err(Typo::Unknown),
    }
}

fn outcome(result: &str) -> Option<Outcome> {
    match result {
        "pass" => Some(Outcome::Pass),
        "fail" => Some(Outcome::Fail),
        _ => None,
    }
}

fn number_answer(
    number: &NumberKind,
    fields: &Fields,
    stated: Option<Outcome>,
    standing: Option<&Answer>,
) -> Result<Option<Answer>, Typo> {
    let Some(typed) = fields.filled("value") else { return Ok(None) };
    let value = decimal(typed, number)?;
    let case = fields.filled("case").map(str::to_owned);
    let kept = match standing {
        Some(Answer::Number { value: was, case: was_case, result, .. })
            if *was == value && *was_case == case =>
        {
            *result
        }
        _ => None,
    };
    Ok(Some(Answer::Number { value, unit: number.unit.clone(), case, result: stated.or(kept) }))
}

fn choice(fields: &Fields, stated: Option<Outcome>, standing: Option<&Answer>) -> Option<Answer> {
    let options: std::collections::BTreeSet<String> = fields.all("option").map(str::to_owned).collect();
    if options.is_empty() {
        return None;
    }
    let kept = match standing {
        Some(Answer::Choice { options: was, result }) if *was == options => *result,
        _ => None,
    };
    Some(Answer::Choice { options, result: stated.or(kept) })
}

/// The fields of a form that would give this answer again.
pub(super) fn fields(answer: &Answer) -> Vec<(&'static str, String)> {
    let result = |result: &Option<Outcome>| {
        let word = result.map(|result| match result {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
        });
        word.map(|word| ("result", word.to_owned()))
    };
    match answer {
        Answer::Conformity { result: stated } => result(&Some(*stated)).into_iter().collect(),
        Answer::NotApplicable { reason } => vec![("result", "na".to_owned()), ("reason", reason.clone())],
        Answer::Number { value, case, result: stated, .. } => {
            let mut fields = vec![("value", value.to_string())];
            fields.extend(case.clone().map(|case| ("case", case)));
            fields.extend(result(stated));
            fields
        }
        Answer::Choice { options, result: stated } => {
            let mut fields: Vec<_> = options.iter().map(|option| ("option", option.clone())).collect();
            fields.extend(result(stated));
            fields
        }
        Answer::Text { text } => vec![("text", text.clone())],
        Answer::Date { date } => vec![("date", date.to_string())],
        Answer::Photo { .. } | Answer::Other(_) => Vec::new(),
    }
}

/// Reads a number as it was typed.
pub(super) fn decimal(typed: &str, number: &NumberKind) -> Result<Decimal, Typo> {
    let plain = plain(typed, &number.unit);
    let text = match plain.split_once(',') {
        Some(_) => without_commas(&plain, number.decimals)?,
        None => plain,
    };
    let value: Decimal = spelled(&text).parse().map_err(|_| Typo::NotANumber)?;
    if value.decimals() > number.decimals {
        return Err(Typo::TooPrecise(number.decimals));
    }
    Ok(value)
}

/// Digits, signs and points in their plain form, without spaces and without the item's own unit behind them.
fn plain(typed: &str, unit: &str) -> String {
    let typed = typed.trim();
    let typed = if unit.is_empty() { typed } else { typed.strip_suffix(unit).unwrap_or(typed) };
    let one = |c: char| match c {
        '\u{FF10}'..='\u{FF19}' => char::from_u32(u32::from(c) - 0xFEE0),
        // The keys for the point and beside it, as Chinese input methods give them.
        '\u{3002}' | '\u{FF0E}' | '\u{FF61}' | '\u{00B7}' | '\u{3001}' => Some('.'),
        '\u{FF0C}' => Some(','),
        '\u{FF0D}' | '\u{2212}' | '\u{2013}' | '\u{2014}' => Some('-'),
        '\u{FF0B}' => Some('+'),
        c if c.is_whitespace() => None,
        c => Some(c),
    };
    typed.chars().filter_map(one).collect()
}

/// A comma groups thousands where it can, and is a slipped point where only that can be.
fn without_commas(text: &str, decimals: u32) -> Result<String, Typo> {
    let (head, tail) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = head.split(',');
    let first = groups.next().unwrap_or_default().trim_start_matches(['-', '+']);
    let rest: Vec<&str> = groups.collect();
    let grouped = (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && rest.iter().all(|group| group.len() == 3)
        && !tail.contains(',');
    let point = rest.len() == 1 && tail.is_empty() && !text.contains('.');
    match (grouped, point) {
        (true, true) if decimals >= 3 => {
            Err(Typo::TwoReadings(text.replace(',', ""), text.replace(',', ".")))
        }
        (true, _) => Ok(text.replace(',', "")),
        (false, true) => Ok(text.replace(',', ".")),
        (false, false) => Err(Typo::NotANumber),
    }
}

/// The one spelling that numbers have in the record: no `+`, no leading zeros, no bare point, no negative zero.
fn spelled(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return String::new();
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let zero = whole == "0" && fraction.bytes().all(|digit| digit == b'0');
    let sign = if zero { "" } else { sign };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Reads a day: `2026-11-23`, with other separators, or in Chinese characters for year, month and day.
pub(super) fn date(typed: &str) -> Result<Date, Typo> {
    let plain = plain(typed, "");
    let parts: Vec<&str> =
        plain.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let [year, month, day] = parts.as_slice() else { return Err(Typo::NotADate) };
    if year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return Err(Typo::NotADate);
    }
    format!("{year}-{month:0>2}-{day:0>2}").parse().map_err(|_| Typo::NotADate)
}

/// Whether a reading is so far from what the limit speaks of that the officer is asked to look again: ten times beyond
/// it, below nothing, or beyond what the unit can hold.
pub(super) fn is_strange(number: &NumberKind, value: Decimal) -> bool {
    let value: f64 = value.to_string().parse().unwrap_or_default();
    let beyond_unit = match number.unit.as_str() {
        "%" | "\u{FF05}" => !(0.0..=100.0).contains(&value),
        "pH" => !(0.0..=14.0).contains(&value),
        "\u{2103}" | "°C" => !(-60.0..=200.0).contains(&value),
        _ => value < 0.0,
    };
    let bounds = number.limit.as_ref().map(|limit| limit.bounds);
    let bound = |bound: Option<Decimal>| bound.and_then(|bound| bound.to_string().parse::<f64>().ok());
    let (min, max) = bounds.map_or((None, None), |bounds| (bound(bounds.min), bound(bounds.max)));
    let far_above = max.or(min).is_some_and(|most| most > 0.0 && value > most * 10.0);
    let far_below = min.is_some_and(|least| least > 0.0 && value < least / 10.0);
    beyond_unit || far_above || far_below
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_schema::checklist::{Bounds, Limit, LimitSource};
    use fieldproof_schema::law::Mark;

    fn number(unit: &str, decimals: u32) -> NumberKind {
        let source = LimitSource { standard: None, number: None, mark: Mark::Verified, source: None };
        let bounds = Bounds { min: "0.3".parse().ok(), max: "1.0".parse().ok(), inclusive: true };
        NumberKind {
            unit: unit.into(),
            decimals,
            not_applicable: false,
            limit: Some(Limit { bounds, cases: None, source }),
            sampling_point: None,
            repeat_per_pool: false,
            display_as: None,
        }
    }

    #[test]
    fn numbers_are_read_as_input_methods_and_hands_give_them() {
        for (typed, read) in [
            ("0.5", "0.5"),
            ("０．５０", "0.50"),
            ("0。5", "0.5"),
            ("0、5", "0.5"),
            ("0，5", "0.5"),
            (" 7.20 ", "7.20"),
            ("７．２mg/L", "7.2"),
            ("7.2 mg/L", "7.2"),
            ("007", "7"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+3", "3"),
            ("－0.0", "0.0"),
            ("−3", "-3"),
            ("1，200", "1200"),
            ("1,234,567", "1234567"),
            ("1,234.5", "1234.5"),
            ("12,5", "12.5"),
        ] {
            let value = decimal(typed, &number("mg/L", 2)).map(|value| value.to_string());
            assert_eq!(value.as_deref(), Ok(read), "{typed}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_asked_about() {
        let two = Typo::TwoReadings("1200".into(), "1.200".into());
        assert_eq!(decimal("1，200", &number("mg/L", 3)), Err(two));
        assert_eq!(decimal("0,200", &number("mg/L", 3)).unwrap().to_string(), "0.200");
        for typed in ["", ".", "-", "七", "1.2.3", "1,2,3", "1e3", "12,34,5.6", "<script>"] {
            assert_eq!(decimal(typed, &number("mg/L", 2)), Err(Typo::NotANumber), "{typed}");
        }
        assert_eq!(decimal("0.123", &number("mg/L", 2)), Err(Typo::TooPrecise(2)));
    }

    #[test]
    fn days_are_read_as_people_write_them() {
        for typed in ["2026-03-05", "2026/3/5", "2026年3月5日", "２０２６．０３．０５", "2026。3。5"]
        {
            assert_eq!(date(typed).unwrap().to_string(), "2026-03-05", "{typed}");
        }
        for typed in ["", "2026-13-01", "2026-02-30", "26-3-5", "5.3.2026", "20260305", "明天"] {
            assert_eq!(date(typed), Err(Typo::NotADate), "{typed}");
        }
    }

    #[test]
    fn a_reading_far_from_its_limit_is_strange() {
        let strange = |unit: &str, value: &str| is_strange(&number(unit, 2), value.parse().unwrap());
        for (unit, value, expected) in [
            ("mg/L", "0.5", false),
            ("mg/L", "1.2", false),
            ("mg/L", "10", false),
            ("mg/L", "10.01", true),
            ("mg/L", "0.02", true),
            ("mg/L", "-0.3", true),
            ("%", "101", true),
        ] {
            assert_eq!(strange(unit, value), expected, "{value} {unit}");
        }
    }
}
