//! Decisions about a really sealed document: signed heads, a real checklist, real evidence rows.

use super::*;
use crate::db::DbError;
use crate::documents;
use crate::store::review::set_state;
use crate::testing::{self, World};
use fieldproof_schema::ids::{DeviceId, OfficerId};
use fieldproof_schema::seal::{Capture, Party, Signed, sign};
use fieldproof_schema::suite::{Digest, MemoryKey, Signer};
use serde_json::Value;

/// A dispatched inspection that the team sealed as it was, with one capture whose bytes are not here.
async fn sealed(world: &World, admin: &str) -> InspectionId {
    let draw = world.drawn(admin).await;
    let made = world.ok("POST", &format!("/api/v1/draws/{draw}/dispatch"), admin, json!({})).await;
    let id: InspectionId = serde_json::from_value(made["tasks"][0]["inspection"].clone()).unwrap();
    let app = world.app.clone();
    let org = app.org().await.unwrap();
    let reader = app.clone();
    let stored = app.db.read(move |tx| documents::read(tx, &reader, org, id)).await.unwrap();
    let document = stored.open().unwrap();
    let view = document.view().unwrap();
    let team: Vec<OfficerId> = view.identity.team.iter().map(|member| member.officer).collect();
    let capture = Capture { record: RecordId::from_bytes([5; 16]), digest: Digest::of(b"photo"), used: true };
    let statement = Statement {
        format: 1,
        inspection: id,
        version: 1,
        supplements: None,
        answers_return: None,
        comment: None,
        heads: document.heads(),
        content: view.digest(),
        captures: vec![capture],
        team: team.clone(),
        unmerged: vec![],
        unsettled: None,
        party: Party::Signed { name: "现场负责人".into() },
        at: app.now(),
    };
    let text = statement.to_text();
    let key = MemoryKey::from_secret(&[9; 32]);
    let now = app.now();
    app.db
        .write(move |tx| {
            seals::insert(tx, org, id, 1, &text, now)?;
            let digest = Digest::of(text.as_bytes());
            for officer in &team {
                let signed = Signed {
                    officer: *officer,
                    device: DeviceId::from_bytes([1; 16]),
                    key: key.public_key(),
                    signature: sign(&text, &key),
                    at: now,
                };
                seals::sign(tx, org, id, &digest, &signed)?;
            }
            seals::complete(tx, org, id, &digest, now)?;
            assert!(set_state(tx, org, id, InspectionState::Dispatched, InspectionState::Sealed, now)?);
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn the_first_decision_wins_and_the_second_is_shown_it() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let supervisor = world.user(&admin, "supervisor", "supervisor", "ORG-C").await;
    let path = format!("/api/v1/inspections/{}", sealed(&world, &admin).await);
    let give_back = |comment: &str| json!({"comment": comment});
    assert_eq!(world.refused("POST", &format!("{path}/return"), &admin, give_back("x")).await, "not_allowed");
    assert_eq!(
        world.refused("POST", &format!("{path}/return"), &supervisor, give_back(" ")).await,
        "reason_missing"
    );
    let unknown = json!({"comment": "请补充", "items": {"nowhere": "请补拍"}});
    assert_eq!(
        world.refused("POST", &format!("{path}/return"), &supervisor, unknown).await,
        "answer_unknown_item"
    );
    let decision = world.ok("POST", &format!("{path}/return"), &supervisor, give_back("请补充")).await;
    assert_eq!(decision["items"], Value::Null);
    assert_eq!((decision["kind"].as_str(), decision["version"].as_i64()), (Some("returned"), Some(1)));
    let (status, answer) = world.call("POST", &format!("{path}/accept"), &supervisor, json!({})).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("already_decided")));
    assert_eq!(answer["details"]["decision"]["comment"], "请补充");
    assert_eq!(
        world.refused("POST", &format!("{path}/disclose"), &supervisor, json!({})).await,
        "state_wrong"
    );
    // The snapshot followed the step, so that the document opens without its whole history.
    let shown = world.ok("GET", &path, &supervisor, Value::Null).await;
    assert_eq!(shown["row"]["state"], "returned");
}

