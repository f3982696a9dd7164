//! Evidence in a bucket: everything that holds of a folder holds of a store that is asked over HTTP and fails as such stores do.

mod store;

use crate::fsck::take;
use crate::support::{self, City};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use fieldproof_client_core::{CaptureFacts, CaptureSource, Stage};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::SCRUB_DAYS_MAX;
use fieldproof_schema::suite::Digest;
use fieldproof_server::blobs::bucket::BucketError;
use fieldproof_server::fsck::{self, Care, Fault as Finding};
use fieldproof_server::scrub::{self, Share};
use fieldproof_tests::stage::program;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::Device;
use fieldproof_tests::{photo, postgres};
use http_body_util::BodyExt;
use std::fs;
use std::process::Stdio;
use store::{ADDRESS, Fault, Store};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tower::ServiceExt;

/// More than is written in one request.
const LARGE_BYTES: usize = 17 * 1024 * 1024 + 5;
const HALF_SECONDS: i64 = SCRUB_DAYS_MAX * 24 * 3600 / 2;

fn large(seed: u64) -> Vec<u8> {
    let mut bytes = photo::jpeg(seed, None, 64, 64);
    bytes.resize(LARGE_BYTES, 7);
    bytes
}

fn capture(device: &Device, visit: InspectionId, bytes: &[u8]) -> Digest {
    device.client().capture(visit, CaptureSource::Bytes(bytes), &CaptureFacts::PHOTO).unwrap();
    Digest::of(bytes)
}

/// How far a terminal's captures have come, by its own knowledge.
fn stages(device: &Device, visit: InspectionId) -> Vec<Stage> {
    device.client().inspection(visit).unwrap().evidence.iter().map(|capture| capture.stage).collect()
}

