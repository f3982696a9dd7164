//! The sync engine against lost answers, restored servers and rolled back stores.

use crate::testing::{
    Nowhere, PASSPHRASE, Server, TestHost, Visit, first_offered, me, options, pass, terminal, unlock, view_of,
};
use crate::{CaptureFacts, CaptureSource, Client, Enrolment, Stage};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::{Body, Row};
use fieldproof_schema::wire::sync::StillUnsent;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

async fn start() -> (TempDir, Arc<TestHost>, Server, Visit, Client) {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    (dir, host, server, visit, client)
}

fn photo(n: usize) -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff photo ".to_vec();
    bytes.resize(n, 7);
    bytes
}

fn capture(client: &Client, visit: &Visit, bytes: &[u8]) {
    let facts = CaptureFacts::PHOTO;
    client.capture(visit.id, CaptureSource::Bytes(bytes), &facts).unwrap();
}

/// Everything on the terminal is on the server, as often as it should be.
fn assert_all_there(client: &Client, server: &Server) {
    assert!(client.status().unwrap().unsent.is_empty(), "{:?}", client.status().unwrap());
    assert_eq!(client.verify().unwrap().faults, []);
    let state = server.state();
    let reader = client.reader();
    for visit in crate::store::changes::inspections(&reader).unwrap() {
        for (_, _, raw) in crate::store::changes::list(&reader, visit, 0, false).unwrap() {
            let from_server = state
                .feed
                .iter()
                .any(|row| matches!(&row.body, Body::Change(change) if change.change == raw));
            assert!(from_server);
        }
    }
}

#[tokio::test]
async fn what_was_written_offline_arrives_and_a_repeated_sync_changes_nothing() {
    let (_dir, _host, server, visit, client) = start().await;
    for item in visit.items().iter().take(5) {
        client.answer(visit.id, item, &pass()).unwrap();
    }
    capture(&client, &visit, &photo(100));
    let error = client.sync(&Nowhere).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Offline);
    assert_eq!(client.inspection(visit.id).unwrap().evidence[0].stage, Stage::Here);
    let report = client.sync(&server).await.unwrap();
    assert_eq!((report.changes_sent, report.evidence_completed), (6, 1));
    assert!(report.still_unsent.is_empty());
    assert_all_there(&client, &server);
    let detail = client.inspection(visit.id).unwrap();
    assert_eq!(detail.evidence[0].stage, Stage::Held);
    assert!(detail.authors.values().all(|author| author.stage == Stage::Held));
    let again = client.sync(&server).await.unwrap();
    assert_eq!((again.entries_sent, again.changes_sent, again.evidence_completed), (0, 0, 0));
}

#[tokio::test]
async fn the_server_is_told_what_is_still_here_and_at_last_that_nothing_is() {
    let (_dir, _host, server, visit, client) = start().await;
    for item in visit.items().iter().take(3) {
        client.answer(visit.id, item, &pass()).unwrap();
    }
    let bytes = photo(100);
    capture(&client, &visit, &bytes);
    server.state().said.clear();
    client.sync(&server).await.unwrap();
    let said: Vec<_> = server.state().said.drain(..).map(Option::unwrap).collect();
    let photo_is_here = StillUnsent { changes: 0, evidence: 1, evidence_bytes: bytes.len() as u64 };
    assert_eq!(said.first(), Some(&photo_is_here), "this request brings every change along");
    assert_eq!(said.last(), Some(&StillUnsent::default()));
}

#[tokio::test]
async fn lost_answers_cost_time_and_nothing_else() {
    let (_dir, _host, server, visit, client) = start().await;
    for item in visit.items().iter().take(4) {
        client.answer(visit.id, item, &pass()).unwrap();
    }
    capture(&client, &visit, &photo(50));
    for lost in 1..=4 {
        server.state().lose = lost;
        for _ in 0..lost {
            let error = client.sync(&server).await.unwrap_err();
            assert_eq!(error.code(), ErrorCode::Offline);
        }
    }
    client.sync(&server).await.unwrap();
    assert_all_there(&client, &server);
    let (device, entries) = server.state().entries.iter().next().map(|(d, e)| (*d, e.len())).unwrap();
    assert_eq!(client.status().unwrap().enrolled.unwrap().device, device);
    assert_eq!(entries as u64, client.verify().unwrap().entries);
}

