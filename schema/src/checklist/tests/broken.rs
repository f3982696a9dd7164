use super::*;

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(data::checklist_json_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).unwrap()
}

/// The small checklist with one value replaced, or removed.
fn with(pointer: &str, value: impl Into<Option<Value>>) -> Value {
    let mut template = small();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match (template.pointer_mut(parent).unwrap(), value.into()) {
        (Value::Object(map), Some(value)) => _ = map.insert(key.to_owned(), value),
        (Value::Object(map), None) => _ = map.remove(key).unwrap(),
        (Value::Array(list), Some(value)) => list[key.parse::<usize>().unwrap()] = value,
        _ => unreachable!("{pointer}"),
    }
    template
}

fn violations(template: &Value) -> Vec<Violation> {
    match Template::parse(&template.to_string()) {
        Ok(_) => Vec::new(),
        Err(error) => error.violations().to_vec(),
    }
}

fn only(template: &Value) -> (String, Problem) {
    let mut all = violations(template);
    assert_eq!(all.len(), 1, "{all:?}");
    let violation = all.remove(0);
    (violation.path, violation.problem)
}

#[test]
fn the_published_schema_accepts_the_real_checklists() {
    let validator = validator();
    for (name, json) in data::checklists() {
        let value: Value = serde_json::from_str(json).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    assert!(validator.is_valid(&small()));
}

#[test]
fn schema_and_reader_refuse_the_same_broken_checklists() {
    let validator = validator();
    let long = "长".repeat(2001);
    let long_id = "x".repeat(65);
    let broken: Vec<(&str, Option<Value>, &str)> = vec![
        ("/id", None, "id"),
        ("/id", Some(json!("has space")), "id"),
        ("/id", Some(json!(long_id)), "id"),
        ("/version", Some(json!(1)), "version"),
        ("/name", Some(json!(" ")), "name"),
        ("/nameEn", None, "nameEn"),
        ("/specialty", Some(Value::Null), "specialty"),
        ("/items", None, "items"),
        ("/items", Some(json!({})), "items"),
        ("/items", Some(json!([])), "items"),
        ("/itemCount", Some(json!("six")), "itemCount"),
        ("/notes", Some(json!(["同", "同"])), "notes[1]"),
        ("/documentsSuggested", Some(json!("现场笔录")), "documentsSuggested"),
        ("/scoring", Some(json!({})), "scoring.applies"),
        ("/items/0", Some(json!("question")), "items[0]"),
        ("/items/0/id", None, "items[0].id"),
        ("/items/0/id", Some(json!("编号")), "items[0].id"),
        ("/items/0/text", Some(json!("")), "items[0].text"),
        ("/items/0/text", Some(json!(long)), "items[0].text"),
        ("/items/0/en", None, "items[0].en"),
        ("/items/0/group", None, "items[0].group"),
        ("/items/0/key", Some(json!("yes")), "items[0].key"),
        ("/items/0/severity", Some(json!("grave")), "items[0].severity"),
        ("/items/0/basis", None, "items[0].basis"),
        ("/items/0/basis/0", Some(json!("GGTL-4")), "items[0].basis[0]"),
        ("/items/0/basis/0/provision", None, "items[0].basis[0].provision"),
        ("/items/0/basis/0/certainty", Some(json!("sure")), "items[0].basis[0].certainty"),
        ("/items/0/basis/0/superseded", Some(json!("no")), "items[0].basis[0].superseded"),
        ("/items/0/penalty", Some(json!({})), "items[0].penalty"),
        ("/items/0/evidence/0/zh", None, "items[0].evidence[0].zh"),
        ("/items/0/photoRequired", None, "items[0].photoRequired"),
        ("/items/0/guidance", Some(json!(1)), "items[0].guidance"),
        ("/items/0/appliesWhen", Some(json!({})), "items[0].appliesWhen"),
        ("/items/0/appliesWhen", Some(json!({"field": "a", "op": "~", "value": 1})), "items[0].appliesWhen"),
        ("/items/0/answer", None, "items[0].answer"),
        ("/items/0/answer/type", None, "items[0].answer.type"),
        ("/items/0/answer/type", Some(json!("spectrum")), "items[0].answer.type"),
        ("/items/0/answer/options", Some(json!(["是", "否"])), "items[0].answer.options"),
        ("/items/0/answer/options", Some(json!(["合格", "不合格", 3])), "items[0].answer.options"),
        ("/items/1/answer/unit", None, "items[1].answer.unit"),
        ("/items/1/answer/decimals", Some(json!(7)), "items[1].answer.decimals"),
        ("/items/1/answer/decimals", Some(json!(0.5)), "items[1].answer.decimals"),
        ("/items/1/answer/limit/inclusive", None, "items[1].answer.limit.inclusive"),
        ("/items/1/answer/limit/min", Some(json!("0.3")), "items[1].answer.limit.min"),
        ("/items/1/answer/limit", Some(json!({"inclusive": true})), "items[1].answer.limit"),
        ("/items/1/answer/limit", Some(json!({"min": null, "inclusive": true})), "items[1].answer.limit"),
        ("/items/1/answer/standard", None, "items[1].answer.standard"),
        ("/items/1/answer/standard/certainty", None, "items[1].answer.standard.certainty"),
        ("/items/1/answer/outOfLimitMeans", Some(json!("合格")), "items[1].answer.outOfLimitMeans"),
        ("/items/2/answer/options", Some(json!([])), "items[2].answer.options"),
        ("/items/2/answer/options", Some(json!(["检出", "检出"])), "items[2].answer.options[1]"),
        ("/items/2/answer/nonCompliantOptions", Some(json!("检出")), "items[2].answer.nonCompliantOptions"),
        ("/items/2/answer/multiple", Some(json!(1)), "items[2].answer.multiple"),
        ("/items/5/answer/min", Some(json!(0)), "items[5].answer.min"),
    ];
    for (pointer, value, path) in broken {
        let template = with(pointer, value.clone());
        assert!(!validator.is_valid(&template), "the schema accepts {pointer} {value:?}");
        assert_eq!(only(&template).0, path, "{pointer} {value:?}");
    }
}

/// Every place of a value, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut below = |key: &str, value: &Value| {
        let place = format!("{at}/{key}");
        places(value, &place, found);
        found.push(place);
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                below(key, value);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                below(&index.to_string(), value);
            }
        }
        _ => {}
    }
}

