//! Another value for an item, as a form posts it: one set of fields for each kind of item.

use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::checklist::{Answer, Decimal, Item, ItemKind, Outcome, check};

/// What a number looks like when it was typed with a Chinese keyboard.
fn plain(number: &str) -> String {
    let fold = |c: char| match c {
        '\u{FF10}'..='\u{FF19}' => char::from_u32(u32::from(c) - 0xFF10 + u32::from('0')).unwrap_or(c),
        '\u{FF0E}' | '\u{3002}' => '.',
        '\u{FF0D}' | '\u{2212}' => '-',
        other => other,
    };
    number.chars().filter(|c| !c.is_whitespace()).map(fold).collect()
}

/// Reads the value. An error is a key of the catalogues.
pub(super) fn read(item: &Item, fields: &Fields) -> Result<Answer, &'static str> {
    let answer = if item.kind.allows_not_applicable() && fields.get("answer") == "not_applicable" {
        Answer::NotApplicable { reason: fields.get("not_applicable_reason").trim().to_owned() }
    } else {
        given(item, fields)?
    };
    check(item, &answer).map(|()| answer).map_err(|_| "console.conflict.problem.value")
}

fn given(item: &Item, fields: &Fields) -> Result<Answer, &'static str> {
    Ok(match &item.kind {
        ItemKind::Conformity { .. } => Answer::Conformity {
            result: outcome(fields.get("answer")).ok_or("console.conflict.problem.value")?,
        },
        ItemKind::Number(number) => Answer::Number {
            value: plain(fields.get("number"))
                .parse::<Decimal>()
                .map_err(|_| "console.conflict.problem.number")?,
            unit: number.unit.clone(),
            case: fields.filled("case").map(str::to_owned),
            result: outcome(fields.get("result")),
        },
        ItemKind::Choice { .. } => Answer::Choice {
            options: fields.all("option").map(str::to_owned).collect(),
            result: outcome(fields.get("result")),
        },
        ItemKind::Text => Answer::Text { text: fields.get("text").trim().to_owned() },
        ItemKind::Date => {
            Answer::Date { date: fields.get("date").parse().map_err(|_| "console.conflict.problem.date")? }
        }
        // Photos are taken on the spot, and nobody can write what a later version means.
        ItemKind::Photo { .. } | ItemKind::Other(_) => return Err("console.conflict.problem.value"),
    })
}

fn outcome(name: &str) -> Option<Outcome> {
    match name {
        "pass" => Some(Outcome::Pass),
        "fail" => Some(Outcome::Fail),
        _ => None,
    }
}

/// The fields for another value of an item.
pub(super) struct AnswerForm {
    /// 合格, 不合格, 合理缺项: those that the item takes.
    pub(super) results: Vec<Choice>,
    /// The unit of a number.
    pub(super) number: Option<String>,
    /// Alternatives of the limit.
    pub(super) cases: Vec<Choice>,
    pub(super) options: Vec<Choice>,
    pub(super) several: bool,
    pub(super) text: bool,
    pub(super) date: bool,
    pub(super) not_applicable: bool,
    /// The officer's own verdict, where neither limit nor options decide.
    pub(super) verdicts: Vec<Choice>,
}

impl AnswerForm {
    /// None for an item whose value cannot be written at a desk.
    pub(super) fn new(p: &Page, item: &Item, typed: &Fields) -> Option<Self> {
        let result =
            |field: &str, name: &str, key: &str| Choice::new(name, p.t(key), typed.get(field) == name);
        let verdicts = |field: &str| {
            vec![result(field, "pass", "kit.verdict.pass"), result(field, "fail", "kit.verdict.fail")]
        };
        let mut form = Self {
            results: Vec::new(),
            number: None,
            cases: Vec::new(),
            options: Vec::new(),
            several: false,
            text: false,
            date: false,
            not_applicable: item.kind.allows_not_applicable(),
            verdicts: Vec::new(),
        };
        match &item.kind {
            ItemKind::Conformity { .. } => form.results = verdicts("answer"),
            ItemKind::Number(number) => {
                form.number = Some(number.unit.clone());
                let cases = number.limit.iter().filter_map(|limit| limit.cases.as_ref());
                let named = cases.flat_map(|cases| &cases.bounds);
                form.cases =
                    named.map(|(name, _)| Choice::new(name, name, typed.get("case") == name)).collect();
                form.verdicts = verdicts("result");
            }
            ItemKind::Choice { options, multiple, .. } => {
                let chosen = |option: &String| typed.all("option").any(|chosen| chosen == option);
                form.options =
                    options.iter().map(|option| Choice::new(option, option, chosen(option))).collect();
                form.several = *multiple;
                form.verdicts = verdicts("result");
            }
            ItemKind::Text => form.text = true,
            ItemKind::Date => form.date = true,
            ItemKind::Photo { .. } | ItemKind::Other(_) => return None,
        }
        Some(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_schema::checklist::Template;
    use fieldproof_schema::data;

    fn items() -> Vec<Item> {
        let templates = data::checklists().iter().map(|(_, text)| Template::parse(text).unwrap());
        templates.flat_map(|template| template.items).collect()
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().copied().collect()
    }

    #[test]
    fn a_number_typed_with_a_chinese_keyboard_is_a_number() {
        let item = items()
            .into_iter()
            .find(|item| matches!(&item.kind, ItemKind::Number(n) if n.decimals > 1))
            .unwrap();
        let answer = read(&item, &fields(&[("number", " ０。５ ")])).unwrap();
        assert!(matches!(answer, Answer::Number { value, .. } if value.to_string() == "0.5"));
        assert_eq!(read(&item, &fields(&[("number", "半")])), Err("console.conflict.problem.number"));
    }

    #[test]
    fn what_does_not_fit_its_item_is_refused() {
        let items = items();
        let conformity = items.iter().find(|item| matches!(item.kind, ItemKind::Conformity { .. })).unwrap();
        assert_eq!(
            read(conformity, &fields(&[("answer", "pass")])),
            Ok(Answer::Conformity { result: Outcome::Pass })
        );
        assert!(read(conformity, &fields(&[("answer", "maybe")])).is_err());
        assert!(read(conformity, &fields(&[])).is_err());
        let choice = items.iter().find(|item| matches!(item.kind, ItemKind::Choice { .. })).unwrap();
        assert!(read(choice, &fields(&[("option", "没有这一项")])).is_err());
        assert!(read(choice, &fields(&[])).is_err());
    }

    #[test]
    fn every_kind_that_a_desk_can_write_has_a_form() {
        let p = Page {
            language: fieldproof_presentation::texts::Language::Chinese,
            theme: fieldproof_presentation::page::Theme::Auto,
            root: String::new(),
        };
        for item in items() {
            let written_here = !matches!(item.kind, ItemKind::Photo { .. } | ItemKind::Other(_));
            assert_eq!(AnswerForm::new(&p, &item, &Fields::default()).is_some(), written_here, "{}", item.id);
        }
    }
}
