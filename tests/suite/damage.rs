//! What breaks, and what is still there afterwards.

use crate::support::{self, City};
use fieldproof_client_core::{CaptureFacts, CaptureSource, Stage};
use fieldproof_schema::document::{Actor, Document};
use fieldproof_schema::reference::{DecisionKind, InspectionState};
use fieldproof_schema::seal::Party;
use fieldproof_schema::suite::Signer;
use fieldproof_schema::wire::PROTOCOL;
use fieldproof_schema::wire::row::Body;
use fieldproof_schema::wire::sync::Chunk;
use fieldproof_server::auth::DeviceActor;
use fieldproof_server::store::devices::Said;
use fieldproof_server::sync::{judge, receive};
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::Device;
use fieldproof_tests::world::link::Fate;
use fieldproof_tests::world::rogue::Rogue;
use serde_json::{Value, json};
use std::fs;

/// Bytes of a database's header and of the root of its schema.
const HEAD_BYTES: usize = 4096;

/// Spoils the beginning of the store and of its log; what the store's file holds now.
fn spoil(device: &Device) -> Vec<u8> {
    let [store, log] = ["store.db", "store.db-wal"].map(|name| device.folder().join(name));
    for path in [&store, &log] {
        if let Ok(mut bytes) = fs::read(path) {
            let head = HEAD_BYTES.min(bytes.len());
            bytes[..head].fill(0xa5);
            fs::write(path, bytes).unwrap();
        }
    }
    fs::read(store).unwrap()
}

