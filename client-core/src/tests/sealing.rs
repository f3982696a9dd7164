//! Seals of a team of two, with the colleague's side fed by hand.

use crate::testing::{PASSPHRASE, Server, TestHost, Visit, colleague, me, officer_row, pass, terminal};
use crate::{CaptureFacts, CaptureSource, Client, ClientError, Obstacle};
use fieldproof_schema::document::Document;
use fieldproof_schema::ids::{DecisionId, DeviceId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::{Decision, DecisionKind, InspectionState};
use fieldproof_schema::seal::{self, Party, Seal, Signed, Statement};
use fieldproof_schema::suite::{MemoryKey, Signer};
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

fn party() -> Party {
    Party::Signed { name: "张经理".into() }
}

fn colleague_key() -> MemoryKey {
    MemoryKey::from_secret(&[0x22; 32])
}

fn signed(text: &str, key: &MemoryKey) -> Signed {
    Signed {
        officer: colleague(),
        device: DeviceId::from_bytes([0x77; 16]),
        key: key.public_key(),
        signature: seal::sign(text, key),
        at: Moment::from_micros(0),
    }
}

async fn start() -> (TempDir, Arc<TestHost>, Server, Visit, Client) {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    server.publish(vec![officer_row(colleague(), vec![colleague_key().public_key()])]);
    let client = terminal(dir.path(), &host, &server).await;
    (dir, host, server, visit, client)
}

/// The server tells that the colleague signed this text too.
async fn colleague_signs(client: &Client, server: &Server, visit: &Visit, text: &str) {
    let mut row = visit.row();
    row.state = InspectionState::InProgress;
    row.seals = vec![Seal { statement: text.to_owned(), signatures: vec![signed(text, &colleague_key())] }];
    server.publish(vec![visit.inspection_row(&row)]);
    client.sync(server).await.unwrap();
}

fn obstacle(error: &ClientError) -> Option<Obstacle> {
    match error {
        ClientError::StateWrong { why } => Some(*why),
        _ => None,
    }
}

#[tokio::test]
async fn a_seal_names_heads_content_captures_and_who_could_not_be_merged() {
    let (_dir, _host, _server, visit, client) = start().await;
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    let facts = CaptureFacts { media_type: "image/png", ..CaptureFacts::PHOTO };
    let record = client.capture(visit.id, CaptureSource::Bytes(b"\x89PNG\r\n\x1a\n photo"), &facts).unwrap();
    let preview = client.seal_statement(visit.id, &party(), None, None).unwrap();
    let detail = client.inspection(visit.id).unwrap();
    let statement = &preview.statement;
    assert_eq!((statement.version, &statement.heads), (1, &detail.heads));
    assert_eq!(statement.content, detail.view.digest());
    assert_eq!((statement.captures[0].record, statement.captures[0].used), (record, true));
    assert_eq!((&statement.team, &statement.unmerged), (&vec![me(), colleague()], &vec![colleague()]));
    assert!(!preview.unsent.is_empty());

    let digest = client.seal(visit.id, PASSPHRASE, &party(), None).unwrap();
    let detail = client.inspection(visit.id).unwrap();
    assert_eq!(
        (detail.seals[0].digest, detail.seals[0].mine, detail.seals[0].complete),
        (digest, true, false)
    );
    assert!(!detail.editable);
    let error = client.narrative(visit.id, None, "后来").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Sealed);
    assert_eq!(client.seal(visit.id, PASSPHRASE, &party(), None).unwrap_err().code(), ErrorCode::Sealed);
    let error = client.cosign(visit.id, PASSPHRASE).unwrap_err();
    assert_eq!(obstacle(&error), Some(Obstacle::SignedAlready));
    assert_eq!(client.verify().unwrap().faults, []);
}