#[test]
fn schema_and_reader_agree_wherever_a_value_is_replaced() {
    let validator = validator();
    let beyond_a_schema = |problem: &Problem| {
        use Problem::{CasesNeedOneBound, Count, NoAuthority, Reversed, UnknownOption};
        matches!(problem, CasesNeedOneBound | Count { .. } | NoAuthority | Reversed | UnknownOption(_))
    };
    let mut full = small();
    full["itemCount"] = json!(6);
    full["notes"] = json!(["注"]);
    full["scoring"] = json!({"applies": true, "keyItem": "关键项"});
    full["items"][0]["appliesWhen"] = json!({"all": [{"field": "a", "op": "in", "value": [1]}]});
    full["items"][0]["basis"][0]["superseded"] = json!(true);
    full["items"][1]["answer"]["limit"] = json!({"min": 1, "max": null, "inclusive": true});
    full["items"][1]["answer"]["limitByStage"] = json!({"小学": 1, "中学": 2});
    let mut found = Vec::new();
    places(&full, "", &mut found);
    let mut refused = 0;
    for place in found {
        for value in [json!(null), json!(1), json!(-0.5), json!("x"), json!([]), json!({}), json!(true)] {
            let mut template = full.clone();
            *template.pointer_mut(&place).unwrap() = value.clone();
            let faults = violations(&template);
            let fits = faults.iter().all(|violation| beyond_a_schema(&violation.problem));
            assert_eq!(validator.is_valid(&template), fits, "{place} = {value}: {faults:?}");
            refused += usize::from(!fits);
        }
    }
    assert!(refused > 500, "{refused}");
}

#[test]
fn further_fields_are_accepted_by_both() {
    let template = with("/items/3/answer/placeholder", json!("…"));
    assert!(validator().is_valid(&template));
    assert_eq!(violations(&template), []);
}

