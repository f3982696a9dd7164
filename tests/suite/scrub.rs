//! A running server reads its originals by itself: what a disk lost is found in time, written down once, and left to people.

use crate::fsck::{blob, take};
use crate::support::{self, City};
use fieldproof_schema::limits::SCRUB_DAYS_MAX;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_server::app::App;
use fieldproof_server::fsck::{self, Care, Fault};
use fieldproof_server::scrub::{self, Share};
use fieldproof_server::store::originals::{self, Finding, Look, Standing};
use fieldproof_tests::postgres;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{self, Person};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

const DAY: i64 = 24 * 3600;
const HALF: i64 = SCRUB_DAYS_MAX * DAY / 2;

async fn standing(app: &App) -> Standing {
    let org = app.org().await.unwrap();
    app.db.read(move |tx| originals::standing(tx, org)).await.unwrap()
}

async fn findings(app: &App) -> Vec<Finding> {
    let org = app.org().await.unwrap();
    app.db.read(move |tx| originals::findings(tx, org, 100)).await.unwrap()
}

fn spoil(bytes: &[u8]) -> Vec<u8> {
    let mut other = bytes.to_vec();
    *other.last_mut().unwrap() ^= 1;
    other
}

/// Has whatever is read there fail.
async fn make_unreadable(world: &World, digest: &Digest) {
    let path = blob(world, digest).await;
    fs::remove_file(&path).unwrap();
    symlink(&path, &path).unwrap();
}

async fn found_in_time_and_mended(world: World) {
    let City { task, one, .. } = support::city(&world).await;
    let app = &world.app;
    let mut all = Vec::new();
    for seed in 1..=4 {
        all.push((take(&one, task.inspection, seed), app.now()));
        one.sync().await;
        world.clock.advance_seconds(DAY);
    }
    let digests: Vec<Digest> = all.iter().map(|((_, digest, _), _)| *digest).collect();
    let [missing, altered, unreadable, _] = digests[..] else { panic!("four originals") };
    fs::remove_file(blob(&world, &missing).await).unwrap();
    fs::write(blob(&world, &altered).await, spoil(&all[1].0.2)).unwrap();
    make_unreadable(&world, &unreadable).await;

    // Who was just uploaded was read back; none is due. From then on a look every hour.
    assert_eq!(scrub::some(app, Share::LEAST).await.unwrap(), scrub::Looked::default());
    let (mut order, mut found) = (Vec::new(), Vec::new());
    while order.len() < all.len() {
        let looked = scrub::some(app, Share::LEAST).await.unwrap();
        for digest in looked.originals {
            if order.contains(&digest) {
                continue;
            }
            let since = all[order.len()].1;
            let days = (app.now().as_micros() - since.as_micros()) / (1_000_000 * DAY);
            assert!((SCRUB_DAYS_MAX / 2..SCRUB_DAYS_MAX).contains(&days), "{days}");
            order.push(digest);
        }
        for one in looked.found {
            if !found.contains(&one) {
                found.push(one);
            }
        }
        world.clock.advance_seconds(3600);
    }
    assert_eq!(order, digests, "longest unseen first");
    let wrong = [(missing, Fault::Missing), (altered, Fault::Altered), (unreadable, Fault::Unreadable)];
    assert_eq!(found, wrong);
    let said: Vec<_> = findings(app).await.iter().map(|f| (f.digest, f.fault, f.asked_at)).collect();
    assert_eq!(said, wrong.map(|(digest, fault)| (digest, fault, None)));
    people_and_machines_see(&world, task.inspection, [missing, altered, unreadable]).await;

    // It was the cable: what is well again is found so within a day and some looks.
    fs::remove_file(blob(&world, &unreadable).await).unwrap();
    fs::write(blob(&world, &unreadable).await, &all[2].0.2).unwrap();
    let since = findings(app).await[0].found_at;
    for _ in 0..3 {
        world.clock.advance_seconds(DAY / 2);
        for _ in 0..3 {
            scrub::some(app, Share::LEAST).await.unwrap();
        }
    }
    let now = standing(app).await;
    assert_eq!((now.missing, now.altered, now.unreadable), (1, 1, 0));
    let still = findings(app).await;
    assert!(still[0].found_at == since && Some(still[0].looked_at) > since, "{still:?}");

    // Found once more by hand it is one finding; nothing was asked for until somebody asks.
    one.sync().await;
    assert_eq!(standing(app).await.open(), 2);
    let report = fsck::look(app, Care::Contents).await.unwrap();
    assert_eq!((report.lost.len(), findings(app).await.len()), (2, 2));
    assert_eq!(fsck::ask_again(app, "system", "磁盘坏道", &report.lost).await.unwrap(), 2);
    let now = standing(app).await;
    assert_eq!((now.open(), now.asked_again), (0, 2));
    world.clock.advance_seconds(2 * DAY);
    assert_eq!(scrub::some(app, Share::LEAST).await.unwrap().originals, [], "nobody waits for a disk now");
    let page = Person::sign_in(&world, "guanli").await.page(&world, "/console/originals").await;
    assert!(page.contains(&missing.to_string()) && !page.contains("尚未请求"), "{page}");
    assert_eq!(one.sync().await.evidence_completed, 2);
    let now = standing(app).await;
    assert_eq!((now.open(), now.asked_again, findings(app).await.len()), (0, 0, 0));
    world.clock.advance_seconds(HALF);
    let looked = scrub::some(app, Share::LEAST).await.unwrap();
    assert_eq!((looked.originals.len(), looked.found.len()), (4, 0), "and from then on all are sound");
}