#[tokio::test]
async fn bodies_that_are_too_large_are_halved() {
    let (_dir, _host, server, visit, client) = start().await;
    for n in 0..40_u64 {
        let text: String = (0..60).map(|m| Digest::of(&(n * 60 + m).to_be_bytes()).to_string()).collect();
        client.finding(visit.id, None, &serde_json::json!({"text": text})).unwrap();
    }
    server.state().body_bytes_max = Some(40_000);
    server.state().said.clear();
    let report = client.sync(&server).await.unwrap();
    assert!(report.rounds > 1, "{report:?}");
    let left: Vec<u64> = server.state().said.iter().flatten().map(|said| said.changes).collect();
    assert!(left[0] > 0 && left.last() == Some(&0) && left.is_sorted_by(|a, b| a >= b), "{left:?}");
    assert_all_there(&client, &server);
}

#[tokio::test]
async fn a_refused_change_is_shown_and_holds_nothing_back() {
    let (_dir, _host, server, visit, client) = start().await;
    let items = visit.items();
    client.answer(visit.id, &items[0], &pass()).unwrap();
    client.sign().unwrap();
    let refused = first_offered(&client);
    server.state().refuse.insert(refused, ErrorCode::ChangeOutOfScope);
    client.narrative(visit.id, None, "其他").unwrap();
    let report = client.sync(&server).await.unwrap();
    assert_eq!(report.refused.len(), 1);
    assert_eq!((report.refused[0].item, report.refused[0].code.as_str()), (refused, "change_out_of_scope"));
    assert_eq!(report.changes_sent, 1);
    let status = client.status().unwrap();
    assert_eq!((status.refused, status.unsent.is_empty()), (1, true));
    assert_eq!(view_of(&client, &visit).answers.len(), 1);
    // A refusal that another day can mend is not one.
    client.narrative(visit.id, None, "再来").unwrap();
    client.sign().unwrap();
    let waiting = first_offered(&client);
    server.state().refuse.insert(waiting, ErrorCode::Unavailable);
    client.sync(&server).await.unwrap();
    assert_eq!(client.status().unwrap().unsent.changes, 1);
    server.state().refuse.clear();
    client.sync(&server).await.unwrap();
    assert_eq!(client.status().unwrap().unsent.changes, 0);
}

/// A server that judges the same thing anew with every round has news each time. That is no reason to say the same again: it did
/// not end, once.
#[tokio::test]
async fn rows_alone_are_no_reason_for_another_round() {
    let (_dir, _host, server, visit, client) = start().await;
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    client.sign().unwrap();
    server.state().refuse.insert(first_offered(&client), ErrorCode::Unavailable);
    server.state().restless = true;
    let report = client.sync(&server).await.unwrap();
    assert_eq!(client.status().unwrap().unsent.changes, 1);
    assert!(report.rounds < 5, "{report:?}");
}

#[tokio::test]
async fn a_restored_server_is_given_back_what_it_lost() {
    let (_dir, _host, server, visit, client) = start().await;
    let items = visit.items();
    client.answer(visit.id, &items[0], &pass()).unwrap();
    client.sync(&server).await.unwrap();
    let backup = server.state().clone();
    client.answer(visit.id, &items[1], &pass()).unwrap();
    capture(&client, &visit, &photo(64));
    client.sync(&server).await.unwrap();
    assert_all_there(&client, &server);

    // Once with a new epoch, once without: the journal's end alone tells.
    for epoch in [0, 1] {
        let mut restored = backup.clone();
        restored.epoch = epoch;
        *server.state() = restored;
        let report = client.sync(&server).await.unwrap();
        assert!(report.server_restored);
        assert_all_there(&client, &server);
        assert!(report.changes_sent >= 1);
        assert_eq!(report.evidence_completed, 1, "epoch {epoch}");
    }
    assert_eq!(view_of(&client, &visit).answers.len(), 2);
}

