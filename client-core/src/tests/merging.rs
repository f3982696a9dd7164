//! Changes of colleagues: whatever the order in which they arrive.

use crate::testing::{Server, TestHost, Visit, colleague, me, options, pass, terminal, unlock, view_of};
use crate::{Choice, Client, ClientError};
use fieldproof_schema::checklist::{Answer, Outcome};
use fieldproof_schema::conflict::Resolution;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::Row;
use proptest::prelude::*;
use std::sync::Arc;

fn fail() -> Answer {
    Answer::Conformity { result: Outcome::Fail }
}

#[tokio::test]
async fn a_colleagues_different_answer_is_a_conflict_that_the_team_settles() {
    let dir = tempfile::tempdir().unwrap();
    let (server, visit) = (Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &Arc::new(TestHost::new(1)), &server).await;
    let items = visit.items();
    client.answer(visit.id, &items[0], &pass()).unwrap();
    client.answer(visit.id, &items[1], &pass()).unwrap();
    let mut theirs = visit.document();
    let written = visit.colleague_writes(&mut theirs, 0x44, &items[..1], &fail());
    server.publish(written.iter().map(|(_, raw)| visit.change_row(raw, Some(colleague()))).collect());
    client.sync(&server).await.unwrap();

    let detail = client.inspection(visit.id).unwrap();
    assert_eq!(detail.summary.conflicts, 1);
    let conflict = &detail.conflicts[0];
    assert_eq!(conflict.path, format!("answers/{}", items[0]));
    assert_eq!(detail.items.iter().filter(|item| item.conflict.is_some()).count(), 1);
    let names: Vec<_> =
        conflict.sides.iter().map(|side| detail.authors[&side.change].name.clone().unwrap()).collect();
    assert!(names.contains(&"李敏".to_owned()) && names.contains(&"王强".to_owned()), "{names:?}");

    let settle = |choice: &Choice, reason: &str| client.settle(visit.id, conflict.id, choice, reason);
    let theirs = Choice::Side(written[0].0);
    let stranger = Choice::Side(fieldproof_schema::document::ChangeId([1; 32]));
    assert_eq!(settle(&theirs, "  ").unwrap_err().code(), ErrorCode::ReasonMissing);
    assert_eq!(settle(&stranger, "复核").unwrap_err().code(), ErrorCode::ChoiceUnknown);
    assert_eq!(settle(&Choice::Value("x".into()), "复核").unwrap_err().code(), ErrorCode::ChoiceUnknown);
    let unfit = Choice::Answer(Answer::Text { text: "x".into() });
    assert_eq!(settle(&unfit, "复核").unwrap_err().code(), ErrorCode::AnswerUnfit);
    settle(&theirs, "现场复核").unwrap();
    assert!(matches!(settle(&theirs, "again"), Err(ClientError::NotFound { .. })));

    let detail = client.inspection(visit.id).unwrap();
    assert_eq!((detail.conflicts.len(), detail.summary.conflicts), (0, 0));
    assert_eq!(detail.view.answers[&items[0]].standing.value, fail().to_register());
    let resolution = &detail.view.resolutions[&conflict.id.to_string()].standing;
    assert_eq!(resolution.stamp.change, detail.view.answers[&items[0]].standing.stamp.change);
    let resolution = Resolution::from_register(&resolution.value).unwrap();
    assert_eq!((resolution.by.as_str(), resolution.sides.len()), ("李敏", 2));
}

#[tokio::test]
async fn a_change_whose_predecessors_are_missing_waits_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let host = Arc::new(TestHost::new(1));
    let (server, visit) = (Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    let mut theirs = visit.document();
    let written = visit.colleague_writes(&mut theirs, 0x44, &visit.items()[..3], &pass());
    let rows: Vec<Row> = written.iter().map(|(_, raw)| visit.change_row(raw, Some(colleague()))).collect();
    server.publish(vec![rows[2].clone(), rows[1].clone()]);
    client.sync(&server).await.unwrap();
    let detail = client.inspection(visit.id).unwrap();
    assert_eq!((detail.view.answers.len(), detail.waiting_changes), (0, 2));
    drop(client);
    let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
    server.publish(vec![rows[0].clone()]);
    client.sync(&server).await.unwrap();
    let detail = client.inspection(visit.id).unwrap();
    assert_eq!((detail.view.answers.len(), detail.waiting_changes), (3, 0));
}

#[tokio::test]
async fn what_this_version_cannot_read_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (server, visit) = (Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &Arc::new(TestHost::new(1)), &server).await;
    let mut broken = visit.change_row(&visit.genesis, Some(colleague()));
    broken.subject = "broken".into();
    if let fieldproof_schema::wire::row::Body::Change(row) = &mut broken.body {
        row.change.0.truncate(40);
    }
    let later = Row {
        kind: "hologram".into(),
        subject: "h1".into(),
        body: fieldproof_schema::wire::row::Body::Reference("{\"a\":1}".into()),
    };
    server.publish(vec![broken, later]);
    client.sync(&server).await.unwrap();
    let kept: i64 = client
        .reader()
        .query_row("SELECT COUNT(*) FROM rows WHERE subject IN ('broken', 'h1')", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 2);
    assert_eq!(view_of(&client, &visit).answers.len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_order_of_arrival_gives_the_same_view(order in Just((0..10_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let visit = Visit::new(3);
            let items = visit.items();
            let (mut one, mut two) = (visit.document(), visit.document());
            let mut written = visit.colleague_writes(&mut one, 0x44, &items[..4], &pass());
            written.extend(visit.colleague_writes(&mut two, 0x55, &items[2..6], &fail()));
            for (_, raw) in written.clone() {
                one.apply(&raw).unwrap();
            }
            written.extend(visit.colleague_writes(&mut one, 0x44, &items[3..4], &fail()));
            written.push((fieldproof_schema::document::inspect(&visit.genesis.0).unwrap().id, visit.genesis.clone()));
            assert_eq!(written.len(), 10);

            let dir = tempfile::tempdir().unwrap();
            let server = Server::new(me());
            let mut rows = visit.rows();
            rows.truncate(3);
            rows.extend(order.iter().map(|place| visit.change_row(&written[*place].1, Some(colleague()))));
            server.publish(rows);
            let client = terminal(dir.path(), &Arc::new(TestHost::new(1)), &server).await;
            let detail = client.inspection(visit.id).unwrap();
            assert_eq!(detail.view, one.view().unwrap());
            assert_eq!(detail.heads, one.heads());
            assert_eq!(detail.waiting_changes, 0);
        });
    }
}
