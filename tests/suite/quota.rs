//! Whoever sends without end fills its own share: nobody else notices, and nothing that was recorded is lost.

use crate::support::{self, City};
use fieldproof_schema::document::RawChange;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::sync::{Chunk, Outcome};
use fieldproof_tests::world::World;
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::rogue::Rogue;
use serde_json::json;

const ROOM: u64 = 1024 * 1024;

#[tokio::test]
async fn what_goes_beyond_a_share_is_not_taken_and_troubles_nobody_else() {
    let world = World::start(971, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    world.app.quota.set(4, ROOM);
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    let rogue = Rogue::enrol(&world, &code, 9).await;
    let changes: Vec<RawChange> = (0..6).map(|n| RawChange(vec![n; 40])).collect();
    let chunk = || vec![Chunk { inspection: task.inspection, changes: changes.clone() }];
    let answer = rogue.sync(&world, vec![], chunk()).await;
    let refused: Vec<Digest> = answer
        .verdicts
        .iter()
        .filter(|verdict| verdict.code.as_deref() == Some("quota_exceeded"))
        .inspect(|verdict| assert_eq!(verdict.outcome, Outcome::Refused))
        .map(|verdict| verdict.item)
        .collect();
    let digests: Vec<Digest> = changes.iter().map(|change| Digest::of(&change.0)).collect();
    assert_eq!(refused, digests[4..]);
    let receipt = answer.receipt.expect("what has room is held").verify(&world.app.key.public_key()).unwrap();
    assert_eq!(receipt.items, digests[..4], "a receipt names what is held and nothing else");
    // What is held already is no burden: saying it again changes nothing.
    let again = rogue.sync(&world, vec![], chunk()).await;
    assert_eq!(again.receipt.unwrap().verify(&world.app.key.public_key()).unwrap().items, digests[..4]);

    // Others have their own share, and what counts leaves no trace in it.
    for _ in 0..6 {
        support::answer_one(&one, task.inspection);
        one.sync().await;
    }
    assert!(one.client().status().unwrap().unsent.is_empty());
    let desk = Desk::sign_in(&world, "guanli").await;
    let full = desk.get(&world, &format!("/console/devices/{}", rogue.id)).await.text;
    assert!(full.contains("已达上限") && full.contains("4 处"), "{full}");
    let other = one.client().status().unwrap().enrolled.unwrap().device;
    let other = desk.get(&world, &format!("/console/devices/{other}")).await.text;
    assert!(!other.contains("上限"), "{other}");
}

#[tokio::test]
async fn what_had_no_room_stays_on_the_terminal_and_goes_up_once_there_is() {
    let world = World::start(972, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    // Everything of a revoked terminal is held apart: nothing leaves its share by itself.
    one.link.down();
    for _ in 0..4 {
        support::answer_one(&one, visit);
    }
    let device = one.client().status().unwrap().enrolled.unwrap().device;
    let path = format!("/api/v1/devices/{device}/revoke");
    let revoked = json!({"reason": "终端遗失"});
    let (status, _) = world.call("POST", &path, Some(administrator.token()), &revoked).await;
    assert!(status.is_success());
    world.app.quota.set(2, ROOM);
    one.link.up();
    let report = one.sync().await;
    assert!(report.refused.iter().any(|item| item.code == "quota_exceeded" && !item.held), "{report:?}");
    let here = one.client().status().unwrap();
    assert_eq!(here.unsent.changes, 2, "{here:?}");
    assert!(report.rounds < 6, "it does not go round in circles: {report:?}");
    assert_eq!(one.client().inspection(visit).unwrap().view.answers.len(), 4);
    one.sync().await;
    assert_eq!(one.client().status().unwrap().unsent.changes, 2);
    world.app.quota.set(100, ROOM);
    one.sync().await;
    assert!(one.client().status().unwrap().unsent.is_empty());
}
