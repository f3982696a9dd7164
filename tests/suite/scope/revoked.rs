//! A terminal that was revoked hands over what it holds, is given nothing, and people decide about what it sent.

use super::listed;
use crate::support::{self, City};
use axum::http::StatusCode;
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::RowKind;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::rogue::Rogue;
use serde_json::{Value, json};

async fn revoke(world: &World, person: &Person, device: impl std::fmt::Display) {
    let path = format!("/api/v1/devices/{device}/revoke");
    let (status, _) = world.call("POST", &path, Some(person.token()), &json!({"reason": "终端遗失"})).await;
    assert!(status.is_success());
}

#[tokio::test]
async fn what_a_revoked_terminal_holds_arrives_and_counts_when_somebody_says_so() {
    let world = World::start(621, None).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.link.down();
    let items: Vec<String> = (0..2).map(|_| support::answer_one(&one, visit)).collect();
    let bytes = photo::jpeg(5, None, 64, 64);
    let facts = CaptureFacts { caption: "消毒记录", ..CaptureFacts::PHOTO };
    let record = one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    let device = one.client().status().unwrap().enrolled.unwrap().device;
    revoke(&world, &administrator, device).await;
    let (early, answer) = support::plain_items(&two, visit).pop().unwrap();
    two.client().answer(visit, &early, &answer).unwrap();
    two.sync().await;
    one.link.up();
    one.sync().await;
    let status = one.client().status().unwrap();
    assert!(status.revoked_at.is_some() && status.unsent.is_empty(), "{status:?}");
    assert!(status.quarantined > 2);
    // It keeps what it had, and is given nothing new.
    let here = one.client().inspection(visit).unwrap();
    assert!(listed(&one, visit) && items.iter().all(|item| here.view.answers.contains_key(item)));
    assert!(!here.view.answers.contains_key(&early));
    two.sync().await;
    let counted = two.client().inspection(visit).unwrap().view.answers.len();
    assert_eq!(counted, 1, "nothing of it counts by itself");

    // An administrator looks at it, and lets it in with a reason.
    let rows = administrator.get(&world, "/api/v1/quarantine").await["rows"].as_array().unwrap().clone();
    assert!(rows.len() > 2);
    assert!(
        rows.iter().all(|row| row["code"] == "device_revoked" && row["may_be_accepted"] == true),
        "{rows:?}"
    );
    let part = |name: &str| rows[0][name].as_str().unwrap().to_owned();
    let place = format!("{}/{}/{}", part("inspection"), part("device"), part("digest"));
    let desk = Desk::sign_in(&world, "guanli").await;
    let shown = desk.get(&world, &format!("/console/quarantine/{place}")).await.text;
    assert!(shown.contains("终端被吊销之后送达"), "{shown}");
    let about = desk.get(&world, &format!("/console/devices/{device}")).await.text;
    assert!(about.contains("一律隔离"));
    let body = json!({"decision": "accept", "reason": "终端一直在本人手中", "together": true});
    administrator.post(&world, &format!("/api/v1/quarantine/{place}/decision"), body).await;
    two.sync().await;
    let there = two.client().inspection(visit).unwrap();
    assert!(items.iter().all(|item| there.view.answers.contains_key(item)));
    let known = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    let evidence = known["row"]["evidence"].as_array().unwrap();
    let held = evidence.iter().find(|capture| capture["record"] == json!(record));
    assert_eq!(held.expect("the capture belongs to the visit")["held"], true);
    // It hears what became of it, by its own feed.
    one.sync().await;
    assert_eq!(one.client().status().unwrap().quarantined, 0);
}

#[tokio::test]
async fn a_revoked_terminal_is_given_nothing_but_the_fate_of_what_it_sent() {
    let world = World::start(622, None).await;
    let City { administrator, task, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    let mut rogue = Rogue::enrol(&world, &code, 9).await;
    let bytes = photo::jpeg(3, None, 32, 32);
    let facts = CaptureFacts { caption: "同事所拍", ..CaptureFacts::PHOTO };
    two.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    two.sync().await;
    let digest = Digest::of(&bytes);
    let blob = format!("/api/v1/evidence/{digest}");
    assert_eq!(world.send("GET", &blob, Some(rogue.token()), "").await.0, StatusCode::OK);
    let old = rogue.token().to_owned();
    revoke(&world, &administrator, rogue.id).await;
    assert_eq!(world.send("GET", &blob, Some(&old), "").await.0, StatusCode::UNAUTHORIZED);

    rogue.sign_in(&world).await;
    let declared = rogue.declare(visit, fieldproof_schema::document::Actor([7; 16]));
    let answer = rogue.sync(&world, vec![declared], vec![]).await;
    assert!(answer.revoked_at.is_some() && answer.receipt.is_some());
    assert_eq!(answer.verdicts[0].code.as_deref(), Some("device_revoked"));
    assert!(answer.rows.iter().all(|row| row.kind == RowKind::Verdict.as_str()), "{:?}", answer.rows);
    assert!(answer.cursors.iter().all(|cursor| cursor.feed.starts_with("device:")), "{:?}", answer.cursors);
    let code = |body: Vec<u8>| serde_json::from_slice::<Value>(&body).unwrap()["code"].clone();
    for path in [blob.as_str(), "/api/v1/events"] {
        let (status, body) = world.send("GET", path, Some(rogue.token()), "").await;
        assert_eq!((status, code(body)), (StatusCode::FORBIDDEN, json!("device_revoked")), "{path}");
    }
    // A colleague's hash is nothing to it: neither known nor taken.
    let offer = json!({
        "inspection": visit, "record": visit, "size_bytes": bytes.len(), "media_type": "image/jpeg",
    });
    let (status, body) = world.call("POST", &blob, Some(rogue.token()), &offer).await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &json!("evidence_undeclared")));
    // Its owner's other terminals are nobody's concern.
    let next = administrator.terminal(&world, task.team[0], "next").await;
    next.sync().await;
    assert!(listed(&next, visit) && next.client().status().unwrap().revoked_at.is_none());
}