#[tokio::test]
async fn a_wrong_passphrase_or_an_open_conflict_signs_nothing() {
    let (_dir, _host, server, visit, client) = start().await;
    let item = &visit.items()[..1];
    client.answer(visit.id, &item[0], &pass()).unwrap();
    let error = client.seal(visit.id, "wrong horse", &party(), None).unwrap_err();
    assert_eq!(error.code(), ErrorCode::PassphraseWrong);
    let nobody = Party::Refused { witness: String::new(), reason: "未说明".into() };
    let error = client.seal(visit.id, PASSPHRASE, &nobody, None).unwrap_err();
    assert_eq!(error.code(), ErrorCode::FieldInvalid);

    let fail = fieldproof_schema::checklist::Answer::NotApplicable { reason: "闭馆".into() };
    let written = visit.colleague_writes(&mut visit.document(), 0x44, item, &fail);
    server.publish(vec![visit.change_row(&written[0].1, Some(colleague()))]);
    client.sync(&server).await.unwrap();
    let error = client.seal(visit.id, PASSPHRASE, &party(), None).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ConflictsOpen);
    let error = client.seal_despite(visit.id, PASSPHRASE, &party(), None, "  ").unwrap_err();
    assert_eq!(error.code(), ErrorCode::ReasonMissing);
    assert_eq!(client.inspection(visit.id).unwrap().seals, []);

    // With a reason it is signed, and says which conflicts were open.
    let open = client.conflicts(visit.id).unwrap();
    client.seal_despite(visit.id, PASSPHRASE, &party(), None, " 当事人须离场 ").unwrap();
    let seals = client.inspection(visit.id).unwrap().seals;
    let unsettled = seals[0].statement.unsettled.as_ref().unwrap();
    assert_eq!((&unsettled.conflicts, unsettled.reason.as_str()), (&vec![open[0].id], "当事人须离场"));
}

#[tokio::test]
async fn a_colleagues_statement_is_signed_when_all_that_it_names_is_here() {
    let (_dir, _host, server, visit, client) = start().await;
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    client.sync(&server).await.unwrap();
    assert_eq!(obstacle(&client.cosign(visit.id, PASSPHRASE).unwrap_err()), Some(Obstacle::NothingToSign));
    let text = client.seal_statement(visit.id, &party(), None, None).unwrap().text;
    colleague_signs(&client, &server, &visit, &text).await;
    assert!(client.inspection(visit.id).unwrap().editable);

    let digest = client.cosign(visit.id, PASSPHRASE).unwrap();
    let detail = client.inspection(visit.id).unwrap();
    assert_eq!((detail.seals[0].digest, detail.seals[0].complete), (digest, true));
    assert_eq!(client.narrative(visit.id, None, "后来").unwrap_err().code(), ErrorCode::Sealed);
}

#[tokio::test]
async fn a_statement_that_does_not_hold_here_is_not_signed() {
    let (_dir, _host, server, visit, client) = start().await;
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    client.sync(&server).await.unwrap();
    let right = client.seal_statement(visit.id, &party(), None, None).unwrap().statement;
    let facts = CaptureFacts { media_type: "image/png", ..CaptureFacts::PHOTO };

    let mut missing: Statement = right.clone();
    missing.heads = vec![fieldproof_schema::document::ChangeId([8; 32])];
    let mut differs = right.clone();
    differs.content = fieldproof_schema::suite::Digest::of(b"other");
    let at = |statement: &mut Statement, second: i64| statement.at = statement.at.plus_seconds(second);
    for (second, (statement, expected)) in
        (1..).zip([(missing, Obstacle::ChangesMissing), (differs, Obstacle::ContentDiffers)])
    {
        let mut statement = statement;
        at(&mut statement, second);
        colleague_signs(&client, &server, &visit, &statement.to_text()).await;
        let error = client.cosign(visit.id, PASSPHRASE).unwrap_err();
        assert_eq!(obstacle(&error), Some(expected));
    }

    let mut old = right.clone();
    at(&mut old, 10);
    colleague_signs(&client, &server, &visit, &old.to_text()).await;
    client.narrative(visit.id, None, "补充").unwrap();
    let error = client.cosign(visit.id, PASSPHRASE).unwrap_err();
    assert_eq!(obstacle(&error), Some(Obstacle::OwnChangesOutside));
    let record = client.capture(visit.id, CaptureSource::Bytes(b"\x89PNG\r\n\x1a\n photo"), &facts).unwrap();
    let mut unlisted = client.seal_statement(visit.id, &party(), None, None).unwrap().statement;
    unlisted.captures.retain(|capture| capture.record != record);
    at(&mut unlisted, 20);
    colleague_signs(&client, &server, &visit, &unlisted.to_text()).await;
    let error = client.cosign(visit.id, PASSPHRASE).unwrap_err();
    assert_eq!(obstacle(&error), Some(Obstacle::OwnCapturesMissing));

    let stranger = MemoryKey::from_secret(&[0x23; 32]);
    let text = client.seal_statement(visit.id, &party(), None, None).unwrap().text;
    let mut row = visit.row();
    row.seals = vec![Seal { statement: text.clone(), signatures: vec![signed(&text, &stranger)] }];
    server.publish(vec![visit.inspection_row(&row)]);
    client.sync(&server).await.unwrap();
    assert_eq!(client.cosign(visit.id, PASSPHRASE).unwrap_err().code(), ErrorCode::SealInvalid);
}

