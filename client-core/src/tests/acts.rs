//! Acts: each is there after any end of the process, or nothing of it is.

use crate::testing::{Server, TestHost, Visit, me, options, pass, terminal, unlock, view_of};
use crate::{CaptureFacts, CaptureSource, Client, ClientError, Fault, Options, Stage};
use fieldproof_schema::checklist::{Answer, Outcome, Verdict};
use fieldproof_schema::journal::Kind;
use fieldproof_schema::reference::{EvidenceRegister, InspectionState};
use fieldproof_schema::wire::error::ErrorCode;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a photo";

async fn start() -> (TempDir, Arc<TestHost>, Server, Visit, Client) {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    (dir, host, server, visit, client)
}

fn photo() -> CaptureFacts<'static> {
    CaptureFacts { caption: "池水", ..CaptureFacts::PHOTO }
}

fn kinds(client: &Client, visit: &Visit) -> Vec<Kind> {
    client.history(visit.id).unwrap().entries.into_iter().map(|line| line.kind).collect()
}

#[tokio::test]
async fn every_act_survives_the_end_of_the_process() {
    let (dir, host, _server, visit, client) = start().await;
    let item = &visit.items()[0];
    let judgement = client.answer(visit.id, item, &pass()).unwrap();
    assert_eq!(judgement.verdict, Verdict::Pass);
    client.note(visit.id, item, None, "水质清澈").unwrap();
    client.narrative(visit.id, None, "现场检查").unwrap();
    client.statement(visit.id, None, "无异议").unwrap();
    let finding = client.finding(visit.id, None, &serde_json::json!({"text": "未公示"})).unwrap();
    let measured = client.measurement(visit.id, None, &serde_json::json!({"value": "7.2"})).unwrap();
    let photo = client.capture(visit.id, CaptureSource::Bytes(JPEG), &photo()).unwrap();
    let before = client.inspection(visit.id).unwrap();
    // Nothing is closed: the lock goes with the value, as with a killed process.
    drop(client);

    let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
    let after = client.inspection(visit.id).unwrap();
    assert_eq!(after.view, before.view);
    assert_eq!(after.heads, before.heads);
    assert_eq!(after.view.narrative, "现场检查");
    assert_eq!(after.view.notes[item], "水质清澈");
    assert!(after.view.findings.contains_key(&finding.to_string()));
    assert!(after.view.measurements.contains_key(&measured.to_string()));
    let listed: EvidenceRegister =
        serde_json::from_str(&after.view.evidence[&photo.to_string()].standing.value).unwrap();
    assert_eq!((listed.size_bytes, listed.officer), (JPEG.len() as u64, me()));
    let mut kept = Vec::new();
    client.evidence_file(visit.id, photo).unwrap().bytes.read_to_end(&mut kept).unwrap();
    assert_eq!(kept, JPEG);
    assert_eq!(after.summary.state, InspectionState::InProgress);
    assert_eq!(after.summary.unsent.changes, 7);
    let verified = client.verify().unwrap();
    assert_eq!(verified.faults, []);
    assert_eq!((verified.changes, verified.evidence), (8, 1));
}

#[tokio::test]
async fn a_writer_is_drawn_afresh_at_the_first_edit_of_each_opening() {
    let (dir, host, _server, visit, client) = start().await;
    let items = visit.items();
    client.answer(visit.id, &items[0], &pass()).unwrap();
    client.answer(visit.id, &items[1], &pass()).unwrap();
    assert!(kinds(&client, &visit).is_empty());
    drop(client);
    let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
    assert_eq!(client.status().unwrap().session, 2);
    assert_eq!(kinds(&client, &visit), [Kind::Saved], "what was left is signed when the store opens");
    client.answer(visit.id, &items[2], &pass()).unwrap();
    client.sign().unwrap();
    assert_eq!(kinds(&client, &visit), [Kind::Saved, Kind::Saved]);
    assert_eq!(client.verify().unwrap().faults, []);
    let view = view_of(&client, &visit);
    let actor = |item: &String| view.answers[item].standing.stamp.actor;
    assert_eq!(actor(&items[0]), actor(&items[1]));
    assert_ne!(actor(&items[1]), actor(&items[2]));
}

#[tokio::test]
async fn saying_the_same_again_writes_nothing() {
    let (_dir, _host, _server, visit, client) = start().await;
    let item = &visit.items()[0];
    client.answer(visit.id, item, &pass()).unwrap();
    let before = client.verify().unwrap();
    client.answer(visit.id, item, &pass()).unwrap();
    client.note(visit.id, item, None, "").unwrap();
    assert_eq!(client.verify().unwrap(), before);
}