/// What is found shows where people look, and names what is there to be done.
async fn people_and_machines_see(
    world: &World,
    visit: fieldproof_schema::ids::InspectionId,
    [missing, altered, unreadable]: [Digest; 3],
) {
    let health: Value = world.expect("GET", "/healthz", None, Value::Null).await;
    let said = &health["originals"];
    let counts = ["missing", "altered", "unreadable", "asked_again"].map(|name| said[name].clone());
    assert_eq!(counts, [1, 1, 1, 0].map(|n| json!(n)));
    assert!(said["unseen_since"].is_string(), "{said}");
    let administrator = Person::sign_in(world, "guanli").await;
    assert!(administrator.page(world, "/console").await.contains("id=\"originals\""));
    let page = administrator.page(world, "/console/originals").await;
    for text in ["原件缺失", "与摘要值不符", "不算丢失", "尚未请求", "admin fsck --ask-again"]
    {
        assert!(page.contains(text), "{text}");
    }
    let shown = administrator.get(world, &format!("/api/v1/inspections/{visit}")).await;
    for capture in shown["row"]["evidence"].as_array().unwrap() {
        assert_eq!(capture["held"], true, "nothing is asked for by looking");
        let path = format!("/console/inspections/{visit}/evidence/{}", capture["record"].as_str().unwrap());
        let seen = administrator.page(world, &path).await;
        let digest: Digest = capture["digest"].as_str().unwrap().parse().unwrap();
        let is_wrong = [missing, altered, unreadable].contains(&digest);
        assert!(page.contains(&digest.to_string()) == is_wrong && page.contains(&path) == is_wrong);
        assert_eq!(seen.contains("fp-badge fp-fail"), is_wrong, "{path}");
    }
    // An administrator of another unit sees that there is something, and nothing of what it is.
    let user = json!({"login": "guanli2", "name": "管理员乙（虚构）", "role": "administrator", "unit": "ORG-D2",
        "password": console::PASSWORD});
    administrator.post(world, "/api/v1/users", user).await;
    let elsewhere = Person::sign_in(world, "guanli2").await;
    let page = elsewhere.page(world, "/console/originals").await;
    assert!(page.contains("不在您管辖的检查中") && !page.contains(&missing.to_string()), "{page}");
    // Who decides about visits, not about disks, is not asked.
    let supervisor = Person::sign_in(world, "shenhe").await;
    assert!(!supervisor.page(world, "/console").await.contains("id=\"originals\""));
    let (status, _) = world.browse("/console/originals", supervisor.token(), None).await;
    assert_eq!(status.as_u16(), 403);
}

#[tokio::test]
async fn what_a_disk_lost_is_found_in_time_and_mended_on_sqlite() {
    found_in_time_and_mended(World::start(1311, None).await).await;
}

#[tokio::test]
async fn what_a_disk_lost_is_found_in_time_and_mended_on_postgresql() {
    let url = postgres::shared().create_database("scrub");
    found_in_time_and_mended(World::start(1311, Some(&url)).await).await;
}

