//! The console's day through the API: people, lists, plans, draws, dispatch.

use crate::testing;
use fieldproof_schema::draw;
use fieldproof_schema::ids::OfficerId;
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_session_opens_shows_and_closes() {
    let world = testing::world().await;
    let body = json!({"login": "admin", "password": "wrong password"});
    assert_eq!(world.refused("POST", "/api/v1/session", "", body).await, "sign_in_failed");
    let admin = world.sign_in("admin").await;
    let shown = world.ok("GET", "/api/v1/session", &admin, Value::Null).await;
    assert_eq!((text(&shown["user"]["role"]), &shown["token"]), ("administrator", &Value::Null));
    world.ok("DELETE", "/api/v1/session", &admin, Value::Null).await;
    assert_eq!(world.refused("GET", "/api/v1/session", &admin, Value::Null).await, "sign_in_required");
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let world = testing::world().await;
    let admin = world.sign_in("admin").await;
    let body =
        json!({"login": "x", "name": "某人", "role": "king", "unit": "YUN", "password": "a long password"});
    let (status, answer) = world.call("POST", "/api/v1/users", &admin, body).await;
    assert_eq!((status, text(&answer["details"]["field"])), (422, "role"));
    let (status, answer) = world.call("GET", "/api/v1/audit?before=x", &admin, Value::Null).await;
    assert_eq!((status, text(&answer["details"]["field"])), (422, "before"));
    let (status, _) = world.call("GET", "/api/v1/users?unknown=1", &admin, Value::Null).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn everybody_sees_the_own_unit_and_what_is_below_it() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let district = world.user(&admin, "district", "supervisor", "ORG-D1").await;
    let codes = |answer: Value, key: &str| -> Vec<String> {
        answer["rows"].as_array().unwrap().iter().map(|row| text(&row[key]).to_owned()).collect()
    };
    let units = codes(world.ok("GET", "/api/v1/units", &district, Value::Null).await, "code");
    assert!(units.iter().all(|code| code.starts_with("ORG-D1")));
    assert!(units.contains(&"ORG-D1-T1".to_owned()));
    assert_eq!(
        world.ok("GET", "/api/v1/units", &admin, Value::Null).await["rows"].as_array().unwrap().len(),
        57
    );
    let officers = codes(world.ok("GET", "/api/v1/officers", &district, Value::Null).await, "unit");
    assert_eq!(officers, ["ORG-D1-BRG", "ORG-D1-BRG"]);
    let entities = codes(world.ok("GET", "/api/v1/entities", &district, Value::Null).await, "unit");
    assert_eq!(entities.len(), 58);
    assert!(entities.iter().all(|unit| unit == "ORG-D1"));
    assert_eq!(world.refused("GET", "/api/v1/users", &district, Value::Null).await, "not_allowed");
}

#[tokio::test]
async fn long_lists_come_in_pages_and_names_are_searched() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let (mut codes, mut path) = (Vec::new(), "/api/v1/entities".to_owned());
    loop {
        let page = world.ok("GET", &path, &admin, Value::Null).await;
        codes.extend(page["rows"].as_array().unwrap().iter().map(|row| text(&row["code"]).to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/entities?after={next}"),
            None => break,
        }
    }
    assert_eq!(codes.len(), 200);
    assert!(codes.windows(2).all(|pair| pair[0] < pair[1]));
    // 宾馆
    let found = world.ok("GET", "/api/v1/entities?search=%E5%AE%BE%20%E9%A6%86", &admin, Value::Null).await;
    let found = found["rows"].as_array().unwrap();
    assert!(!found.is_empty() && found.iter().all(|row| text(&row["name"]).contains("宾馆")));
    let found = world.ok("GET", "/api/v1/entities?code=ENT-001", &admin, Value::Null).await;
    assert_eq!(text(&found["rows"][0]["name"]), "听雨沐禾宾馆");
}