#[tokio::test]
async fn a_damaged_store_is_kept_and_work_goes_on_with_what_the_server_holds() {
    let world = World::start(21, None).await;
    let City { task, mut one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let items = support::plain_items(&one, visit);
    one.client().answer(visit, &items[0].0, &items[0].1).unwrap();
    let bytes = photo::jpeg(3, None, 64, 64);
    let facts = CaptureFacts { caption: "池水全景", ..CaptureFacts::PHOTO };
    one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    one.sync().await;
    let before = one.client().inspection(visit).unwrap();
    let enrolled = one.client().status().unwrap().enrolled;
    // This one never reached the server: it remains in what is kept.
    one.client().answer(visit, &items[1].0, &items[1].1).unwrap();

    one.die();
    let damaged = spoil(&one);
    one.switch_on();
    assert_eq!(fs::read(one.folder().join("store.db.damaged-1")).unwrap(), damaged);
    let status = one.client().status().unwrap();
    assert!(status.recovering);
    assert_eq!(status.enrolled, enrolled, "the terminal knows whose it is");

    let report = one.sync().await;
    assert!(report.recovered && report.refused.is_empty(), "{report:?}");
    let after = one.client().inspection(visit).unwrap();
    assert_eq!((&after.view, &after.heads), (&before.view, &before.heads));
    assert!(after.evidence.iter().all(|e| e.here && e.stage == Stage::Held), "{:?}", after.evidence);
    for (item, answer) in &items[1..3] {
        one.client().answer(visit, item, answer).unwrap();
    }
    let report = one.sync().await;
    assert!(report.refused.is_empty(), "{report:?}");
    let status = one.client().status().unwrap();
    assert!(status.unsent.is_empty() && !status.recovering);
    assert_eq!((status.quarantined, status.refused, status.waiting), (0, 0, 0));
    assert_eq!(one.client().verify().unwrap().faults, []);
    two.sync().await;
    let there = two.client().inspection(visit).unwrap();
    assert_eq!(there.view.answers.len(), 3);
    assert_eq!(there.row.unwrap().quarantined, 0);
    // A second damage takes no place from the first.
    one.die();
    let again = spoil(&one);
    one.switch_on();
    for (n, bytes) in [(1, &damaged), (2, &again)] {
        assert_eq!(&fs::read(one.folder().join(format!("store.db.damaged-{n}"))).unwrap(), bytes);
    }
    one.sync().await;
    assert_eq!(one.client().inspection(visit).unwrap().view, there.view);
}

/// Strikes every request of a sync in turn: in round n the n-th one meets `fate`.
async fn every_act_is_there_once(seed: u64, fate: Fate) {
    let world = World::start(seed, None).await;
    let City { administrator, task, mut one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let (mut acts, mut captures) = (0, 0);
    for n in 0.. {
        one.client().narrative(visit, None, &format!("第{n}次")).unwrap();
        let bytes = photo::jpeg(100 + n, None, 64, 64);
        let caption = format!("照片{n}");
        let facts = CaptureFacts { caption: &caption, ..CaptureFacts::PHOTO };
        one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
        (acts, captures) = (acts + 2, captures + 1);
        one.link = world.link();
        let calm = usize::try_from(n).unwrap();
        one.link.next(&[vec![Fate::Answered; calm], vec![fate]].concat());
        let first = one.try_sync().await;
        if fate == Fate::Twice {
            assert!(first.is_ok(), "request {n}: {first:?}");
        }
        let struck = one.link.traffic().0 > n;
        // Whatever was meant for a later request is forgotten.
        one.link = world.link();
        one.sync().await;
        assert!(one.client().status().unwrap().unsent.is_empty());
        if !struck {
            assert!(n > 3, "a sync with a capture takes several requests");
            break;
        }
    }
    let here = one.client().inspection(visit).unwrap();
    let about = format!("/api/v1/inspections/{visit}");
    let history = administrator.get(&world, &format!("{about}/history")).await;
    // The server's own change opened the document.
    assert_eq!(history["changes"].as_array().unwrap().len(), 1 + acts);
    assert_eq!(here.evidence.len(), captures);
    assert!(here.evidence.iter().all(|e| e.listed && e.stage == Stage::Held));
    two.sync().await;
    let there = two.client().inspection(visit).unwrap();
    assert_eq!((&there.view, &there.heads), (&here.view, &here.heads));
    assert_eq!(there.row.as_ref().unwrap().evidence.len(), captures);

    let before = administrator.get(&world, &about).await;
    let report = one.sync().await;
    assert_eq!((report.entries_sent, report.changes_sent, report.evidence_completed), (0, 0, 0));
    assert_eq!(report.rows_received, 0);
    assert_eq!(administrator.get(&world, &about).await, before);
    assert_eq!(one.client().verify().unwrap().faults, []);
}

#[tokio::test]
async fn a_lost_answer_changes_nothing() {
    every_act_is_there_once(22, Fate::AnswerLost).await;
}

#[tokio::test]
async fn a_repeated_request_changes_nothing() {
    every_act_is_there_once(23, Fate::Twice).await;
}

#[tokio::test]
async fn a_lost_request_changes_nothing() {
    every_act_is_there_once(24, Fate::Lost).await;
}

#[tokio::test]
async fn what_was_written_offline_after_the_seal_stays_beside_it() {
    let world = World::start(25, None).await;
    let City { administrator, supervisor, task, one, two } = support::city(&world).await;
    let visit = task.inspection;
    // The second officer has another terminal, and leaves it in the car.
    let car = administrator.terminal(&world, task.team[1], "car").await;
    for (item, answer) in support::plain_items(&one, visit) {
        one.client().answer(visit, &item, &answer).unwrap();
    }
    for device in [&one, &two, &car] {
        device.sync().await;
    }
    car.link.down();
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    support::seal(&one, &two, visit, &party, None).await;
    let about = format!("/api/v1/inspections/{visit}");
    let sealed = administrator.get(&world, &about).await["sealed"].clone();
    assert!(sealed["view"].is_object());
    assert_eq!(supervisor.refused(&world, &format!("{about}/disclose"), json!({})).await, "state_wrong");

    let late = "定稿后才写下的一句";
    car.client().narrative(visit, None, late).unwrap();
    car.link.up();
    assert!(car.sync().await.refused.is_empty(), "what comes late is taken");
    assert!(!car.client().inspection(visit).unwrap().editable);
    let shown = administrator.get(&world, &about).await;
    assert_eq!((&shown["sealed"], &shown["info"]["state"]), (&sealed, &json!("sealed")));
    assert!(shown["view"].to_string().contains(late));
    let open = administrator.get(&world, "/api/v1/conflicts").await;
    let [conflict] = open["conflicts"].as_array().unwrap().as_slice() else { panic!("{open}") };
    assert_eq!(conflict["kind"], "late_change");
    assert_eq!(conflict["sides"].as_array().unwrap().len(), 1);
    assert!(conflict["sides"][0]["officer"].is_string());
    let accept = json!({"comment": "同意"});
    let path = format!("{about}/accept");
    assert_eq!(supervisor.refused(&world, &path, accept.clone()).await, "conflicts_open");

    let decide = format!("/api/v1/conflicts/{}/decision", conflict["id"].as_str().unwrap());
    let side = json!({"side": conflict["sides"][0]["change"], "reason": "并入"});
    assert_eq!(administrator.refused(&world, &decide, side).await, "choice_unknown");
    administrator.post(&world, &decide, json!({"leave_beside": true, "reason": "不影响结论"})).await;
    let open = administrator.get(&world, "/api/v1/conflicts").await;
    assert!(open["conflicts"].as_array().unwrap().is_empty(), "{open}");
    // Other work goes on without the conflict coming back.
    for device in [&car, &one, &two, &car] {
        device.sync().await;
    }
    for device in [&one, &two, &car] {
        let row = device.client().inspection(visit).unwrap().row.unwrap();
        assert!(row.conflicts.is_empty());
        assert!(row.decisions.iter().any(|d| d.kind == DecisionKind::Resolved && d.comment == "不影响结论"));
        assert_eq!(row.state, InspectionState::Sealed);
    }
    supervisor.post(&world, &path, accept).await;
    let public = supervisor.post(&world, &format!("{about}/disclose"), json!({})).await;
    assert!(!public.to_string().contains(late));
    assert_eq!(administrator.get(&world, &about).await["sealed"], sealed);
}

#[tokio::test]
async fn a_revoked_terminal_hands_over_what_it_has_and_keeps_it() {
    let world = World::start(26, None).await;
    let City { administrator, task, mut one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "停用前").unwrap();
    one.sync().await;
    one.client().narrative(visit, None, "停用前。停用时未发送").unwrap();
    let device = one.client().status().unwrap().enrolled.unwrap().device;
    let path = format!("/api/v1/devices/{device}/revoke");
    let revocation = json!({"reason": "终端遗失"});
    let token = Some(administrator.token());
    let (status, _) = world.call("POST", &path, token, &revocation).await;
    assert_eq!(status.as_u16(), 204);
    assert_eq!(administrator.refused(&world, &path, revocation).await, "already_decided");

    let before = one.client().inspection(visit).unwrap();
    for _ in 0..2 {
        one.sync().await;
        assert!(one.client().status().unwrap().revoked_at.is_some());
        one.die();
        one.switch_on();
    }
    let after = one.client().inspection(visit).unwrap();
    assert_eq!((&after.view, &after.heads), (&before.view, &before.heads));
    assert_eq!(one.client().status().unwrap().unsent.changes, 0);
    assert!(one.client().status().unwrap().quarantined > 0);
    assert_eq!(one.client().verify().unwrap().faults, []);
    // What it sent before counts, what it sent since is held apart, and the colleague works on.
    two.sync().await;
    assert_eq!(two.client().inspection(visit).unwrap().view.narrative, "停用前");
    // The officer's next terminal receives the same visit.
    let next = administrator.terminal(&world, task.team[0], "next").await;
    next.sync().await;
    assert_eq!(next.client().inspection(visit).unwrap().view.narrative, "停用前");
}

#[tokio::test]
async fn a_server_stopped_between_receiving_and_judging_finishes_when_it_starts() {
    let mut world = World::start(27, None).await;
    let City { administrator, task, one, mut two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    let mut rogue = Rogue::enrol(&world, &code, 5).await;
    let writer = Actor([0xab; 16]);
    let declared = rogue.declare(visit, writer);
    let pulled = rogue.sync(&world, vec![declared], vec![]).await;
    let changes = pulled.rows.iter().filter_map(|row| match &row.body {
        Body::Change(row) if row.inspection == visit => Some(row.change.0.as_slice()),
        _ => None,
    });
    let mut document = Document::from_changes(changes).unwrap();
    let (item, answer) = support::plain_items(&one, visit).remove(0);
    let at = world.app.now();
    let (_, change) = document.edit(writer, at, |e| e.answer(&item, &answer.to_register())).unwrap();
    let change = change.unwrap().1;
    let entry = rogue.cover(visit, &change);

    // Step one as the sync service plays it; then the server is gone.
    let chunks = vec![Chunk { inspection: visit, changes: vec![change] }];
    let key = rogue.key.public_key();
    let sent = receive::Sent { entries: vec![entry], chunks, ..Default::default() };
    let checked = receive::check((rogue.id, &key), &world.app.key.public_key(), sent);
    let org = world.app.org().await.unwrap();
    let actor = DeviceActor { id: rogue.id, officer: rogue.officer, key, org, session: None };
    let received = receive::receive(&world.app, &actor, checked, Said::only(PROTOCOL)).await.unwrap();
    assert!(received.receipt.is_some());
    let answers = async |world: &World| -> Value {
        administrator.get(world, &format!("/api/v1/inspections/{visit}")).await["view"]["answers"].clone()
    };
    assert_eq!(answers(&world).await, json!({}));
    world.restart().await;
    assert_eq!(answers(&world).await, json!({}));
    assert_eq!(judge::sweep(&world.app).await.unwrap(), 1);
    assert_eq!(judge::sweep(&world.app).await.unwrap(), 0);
    assert!(answers(&world).await[&item].is_object());
    two.link = world.link();
    two.sync().await;
    let detail = two.client().inspection(visit).unwrap();
    assert_eq!(detail.view.answers[&item].standing.value, answer.to_register());
    assert_eq!(detail.heads, document.heads());
}
