//! Whoever sends without end fills its own share: nobody else notices, and nothing that was recorded is lost.

use crate::support::{self, City};
use fieldproof_client_core::{CaptureFacts, CaptureSource, SyncReport};
use fieldproof_schema::document::RawChange;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::sync::{Chunk, Outcome};
use fieldproof_server::quota::Bounds;
use fieldproof_server::store::usage::Amount;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::device::Device;
use fieldproof_tests::world::rogue::Rogue;
use fieldproof_tests::{photo, postgres};
use serde_json::json;
use std::collections::BTreeSet;

/// The bounds as they are, but for one.
fn bound(world: &World, set: impl FnOnce(&mut Bounds)) {
    let mut bounds = Bounds::default();
    set(&mut bounds);
    world.app.quota.set(bounds);
}

async fn worlds(seed: u64, name: &str) -> [World; 2] {
    let url = postgres::shared().create_database(name);
    [World::start(seed, None).await, World::start(seed, Some(&url)).await]
}

fn capture(device: &Device, visit: InspectionId, n: u64) -> u64 {
    let bytes = photo::jpeg(n, None, 64, 64);
    let facts = CaptureFacts::PHOTO;
    device.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    bytes.len() as u64
}

fn codes(report: &SyncReport) -> BTreeSet<&str> {
    report.refused.iter().map(|item| item.code.as_str()).collect()
}

const DAY_SECONDS: i64 = 24 * 3600;

#[tokio::test]
async fn what_goes_beyond_a_share_is_not_taken_and_troubles_nobody_else() {
    let world = World::start(971, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    bound(&world, |bounds| bounds.backlog.items = 4);
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
    bound(&world, |bounds| bounds.backlog.items = 2);
    one.link.up();
    let report = one.sync().await;
    assert!(report.refused.iter().any(|item| item.code == "quota_exceeded" && !item.held), "{report:?}");
    let here = one.client().status().unwrap();
    assert_eq!(here.unsent.changes, 2, "{here:?}");
    assert!(report.rounds < 6, "it does not go round in circles: {report:?}");
    assert_eq!(one.client().inspection(visit).unwrap().view.answers.len(), 4);
    one.sync().await;
    assert_eq!(one.client().status().unwrap().unsent.changes, 2);
    bound(&world, |_| {});
    one.sync().await;
    assert!(one.client().status().unwrap().unsent.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_and_changes_beyond_a_days_share_come_the_next_day() {
    for world in worlds(973, "quota_day").await {
        let City { task, one, two, .. } = support::city(&world).await;
        bound(&world, |bounds| bounds.day = Amount { items: 4, bytes: 1 << 20 });
        for _ in 0..5 {
            support::answer_one(&one, task.inspection);
            one.client().sign().unwrap();
        }
        let report = one.sync().await;
        assert!(codes(&report).contains("quota_exceeded"), "{report:?}");
        assert!(report.rounds < 8, "it does not go round in circles: {report:?}");
        let held_back = one.client().status().unwrap().unsent;
        assert!(held_back.entries > 0 && held_back.changes > 0, "{held_back:?}");
        let again = one.sync().await;
        assert_eq!(one.client().status().unwrap().unsent, held_back, "{again:?}");
        // A colleague has a share of her own.
        support::answer_one(&two, task.inspection);
        two.sync().await;
        assert!(two.client().status().unwrap().unsent.is_empty());
        let desk = Desk::sign_in(&world, "guanli").await;
        let list = desk.get(&world, "/console/devices").await.text;
        assert_eq!(list.matches("已达上限").count(), 1, "{list}");
        let device = one.client().status().unwrap().enrolled.unwrap().device;
        let page = desk.get(&world, &format!("/console/devices/{device}")).await.text;
        assert!(page.contains("今日收到") && page.contains("次日（北京时间 8 时）重新计算"), "{page}");

        for _ in 0..3 {
            world.clock.advance_seconds(DAY_SECONDS);
            one.sync().await;
        }
        assert!(one.client().status().unwrap().unsent.is_empty());
        assert_eq!(one.client().verify().unwrap().faults, []);
        two.sync().await;
        let (here, there) = (one.client(), two.client());
        one.sync().await;
        let [here, there] = [here, there].map(|client| client.inspection(task.inspection).unwrap().heads);
        assert_eq!(here, there);
    }
}

#[tokio::test]
async fn a_journal_has_an_end_until_the_operator_moves_it() {
    let world = World::start(974, None).await;
    let City { task, one, .. } = support::city(&world).await;
    let entries = one.client().verify().unwrap().entries;
    bound(&world, |bounds| bounds.entries.items = entries);
    support::answer_one(&one, task.inspection);
    let report = one.sync().await;
    assert_eq!(codes(&report), BTreeSet::from(["quota_exceeded"]), "{report:?}");
    world.clock.advance_seconds(DAY_SECONDS);
    one.sync().await;
    assert!(!one.client().status().unwrap().unsent.is_empty(), "another day changes nothing about it");
    bound(&world, |_| {});
    one.sync().await;
    assert!(one.client().status().unwrap().unsent.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn originals_beyond_a_share_stay_on_the_terminal_and_go_up_later() {
    for world in worlds(975, "quota_originals").await {
        let City { task, one, .. } = support::city(&world).await;
        let visit = task.inspection;
        let first = capture(&one, visit, 1);
        bound(&world, |bounds| bounds.day_evidence = first);
        one.sync().await;
        let second = capture(&one, visit, 2).max(capture(&one, visit, 3));
        let report = one.sync().await;
        assert_eq!(codes(&report), BTreeSet::from(["quota_exceeded"]));
        assert_eq!(
            report.refused.len(),
            1,
            "the larger one of the same visit is not asked about: {report:?}"
        );
        let unsent = one.client().status().unwrap().unsent;
        assert_eq!((unsent.evidence, unsent.changes, unsent.entries), (2, 0, 0));
        bound(&world, |bounds| bounds.day_evidence = first + second);
        one.sync().await;
        assert_eq!(one.client().status().unwrap().unsent.evidence, 1);
        world.clock.advance_seconds(DAY_SECONDS);
        one.sync().await;
        assert!(one.client().status().unwrap().unsent.is_empty());

        // What comes after a revocation is held apart, originals included, and that has a bound, too.
        one.link.down();
        let apart = capture(&one, visit, 4).max(capture(&one, visit, 5));
        let device = one.client().status().unwrap().enrolled.unwrap().device;
        let revoke = json!({"reason": "终端遗失"});
        let path = format!("/api/v1/devices/{device}/revoke");
        // A day is longer than a session of the console.
        let again = Person::sign_in(&world, "guanli").await;
        let (status, _) = world.call("POST", &path, Some(again.token()), &revoke).await;
        assert!(status.is_success());
        one.link.up();
        bound(&world, |bounds| bounds.apart_evidence = apart);
        let report = one.sync().await;
        assert!(codes(&report).contains("quota_exceeded"), "{report:?}");
        assert_eq!(one.client().status().unwrap().unsent.evidence, 1);
        bound(&world, |_| {});
        one.sync().await;
        assert_eq!(one.client().status().unwrap().unsent.evidence, 0);
    }
}
