use super::*;
use crate::directory::JsonFields;
use std::collections::BTreeMap;

fn open(template: &Template, answers: &[(&str, Answer)], entity: &Value) -> Vec<String> {
    let answers: BTreeMap<_, _> = answers.iter().cloned().collect();
    let entity = entity.as_object().unwrap().clone();
    let open = template.open_items(&|id| answers.get(id).cloned(), &JsonFields(&entity));
    open.into_iter().map(|item| item.id.clone()).collect()
}

fn stated(result: Outcome) -> Answer {
    Answer::Conformity { result }
}

fn chain() -> Template {
    let mut template = small();
    let when = |field: &str, op: &str, value: Value| json!({"field": field, "op": op, "value": value});
    // S-4 only after a failed S-1, S-5 only when S-4 says "b", S-6 for schools with boarders.
    template["items"][3]["appliesWhen"] = when("item.S-1", "==", json!("不合格"));
    template["items"][4]["appliesWhen"] = when("item.S-4", "==", json!("b"));
    template["items"][5]["appliesWhen"] = when("isBoardingSchool", "==", json!(true));
    read(&template)
}

#[test]
fn an_item_waits_until_its_condition_denies_it() {
    let template = chain();
    let school = |boarders: bool| json!({"attributes": {"isBoardingSchool": boarders}});
    // Nobody can say yet whether S-4 and S-5 apply: they are shown.
    assert_eq!(open(&template, &[], &school(true)), ["S-1", "S-2", "S-3", "S-4", "S-5", "S-6"]);
    let passed = [("S-1", stated(Outcome::Pass))];
    assert_eq!(open(&template, &passed, &school(false)), ["S-2", "S-3"]);
    let failed = [("S-1", stated(Outcome::Fail)), ("S-4", Answer::Text { text: "b".into() })];
    assert_eq!(open(&template, &failed, &school(false)), ["S-2", "S-3", "S-5"]);
}

#[test]
fn an_answer_to_an_item_that_no_longer_applies_counts_for_nothing() {
    let template = chain();
    let changed_mind = [("S-1", stated(Outcome::Pass)), ("S-4", Answer::Text { text: "b".into() })];
    assert_eq!(open(&template, &changed_mind, &json!({"isBoardingSchool": false})), ["S-2", "S-3"]);
}

#[test]
fn what_the_directory_does_not_say_is_left_to_the_officer() {
    let template = real("public-lodging.json");
    let item = |entity: Value| {
        let entity = entity.as_object().unwrap().clone();
        let all = template.applicability(&|_| None, &JsonFields(&entity));
        all.into_iter().find(|(item, _)| item.id == "PP-LODGE-019").unwrap().1
    };
    assert_eq!(item(json!({})), Applicability::Undecided);
    assert_eq!(item(json!({"hasCentralAirConditioning": true})), Applicability::Applies);
    assert_eq!(
        item(json!({"attributes": {"hasCentralAirConditioning": false}})),
        Applicability::DoesNotApply
    );
}

#[test]
fn conditions_on_numbers_and_choices_are_understood() {
    let mut template = small();
    template["items"][3]["appliesWhen"] = json!({"all": [
        {"field": "item.S-2", "op": ">", "value": 1},
        {"field": "item.S-3", "op": "in", "value": ["检出"]}]});
    let template = read(&template);
    let choice = |option: &str| Answer::Choice {
        options: [option.to_owned(), "未检测".into()].into(),
        result: None,
    };
    let number =
        |value: &str| Answer::Number { value: decimal(value), unit: "mg/L".into(), case: None, result: None };
    let waits = |value, option| {
        let answers = [("S-2", number(value)), ("S-3", choice(option))];
        open(&template, &answers, &json!({})).contains(&"S-4".to_owned())
    };
    assert!(waits("1.01", "检出"));
    assert!(!waits("1.00", "检出"));
    assert!(!waits("1.01", "未检出"));
}

/// Each item reads the two before it; walked without memory this would take 2^250 steps.
#[test]
fn conditions_that_share_their_parts_are_decided_once() {
    let mut template = small();
    template["items"] = (0..500)
        .map(|n| {
            let mut item = item(&format!("S-{n}"), &conformity());
            if n > 1 {
                let reads = |m: usize| json!({"field": format!("item.S-{m}"), "op": "==", "value": "合格"});
                item["appliesWhen"] = json!({"all": [reads(n - 1), reads(n - 2)]});
            }
            item
        })
        .rev()
        .collect();
    let template = read(&template);
    let all = template.applicability(&|_| Some(stated(Outcome::Pass)), &|_: &str| None);
    assert!(all.iter().all(|(_, applies)| *applies == Applicability::Applies));
}