fn copy_store(from: &Path, to: &Path) {
    for name in ["store.db", "store.db-wal"] {
        let _ = fs::remove_file(to.join(name));
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
    let _ = fs::remove_file(to.join("store.db-shm"));
}

#[tokio::test]
async fn a_store_that_came_back_older_goes_on_and_loses_nothing() {
    let (dir, host, server, visit, client) = start().await;
    let items = visit.items();
    client.answer(visit.id, &items[0], &pass()).unwrap();
    client.sync(&server).await.unwrap();
    drop(client);
    let kept = tempfile::tempdir().unwrap();
    copy_store(dir.path(), kept.path());

    let client = Client::open(dir.path(), host.clone(), options(), unlock()).unwrap();
    client.answer(visit.id, &items[1], &pass()).unwrap();
    client.sync(&server).await.unwrap();
    drop(client);

    for round in 0..2 {
        copy_store(kept.path(), dir.path());
        let client = Client::open(dir.path(), host.clone(), options(), unlock()).unwrap();
        assert_eq!(view_of(&client, &visit).answers.len(), 1);
        client.answer(visit.id, &items[2 + round], &pass()).unwrap();
        capture(&client, &visit, &photo(80 + round));
        let report = client.sync(&server).await.unwrap();
        assert!(report.rolled_back, "{report:?}");
        assert_eq!(report.evidence_completed, 1);
        assert_all_there(&client, &server);
        assert_eq!(view_of(&client, &visit).answers.len(), 3 + 2 * round);
        client.answer(visit.id, &items[5], &pass()).unwrap();
        client.answer(visit.id, &items[5], &pass()).unwrap();
        let report = client.sync(&server).await.unwrap();
        assert!(!report.rolled_back);
        assert_all_there(&client, &server);
        drop(client);
    }
}

#[tokio::test]
async fn two_copies_of_one_terminal_both_go_on_and_lose_nothing() {
    let (dir, host, server, visit, client) = start().await;
    let items = visit.items();
    client.answer(visit.id, &items[0], &pass()).unwrap();
    client.sync(&server).await.unwrap();
    drop(client);
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("evidence")).unwrap();
    for name in ["store.db", "device.key", "officer.key", "identity.json"] {
        fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    // A copied machine does not draw the same numbers for long: each has its own history of interrupts.
    let other_host = Arc::new(TestHost::new(2));
    let one = Client::open(dir.path(), host, options(), unlock()).unwrap();
    let two = Client::open(copy.path(), other_host, options(), unlock()).unwrap();
    one.sync(&server).await.unwrap();
    two.sync(&server).await.unwrap();
    for round in 0..2 {
        one.answer(visit.id, &items[1 + round], &pass()).unwrap();
        two.answer(visit.id, &items[3 + round], &pass()).unwrap();
        capture(&two, &visit, &photo(70 + round));
        for client in [&one, &two] {
            client.sync(&server).await.unwrap();
            assert_all_there(client, &server);
        }
    }
    one.sync(&server).await.unwrap();
    assert_eq!(view_of(&one, &visit), view_of(&two, &visit));
    assert_eq!(view_of(&one, &visit).answers.len(), 5);
    assert_eq!(server.state().blobs.len(), 2);
}

#[tokio::test]
async fn an_upload_goes_on_where_the_server_stands() {
    let (_dir, _host, server, visit, client) = start().await;
    let large = photo(2 * 1024 * 1024 + 17);
    capture(&client, &visit, &large);
    capture(&client, &visit, &photo(10));
    server.state().cut_parts = 1;
    // The small one goes first, and is cut; the large one is not held back by it.
    let report = client.sync(&server).await.unwrap();
    assert_eq!((report.evidence_completed, report.refused.len()), (1, 1));
    assert_eq!(client.status().unwrap().unsent.evidence, 1);
    server.state().cut_parts = 1;
    client.sync(&server).await.unwrap();
    let report = client.sync(&server).await.unwrap();
    assert_eq!(report.evidence_completed, 1);
    assert_eq!(server.state().blobs[&Digest::of(&large)], large);
    assert_all_there(&client, &server);
}

#[tokio::test]
async fn an_original_that_changed_is_never_sent_as_if_it_were_whole() {
    let (_dir, _host, server, visit, client) = start().await;
    let bytes = photo(1000);
    capture(&client, &visit, &bytes);
    let path = client.originals().unwrap().path(Digest::of(&bytes));
    let kept = fs::read(&path).unwrap();
    fs::write(path, &kept[..kept.len() - 1]).unwrap();
    let report = client.sync(&server).await.unwrap();
    assert_eq!(report.evidence_completed, 0);
    assert_eq!(report.refused[0].code, "evidence_hash_mismatch");
    let shown = &client.inspection(visit.id).unwrap().evidence[0];
    assert_eq!((shown.stage, shown.problem.as_deref()), (Stage::Sent, Some("evidence_hash_mismatch")));
    assert!(!client.status().unwrap().unsent.is_empty());
}

#[tokio::test]
async fn bytes_that_the_server_spoiled_are_sent_once_more() {
    let (_dir, _host, server, visit, client) = start().await;
    let bytes = photo(1000);
    capture(&client, &visit, &bytes);
    server.state().blobs.insert(Digest::of(&bytes), vec![0; 500]);
    let report = client.sync(&server).await.unwrap();
    assert_eq!(report.evidence_completed, 1);
    assert_all_there(&client, &server);
}

#[tokio::test]
async fn an_enrolment_whose_answer_was_lost_is_repeated_as_the_same_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let (host, server) = (Arc::new(TestHost::new(1)), Server::new(me()));
    let enrolment = Enrolment { code: "K7M2-9QXD", device_name: "一号终端", passphrase: PASSPHRASE };
    let client = Client::open(dir.path(), host.clone(), options(), unlock()).unwrap();
    assert_eq!(client.enrol(&Nowhere, &enrolment).await.unwrap_err().code(), ErrorCode::Offline);
    let short = Enrolment { passphrase: "short", ..enrolment };
    assert_eq!(client.enrol(&server, &short).await.unwrap_err().code(), ErrorCode::PassphraseWrong);
    drop(client);
    let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
    let status = client.enrol(&server, &enrolment).await.unwrap();
    let enrolled = status.enrolled.unwrap();
    let requests = server.state().enrolments.clone();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].device, requests[0].officer_key), (enrolled.device, enrolled.officer_key));
    let proof = fieldproof_schema::wire::device::EnrolRequest::proof_text(
        "k7m29qxd",
        enrolled.device,
        &requests[0].device_key,
        &enrolled.officer_key,
    );
    let enrolment_purpose = fieldproof_schema::suite::Purpose::Enrolment;
    requests[0].device_key.verify(enrolment_purpose, &proof, &requests[0].device_proof).unwrap();
    requests[0].officer_key.verify(enrolment_purpose, &proof, &requests[0].officer_proof).unwrap();
    assert_eq!(client.enrol(&server, &enrolment).await.unwrap_err().code(), ErrorCode::AlreadyEnrolled);
    assert_eq!(client.verify().unwrap().entries, 1);
}