#[tokio::test]
async fn a_plan_is_drawn_recused_from_and_dispatched_once() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let draw = world.drawn(&admin).await;
    let path = format!("/api/v1/draws/{draw}");
    let shown = world.ok("GET", &path, &admin, Value::Null).await;
    assert_eq!(text(&shown["state"]), "drawn");
    let pick = shown["outcome"]["picks"][0].clone();
    let officer: OfficerId = serde_json::from_value(pick["team"]["assigned"][0].clone()).unwrap();
    let recusal = json!({"pick": pick["pick"], "officer": officer, "kind": "kinship", "reason": "亲属"});
    world.ok("POST", &format!("{path}/recusals"), &admin, recusal.clone()).await;
    assert_eq!(world.refused("POST", &format!("{path}/recusals"), &admin, recusal).await, "recusal_invalid");
    let record = world.ok("GET", &format!("{path}/record"), &admin, Value::Null).await;
    assert_eq!(draw::verify(&record.to_string()).unwrap().recusals, 1);

    let made = world.ok("POST", &format!("{path}/dispatch"), &admin, json!({"due": "2026-10-31"})).await;
    let tasks = made["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), shown["outcome"]["picks"].as_array().unwrap().len());
    assert!(tasks.iter().all(|task| text(&task["due"]) == "2026-10-31"));
    assert!(tasks[0]["team"].as_array().unwrap().iter().all(|m| m["officer"] != json!(officer)));
    assert_eq!(world.refused("POST", &format!("{path}/dispatch"), &admin, json!({})).await, "state_wrong");
    let listed = world.ok("GET", "/api/v1/inspections?state=dispatched", &admin, Value::Null).await;
    assert_eq!(listed["rows"].as_array().unwrap().len(), tasks.len());
    let one = format!("/api/v1/inspections/{}", text(&tasks[0]["inspection"]));
    let one = world.ok("GET", &one, &admin, Value::Null).await;
    assert_eq!(one["view"]["identity"]["entity"]["name"], tasks[0]["entity_name"]);

    let acts = world.ok("GET", "/api/v1/audit", &admin, Value::Null).await;
    let acts: Vec<_> =
        acts["rows"].as_array().unwrap().iter().map(|row| text(&row["act"]).to_owned()).collect();
    let expected = ["draw.dispatched", "draw.recused", "draw.revealed", "draw.committed", "plan.added"];
    assert_eq!(acts[..5], expected);
}

#[tokio::test]
async fn what_no_checklist_fits_is_listed_and_nothing_is_dispatched_until_it_is_decided() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let plan = json!({
        "unit": "ORG-C", "planNo": "2026001", "taskNo": "1", "name": "生活饮用水", "scope": "定向", "ratioText": "20%",
        "item": "生活饮用水监督检查", "specialty": "drinkingWater", "year": 2026,
        "population": {"rule": {"field": "specialty", "op": "==", "value": "drinkingWater"}},
    });
    let plan = world.ok("POST", "/api/v1/plans", &admin, plan).await;
    let draws = format!("/api/v1/plans/{}/draws", text(&plan["id"]));
    let draw = world.ok("POST", &draws, &admin, json!({})).await;
    let path = format!("/api/v1/draws/{}", text(&draw["id"]));
    world.ok("POST", &format!("{path}/reveal"), &admin, json!({"entropy": "1"})).await;
    let (status, answer) = world.call("POST", &format!("{path}/dispatch"), &admin, json!({})).await;
    assert_eq!((status, text(&answer["details"]["field"])), (422, "templates"));
    assert_eq!(answer["details"]["unresolved"][0]["fitting"], json!(["water-central", "water-secondary"]));
    let none = world.ok("GET", "/api/v1/inspections", &admin, Value::Null).await;
    assert!(none["rows"].as_array().unwrap().is_empty());
    let unknown = json!({"templates": {"drinkingWater": "water-nowhere"}});
    assert_eq!(world.refused("POST", &format!("{path}/dispatch"), &admin, unknown).await, "field_invalid");
    let decided = json!({"templates": {"drinkingWater": "water-central@2026.1"}});
    let made = world.ok("POST", &format!("{path}/dispatch"), &admin, decided).await;
    assert!(!made["tasks"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn an_enrolment_code_is_given_for_officers_of_the_own_scope() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let officers = world.ok("GET", "/api/v1/officers", &admin, Value::Null).await;
    let first = officers["rows"].as_array().unwrap().iter().find(|o| o["unit"] == "ORG-C-SUP").unwrap();
    let path = format!("/api/v1/officers/{}/enrolment-codes", text(&first["id"]));
    let issued = world.ok("POST", &path, &admin, json!({})).await;
    assert_eq!(text(&issued["code"]).len(), 9);
    let district = world.user(&admin, "district", "administrator", "ORG-D1").await;
    assert_eq!(world.refused("POST", &path, &district, json!({})).await, "not_found");
    assert!(
        world.ok("GET", "/api/v1/devices", &admin, Value::Null).await["rows"].as_array().unwrap().is_empty()
    );
}

#[tokio::test]
async fn health_and_results_are_answered_without_signing_in() {
    let world = testing::world().await;
    assert_eq!(text(&world.ok("GET", "/healthz", "", Value::Null).await["status"]), "ok");
    let results = world.ok("GET", "/api/v1/public/results?search=x", "", Value::Null).await;
    assert!(results["rows"].as_array().unwrap().is_empty());
    let nowhere = format!("/api/v1/public/results/{}", OfficerId::from_bytes([1; 16]));
    assert_eq!(world.refused("GET", &nowhere, "", Value::Null).await, "not_found");
}
