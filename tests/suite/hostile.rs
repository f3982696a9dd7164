//! Bad input: each has its code, changes nothing that is stored, and blocks nothing beside it.

use crate::support::{self, City, chunk, document, verdict};
use crate::workers;
use axum::http::StatusCode;
use fieldproof_schema::document::{Actor, Document, RawChange, inspect};
use fieldproof_schema::ids::{DeviceId, RecordId};
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::limits::{
    SIGN_IN_FAILURES_MAX, SYNC_BODY_BYTES_MAX, SYNC_BODY_PLAIN_BYTES_MAX, SYNC_OPS_MAX,
};
use fieldproof_schema::suite::{Digest, MemoryKey};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::frame;
use fieldproof_schema::wire::row::Body;
use fieldproof_schema::wire::sync::{Outcome, SyncAnswer, SyncRequest};
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::forge;
use fieldproof_tests::world::rogue::{Rogue, enrol_request};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read;

const ACTOR: Actor = Actor([0xee; 16]);

fn code(body: &Value) -> &str {
    body["code"].as_str().unwrap_or("no code")
}

/// A rogue terminal of the first officer of a dispatched visit, with a declared writer and the visit's document.
async fn rogue(world: &World, administrator: &Person, city: &City) -> (Rogue, Document) {
    let visit = city.task.inspection;
    let enrolment = administrator.enrolment_code(world, city.task.team[0]).await;
    let mut rogue = Rogue::enrol(world, &enrolment, 99).await;
    let declared = rogue.declare(visit, ACTOR);
    let answer = rogue.sync(world, vec![declared], vec![]).await;
    (rogue, document(&answer, visit))
}

#[tokio::test]
async fn one_bad_item_in_a_batch_blocks_no_other() {
    a_batch_with_bad_items(&World::start(11, None).await).await;
}

