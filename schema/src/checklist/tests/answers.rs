use super::*;
use crate::ids::RecordId;

fn fits(id: &str, answer: &Answer) -> Result<(), AnswerError> {
    check(read(&small()).item(id).unwrap(), answer)
}

fn measured(value: &str, unit: &str) -> Answer {
    Answer::Number { value: decimal(value), unit: unit.into(), case: None, result: None }
}

fn chosen(options: &[&str]) -> Answer {
    Answer::Choice { options: options.iter().map(|o| (*o).to_owned()).collect(), result: None }
}

#[test]
fn an_answer_must_be_of_the_kind_its_item_takes() {
    let one_of_each = [
        Answer::Conformity { result: Outcome::Pass },
        measured("0.5", "mg/L"),
        chosen(&["检出"]),
        Answer::Text { text: "文".into() },
        Answer::Date { date: jiff::civil::date(2026, 11, 24) },
        Answer::Photo { records: [1, 2].map(|n| RecordId::from_bytes([n; 16])).into() },
    ];
    let template = read(&small());
    for (position, item) in template.items.iter().enumerate() {
        for (kind, answer) in one_of_each.iter().enumerate() {
            let expected = if kind == position { Ok(()) } else { Err(AnswerError::WrongType) };
            assert_eq!(check(item, answer), expected, "{} {answer:?}", item.id);
        }
    }
}

#[test]
fn a_number_has_the_items_unit_and_precision() {
    assert_eq!(fits("S-2", &measured("-0.50", "mg/L")), Ok(()));
    assert_eq!(
        fits("S-2", &measured("0.5", "µg/L")),
        Err(AnswerError::Unit { expected: "mg/L".into(), found: "µg/L".into() })
    );
    assert_eq!(
        fits("S-2", &measured("0.305", "mg/L")),
        Err(AnswerError::TooPrecise { value: decimal("0.305"), decimals: 2 })
    );
}

#[test]
fn an_alternative_must_be_one_of_the_limits() {
    let school = real("school.json");
    let answer = |case: &str| Answer::Number {
        value: decimal("1.38"),
        unit: "m²/人".into(),
        case: Some(case.into()),
        result: None,
    };
    assert_eq!(check(school.item("SCH-001").unwrap(), &answer("中学")), Ok(()));
    assert_eq!(
        check(school.item("SCH-001").unwrap(), &answer("大学")),
        Err(AnswerError::UnknownCase("大学".into()))
    );
}

#[test]
fn a_choice_is_among_the_options_and_as_many_as_allowed() {
    assert_eq!(fits("S-3", &chosen(&["检出", "未检测"])), Ok(()));
    assert_eq!(fits("S-3", &chosen(&[])), Err(AnswerError::NothingChosen));
    assert_eq!(fits("S-3", &chosen(&["无"])), Err(AnswerError::UnknownOption("无".into())));
    let swimming = real("public-swimming.json");
    let one = swimming.item("PP-SWIM-022").unwrap();
    assert_eq!(check(one, &chosen(&["检出", "未检出"])), Err(AnswerError::SeveralChosen(2)));
}

#[test]
fn texts_photos_and_reasons_have_bounds() {
    assert_eq!(fits("S-4", &Answer::Text { text: " \n".into() }), Err(AnswerError::Blank));
    let long = "x".repeat(crate::limits::TEXT_BYTES_MAX + 1);
    assert_eq!(fits("S-4", &Answer::Text { text: long }), Err(AnswerError::TextTooLong));
    let one = Answer::Photo { records: [RecordId::from_bytes([1; 16])].into() };
    assert_eq!(fits("S-6", &one), Err(AnswerError::TooFewPhotos { min: 2, found: 1 }));
    let reason = |length| Answer::NotApplicable { reason: "长".repeat(length) };
    assert_eq!(fits("S-1", &reason(2000)), Ok(()));
    assert_eq!(fits("S-1", &reason(2001)), Err(AnswerError::ReasonTooLong));
}

#[test]
fn a_key_item_without_that_option_cannot_be_left_out() {
    let swimming = real("public-swimming.json");
    let left_out = Answer::NotApplicable { reason: String::new() };
    let fits = |id| check(swimming.item(id).unwrap(), &left_out);
    assert_eq!(fits("PP-SWIM-001"), Err(AnswerError::NotApplicableNotOffered));
    assert_eq!(fits("PP-SWIM-002"), Ok(()));
    assert_eq!(fits("PP-SWIM-012"), Ok(()));
    assert_eq!(fits("PP-SWIM-022"), Err(AnswerError::NotApplicableNotOffered));
}

#[test]
fn the_gate_knows_unknown_items_unfit_answers_and_later_versions() {
    let template = read(&small());
    let gate = |item: &str, register: &str| check_register(&template, item, register);
    assert_eq!(gate("S-1", r#"{"result":"pass","type":"conformity"}"#), Ok(()));
    assert_eq!(gate("S-7", r#"{"result":"pass","type":"conformity"}"#), Err(true));
    assert_eq!(gate("S-2", r#"{"result":"pass","type":"conformity"}"#), Err(false));
    // Written by a later version: a further field, a further type.
    assert_eq!(gate("S-1", r#"{"result":"pass","since":"2031","type":"conformity"}"#), Ok(()));
    assert_eq!(gate("S-2", r#"{"result":"pass","since":"2031","type":"conformity"}"#), Err(false));
    assert_eq!(gate("S-1", r#"{"peaks":[],"type":"spectrum"}"#), Ok(()));
    for malformed in [
        "",
        "pass",
        "[]",
        "{}",
        r#"{"type":7}"#,
        r#"{"result":"perhaps","type":"conformity"}"#,
        r#"{"type":"number","unit":"mg/L","value":0.3}"#,
        r#"{"type":"number","unit":"mg/L","value":"NaN"}"#,
        r#"{"type":"number","unit":"mg/L","value":"1e3"}"#,
        r#"{"date":"24.11.2026","type":"date"}"#,
    ] {
        for item in ["S-1", "S-2", "S-5"] {
            assert_eq!(gate(item, malformed), Err(false), "{malformed}");
        }
    }
}

#[test]
fn an_item_of_a_later_kind_takes_any_answer_that_is_one() {
    let mut template = small();
    template["items"][0]["answer"] = json!({"type": "spectrum"});
    let template = Template::parse_released(&template.to_string()).unwrap();
    assert_eq!(check_register(&template, "S-1", r#"{"peaks":[],"type":"spectrum"}"#), Ok(()));
    assert_eq!(check_register(&template, "S-1", r#"{"text":"x","type":"text"}"#), Ok(()));
    assert_eq!(check_register(&template, "S-1", "x"), Err(false));
}
