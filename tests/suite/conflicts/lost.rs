//! What the server decided in a document and then lost, because it was restored: the terminals bring it back.

use super::*;
use crate::carried::restore;
use crate::packages_console::{hand_in, hand_out};

/// Decides the one conflict of answers for the answer that does not pass; both.
async fn decide_fail(world: &World, administrator: &Person) -> (Value, String) {
    let conflict = only(world, administrator, "answer").await;
    let fail = conformity(Outcome::Fail).to_register();
    let side = conflict["sides"].as_array().unwrap().iter().find(|side| side["value"] == json!(fail));
    let choice = json!({"side": side.unwrap()["change"], "reason": "照片为证"});
    decide(world, administrator, &conflict, choice).await;
    (conflict, fail)
}

/// What is said of a conflict: its choices, who decided, why, and when.
async fn decided(world: &World, person: &Person, conflict: &Value) -> Value {
    let shown = shown(world, person, conflict).await;
    json!([shown["resolution"]["by"], shown["resolution"]["reason"], shown["resolution"]["at"]])
}

fn narrative(device: &Device, visit: InspectionId) -> String {
    device.client().inspection(visit).unwrap().view.narrative.clone()
}

async fn apart(world: &World, person: &Person) -> Vec<Value> {
    person.get(world, "/api/v1/quarantine").await["rows"].as_array().unwrap().clone()
}

/// One officer goes on writing upon the decision, `notes` times, before the server loses both.
async fn a_decision_comes_back(seed: u64, notes: usize) {
    let mut world = World::start(seed, None).await;
    let (City { administrator, task, one, two, .. }, item) = disputed(&world).await;
    let visit = task.inspection;
    let backup = world.back_up("night").await;
    let (conflict, fail) = decide_fail(&world, &administrator).await;
    let before = decided(&world, &administrator, &conflict).await;
    sync_all(&[&one, &two]).await;
    let mut told = String::new();
    for note in 0..notes {
        told.push_str(&format!("第{note}笔。"));
        two.client().narrative(visit, None, &told).unwrap();
    }
    two.sync().await;
    restore(&mut world, &backup).await;
    assert_eq!(counted(&world, &administrator, visit).await, 1, "the decision is lost");

    let report = two.sync().await;
    assert!(report.server_restored && report.refused.is_empty(), "{report:?}");
    sync_all(&[&two, &one]).await;
    assert_eq!(counted(&world, &administrator, visit).await, 0);
    assert_eq!(decided(&world, &administrator, &conflict).await, before, "whose it was is known again");
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(shown["view"]["narrative"], json!(told));
    assert_eq!(apart(&world, &administrator).await, [] as [Value; 0]);
    for device in [&one, &two] {
        assert_eq!(narrative(device, visit), told);
        assert!(device.client().conflicts(visit).unwrap().is_empty());
        let answer = &device.client().inspection(visit).unwrap().view.answers[&item];
        assert_eq!(answer.standing.value, fail);
    }
    // It is as good as decided here: it can be taken back, and lost and brought again.
    undo(&world, &administrator, &conflict, "照片属于另一处").await;
    sync_all(&[&one, &two]).await;
    assert_eq!(one.client().conflicts(visit).unwrap().len(), 1);
    restore(&mut world, &backup).await;
    sync_all(&[&one, &two]).await;
    assert_eq!(counted(&world, &administrator, visit).await, 1);
    assert_eq!(apart(&world, &administrator).await, [] as [Value; 0]);
    let fresh = administrator.terminal(&world, task.team[0], "fresh").await;
    fresh.sync().await;
    assert_eq!(narrative(&fresh, visit), told);
    assert_eq!(fresh.client().conflicts(visit).unwrap().len(), 1, "the decision and its being taken back");
}

#[tokio::test]
async fn a_decision_that_the_server_lost_comes_back_with_what_was_written_upon_it() {
    a_decision_comes_back(541, 2).await;
}

/// So much that it goes as a whole document, in which the decision is one of the changes.
#[tokio::test]
async fn a_decision_that_the_server_lost_comes_back_under_a_whole_document() {
    a_decision_comes_back(542, 40).await;
}

/// A colleague without a network gets the decision by a package, and brings it to the server that lost it.
#[tokio::test]
async fn a_decision_travels_in_a_package() {
    let mut world = World::start(543, None).await;
    let (City { administrator, task, one, two, .. }, item) = disputed(&world).await;
    let visit = task.inspection;
    let backup = world.back_up("night").await;
    let (_, fail) = decide_fail(&world, &administrator).await;
    one.sync().await;
    let file = one.folder().join("visit.fieldproof");
    one.client().export_package(visit, &file, false).unwrap();
    drop(one);
    let imported = two.client().import_package(&file).unwrap();
    assert_eq!((imported.changes, imported.waiting, imported.refused), (1, 0, 0), "{imported:?}");
    assert!(two.client().conflicts(visit).unwrap().is_empty());
    restore(&mut world, &backup).await;
    sync_all(&[&two]).await;
    assert_eq!(counted(&world, &administrator, visit).await, 0);
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(shown["view"]["answers"][&item]["value"], json!(fail), "{shown}");
}

/// The same without any network: handed out at the console, taken along on a terminal, and handed in after the loss.
#[tokio::test]
async fn a_decision_is_handed_out_and_in_at_the_console() {
    let mut world = World::start(544, None).await;
    let (City { administrator, task, two, .. }, item) = disputed(&world).await;
    let visit = task.inspection;
    let backup = world.back_up("night").await;
    let (_, fail) = decide_fail(&world, &administrator).await;
    let file = hand_out(&world, &administrator, visit, "").await;
    let imported = two.client().import_package(&file).unwrap();
    assert_eq!((imported.changes, imported.waiting, imported.refused), (1, 0, 0), "{imported:?}");
    two.client().narrative(visit, None, "水箱无盖。").unwrap();
    let file = two.folder().join("back.zip");
    two.client().export_package(visit, &file, false).unwrap();
    restore(&mut world, &backup).await;
    let taken = hand_in(&world, &administrator, &file).await;
    assert_eq!((&taken["changes"]["new"], &taken["server_missing"]), (&json!(2), &json!(0)), "{taken}");
    assert!(taken["whose"].as_array().unwrap().iter().any(|whose| whose["device_name"] == ""), "{taken}");
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(shown["view"]["answers"][&item]["value"], json!(fail));
    assert_eq!(shown["view"]["narrative"], "水箱无盖。");
    assert_eq!(counted(&world, &administrator, visit).await, 0);
}