/// A batch with one item of every bad kind that a terminal can send, and good ones.
pub(crate) async fn a_batch_with_bad_items(world: &World) {
    let city = support::city(world).await;
    let visit = city.task.inspection;
    let (mut rogue, mut doc) = rogue(world, &city.administrator, &city).await;
    let items = support::plain_items(&city.one, visit);
    let at = world.app.host.now();
    let mut write = |actor: Actor, item: &str, register: &str| {
        // The document itself accepts any register; whether it fits is the gate's business.
        let mut copy = doc.clone();
        let (_, change) = copy.edit(actor, at, |e| e.answer(item, register)).unwrap();
        if actor == ACTOR && register.contains("pass") {
            doc = copy;
        }
        change.unwrap().1
    };
    let good = write(ACTOR, &items[0].0, &items[0].1.to_register());
    let unfit = write(Actor([0xef; 16]), &items[1].0, r#"{"type":"conformity","result":"maybe"}"#);
    let foreign = write(Actor([0xed; 16]), &items[2].0, &items[2].1.to_register());
    let rubbish = RawChange(b"rubbish".to_vec());
    let mut compressed = good.clone();
    compressed.0[8] = 2;
    let uncovered = write(ACTOR, &items[3].0, &items[3].1.to_register());
    let also_good = {
        let (_, change) = doc.edit(ACTOR, at, |e| e.answer(&items[4].0, &items[4].1.to_register())).unwrap();
        change.unwrap().1
    };

    let declared = rogue.declare(visit, Actor([0xef; 16]));
    let covered = [&good, &unfit, &foreign, &rubbish, &compressed, &also_good];
    let mut entries = vec![declared];
    entries.extend(covered.map(|change| rogue.cover(visit, change)));
    let all = [
        rubbish.clone(),
        compressed.clone(),
        unfit.clone(),
        foreign.clone(),
        good.clone(),
        uncovered.clone(),
        also_good.clone(),
    ];
    let answer = rogue.sync(world, entries, chunk(visit, &all)).await;
    let outcome = |change| {
        let v = verdict(&answer, change);
        (v.outcome, v.code.clone().unwrap_or_default())
    };
    assert_eq!(outcome(&good), (Outcome::Accepted, String::new()));
    assert_eq!(outcome(&rubbish), (Outcome::Quarantined, "change_unreadable".into()));
    assert_eq!(outcome(&compressed), (Outcome::Quarantined, "change_compressed".into()));
    assert_eq!(outcome(&unfit), (Outcome::Quarantined, "answer_unfit".into()));
    assert_eq!(outcome(&foreign), (Outcome::Quarantined, "change_foreign_actor".into()));
    assert_eq!(outcome(&uncovered), (Outcome::Quarantined, "change_uncovered".into()));
    // It builds upon the one that no entry covers, so it waits and is not lost.
    assert_eq!(outcome(&also_good), (Outcome::Waiting, "change_waiting".into()));
    assert!(answer.receipt.is_some(), "what is held apart is held, too");

    // The entry comes late: now both count.
    let late = rogue.cover(visit, &uncovered);
    let answer = rogue.sync(world, vec![late], chunk(visit, &[uncovered.clone(), also_good.clone()])).await;
    assert_eq!(verdict(&answer, &uncovered).outcome, Outcome::Accepted);
    assert_eq!(verdict(&answer, &also_good).outcome, Outcome::Accepted);
    assert_eq!(document(&answer, visit).heads(), doc.heads());
}

#[tokio::test]
async fn an_answer_to_an_item_that_is_not_in_the_checklist_is_held_apart() {
    let world = World::start(12, None).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    let (mut rogue, doc) = rogue(&world, &city.administrator, &city).await;
    let (item, fit) = support::plain_items(&city.one, visit).remove(0);
    let unknown = format!("{}?", &item[..item.len() - 1]);
    let at = world.app.host.now();
    let (_, honest) = doc.clone().edit(ACTOR, at, |e| e.answer(&item, &fit.to_register())).unwrap();
    let bent = forge::with_item(&honest.unwrap().1, &item, &unknown);
    let entry = rogue.cover(visit, &bent);
    let answer = rogue.sync(&world, vec![entry], chunk(visit, std::slice::from_ref(&bent))).await;
    assert_eq!(verdict(&answer, &bent).outcome, Outcome::Quarantined);
    assert_eq!(verdict(&answer, &bent).code.as_deref(), Some("answer_unknown_item"));
    assert_eq!(document(&answer, visit).heads(), doc.heads());
    // The honest library refuses it before it is written.
    let refused = city.one.client().answer(visit, &unknown, &fit).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::AnswerUnknownItem);
}