#[tokio::test]
async fn a_statement_that_is_silent_about_an_open_conflict_is_not_signed() {
    let (_dir, _host, server, visit, client) = start().await;
    let item = &visit.items()[..1];
    client.answer(visit.id, &item[0], &pass()).unwrap();
    let other = fieldproof_schema::checklist::Answer::NotApplicable { reason: "闭馆".into() };
    let written = visit.colleague_writes(&mut visit.document(), 0x44, item, &other);
    server.publish(vec![visit.change_row(&written[0].1, Some(colleague()))]);
    client.sync(&server).await.unwrap();
    let open = client.seal_statement(visit.id, &party(), None, Some("当事人须离场")).unwrap().statement;
    let silent = Statement { unsettled: None, ..open.clone() };
    colleague_signs(&client, &server, &visit, &silent.to_text()).await;
    let error = client.cosign(visit.id, PASSPHRASE).unwrap_err();
    assert_eq!(obstacle(&error), Some(Obstacle::ContentDiffers));
    let open = Statement { at: open.at.plus_seconds(1), ..open };
    colleague_signs(&client, &server, &visit, &open.to_text()).await;
    client.cosign(visit.id, PASSPHRASE).unwrap();
}

#[tokio::test]
async fn a_return_opens_the_inspection_for_a_supplement() {
    let (_dir, _host, server, visit, client) = start().await;
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    let first = client.seal(visit.id, PASSPHRASE, &party(), None).unwrap();
    let text = client.inspection(visit.id).unwrap().seals[0].text.clone();
    colleague_signs(&client, &server, &visit, &text).await;
    assert!(client.inspection(visit.id).unwrap().seals[0].complete);
    assert!(!client.inspection(visit.id).unwrap().editable);

    let returned = DecisionId::from_bytes([5; 16]);
    let mut row = visit.row();
    row.state = InspectionState::Returned;
    row.seals = vec![Seal { statement: text.clone(), signatures: vec![signed(&text, &colleague_key())] }];
    row.decisions = vec![Decision {
        id: returned,
        kind: DecisionKind::Returned,
        version: Some(1),
        comment: "请补充".into(),
        items: BTreeMap::new(),
        by: "赵科长".into(),
        at: Moment::from_micros(7),
    }];
    server.publish(vec![visit.inspection_row(&row)]);
    client.sync(&server).await.unwrap();
    client.narrative(visit.id, None, "补充说明").unwrap();
    let supplement = client.seal_statement(visit.id, &party(), Some("已补充"), None).unwrap().statement;
    assert_eq!((supplement.version, supplement.supplements), (2, Some(first)));
    assert_eq!(supplement.answers_return, Some(returned));
    client.seal(visit.id, PASSPHRASE, &party(), Some("已补充")).unwrap();
    assert_eq!(client.narrative(visit.id, None, "再改").unwrap_err().code(), ErrorCode::Sealed);
    // The first version's content is what it was.
    let detail = client.inspection(visit.id).unwrap();
    let document = Document::from_changes([visit.genesis.0.as_slice()]).unwrap();
    assert_eq!(document.heads().len(), 1);
    assert_eq!(detail.seals.iter().map(|seal| seal.statement.version).collect::<Vec<_>>(), [1, 2]);
}
