//! Two servers on one PostgreSQL: a terminal may meet either at any time, and nobody can tell which it was.

use crate::support::{self, City};
use fieldproof_client_core::{CaptureFacts, CaptureSource, Stage};
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::wire::PROTOCOL;
use fieldproof_schema::wire::row::RowKind;
use fieldproof_schema::wire::sync::Cursor;
use fieldproof_server::app::App;
use fieldproof_server::auth::DeviceActor;
use fieldproof_server::db::DbError;
use fieldproof_server::store::feeds;
use fieldproof_server::sync::judge;
use fieldproof_server::sync::pull::{self, Asked};
use fieldproof_server::{events, restore};
use fieldproof_tests::photo;
use fieldproof_tests::postgres;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::Device;
use fieldproof_tests::world::link::Fate;
use futures::StreamExt;
use std::collections::BTreeSet;

async fn world(name: &str, seed: u64) -> World {
    World::start(seed, Some(&postgres::shared().create_database(name))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_terminal_may_meet_either_server_at_any_time() {
    let world = world("nodes_one", 351).await;
    let City { administrator, task, mut one, two, .. } = support::city(&world).await;
    let node = world.another_node("second").await;
    let visit = task.inspection;
    for n in 0..6 {
        one.link = if n % 2 == 0 { node.link() } else { world.link() };
        support::answer_one(&one, visit);
        let bytes = photo::jpeg(n, None, 64, 64);
        let facts = CaptureFacts { caption: "水质", ..CaptureFacts::PHOTO };
        one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
        let report = one.sync().await;
        assert!(report.refused.is_empty() && report.evidence_completed == 1, "{n}: {report:?}");
        assert!(!report.server_restored && !report.rolled_back, "{n}: {report:?}");
        assert!(one.client().status().unwrap().unsent.is_empty());
    }
    // A cut between two parts of a large original: the rest goes to the other server.
    let mut large = photo::jpeg(99, None, 64, 64);
    large.resize(1_600_000, 7);
    let facts = CaptureFacts { caption: "全景", ..CaptureFacts::PHOTO };
    one.client().capture(visit, CaptureSource::Bytes(&large), &facts).unwrap();
    one.link = node.link();
    // The record, the offer and the first part pass; the second part does not.
    one.link.next(&[vec![Fate::Answered; 3], vec![Fate::Lost]].concat());
    assert!(one.try_sync().await.is_err());
    one.link = world.link();
    let sent = one.link.traffic().1;
    one.sync().await;
    assert!(one.link.traffic().1 - sent < large.len() as u64, "what the other server has is not sent again");
    assert!(one.client().inspection(visit).unwrap().evidence.iter().all(|e| e.stage == Stage::Held));

    two.sync().await;
    let (here, there) = (one.client().inspection(visit).unwrap(), two.client().inspection(visit).unwrap());
    assert_eq!((&here.view, &here.heads), (&there.view, &there.heads));
    // What one of them is told, the other says, too.
    restore::begin_anew(&node.app, "system", "演练").await.unwrap();
    assert!(one.sync().await.server_restored && one.client().status().unwrap().unsent.is_empty());
    let audit = administrator.get(&world, "/api/v1/audit").await;
    assert_eq!(audit["rows"][0]["act"], "server.restored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_meets_a_server_without_its_parts_begins_again_and_no_receipt_is_false() {
    let world = world("nodes_staging", 355).await;
    let City { task, mut one, .. } = support::city(&world).await;
    let node = world.node_of_its_own("apart").await;
    let visit = task.inspection;
    let mut large = photo::jpeg(98, None, 64, 64);
    large.resize(2_600_000, 7);
    let facts = CaptureFacts { caption: "全景", ..CaptureFacts::PHOTO };
    one.client().capture(visit, CaptureSource::Bytes(&large), &facts).unwrap();
    let stage = |one: &Device| one.client().inspection(visit).unwrap().evidence[0].stage;
    // Each server in turn is given parts, and the link goes before the last one.
    for (link, parts) in [(world.link(), 2), (node.link(), 1), (world.link(), 0)] {
        one.link = link;
        let offer = if stage(&one) == Stage::Here { 2 } else { 1 };
        one.link.next(&[vec![Fate::Answered; offer + parts], vec![Fate::Lost; 2]].concat());
        assert!(one.try_sync().await.is_err());
        assert_eq!(stage(&one), Stage::Sent, "no server has all of it");
    }
    // The one that has a part of it goes on where it stands, whatever the other has meanwhile.
    one.link = node.link();
    let report = one.sync().await;
    assert_eq!((report.evidence_completed, stage(&one)), (1, Stage::Held));
    let device = one.client().status().unwrap().enrolled.unwrap().device;
    let owner = format!("{}-{device}", world.app.org().await.unwrap());
    assert_eq!(world.app.blobs.staged_of(&owner).await.unwrap().len(), 1);
    // What lies half sent at the other one is no part of anything, and goes with the next upload there.
    one.link = world.link();
    let small = photo::jpeg(97, None, 64, 64);
    one.client().capture(visit, CaptureSource::Bytes(&small), &facts).unwrap();
    assert_eq!(one.sync().await.evidence_completed, 1);
    for app in [&world.app, &node.app] {
        assert_eq!(app.blobs.staged_of(&owner).await.unwrap(), []);
    }
    assert!(one.client().inspection(visit).unwrap().evidence.iter().all(|e| e.stage == Stage::Held));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_visit_may_be_written_through_both_servers_at_the_same_moment() {
    let world = world("nodes_two", 352).await;
    let City { administrator, task, one, mut two, .. } = support::city(&world).await;
    let node = world.another_node("second").await;
    two.link = node.link();
    let visit = task.inspection;
    let (mut acts, item) = (0, support::plain_items(&one, visit)[0].0.clone());
    for n in 0..12 {
        for device in [&one, &two] {
            let name = if std::ptr::eq(device, &one) { "甲" } else { "乙" };
            device.client().note(visit, &item, None, &format!("{name}{n}")).unwrap();
            acts += 1;
            if n % 3 == 0 {
                support::answer_one(device, visit);
                acts += 1;
            }
        }
        let both = async |device: &Device| device.sync().await;
        let (a, b) = tokio::join!(both(&one), both(&two));
        assert!(a.refused.is_empty() && b.refused.is_empty(), "{n}: {a:?} {b:?}");
    }
    for app in [&world.app, &node.app] {
        assert_eq!(judge::sweep(app).await.unwrap(), 0, "nothing is left to judge");
    }
    for _ in 0..2 {
        one.sync().await;
        two.sync().await;
    }
    let (here, there) = (one.client().inspection(visit).unwrap(), two.client().inspection(visit).unwrap());
    assert_eq!((&here.view, &here.heads), (&there.view, &there.heads));
    for device in [&one, &two] {
        let status = device.client().status().unwrap();
        assert!(status.unsent.is_empty(), "{status:?}");
        assert_eq!((status.quarantined, status.refused, status.waiting), (0, 0, 0));
    }
    let history = administrator.get(&world, &format!("/api/v1/inspections/{visit}/history")).await;
    assert_eq!(history["changes"].as_array().unwrap().len(), 1 + acts);
}

/// What is written at one server wakes who listens at the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_at_one_server_wakes_who_listens_at_the_other() {
    let world = world("nodes_wake", 354).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let node = world.another_node("second").await;
    let enrolled = two.client().status().unwrap().enrolled.unwrap();
    let (org, key) = (world.app.org().await.unwrap(), world.app.key.public_key());
    let device = DeviceActor { id: enrolled.device, officer: enrolled.officer, key, org, session: None };
    let pieces = events::listen(node.app.clone(), device, String::new()).await.unwrap();
    let mut pieces = std::pin::pin!(pieces);
    let looking = tokio::spawn(events::work(node.app.clone()));
    // Where it stands now.
    assert!(pieces.next().await.unwrap().unwrap().starts_with(b"id: "));
    support::answer_one(&one, task.inspection);
    one.sync().await;
    let next = tokio::time::timeout(std::time::Duration::from_secs(15), pieces.next()).await;
    assert!(next.unwrap().unwrap().unwrap().starts_with(b"id: "), "before any sign of life");
    node.app.events.close();
    assert!(pieces.next().await.is_none());
    looking.abort();
}

/// Writers at both servers publish into the same feeds; readers follow their cursors at both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_skips_no_row_however_many_write() {
    const ROWS: usize = 200;
    let world = world("nodes_feeds", 353).await;
    let City { task, one, .. } = support::city(&world).await;
    let node = world.another_node("second").await;
    let org = world.app.org().await.unwrap();
    let enrolled = one.client().status().unwrap().enrolled.unwrap();
    let device = DeviceActor {
        id: enrolled.device,
        officer: enrolled.officer,
        key: world.app.key.public_key(),
        org,
        session: None,
    };
    let write = async |app: App, writer: usize, officer: OfficerId| {
        for n in 0..ROWS {
            // Two feeds, named in turn: whoever locks them in the order in which they are named waits for the other.
            let mut names = [feeds::EVERYONE.to_owned(), feeds::of_officer(officer)];
            names.rotate_left((writer + n) % 2);
            let publish = move |tx: &mut fieldproof_server::db::Tx<'_>| {
                for name in &names {
                    tx.publish(org, name, RowKind::Laws.as_str(), &format!("{writer}-{n}"));
                }
                Ok::<_, DbError>(())
            };
            app.db.write(publish).await.unwrap();
        }
    };
    let read = async |app: &App, done: &std::sync::atomic::AtomicBool| {
        let (mut seen, mut cursors) = (BTreeSet::new(), Vec::<Cursor>::new());
        loop {
            let was_done = done.load(std::sync::atomic::Ordering::SeqCst);
            let asked = Asked {
                cursors: cursors.clone(),
                given_in: None,
                wants: Vec::new(),
                protocol: PROTOCOL,
                program: None,
                own_through: 0,
            };
            let pulled = pull::pull(app, &device, asked).await.unwrap();
            seen.extend(pulled.rows.iter().filter(|row| row.kind == "laws").map(|row| row.subject.clone()));
            for cursor in pulled.cursors {
                cursors.retain(|known| known.feed != cursor.feed);
                cursors.push(cursor);
            }
            if was_done && !pulled.more {
                return seen;
            }
        }
    };
    let done = std::sync::atomic::AtomicBool::new(false);
    let writers = async {
        let all = (0..4).map(|writer| {
            let app = if writer % 2 == 0 { world.app.clone() } else { node.app.clone() };
            write(app, writer, task.team[0])
        });
        futures::future::join_all(all).await;
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let ((), here, there) = tokio::join!(writers, read(&world.app, &done), read(&node.app, &done));
    for seen in [here, there] {
        let written = seen.iter().filter(|subject| subject.contains('-')).count();
        assert_eq!(written, 4 * ROWS);
    }
}