#[tokio::test]
async fn a_look_takes_up_its_share_and_no_more() {
    let world = World::start(1312, None).await;
    let City { task, one, .. } = support::city(&world).await;
    let app = &world.app;
    let sizes: Vec<u64> = (1..=5).map(|seed| take(&one, task.inspection, seed).2.len() as u64).collect();
    one.sync().await;
    world.clock.advance_seconds(HALF + DAY);
    let largest = *sizes.iter().max().unwrap();
    let some = async |originals, bytes| {
        let looked = scrub::some(app, Share { originals, bytes }).await.unwrap();
        assert!(looked.bytes_read < bytes.saturating_add(largest), "{looked:?}");
        looked.originals
    };
    let first = some(64, 1).await;
    assert_eq!(first.len(), 1, "the one that reaches the bytes is the last one");
    let others = [some(2, u64::MAX).await, some(64, u64::MAX).await];
    assert_eq!(others.each_ref().map(Vec::len), [2, 2]);
    assert!(!others.concat().contains(&first[0]));
    assert_eq!(some(64, u64::MAX).await, []);
    assert_eq!(scrub::share(app).await.unwrap(), Share::LEAST);

    // A clock that was ahead does not hide anything for years.
    let org = app.org().await.unwrap();
    let (digest, far) = (first[0], app.now().plus_seconds(1000 * DAY));
    let look = Look { digest, at: far, size_bytes: None, fault: None };
    app.db.write(move |tx| originals::looked(tx, org, &look)).await.unwrap();
    scrub::share(app).await.unwrap();
    assert_eq!(some(64, u64::MAX).await, [digest]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_look_at_the_same_time_find_the_same_once() {
    let world = World::start(1313, Some(&postgres::shared().create_database("scrub_nodes"))).await;
    let City { task, one, .. } = support::city(&world).await;
    let node = world.another_node("second").await;
    let all = [1, 2, 3].map(|seed| take(&one, task.inspection, seed));
    one.sync().await;
    let spoilt = spoil(&all[1].2);
    fs::remove_file(blob(&world, &all[0].1).await).unwrap();
    fs::write(blob(&world, &all[1].1).await, &spoilt).unwrap();
    world.clock.advance_seconds(HALF + DAY);
    let looks = tokio::join!(scrub::some(&world.app, Share::LEAST), scrub::some(&node.app, Share::LEAST));
    assert!(!looks.0.unwrap().originals.is_empty() || !looks.1.unwrap().originals.is_empty());
    for app in [&world.app, &node.app] {
        let mut found: Vec<_> = findings(app).await.iter().map(|f| (f.digest, f.fault)).collect();
        found.sort_by_key(|(_, fault)| *fault != Fault::Missing);
        assert_eq!(found, [(all[0].1, Fault::Missing), (all[1].1, Fault::Altered)]);
        assert_eq!(scrub::some(app, Share::LEAST).await.unwrap().originals, []);
    }
    // What is there stays as it is, and nobody was asked for anything.
    assert_eq!(fs::read(blob(&world, &all[1].1).await).unwrap(), spoilt);
    assert_eq!(one.sync().await.evidence_completed, 0);

    // A look that began before the original came again, or that a slow node notes late, says nothing.
    let report = fsck::look(&node.app, Care::Contents).await.unwrap();
    let late = world.app.now();
    assert_eq!(fsck::ask_again(&node.app, "system", "磁盘坏道", &report.lost).await.unwrap(), 2);
    let note = async |at: Moment| {
        let (org, digest) = (world.app.org().await.unwrap(), all[0].1);
        let look = Look { digest, at, size_bytes: None, fault: Some(Fault::Missing) };
        let noted = world.app.db.write(move |tx| originals::looked(tx, org, &look));
        noted.await.unwrap()
    };
    assert_eq!(note(world.app.now()).await, None, "terminals are asked for it");
    assert_eq!(one.sync().await.evidence_completed, 2);
    assert_eq!(note(late).await, None);
    assert_eq!(findings(&world.app).await, []);
    assert_eq!(note(world.app.now()).await, Some(None));
    assert_eq!(findings(&world.app).await.len(), 1);
}