#[tokio::test]
async fn a_return_may_speak_of_single_items_alone() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let supervisor = world.user(&admin, "supervisor", "supervisor", "ORG-C").await;
    let id = sealed(&world, &admin).await;
    let path = format!("/api/v1/inspections/{id}");
    let (app, org) = (world.app.clone(), world.app.org().await.unwrap());
    let stored = world.app.db.read(move |tx| documents::read(tx, &app, org, id)).await.unwrap();
    let item = stored.template.items[0].id.clone();
    let silent = json!({"items": {&item: " "}});
    assert_eq!(world.refused("POST", &format!("{path}/return"), &supervisor, silent).await, "reason_missing");
    let said = json!({"items": {&item: " 请补拍 "}});
    let decision = world.ok("POST", &format!("{path}/return"), &supervisor, said).await;
    assert_eq!((&decision["comment"], &decision["items"]), (&json!(""), &json!({&item: "请补拍"})));
    let shown = world.ok("GET", &path, &supervisor, Value::Null).await;
    assert_eq!(shown["row"]["decisions"], json!([decision]));
}

#[tokio::test]
async fn missing_evidence_needs_a_reason_that_stays_with_the_decision() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let supervisor = world.user(&admin, "supervisor", "supervisor", "ORG-C").await;
    let path = format!("/api/v1/inspections/{}", sealed(&world, &admin).await);
    let (status, answer) =
        world.call("POST", &format!("{path}/accept"), &supervisor, json!({"comment": "同意"})).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("evidence_incomplete")));
    assert_eq!(answer["details"]["missing"], json!([RecordId::from_bytes([5; 16])]));
    let body = json!({"comment": "同意", "accept_missing_evidence": "照片损坏"});
    let decision = world.ok("POST", &format!("{path}/accept"), &supervisor, body).await;
    let comment = decision["comment"].as_str().unwrap();
    assert!(comment.starts_with("同意\n") && comment.contains("照片损坏"), "{comment}");
}

#[tokio::test]
async fn what_is_published_names_the_entity_and_nobody_else() {
    let world = testing::city().await;
    let admin = world.sign_in("admin").await;
    let supervisor = world.user(&admin, "supervisor", "supervisor", "ORG-C").await;
    let id = sealed(&world, &admin).await;
    let path = format!("/api/v1/inspections/{id}");
    let body = json!({"accept_missing_evidence": "照片损坏"});
    world.ok("POST", &format!("{path}/accept"), &supervisor, body).await;
    let published = world.ok("POST", &format!("{path}/disclose"), &supervisor, json!({})).await;
    let again = world.refused("POST", &format!("{path}/disclose"), &supervisor, json!({})).await;
    assert_eq!(again, "already_decided");

    let result = format!("/api/v1/public/results/{}", published["id"].as_str().unwrap());
    let result = world.ok("GET", &result, "", Value::Null).await;
    let shown = world.ok("GET", &path, &supervisor, Value::Null).await;
    let identity = &shown["view"]["identity"];
    let body = &result["body"];
    assert_eq!(body["entity"]["name"], identity["entity"]["name"]);
    assert_eq!(
        (body["inspected_on"].as_str(), body["conclusion"].as_str()),
        (Some("2026-10-08"), Some("no_problem_found"))
    );
    assert_eq!(body["item"], "对公共场所的监督检查");
    let text = result.to_string();
    for member in identity["team"].as_array().unwrap() {
        assert!(!text.contains(member["name"].as_str().unwrap()));
        assert!(!text.contains(member["certificate"].as_str().unwrap()));
    }
    assert!(
        !text.contains("现场负责人")
            && !text.contains(identity["entity"]["fields"]["legalRepresentative"].as_str().unwrap())
    );
    let listed = world.ok("GET", "/api/v1/public/results", "", Value::Null).await;
    assert_eq!(listed["rows"][0]["id"], published["id"]);
}