#[tokio::test]
async fn a_refused_act_leaves_nothing() {
    let (dir, _host, _server, visit, client) = start().await;
    let item = visit.items()[0].clone();
    let before = (client.verify().unwrap(), view_of(&client, &visit));
    let unfit = Answer::Text { text: "好".into() };
    let long = "长".repeat(400_000);
    let facts = |media_type| CaptureFacts { media_type, ..photo() };
    let refused: Vec<(ErrorCode, Result<(), ClientError>)> = vec![
        (ErrorCode::AnswerUnknownItem, client.answer(visit.id, "no-such-item", &pass()).map(drop)),
        (ErrorCode::AnswerUnfit, client.answer(visit.id, &item, &unfit).map(drop)),
        (ErrorCode::AnswerUnknownItem, client.note(visit.id, "no-such-item", None, "x").map(drop)),
        (ErrorCode::FieldInvalid, client.narrative(visit.id, None, &long).map(drop)),
        (ErrorCode::FieldInvalid, client.finding(visit.id, None, &serde_json::json!("text")).map(drop)),
        (ErrorCode::NotFound, client.narrative(Visit::new(9).id, None, "x").map(drop)),
        (ErrorCode::CaptureInvalid, client.capture(visit.id, CaptureSource::Bytes(b""), &photo()).map(drop)),
        (
            ErrorCode::CaptureInvalid,
            client.capture(visit.id, CaptureSource::Bytes(b"<html>"), &photo()).map(drop),
        ),
        (
            ErrorCode::CaptureInvalid,
            client.capture(visit.id, CaptureSource::Bytes(JPEG), &facts("text/html")).map(drop),
        ),
        (
            ErrorCode::AnswerUnknownItem,
            client
                .capture(
                    visit.id,
                    CaptureSource::Bytes(JPEG),
                    &CaptureFacts { item: Some("no-such-item"), ..photo() },
                )
                .map(drop),
        ),
        (
            ErrorCode::Internal,
            client.capture(visit.id, CaptureSource::Path(Path::new("/no/such/file")), &photo()).map(drop),
        ),
    ];
    for (place, (code, result)) in refused.into_iter().enumerate() {
        assert_eq!(result.unwrap_err().code(), code, "{place}");
    }
    assert_eq!((client.verify().unwrap(), view_of(&client, &visit)), before);
    assert_eq!(std::fs::read_dir(dir.path().join("evidence")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_capture_comes_from_a_file_and_is_known_by_its_hash() {
    let (dir, _host, _server, visit, client) = start().await;
    let source = dir.path().join("camera.jpg");
    std::fs::write(&source, JPEG).unwrap();
    let first = client.capture(visit.id, CaptureSource::Path(&source), &photo()).unwrap();
    let second = client.capture(visit.id, CaptureSource::Bytes(JPEG), &photo()).unwrap();
    assert_ne!(first, second);
    assert!(source.exists());
    let (a, b) =
        (client.evidence_file(visit.id, first).unwrap(), client.evidence_file(visit.id, second).unwrap());
    assert_eq!(a.digest, b.digest);
    let path = client.originals().unwrap().path(a.digest);
    assert_eq!(std::fs::read_dir(dir.path().join("evidence")).unwrap().count(), 1);
    let shown = client.inspection(visit.id).unwrap().evidence;
    assert!(shown.iter().all(|item| item.own && item.here && item.listed && item.stage == Stage::Here));
    assert_eq!(kinds(&client, &visit), [Kind::Captured, Kind::Saved, Kind::Captured]);

    let mut altered = std::fs::read(&path).unwrap();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(&path, altered).unwrap();
    let faults = |record| [Fault::EvidenceDiffers { record }, Fault::EvidenceMissing { record }];
    assert_eq!(client.verify().unwrap().faults, [faults(first)[0].clone(), faults(second)[0].clone()]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(client.verify().unwrap().faults, [faults(first)[1].clone(), faults(second)[1].clone()]);
}

#[tokio::test]
async fn a_capture_that_comes_piece_by_piece_is_one_when_it_is_whole() {
    let (dir, host, _server, visit, client) = start().await;
    let files = || std::fs::read_dir(dir.path().join("evidence")).unwrap().count();
    let mut arriving = client.begin_capture().unwrap();
    for piece in JPEG.chunks(3) {
        arriving.write(piece).unwrap();
    }
    let given_up = client.begin_capture().unwrap();
    assert_eq!(files(), 2);
    drop(given_up);
    let record = client.capture(visit.id, CaptureSource::Arrived(arriving), &photo()).unwrap();
    let mut kept = Vec::new();
    client.evidence_file(visit.id, record).unwrap().bytes.read_to_end(&mut kept).unwrap();
    assert_eq!((kept.as_slice(), files()), (JPEG, 1));
    let nothing = client.begin_capture().unwrap();
    let refused = client.capture(visit.id, CaptureSource::Arrived(nothing), &photo()).unwrap_err();
    assert_eq!((refused.code(), files()), (ErrorCode::CaptureInvalid, 1));

    // A kill in the middle of one leaves it; nobody was told that it was kept.
    std::mem::forget(client.begin_capture().unwrap());
    assert_eq!(files(), 2);
    drop(client);
    let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
    assert_eq!((client.verify().unwrap().faults, files()), (vec![], 1));
}

#[tokio::test]
async fn a_clock_that_was_set_is_noted_before_the_next_act() {
    let (_dir, host, _server, visit, client) = start().await;
    client.narrative(visit.id, None, "一").unwrap();
    host.advance_ms(3_600_000);
    client.narrative(visit.id, None, "二").unwrap();
    host.set_clock(-86_400);
    client.narrative(visit.id, None, "三").unwrap();
    let mut jumps = 0;
    crate::store::journal::walk(&client.reader(), 0, |stored| {
        jumps += u32::from(stored.entry.read().unwrap().kind == Kind::ClockJumped);
        Ok(())
    })
    .unwrap();
    assert_eq!(jumps, 1);
    assert_eq!(client.verify().unwrap().faults, []);
}

#[tokio::test]
async fn the_list_and_the_documents_are_the_same_when_made_anew() {
    let (_dir, _host, server, visit, client) = start().await;
    let other = Visit::new(4);
    server.publish(other.rows());
    client.sync(&server).await.unwrap();
    let answers = [Answer::Conformity { result: Outcome::Fail }, pass(), pass()];
    for (place, item) in visit.items().iter().enumerate() {
        client.answer(visit.id, item, &answers[place % 3]).unwrap();
    }
    for text in 0..70 {
        client.narrative(visit.id, None, &format!("第{text}稿")).unwrap();
    }
    let seen = |client: &Client| {
        let detail = client.inspection(visit.id).unwrap();
        (client.inspections().unwrap(), detail.view, detail.heads)
    };
    let before = seen(&client);
    let line = before.0.iter().find(|line| line.id == visit.id).unwrap();
    assert_eq!(line.answered, Some(visit.items().len() as u32));
    assert!(line.applicable >= line.answered);
    client.rebuild().unwrap();
    assert_eq!(seen(&client), before);
    client.desk().unwrap().conn.execute("UPDATE inspections SET answered = 1", []).unwrap();
    client.desk().unwrap().conn.execute("UPDATE documents SET snapshot = x'00'", []).unwrap();
    assert_ne!(seen(&client).0, before.0);
    client.rebuild().unwrap();
    assert_eq!(seen(&client), before);
}

#[tokio::test]
async fn a_terminal_that_is_not_enrolled_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::open(dir.path(), Arc::new(TestHost::new(1)), options(), unlock()).unwrap();
    let error = client.narrative(Visit::new(3).id, None, "x").unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotEnrolled);
    assert_eq!(client.status().unwrap().enrolled, None);
}

#[tokio::test]
async fn two_programs_do_not_share_a_store() {
    let (dir, host, _server, _visit, client) = start().await;
    let error = Client::open(dir.path(), host.clone(), options(), unlock()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::StoreInUse);
    drop(client);
    Client::open(dir.path(), host, options(), unlock()).unwrap();
}

#[tokio::test]
async fn captures_leave_room_for_answers() {
    let (dir, host, _server, visit, client) = start().await;
    let kept = client.capture(visit.id, CaptureSource::Bytes(JPEG), &photo()).unwrap();
    drop(client);
    // All that is free is to be left free.
    let low = Options { floor_bytes: u64::MAX, ..options() };
    let client = Client::open(dir.path(), host, low, unlock()).unwrap();
    for refused in [
        client.capture(visit.id, CaptureSource::Bytes(JPEG), &photo()).unwrap_err(),
        client.begin_capture().map(drop).unwrap_err(),
    ] {
        assert_eq!(refused.code(), ErrorCode::StorageLow);
        assert!(refused.details()["free_bytes"].as_u64().unwrap() > 0);
    }
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    let mut bytes = Vec::new();
    client.evidence_file(visit.id, kept).unwrap().bytes.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, JPEG);
}
