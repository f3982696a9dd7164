//! Originals that are missing from the server's store, or are something else by now: found, named, and sent again.

use crate::support::{self, City};
use axum::http::StatusCode;
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_server::fsck::{self, Care, Fault};
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::Device;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

pub(crate) fn take(
    device: &Device,
    visit: fieldproof_schema::ids::InspectionId,
    seed: u64,
) -> (RecordId, Digest, Vec<u8>) {
    let bytes = photo::jpeg(seed, Some("机房"), 320, 240);
    let facts = CaptureFacts::PHOTO;
    let record = device.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    (record, Digest::of(&bytes), bytes)
}

pub(crate) async fn blob(world: &World, digest: &Digest) -> PathBuf {
    let (org, name) = (world.app.org().await.unwrap().to_string(), digest.to_string());
    world.folder().join("evidence/blobs").join(org).join(&name[4..6]).join(&name)
}

#[tokio::test]
async fn what_is_missing_or_altered_is_named_and_comes_back_from_its_terminal() {
    let world = World::start(1301, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    let [missing, altered, sound] = [1, 2, 3].map(|seed| take(&one, visit, seed));
    one.sync().await;
    let report = fsck::look(&world.app, Care::Contents).await.unwrap();
    let bytes = [&missing, &altered, &sound].map(|(.., bytes)| bytes.len() as u64).iter().sum::<u64>();
    assert_eq!((report.originals, report.bytes_read, report.lost.len()), (3, bytes, 0));

    fs::remove_file(blob(&world, &missing.1).await).unwrap();
    let mut other = altered.2.clone();
    *other.last_mut().unwrap() ^= 1;
    fs::write(blob(&world, &altered.1).await, &other).unwrap();
    let quick = fsck::look(&world.app, Care::Presence).await.unwrap();
    assert_eq!((quick.bytes_read, quick.lost.len(), quick.lost[0].fault), (0, 1, Fault::Missing));
    let report = fsck::look(&world.app, Care::Contents).await.unwrap();
    let mut found: Vec<_> = report.lost.iter().map(|lost| (lost.digest, lost.fault)).collect();
    found.sort_by_key(|(_, fault)| *fault != Fault::Missing);
    assert_eq!(found, [(missing.1, Fault::Missing), (altered.1, Fault::Altered)]);
    let enrolled = one.client().status().unwrap().enrolled.unwrap();
    for lost in &report.lost {
        let [whose] = lost.captures.as_slice() else { panic!("{lost:?}") };
        assert_eq!((whose.inspection, whose.device), (visit, enrolled.device));
    }

    // Looking changed nothing; asking does, with a reason.
    one.sync().await;
    assert_eq!(fsck::look(&world.app, Care::Presence).await.unwrap().lost.len(), 1);
    let silent = fsck::ask_again(&world.app, "system", " ", &report.lost).await.unwrap_err();
    assert_eq!(silent.code, ErrorCode::ReasonMissing);
    assert_eq!(fsck::ask_again(&world.app, "system", "磁盘坏道", &report.lost).await.unwrap(), 2);
    let held = |shown: &Value| {
        let evidence = shown["row"]["evidence"].as_array().unwrap().iter();
        evidence.filter(|capture| capture["held"] == json!(true)).count()
    };
    let path = format!("/api/v1/inspections/{visit}");
    assert_eq!(held(&administrator.get(&world, &path).await), 1);
    let again = one.sync().await;
    assert_eq!((again.evidence_completed, again.still_unsent.is_empty()), (2, true), "{again:?}");
    assert_eq!(held(&administrator.get(&world, &path).await), 3);
    for (_, digest, bytes) in [&missing, &altered, &sound] {
        let path = format!("/api/v1/evidence/{digest}");
        let (status, given) = world.send("GET", &path, Some(administrator.token()), "").await;
        assert_eq!((status, &given), (StatusCode::OK, bytes));
    }
    assert_eq!(fsck::look(&world.app, Care::Contents).await.unwrap().lost.len(), 0);
    // What lay there is kept, and the trail says why.
    let org = world.app.org().await.unwrap().to_string();
    let aside: Vec<_> =
        fs::read_dir(world.folder().join("evidence/blobs").join(org).join("altered")).unwrap().collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(fs::read(aside[0].as_ref().unwrap().path()).unwrap(), other);
    let audit = administrator.get(&world, "/api/v1/audit").await;
    let acts = audit["rows"].as_array().unwrap();
    let act = acts.iter().find(|row| row["act"] == "evidence.asked_again").unwrap();
    assert_eq!(
        (&act["details"]["reason"], act["details"]["originals"].as_array().unwrap().len()),
        (&json!("磁盘坏道"), 2)
    );
    // Nothing is sent a third time, and nothing is asked for by an old report.
    assert_eq!(one.sync().await.evidence_completed, 0);
    assert_eq!(fsck::ask_again(&world.app, "system", "旧的报告", &report.lost).await.unwrap(), 0);
    assert_eq!(one.sync().await.evidence_completed, 0);
    assert_eq!(held(&administrator.get(&world, &path).await), 3);
}

/// Taken twice by an earlier version and this one, and spoilt where the earlier one kept it: the sound one stays.
#[tokio::test]
async fn a_spoilt_original_in_the_clear_takes_no_sound_ones_place() {
    let world = World::start(1302, None).await;
    let City { task, one, .. } = support::city(&world).await;
    let (record, digest, bytes) = take(&one, task.inspection, 1);
    one.sync().await;
    let clear = one.folder().join("evidence").join(digest.to_string());
    fs::write(&clear, b"spoilt").unwrap();
    let unreadable = one.folder().join("evidence").join(Digest::of(b"a folder").to_string());
    fs::create_dir(&unreadable).unwrap();
    one.client().retain();
    assert!(!clear.exists() && unreadable.exists(), "one that cannot be read holds up the others");
    fs::remove_dir(unreadable).unwrap();
    let mut kept = Vec::new();
    let file = one.client().evidence_file(task.inspection, record).unwrap();
    std::io::Read::read_to_end(&mut { file.bytes }, &mut kept).unwrap();
    assert_eq!(kept, bytes);
    assert_eq!(one.client().verify().unwrap().faults, []);
}

/// After a restore the database may not know of a blob that lies there, and it may be rotten by then.
#[tokio::test]
async fn a_rotten_blob_in_the_place_of_one_that_comes_is_kept_aside() {
    let world = World::start(1304, None).await;
    let City { task, one, .. } = support::city(&world).await;
    let (_, digest, bytes) = take(&one, task.inspection, 1);
    one.sync().await;
    let place = blob(&world, &digest).await;
    fs::write(&place, b"something else").unwrap();
    let (org, now) = (world.app.org().await.unwrap(), world.app.now());
    world.app.db.write(move |tx| fsck::lose(tx, org, &digest, now)).await.unwrap();
    // It reads back as something else the first time.
    let _ = one.try_sync().await;
    one.sync().await;
    assert!(one.client().status().unwrap().unsent.is_empty());
    assert_eq!(fs::read(&place).unwrap(), bytes);
    let aside = place.parent().unwrap().parent().unwrap().join("altered");
    let kept: Vec<_> = fs::read_dir(aside).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>(), [b"something else"]);
}
