//! What is held apart is kept whole: its bytes, who vouches for them, and the originals that it lists.

use super::{apart, decide, open, page, path, take_off};
use crate::support::{self, City};
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::journal::SignedEntry;
use fieldproof_schema::suite::Digest;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::desk::Desk;
use serde_json::{Value, json};

#[tokio::test]
async fn an_export_is_whole_and_checks_out_without_the_server() {
    let world = World::start(205, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    take_off(&world, task.inspection, task.team[0]).await;
    support::answer_one(&one, task.inspection);
    one.sync().await;
    let item = open(&world, &administrator).await.remove(0);
    decide(&world, &administrator, &item, json!({"decision": "keep", "reason": "先核实"})).await;
    let file = administrator.get(&world, &format!("{}/export", path(&item))).await;
    let digest: Digest = serde_json::from_value(file["digest"].clone()).unwrap();
    assert_eq!(Digest::of(&hex::decode(file["bytes"].as_str().unwrap()).unwrap()), digest);
    let signed = SignedEntry {
        bytes: hex::decode(file["entry"]["bytes"].as_str().unwrap()).unwrap(),
        signature: serde_json::from_value(file["entry"]["signature"].clone()).unwrap(),
    };
    let device = serde_json::from_value(file["device"].clone()).unwrap();
    let key = serde_json::from_value(file["device_key"].clone()).unwrap();
    let entry = signed.verify(device, &key).unwrap();
    assert_eq!(entry.content, Some(digest));
    assert_eq!((&file["decisions"][0]["decision"], &file["code"]), (&json!("keep"), &item["code"]));
    // The console gives the same file, to keep and not to open.
    let desk = Desk::sign_in(&world, "guanli").await;
    let seen = desk.get(&world, &format!("{}/export", page(&item))).await;
    assert_eq!(serde_json::from_str::<Value>(&seen.text).unwrap(), file);
    let said = seen.headers["content-disposition"].to_str().unwrap();
    assert_eq!(said, format!("attachment; filename=\"quarantine-{digest}.json\""));
}

#[tokio::test]
async fn the_originals_of_what_is_let_in_are_taken_too() {
    let world = World::start(206, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    take_off(&world, visit, task.team[0]).await;
    let photo = photo::jpeg(5, None, 64, 64);
    let facts = CaptureFacts { caption: "门口", ..CaptureFacts::PHOTO };
    one.client().capture(visit, CaptureSource::Bytes(&photo), &facts).unwrap();
    let report = one.sync().await;
    assert!(report.refused.iter().all(|item| item.held) && report.still_unsent.is_empty(), "{report:?}");
    let item = open(&world, &administrator).await.remove(0);
    let desk = Desk::sign_in(&world, "guanli").await;
    assert!(desk.get(&world, &page(&item)).await.text.contains("门口</ins>"));
    decide(&world, &administrator, &item, json!({"decision": "accept", "reason": "经核实在场"})).await;
    one.sync().await;
    assert_eq!(apart(&one), (0, 0));
    let known = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(known["row"]["evidence"][0]["held"], true, "{known}");
}
