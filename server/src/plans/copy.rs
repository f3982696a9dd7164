//! Next year's plan from this year's: every date inside moves by whole years.

use super::PlanRow;
use fieldproof_schema::rule::Rule;
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::Value;

/// The row for `year`: its dates moved by as many whole years, its words naming the new year, its notes left out.
///
/// 29 February becomes 28 February where the new year has no other.
pub fn to_year(row: &PlanRow, year: i16) -> PlanRow {
    let by = year - row.year;
    let mut copy = row.clone();
    copy.year = year;
    let population = &mut copy.population;
    move_rule(&mut population.rule, by);
    if let Some(rule) = &mut population.combined_rule {
        move_rule(rule, by);
    }
    copy.weights.iter_mut().for_each(|weight| move_rule(&mut weight.when, by));
    let words = [&mut copy.name, &mut copy.task_name, &mut population.text];
    for text in words.into_iter().chain(population.body_text.as_mut()) {
        *text = renamed(text, row.year, year);
    }
    if let Some(Value::String(text)) = copy.rest.get_mut("windowText") {
        *text = renamed(text, row.year, year);
    }
    // They speak of the row that was copied.
    for of_the_old_row in ["id", "notes", "source", "taskNoReconstructed"] {
        copy.rest.remove(of_the_old_row);
    }
    copy
}

fn move_rule(rule: &mut Rule, by: i16) {
    match rule {
        Rule::All { all: parts } | Rule::Any { any: parts } => {
            parts.iter_mut().for_each(|part| move_rule(part, by));
        }
        Rule::Not { not } => move_rule(not, by),
        Rule::Compare { value, .. } => move_value(value, by),
    }
}

fn move_value(value: &mut Value, by: i16) {
    match value {
        Value::String(text) => {
            let date = text.parse::<Date>().ok().filter(|date| date.to_string() == *text);
            if let Some(moved) = date.and_then(|date| date.checked_add(by.years()).ok()) {
                *text = moved.to_string();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| move_value(value, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
}

fn renamed(text: &str, from: i16, to: i16) -> String {
    let text = text.replace(&format!("{from}年"), &format!("{to}年"));
    match Date::new(to, 2, 1) {
        Ok(february) if !february.in_leap_year() => {
            text.replace(&format!("{to}年2月29日"), &format!("{to}年2月28日"))
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rows;
    use super::*;
    use serde_json::json;

    fn rule(row: &PlanRow) -> Value {
        serde_json::to_value(&row.population).unwrap()
    }

    #[test]
    fn a_copy_moves_every_date_of_every_rule_and_nothing_else() {
        let row = &rows()[2];
        let copy = to_year(row, 2026);
        assert_eq!((copy.year, copy.plan_no.as_str()), (2026, row.plan_no.as_str()));
        assert_eq!(rule(&copy)["rule"]["all"][0]["value"], "2026-05-30");
        assert_eq!(rule(&copy)["combinedRule"]["all"][0]["value"], "2026-05-30");
        assert_eq!(rule(&copy)["rule"]["all"][1], rule(row)["rule"]["all"][1]);
        assert_eq!(copy.population.text, "2026年5月30日前设立登记的已成立状态的企业");
        assert_eq!(copy.rest["windows"], row.rest["windows"]);
        assert!(!copy.rest.contains_key("notes"));
    }

    #[test]
    fn a_leap_day_becomes_the_last_day_of_february() {
        let row = &rows()[0];
        let to = |year| to_year(row, year);
        assert_eq!(rule(&to(2021))["rule"]["all"][0]["value"], "2021-02-28");
        assert_eq!(to(2021).population.text, "2021年2月28日前设立登记的已成立状态的企业");
        assert_eq!(rule(&to(2024))["rule"]["all"][0]["value"], "2024-02-29");
    }

    #[test]
    fn dates_are_moved_inside_lists_and_nested_conditions() {
        let mut rule: Rule = serde_json::from_value(json!({"not": {"any": [
            {"field": "day", "op": "in", "value": ["2020-01-01", "2020-1-1", "x"]},
            {"field": "n", "op": "==", "value": 2020}]}}))
        .unwrap();
        move_rule(&mut rule, -1);
        let moved = serde_json::to_value(&rule).unwrap();
        assert_eq!(moved["not"]["any"][0]["value"], json!(["2019-01-01", "2020-1-1", "x"]));
        assert_eq!(moved["not"]["any"][1]["value"], 2020);
    }
}