/// A part of an original, as a browser that winds a film asks for it.
async fn part(world: &World, session: &str, digest: &Digest, range: &str) -> (StatusCode, Vec<u8>) {
    let request = Request::get(format!("/console/evidence/{digest}"))
        .header(header::COOKIE, format!("__Host-fp-session={session}"))
        .header(header::RANGE, range)
        .body(Body::empty());
    let answer = world.router().oneshot(request.unwrap()).await.unwrap();
    let status = answer.status();
    (status, answer.into_body().collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn originals_come_into_the_bucket_are_read_from_it_and_looked_after() {
    let store = Store::start().await;
    let world = World::start_in(2701, None, store.bucket()).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    let small = take(&one, visit, 1).2;
    let large = large(2);
    capture(&one, visit, &large);
    let report = one.sync().await;
    assert_eq!((report.evidence_completed, report.still_unsent.is_empty()), (2, true), "{report:?}");
    let org = world.app.org().await.unwrap();
    let digests = [&small, &large].map(|bytes| Digest::of(bytes));
    for (digest, bytes) in digests.iter().zip([&small, &large]) {
        assert_eq!(&fs::read(store.file(org, digest)).unwrap(), bytes);
        let path = format!("/api/v1/evidence/{digest}");
        let (status, given) = world.send("GET", &path, Some(administrator.token()), "").await;
        assert!(status == StatusCode::OK && &given == bytes, "{status}");
    }
    let (status, given) = part(&world, administrator.token(), &digests[1], "bytes=16777210-16777225").await;
    assert_eq!((status, given.as_slice()), (StatusCode::PARTIAL_CONTENT, &large[16_777_210..=16_777_225]));
    assert_eq!((store.objects().len(), store.parts().len()), (2, 0));

    // What is not there, and what is something else, is found by whoever looks, and named.
    fs::remove_file(store.file(org, &digests[0])).unwrap();
    let mut other = large.clone();
    other[9_000_000] ^= 1;
    fs::write(store.file(org, &digests[1]), &other).unwrap();
    world.clock.advance_seconds(HALF_SECONDS + 1);
    let mut found = scrub::some(&world.app, Share { originals: 2, bytes: u64::MAX }).await.unwrap().found;
    found.sort_by_key(|(_, fault)| *fault != Finding::Missing);
    let wrong = [(digests[0], Finding::Missing), (digests[1], Finding::Altered)];
    assert_eq!(found, wrong);
    assert_eq!(fsck::look(&world.app, Care::Presence).await.unwrap().lost.len(), 1);
    let report = fsck::look(&world.app, Care::Contents).await.unwrap();
    let mut found: Vec<_> = report.lost.iter().map(|lost| (lost.digest, lost.fault)).collect();
    found.sort_by_key(|(_, fault)| *fault != Finding::Missing);
    assert_eq!(found, wrong);

    // And comes again; what lay there is kept under another name.
    assert_eq!(fsck::ask_again(&world.app, "system", "对象存储损坏", &report.lost).await.unwrap(), 2);
    assert_eq!(one.sync().await.evidence_completed, 2);
    assert_eq!(fsck::look(&world.app, Care::Contents).await.unwrap().lost.len(), 0);
    let aside = format!("{org}/altered/{}-", digests[1]);
    let objects = store.objects();
    assert!(objects.len() == 3 && objects.iter().any(|name| name.starts_with(&aside)), "{objects:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_complete_the_same_at_once_write_one_object_and_give_two_receipts() {
    let store = Store::start().await;
    let url = postgres::shared().create_database("s3_nodes");
    let world = World::start_in(2702, Some(&url), store.bucket()).await;
    let City { task, one, mut two, .. } = support::city(&world).await;
    let node = world.node_of_its_own("apart").await;
    two.link = node.link();
    let visit = task.inspection;
    // One write of each, or four parts of each.
    for (n, (bytes, writes)) in [(photo::jpeg(3, None, 64, 64), 2), (large(4), 8)].into_iter().enumerate() {
        for device in [&one, &two] {
            capture(device, visit, &bytes);
        }
        // Both have looked whether it is there before either writes.
        store.fail(Fault::Stalls);
        let meet = async {
            store.waits_for(writes).await;
            store.calm();
        };
        let (first, second, ()) = tokio::join!(one.sync(), two.sync(), meet);
        assert_eq!((first.evidence_completed, second.evidence_completed), (1, 1), "{first:?} {second:?}");
        assert_eq!((store.objects().len(), store.parts().len()), (n + 1, 0));
        for device in [&one, &two] {
            assert!(device.client().status().unwrap().unsent.is_empty());
        }
    }
    for app in [&world.app, &node.app] {
        assert_eq!(fsck::look(app, Care::Contents).await.unwrap().lost.len(), 0);
    }
}

#[tokio::test]
async fn while_the_store_fails_no_receipt_is_given_and_answers_go_on() {
    let store = Store::start().await;
    let world = World::start_in(2703, None, store.bucket()).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let path = format!("/api/v1/inspections/{visit}");
    let mut bytes = 0;
    for (n, fault) in [Fault::Busy, Fault::Forgets, Fault::Spoils].into_iter().enumerate() {
        store.fail(fault);
        let (_, digest, original) = take(&one, visit, 10 + n as u64);
        let item = support::answer_one(&one, visit);
        let report = one.sync().await;
        assert_eq!((report.evidence_completed, report.refused.len()), (0, 1), "{fault:?}: {report:?}");
        assert_eq!(stages(&one, visit).iter().filter(|stage| **stage != Stage::Held).count(), 1, "{fault:?}");
        // The case says that evidence is missing, and the colleague has the answer.
        let evidence = administrator.get(&world, &path).await["row"]["evidence"].clone();
        let held = evidence.as_array().unwrap().iter().filter(|capture| capture["held"] == true).count();
        assert_eq!(held, n, "{fault:?}");
        two.sync().await;
        assert!(two.client().inspection(visit).unwrap().view.answers.contains_key(&item), "{fault:?}");

        store.calm();
        let report = one.sync().await;
        assert_eq!((report.evidence_completed, report.still_unsent.is_empty()), (1, true), "{fault:?}");
        let (status, given) =
            world.send("GET", &format!("/api/v1/evidence/{digest}"), Some(administrator.token()), "").await;
        assert_eq!((status, &given), (StatusCode::OK, &original), "{fault:?}");
        bytes += original.len() as u64;
    }
    let report = fsck::look(&world.app, Care::Contents).await.unwrap();
    assert_eq!((report.originals, report.bytes_read, report.lost.len()), (3, bytes, 0));
}

#[tokio::test]
async fn a_sound_original_that_reads_badly_for_a_while_loses_nothing() {
    let store = Store::start().await;
    let world = World::start_in(2704, None, store.bucket()).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let (_, digest, bytes) = take(&one, visit, 20);
    one.sync().await;
    store.fail(Fault::Spoils);
    let report = fsck::look(&world.app, Care::Contents).await.unwrap();
    assert_eq!(report.lost[0].fault, Finding::Altered);
    store.calm();
    // Looked at once more before anything is moved.
    assert_eq!(fsck::ask_again(&world.app, "system", "读取有误", &report.lost).await.unwrap(), 0);
    let (org, now) = (world.app.org().await.unwrap(), world.app.now());
    assert!(!world.app.blobs.put_aside(org, &digest, now).await.unwrap());
    assert_eq!((store.objects().len(), fs::read(store.file(org, &digest)).unwrap()), (1, bytes.clone()));
    // A colleague's upload of the same that was read back wrongly is sent again, and what was held for the first is held again.
    store.fail(Fault::Spoils);
    capture(&two, visit, &bytes);
    assert_eq!(two.sync().await.evidence_completed, 0);
    store.calm();
    assert_eq!(two.sync().await.evidence_completed, 1);
    assert_eq!(fsck::look(&world.app, Care::Contents).await.unwrap().lost.len(), 0);
}

#[tokio::test]
async fn an_upload_that_the_store_takes_long_for_holds_up_nobody() {
    let store = Store::start().await;
    let world = World::start_in(2705, None, store.bucket()).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    take(&one, visit, 30);
    store.fail(Fault::Stalls);
    let meanwhile = async {
        store.waits_for(1).await;
        support::answer_one(&two, visit);
        let report = two.sync().await;
        assert!(report.still_unsent.is_empty(), "{report:?}");
        assert_eq!(stages(&one, visit), [Stage::Sent]);
        store.calm();
    };
    let (report, ()) = tokio::join!(one.sync(), meanwhile);
    assert_eq!((report.evidence_completed, stages(&one, visit)), (1, vec![Stage::Held]));
}

#[tokio::test]
async fn a_terminal_that_does_not_wait_finds_its_upload_completed() {
    let store = Store::start().await;
    let world = World::start_in(2706, None, store.bucket()).await;
    let City { task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    take(&one, visit, 40);
    store.fail(Fault::Stalls);
    tokio::select! {
        report = one.sync() => panic!("{report:?}"),
        () = store.waits_for(1) => {}
    }
    // Nobody waits for it now. The next one who asks does, in its turn.
    store.calm();
    let before = one.link.traffic().1;
    let report = one.sync().await;
    assert_eq!((report.evidence_completed, stages(&one, visit)), (1, vec![Stage::Held]));
    assert!(one.link.traffic().1 - before < 20_000, "nothing of it is sent again");
}

#[tokio::test]
async fn a_store_that_is_down_takes_up_where_it_was() {
    let store = Store::start().await;
    let mut world = World::start_in(2707, None, store.bucket()).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    store.door.close_link().await;
    take(&one, visit, 50);
    support::answer_one(&one, visit);
    let report = one.sync().await;
    assert_eq!((report.evidence_completed, report.refused[0].code.as_str()), (0, "unavailable"));
    // A node that starts meanwhile goes on, too.
    world.restart().await;
    support::answer_one(&one, visit);
    assert_eq!(one.sync().await.evidence_completed, 0);
    two.sync().await;
    assert_eq!(two.client().inspection(visit).unwrap().view.answers.len(), 2);
    assert_eq!(stages(&one, visit), [Stage::Sent]);

    // It comes back, and the answer to the first write is lost on the way: written once more, it is there already.
    store.door.open_link().await.unwrap();
    store.door.cut_answer_after(0);
    let report = one.sync().await;
    assert_eq!((report.evidence_completed, report.still_unsent.is_empty()), (1, true), "{report:?}");
    assert_eq!((store.door.cuts(), store.objects().len()), (1, 1));
}

#[tokio::test]
async fn an_upload_in_parts_that_fails_leaves_none() {
    let store = Store::start().await;
    let world = World::start_in(2708, None, store.bucket()).await;
    let City { task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    capture(&one, visit, &large(60));
    store.fail(Fault::LosesParts);
    let report = one.sync().await;
    assert_eq!((report.evidence_completed, stages(&one, visit)), (0, vec![Stage::Sent]), "{report:?}");
    assert_eq!((store.objects().len(), store.parts()), (0, vec![]));
    store.calm();
    assert_eq!(one.sync().await.evidence_completed, 1);
    assert_eq!((store.objects().len(), store.parts()), (1, vec![]));
}

#[tokio::test]
async fn a_store_that_knows_no_conditions_can_be_used_when_the_operator_says_so() {
    let store = Store::start().await;
    let bucket = store.bucket_at(ADDRESS, &[("AWS_CONDITIONAL_PUT", "disabled")]).unwrap();
    let world = World::start_in(2709, None, bucket).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let bytes = photo::jpeg(70, None, 64, 64);
    for device in [&one, &two] {
        capture(device, task.inspection, &bytes);
        assert_eq!(device.sync().await.evidence_completed, 1);
    }
    assert_eq!(store.objects().len(), 1);
}

#[tokio::test]
async fn a_bucket_that_cannot_be_used_is_named_at_the_start_with_what_to_do() {
    let store = Store::start().await;
    assert!(store.bucket().ensure_there().await.is_ok());
    let elsewhere = store.bucket_at("s3://nowhere", &[]).unwrap().ensure_there().await;
    assert!(
        matches!(&elsewhere, Err(BucketError::Missing { bucket, .. }) if bucket == "nowhere"),
        "{elsewhere:?}"
    );
    for wrong in [("AWS_SECRET_ACCESS_KEY", "another"), ("AWS_ACCESS_KEY_ID", "nobody")] {
        let refused = store.bucket_at(ADDRESS, &[wrong]).unwrap().ensure_there().await;
        assert!(matches!(refused, Err(BucketError::Refused { .. })), "{wrong:?}: {refused:?}");
    }
    store.door.close_link().await;
    let silent = store.bucket().ensure_there().await;
    assert!(matches!(silent, Err(BucketError::Silent { .. })), "{silent:?}");
    store.door.open_link().await.unwrap();

    // The same by the program.
    let folder = tempfile::tempdir().unwrap();
    let init = async |address: &str, others: &[(&str, &str)]| {
        let mut command = Command::new(program("fieldproof"));
        command
            .args(["admin", "init", "--code", "SJ", "--name", "市卫生监督所", "--login", "admin"])
            .args(["--administrator-name", "张三", "--blobs", address, "--data"])
            .arg(folder.path())
            .envs(store.variables())
            .envs(others.iter().copied());
        let output = command.output().await.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    for (address, others, code) in [
        ("evidence/city", &[][..], "cli.bucket_address"),
        ("s3://nowhere/city", &[], "cli.bucket_missing"),
        (ADDRESS, &[("AWS_SECRET_ACCESS_KEY", "another")], "cli.bucket_refused"),
        (ADDRESS, &[("AWS_ALLOW_HTTP", "perhaps")], "cli.bucket_setting"),
        (ADDRESS, &[("AWS_ALLOW_HTTP", "false")], "cli.bucket_silent"),
    ] {
        let (succeeded, said) = init(address, others).await;
        assert!(!succeeded && said.lines().last() == Some(code), "{code}: {said}");
        assert!(!said.contains("another"), "{said}");
    }
    let (succeeded, said) = init(ADDRESS, &[]).await;
    assert!(succeeded, "{said}");
    // A node that starts while the store is down takes answers.
    store.door.close_link().await;
    let mut serve = Command::new(program("fieldproof"));
    serve.args(["serve", "--listen", "127.0.0.1:0", "--gate-workers", "0", "--blobs", ADDRESS, "--data"]);
    serve.arg(folder.path()).envs(store.variables()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut serve = serve.kill_on_drop(true).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(serve.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    assert!(line.contains("listening"), "{line}");
    serve.kill().await.unwrap();
}