#[tokio::test]
async fn what_leaves_the_scope_leaves_the_list_but_never_before_it_was_sent() {
    let (_dir, _host, server, visit, client) = start().await;
    client.narrative(visit.id, None, "未发送").unwrap();
    let gone: Vec<Row> = visit
        .rows()
        .into_iter()
        .filter(|row| row.kind == "task" || row.kind == "inspection")
        .map(|row| Row { body: Body::Gone, ..row })
        .collect();
    server.publish(gone);
    client.sign().unwrap();
    let refused = first_offered(&client);
    server.state().refuse.insert(refused, ErrorCode::Unavailable);
    client.sync(&server).await.unwrap();
    assert_eq!(client.inspections().unwrap().len(), 1);
    assert_eq!(view_of(&client, &visit).narrative, "未发送");
    server.state().refuse.clear();
    client.sync(&server).await.unwrap();
    assert_eq!(client.inspections().unwrap(), []);
    assert_eq!(client.inspection(visit.id).unwrap_err().code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn an_entry_that_no_way_carries_is_shown_and_all_the_rest_goes_on() {
    let (dir, host, server, visit, client) = start().await;
    let items = visit.items();
    client.answer(visit.id, &items[0], &pass()).unwrap();
    let long: String = (0..500_u32).map(|n| Digest::of(&n.to_be_bytes()).to_string()).collect();
    let entry = {
        let mut desk = client.desk().unwrap();
        let who = desk.who.clone().unwrap();
        let tx = desk.conn.transaction().unwrap();
        let pen = who.pen(crate::journal_writer::Clocks::read(&*client.host));
        crate::runs::sign(&tx, &pen).unwrap();
        let body = serde_json::json!({ "statement": long }).to_string();
        let kind = fieldproof_schema::journal::Kind::Exported;
        let entry = pen.write_text(&tx, kind, Some(visit.id), None, None, body).unwrap();
        tx.commit().unwrap();
        entry
    };
    client.answer(visit.id, &items[1], &pass()).unwrap();
    server.state().body_bytes_max = Some(4_000);
    server.publish(vec![visit.inspection_row(&visit.row())]);
    for _ in 0..2 {
        let report = client.sync(&server).await.unwrap();
        assert!(report.rounds < 10, "{report:?}");
        let unsent = client.status().unwrap().unsent;
        assert_eq!((unsent.entries, unsent.changes), (1, 1), "what is signed after it is one chain with it");
        assert_eq!(server.state().changes.len(), 1, "what was signed before it went");
        let apart = client.apart(10).unwrap();
        assert_eq!(
            apart.iter().map(|a| (a.item, a.code.as_str())).collect::<Vec<_>>(),
            [(entry, "body_too_large")]
        );
    }
    // Through another way, after the next start.
    drop(client);
    let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
    server.state().body_bytes_max = None;
    client.sync(&server).await.unwrap();
    assert_all_there(&client, &server);
    assert_eq!((server.state().changes.len(), client.apart(10).unwrap().len()), (2, 0));
}
