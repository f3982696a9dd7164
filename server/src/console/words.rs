//! Codes of the data in words: specialties, fields and values of entities, rules, moments that have passed.

use fieldproof_presentation::html::{self, Html};
use fieldproof_presentation::page::Page;
use fieldproof_presentation::texts;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::rule::{Op, Rule};
use serde_json::Value;

/// The word under a key, or the code itself where the data knows more than we do.
pub(crate) fn code(p: &Page, group: &str, code: &str) -> String {
    let key = format!("admin.{group}.{code}");
    if texts::has(&key) { p.t(key) } else { code.to_owned() }
}

/// A specialty path; of an unknown one the known beginning and the rest.
pub(crate) fn specialty(p: &Page, path: &str) -> String {
    let key = |path: &str| format!("admin.specialty.{path}");
    if texts::has(&key(path)) {
        return p.t(key(path));
    }
    match path.rsplit_once('/') {
        Some((general, rest)) => format!("{} / {rest}", specialty(p, general)),
        None => path.to_owned(),
    }
}

/// Specialties, one after the other.
pub(crate) fn specialties(p: &Page, paths: &[String]) -> String {
    let words: Vec<_> = paths.iter().map(|path| specialty(p, path)).collect();
    words.join(&p.t("admin.list.comma"))
}

/// The value of a field.
pub(crate) fn value(p: &Page, field: &str, value: &Value) -> String {
    match value {
        Value::Null => p.t("kit.none"),
        Value::Bool(true) => p.t("kit.yes"),
        Value::Bool(false) => p.t("kit.no"),
        Value::String(text) if matches!(field, "specialty" | "specialties") => specialty(p, text),
        Value::String(text) => code(p, &format!("value.{field}"), text),
        Value::Array(values) => {
            let words: Vec<_> = values.iter().map(|one| self::value(p, field, one)).collect();
            words.join(&p.t("admin.list.comma"))
        }
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// A rule as nested lists.
pub(crate) fn rule(p: &Page, rule: &Rule) -> Html {
    let nested = |key: &str, parts: &[Rule]| {
        let parts: String = parts.iter().map(|part| format!("<li>{}</li>", self::rule(p, part))).collect();
        Html::new(format!("{}<ul>{parts}</ul>", html::text(&p.t(key))))
    };
    match rule {
        Rule::All { all } => nested("admin.rule.all", all),
        Rule::Any { any } => nested("admin.rule.any", any),
        Rule::Not { not } => nested("admin.rule.not", std::slice::from_ref(not)),
        Rule::Compare { field, op, value } => {
            let sentence = texts::text(
                p.language,
                op_key(*op),
                &[("field", &code(p, "field", field)), ("value", &self::value(p, field, value))],
            );
            html::text(&sentence)
        }
    }
}

fn op_key(op: Op) -> &'static str {
    match op {
        Op::Eq => "admin.rule.eq",
        Op::Ne => "admin.rule.ne",
        Op::Gt => "admin.rule.gt",
        Op::Ge => "admin.rule.ge",
        Op::Lt => "admin.rule.lt",
        Op::Le => "admin.rule.le",
        Op::In => "admin.rule.in",
    }
}

/// How long ago something was.
pub(crate) fn ago(p: &Page, now: Moment, at: Moment) -> String {
    let minutes = (now.as_micros() - at.as_micros()) / 60_000_000;
    match minutes {
        ..1 => p.t("admin.ago.now"),
        1..60 => p.t1("admin.ago.minutes", "n", minutes),
        60..1440 => p.t1("admin.ago.hours", "n", minutes / 60),
        _ => p.t1("admin.ago.days", "n", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_presentation::page::Theme;
    use fieldproof_presentation::texts::Language;
    use serde_json::json;

    fn page(language: Language) -> Page {
        Page { language, theme: Theme::Auto, root: String::new() }
    }

    #[test]
    fn a_rule_is_read_as_sentences_and_its_data_stays_text() {
        let nested: Rule = serde_json::from_value(json!({"all": [
            {"field": "registrationStatus", "op": "==", "value": "established"},
            {"not": {"field": "<b>", "op": "in", "value": ["x", true]}}]}))
        .unwrap();
        let shown = rule(&page(Language::English), &nested);
        assert_eq!(
            shown.as_str(),
            "all of these hold:<ul><li>registration status is “established”</li>\
             <li>this does not hold:<ul><li>&#60;b&#62; is one of “x, Yes”</li></ul></li></ul>"
        );
    }

    #[test]
    fn an_unknown_specialty_keeps_what_is_known_of_it() {
        let p = page(Language::English);
        assert_eq!(specialty(&p, "publicPlace/swimming"), "Swimming pools");
        assert_eq!(specialty(&p, "publicPlace/karaoke"), "Public places / karaoke");
    }

    #[test]
    fn what_has_passed_is_said_in_words() {
        let p = page(Language::English);
        let at = |seconds| ago(&p, Moment::from_micros(0).plus_seconds(seconds), Moment::from_micros(0));
        assert_eq!(at(-5), "just now");
        assert_eq!((at(61), at(7300)), ("1 min ago".into(), "2 h ago".into()));
        assert_eq!(at(3 * 86_400), "3 d ago");
    }
}