#[test]
fn the_reader_also_sees_what_a_schema_cannot_say() {
    let limit = |limit: Value| with("/items/1/answer", number(&limit));
    assert_eq!(
        only(&with("/items/1/id", json!("S-1"))),
        ("items[1].id".into(), Problem::Duplicate("S-1".into()))
    );
    assert_eq!(
        only(&with("/itemCount", json!(7))),
        ("itemCount".into(), Problem::Count { stated: 7, found: 6 })
    );
    assert_eq!(
        only(&with("/keyItemCount", json!(1))),
        ("keyItemCount".into(), Problem::Count { stated: 1, found: 0 })
    );
    assert_eq!(only(&limit(json!({"min": 2, "max": 1, "inclusive": true}))).1, Problem::Reversed);
    assert_eq!(only(&limit(json!({"min": 1e-9, "inclusive": true}))).1, Problem::NotDecimal);
    assert_eq!(
        only(&limit(json!({"min": 0.123_456_789_012_345_6, "inclusive": true}))).1,
        Problem::NotDecimal
    );
    assert_eq!(
        only(&with("/items/2/answer/nonCompliantOptions", json!(["无"]))).1,
        Problem::UnknownOption("无".into())
    );
    assert_eq!(only(&with("/items/1/answer/limitByStage", json!({"小学": 1}))).1, Problem::CasesNeedOneBound);
    let mut homeless = with("/items/1/basis", json!([]));
    homeless["items"][1]["answer"]["standard"]["id"] = Value::Null;
    assert_eq!(only(&homeless), ("items[1].answer.limit".into(), Problem::NoAuthority));
    let deep = (0..8).fold(json!({"field": "a", "op": "==", "value": 1}), |rule, _| json!({"not": rule}));
    assert_eq!(only(&with("/items/0/appliesWhen", deep)).1, Problem::TooDeep(8));
}

#[test]
fn all_faults_are_listed_with_the_items_they_are_in() {
    let mut template = with("/name", None);
    template["items"][0]["severity"] = json!("grave");
    template["items"][0]["text"] = json!("");
    template["items"][2]["answer"]["options"] = json!([]);
    template["items"][4]["id"] = json!("S-4");
    let listed: Vec<_> = violations(&template).iter().map(Violation::to_string).collect();
    assert_eq!(
        listed,
        [
            "name: missing",
            "items[0].text (S-1): empty",
            "items[0].severity (S-1): \"grave\" is none of [\"critical\", \"major\", \"minor\"]",
            "items[2].answer.options (S-3): no entries",
            "items[4].id: \"S-4\" is there twice",
        ]
    );
}

#[test]
fn conditions_must_lead_somewhere_and_never_in_a_circle() {
    let when = |id: &str| json!({"field": format!("item.{id}"), "op": "==", "value": "不合格"});
    let mut template = small();
    template["items"][3]["appliesWhen"] = when("S-9");
    assert_eq!(only(&template), ("items[3].appliesWhen".into(), Problem::UnknownItem("S-9".into())));

    let mut template = small();
    template["items"][3]["appliesWhen"] = when("S-5");
    template["items"][4]["appliesWhen"] = json!({"any": [when("S-1"), {"not": when("S-4")}]});
    assert_eq!(only(&template).1, Problem::Cycle(vec!["S-4".into(), "S-5".into()]));

    let mut template = small();
    template["items"][0]["appliesWhen"] = when("S-1");
    assert_eq!(only(&template).1, Problem::Cycle(vec!["S-1".into()]));
}

#[test]
fn a_released_template_with_an_unknown_kind_stays_usable() {
    let template = with("/items/3/answer", json!({"type": "spectrum", "bands": 7}));
    assert_eq!(only(&template).1, Problem::UnknownKind("spectrum".into()));
    let read = Template::parse_released(&template.to_string()).unwrap();
    assert_eq!(read.items[3].kind, ItemKind::Other("spectrum".into()));
    assert!(read.canonical().contains("\"bands\":7"));
    assert!(Template::parse_released(&with("/name", None).to_string()).is_err());
}

#[test]
fn what_is_no_template_at_all_is_said_so() {
    assert!(matches!(Template::parse("{"), Err(TemplateError::NotJson(_))));
    assert_eq!(only(&json!([])), (String::new(), Problem::Expected("an object")));
    let huge = " ".repeat(crate::limits::TEMPLATE_BYTES_MAX + 1);
    assert!(matches!(Template::parse(&huge), Err(TemplateError::TooLarge { .. })));
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(Template::parse(&nested), Err(TemplateError::NotJson(_))));
    let mut many = small();
    many["items"] = (0..501).map(|n| item(&format!("S-{n}"), &conformity())).collect();
    assert!(violations(&many).iter().any(|v| v.problem == Problem::TooMany(500)));
}
