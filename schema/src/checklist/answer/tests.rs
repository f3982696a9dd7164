use super::*;
use proptest::prelude::*;
use serde_json::json;

fn samples() -> Vec<Answer> {
    let number = |case: Option<&str>, result| Answer::Number {
        value: "0.30".parse().unwrap(),
        unit: "mg/L".into(),
        case: case.map(str::to_owned),
        result,
    };
    vec![
        Answer::Conformity { result: Outcome::Fail },
        Answer::NotApplicable { reason: "不提供出租泳衣".into() },
        number(None, None),
        number(Some("小学"), Some(Outcome::Pass)),
        Answer::Choice { options: ["噪声".into(), "粉尘".into()].into(), result: None },
        Answer::Text { text: "行\n二".into() },
        Answer::Date { date: jiff::civil::date(2026, 2, 28) },
        Answer::Photo { records: [RecordId::from_bytes([1; 16])].into() },
    ]
}

/// Released: these texts are in signed documents.
#[test]
fn registers_look_like_this() {
    let registers: Vec<_> = samples().iter().map(Answer::to_register).collect();
    insta::assert_snapshot!(registers.join("\n"), @r#"
    {"result":"fail","type":"conformity"}
    {"reason":"不提供出租泳衣","type":"notApplicable"}
    {"type":"number","unit":"mg/L","value":"0.30"}
    {"case":"小学","result":"pass","type":"number","unit":"mg/L","value":"0.30"}
    {"options":["噪声","粉尘"],"type":"choice"}
    {"text":"行\n二","type":"text"}
    {"date":"2026-02-28","type":"date"}
    {"records":["01010101-0101-0101-0101-010101010101"],"type":"photo"}
    "#);
    for (answer, register) in samples().iter().zip(&registers) {
        assert_eq!(&Answer::from_register(register), answer);
    }
    for name in TYPES {
        assert!(registers.iter().any(|register| register.contains(&format!(r#""type":"{name}""#))), "{name}");
    }
}

#[test]
fn what_this_version_does_not_write_is_kept_as_it_is() {
    for text in [
        "",
        "null",
        "not json",
        r#"{"type":"conformity","result":"pass"}"#,
        r#"{"result":"pass","since":"2031","type":"conformity"}"#,
        r#"{"result":"pass","result":"fail","type":"conformity"}"#,
        r#"{"type":"spectrum","peaks":[1.0000000000000000001]}"#,
        r#"{"type":"number","unit":"mg/L","value":0.3}"#,
        r#"{"date":"2026-02-30","type":"date"}"#,
        r#"{"date":"2026-02-28T10:00","type":"date"}"#,
        r#"{"options":["粉尘","噪声"],"type":"choice"}"#,
    ] {
        let answer = Answer::from_register(text);
        assert_eq!(answer, Answer::Other(text.to_owned()));
        assert_eq!(answer.to_register(), text);
    }
}

#[test]
fn a_condition_sees_words_numbers_and_dates() {
    let seen: Vec<_> = samples().iter().map(|answer| answer.as_rule_value().unwrap()).collect();
    assert_eq!(
        seen,
        [
            json!("不合格"),
            json!("合理缺项"),
            json!(0.3),
            json!(0.3),
            json!(["噪声", "粉尘"]),
            json!("行\n二"),
            json!("2026-02-28"),
            json!(1)
        ]
    );
    assert_eq!(Answer::Other(String::new()).as_rule_value(), None);
}

fn answers() -> impl Strategy<Value = Answer> {
    let outcome = || prop_oneof![Just(Outcome::Pass), Just(Outcome::Fail)];
    prop_oneof![
        outcome().prop_map(|result| Answer::Conformity { result }),
        any::<String>().prop_map(|reason| Answer::NotApplicable { reason }),
        (
            -99_999_i64..99_999,
            "[0-9]{1,4}",
            any::<String>(),
            any::<Option<String>>(),
            prop::option::of(outcome())
        )
            .prop_map(|(whole, fraction, unit, case, result)| Answer::Number {
                value: format!("{whole}.{fraction}").parse().unwrap(),
                unit,
                case,
                result,
            }),
        (prop::collection::btree_set(any::<String>(), 0..4), prop::option::of(outcome()))
            .prop_map(|(options, result)| Answer::Choice { options, result }),
        any::<String>().prop_map(|text| Answer::Text { text }),
        (1900_i16..2100, 1_i8..=12, 1_i8..=28)
            .prop_map(|(y, m, d)| Answer::Date { date: jiff::civil::date(y, m, d) }),
        prop::collection::btree_set(any::<[u8; 16]>().prop_map(RecordId::from_bytes), 0..4)
            .prop_map(|records| Answer::Photo { records }),
    ]
}

proptest! {
    #[test]
    fn every_answer_survives_its_register(answer in answers()) {
        let register = answer.to_register();
        let read = Answer::from_register(&register);
        prop_assert_eq!(&read, &answer);
        prop_assert_eq!(read.to_register(), register);
    }

    #[test]
    fn every_text_survives_as_a_register(text: String) {
        prop_assert_eq!(Answer::from_register(&text).to_register(), text);
    }

    #[test]
    fn a_damaged_register_survives(answer in answers(), cut in any::<prop::sample::Index>(), put: char) {
        let mut register: Vec<char> = answer.to_register().chars().collect();
        let place = cut.index(register.len());
        register[place] = put;
        let register: String = register.into_iter().collect();
        prop_assert_eq!(Answer::from_register(&register).to_register(), register);
    }
}