#[tokio::test]
async fn a_chunk_for_an_inspection_outside_the_scope_is_held_apart() {
    let world = World::start(13, None).await;
    let City { administrator, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    let directory = administrator.get(&world, "/api/v1/officers").await;
    let strangers = directory["rows"].as_array().unwrap().iter();
    let stranger = strangers
        .map(|o| serde_json::from_value(o["id"].clone()).unwrap())
        .find(|id| !task.team.contains(id))
        .unwrap();
    let mut rogue = Rogue::enrol(&world, &administrator.enrolment_code(&world, stranger).await, 7).await;
    let before = one.client().inspection(visit).unwrap();
    let change = RawChange(before.heads[0].0.to_vec());
    let declared = rogue.declare(visit, ACTOR);
    let entry = rogue.cover(visit, &change);
    let answer = rogue.sync(&world, vec![declared, entry], chunk(visit, std::slice::from_ref(&change))).await;
    assert_eq!(verdict(&answer, &change).outcome, Outcome::Quarantined);
    let leaked = answer.rows.iter().any(|row| row.subject.contains(&visit.to_string()));
    assert!(!leaked, "a stranger's terminal receives nothing of the visit");
    one.sync().await;
    assert_eq!(one.client().inspection(visit).unwrap().view, before.view);
}

#[tokio::test]
async fn enrolment_codes_work_once_and_wrong_ones_are_limited() {
    let world = World::start(14, None).await;
    let City { administrator, task, .. } = support::city(&world).await;
    let enrolment = administrator.enrolment_code(&world, task.team[0]).await;
    let keys = (MemoryKey::from_secret(&[1; 32]), MemoryKey::from_secret(&[2; 32]));
    let device = DeviceId::from_bytes([1; 16]);
    let call = async |request| {
        let (status, body) = world.call("POST", "/api/v1/enrolment", None, &json!(request)).await;
        (status, code(&body).to_owned())
    };
    let honest = enrol_request(&enrolment, device, &keys.0, &keys.1);
    let mut forged = honest.clone();
    forged.officer_proof = forged.device_proof;
    assert_eq!(call(forged).await.1, "enrolment_proof_invalid");
    assert_eq!(call(honest.clone()).await.0, StatusCode::OK);
    assert_eq!(call(honest).await.0, StatusCode::OK, "a repeated request gets the same answer");
    let second = enrol_request(&enrolment, DeviceId::from_bytes([2; 16]), &keys.0, &keys.1);
    assert_eq!(call(second).await.1, "enrolment_code_used");
    let stale = administrator.enrolment_code(&world, task.team[0]).await;
    world.clock.advance_seconds(fieldproof_schema::limits::ENROLMENT_CODE_SECONDS + 1);
    let late = enrol_request(&stale, DeviceId::from_bytes([3; 16]), &keys.0, &keys.1);
    assert_eq!(call(late).await.1, "enrolment_code_expired");
    let mut last = String::new();
    for _ in 0..=SIGN_IN_FAILURES_MAX {
        last = call(enrol_request("NOPE-NOPE", DeviceId::from_bytes([4; 16]), &keys.0, &keys.1)).await.1;
    }
    assert_eq!(last, "too_many_tries");
}

#[tokio::test]
async fn wrong_passwords_are_limited_and_say_when_to_try_again() {
    let world = World::start(15, None).await;
    world.found_city().await;
    let wrong = json!({"login": "guanli", "password": "不是这个密码不是这个密码"});
    for _ in 0..SIGN_IN_FAILURES_MAX {
        let (status, body) = world.call("POST", "/api/v1/session", None, &wrong).await;
        assert_eq!((status, code(&body)), (StatusCode::UNAUTHORIZED, "sign_in_failed"));
    }
    let (status, body) = world.call("POST", "/api/v1/session", None, &wrong).await;
    assert_eq!((status, code(&body)), (StatusCode::TOO_MANY_REQUESTS, "too_many_tries"));
    let wait = body["details"]["retry_after_seconds"].as_i64().unwrap();
    world.clock.advance_seconds(wait + 1);
    Person::sign_in(&world, "guanli").await;
}

#[tokio::test]
async fn an_oversized_and_a_malformed_sync_body_change_nothing() {
    let world = World::start(16, None).await;
    let city = support::city(&world).await;
    let (rogue, doc) = rogue(&world, &city.administrator, &city).await;
    let bomb = std::io::repeat(0).take(SYNC_BODY_PLAIN_BYTES_MAX as u64 + 1);
    let bodies: [(Vec<u8>, StatusCode, &str); 4] = [
        (vec![0; SYNC_BODY_BYTES_MAX + 1], StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
        (zstd::encode_all(bomb, 1).unwrap(), StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
        (b"rubbish".to_vec(), StatusCode::BAD_REQUEST, "body_malformed"),
        (frame::pack(&"not a request".to_owned()), StatusCode::BAD_REQUEST, "body_malformed"),
    ];
    for (body, status, expected) in bodies {
        let (answered, envelope) = rogue.sync_raw(&world, body).await;
        assert_eq!((answered, code(&envelope)), (status, expected));
        assert!(envelope["message"]["zh-CN"].is_string() && envelope["message"]["en"].is_string());
    }
    let old = SyncRequest {
        protocol: 0,
        cursors: vec![],
        epoch: None,
        entries: vec![],
        chunks: vec![],
        still_unsent: None,
        wants: None,
        nonce: None,
        holds: None,
        carried: None,
        numbers_since: None,
        program: None,
        floor: None,
    };
    let (status, envelope) = rogue.sync_raw(&world, frame::pack(&old)).await;
    assert_eq!((status.as_u16(), code(&envelope)), (426, "protocol_unsupported"));
    let answer = rogue.sync(&world, vec![], vec![]).await;
    assert_eq!(document(&answer, city.task.inspection).heads(), doc.heads());
}

#[tokio::test]
async fn evidence_with_the_wrong_bytes_is_dropped_and_the_right_ones_are_taken() {
    let world = World::start(17, None).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    let (mut rogue, _) = rogue(&world, &city.administrator, &city).await;
    let bytes = fieldproof_tests::photo::jpeg(5, None, 64, 64);
    let (digest, record) = (Digest::of(&bytes), RecordId::from_bytes([9; 16]));
    let path = format!("/api/v1/evidence/{digest}");
    let offer =
        json!({"inspection": visit, "record": record, "size_bytes": bytes.len(), "media_type": "image/jpeg"});
    let token = rogue.token().to_owned();
    let (_, envelope) = world.call("POST", &path, Some(&token), &offer).await;
    assert_eq!(code(&envelope), "evidence_undeclared");
    let text = body::write(&body::Captured {
        record,
        kind: "photo".into(),
        media_type: "image/jpeg".into(),
        size_bytes: bytes.len() as u64,
        item: None,
        place: None,
        made_at: None,
        truncated: false,
    });
    let entry = rogue.entry(Kind::Captured, Some(visit), Some(digest), text);
    rogue.sync(&world, vec![entry], vec![]).await;
    let (status, _) = world.call("POST", &path, Some(&token), &offer).await;
    assert_eq!(status, StatusCode::CREATED);

    let mut wrong = bytes.clone();
    wrong[20] ^= 1;
    let (status, envelope) = world.patch(&path, &token, 0, wrong).await;
    assert_eq!((status, code(&envelope)), (StatusCode::UNPROCESSABLE_ENTITY, "evidence_hash_mismatch"));
    let (status, envelope) = world.patch(&path, &token, 7, bytes[7..].to_vec()).await;
    assert_eq!((status, code(&envelope)), (StatusCode::CONFLICT, "evidence_offset"));
    assert_eq!(envelope["details"]["offset"], 0);
    let (head, tail) = bytes.split_at(100);
    assert_eq!(world.patch(&path, &token, 0, head.to_vec()).await.0, StatusCode::NO_CONTENT);
    let longer = [tail, b"more"].concat();
    assert_eq!(code(&world.patch(&path, &token, 100, longer).await.1), "evidence_too_large");
    assert_eq!(world.patch(&path, &token, 100, tail.to_vec()).await.0, StatusCode::NO_CONTENT);
    let (status, held) = world.send("GET", &path, Some(city.supervisor.token()), "").await;
    assert_eq!((status, held == bytes), (StatusCode::OK, true));
    // Who may not see the visit learns nothing about the bytes.
    let (status, _) = world.send("GET", &path, None, "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_bad_checklist_and_a_bad_credit_code_are_named_and_good_rows_are_taken() {
    let world = World::start(18, None).await;
    let (administrator, _) = world.found_city().await;
    let mut template: Value = serde_json::from_str(fieldproof_schema::data::checklists()[0].1).unwrap();
    template["items"][0]["answer"]["type"] = json!("guesswork");
    let path = "/api/v1/import/checklists";
    let (status, envelope) = world.call("POST", path, Some(administrator.token()), &template).await;
    assert_eq!((status, code(&envelope)), (StatusCode::UNPROCESSABLE_ENTITY, "template_invalid"));
    assert!(!envelope["details"]["violations"].as_array().unwrap().is_empty());
    let mut changed: Value = serde_json::from_str(fieldproof_schema::data::checklists()[0].1).unwrap();
    changed["notes"] = json!(["改过的说明"]);
    assert_eq!(administrator.refused(&world, path, changed).await, "template_revision_taken");

    let mut city: Value = serde_json::from_str(fieldproof_schema::data::sample_org()).unwrap();
    let good = city["entities"][1]["uscc"].clone();
    let last = if good.as_str().unwrap().ends_with('0') { "1" } else { "0" };
    let text = good.as_str().unwrap();
    city["entities"][1]["uscc"] = json!(format!("{}{last}", &text[..text.len() - 1]));
    city["entities"][2]["name"] = json!("改名后的单位（虚构）");
    let answer = administrator.post(&world, "/api/v1/import/organisation", city).await;
    let refused = answer["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 1, "{answer}");
    assert!(refused[0].to_string().contains("uscc"), "{answer}");
    let found = administrator.get(&world, "/api/v1/entities?search=%E6%94%B9%E5%90%8D%E5%90%8E").await;
    assert_eq!(found["rows"].as_array().unwrap().len(), 1, "{found}");
}

#[tokio::test]
async fn nobody_writes_in_the_name_of_the_server_or_of_a_colleague() {
    let world = World::start(17, None).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    let (mut rogue, doc) = rogue(&world, &city.administrator, &city).await;
    // The colleague has written; the server wrote the first change.
    support::answer_one(&city.two, visit);
    city.two.sync().await;
    let pulled = rogue.sync(&world, vec![], vec![]).await;
    let changes = pulled.rows.iter().filter_map(|row| match &row.body {
        Body::Change(row) if row.inspection == visit => Some(inspect(&row.change.0).unwrap().actor),
        _ => None,
    });
    let taken: BTreeSet<Actor> = changes.collect();
    assert_eq!(taken.len(), 2, "the server and the colleague");
    let (item, answer) = support::plain_items(&city.one, visit).remove(3);
    for actor in taken {
        let (_, change) = doc
            .clone()
            .edit(actor, world.app.host.now(), |e| e.answer(&item, &answer.to_register()))
            .unwrap();
        let change = change.unwrap().1;
        let entries = vec![rogue.declare(visit, actor), rogue.cover(visit, &change)];
        let declared = entries[0].hash();
        let answered = rogue.sync(&world, entries, chunk(visit, std::slice::from_ref(&change))).await;
        let said = answered.verdicts.iter().find(|v| v.item == declared).unwrap();
        assert_eq!((said.outcome, said.code.as_deref()), (Outcome::Quarantined, Some("actor_taken")));
        let judged = verdict(&answered, &change);
        assert_eq!(
            (judged.outcome, judged.code.as_deref()),
            (Outcome::Quarantined, Some("change_foreign_actor"))
        );
    }
    let shown = city.administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert!(shown["view"]["answers"].get(&item).is_none());
}

#[tokio::test]
async fn a_request_brings_so_many_operations_and_the_rest_comes_with_the_next() {
    // A worker has memory enough for all that one request may bring.
    let world = World::start_at(18, None, None, workers::at(&workers::workers(1))).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    let (mut rogue, mut doc) = rogue(&world, &city.administrator, &city).await;
    let at = world.app.host.now();
    let mut texts = Vec::new();
    for letter in ["a", "b"] {
        let text = letter.repeat(SYNC_OPS_MAX / 2 - 1);
        texts.push(doc.edit(ACTOR, at, |e| e.statement(&text)).unwrap().1.unwrap().1);
    }
    texts.push(doc.edit(ACTOR, at, |e| e.narrative("收工")).unwrap().1.unwrap().1);
    let entries = texts.iter().map(|change| rogue.cover(visit, change)).collect();
    let answer = rogue.sync(&world, entries, chunk(visit, &texts)).await;
    let said = |answer: &SyncAnswer, change| {
        let verdict = verdict(answer, change);
        (verdict.outcome, verdict.code.clone())
    };
    assert_eq!(said(&answer, &texts[1]), (Outcome::Accepted, None));
    assert_eq!(said(&answer, &texts[2]), (Outcome::Refused, Some("unavailable".to_owned())));
    let again = rogue.sync(&world, vec![], chunk(visit, &texts[2..])).await;
    assert_eq!(said(&again, &texts[2]), (Outcome::Accepted, None));
}
