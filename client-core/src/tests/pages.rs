//! What pages ask for: answers over what was shown, taking back, texts joined with a colleague's.

use crate::testing::{Server, TestHost, Visit, colleague, me, pass, terminal, view_of};
use crate::{Answered, CaptureFacts, CaptureSource, Client};
use fieldproof_schema::checklist::{Answer, Outcome, Verdict};
use fieldproof_schema::document::{Actor, ChangeId, Edit, EditError};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::ErrorCode;
use std::sync::Arc;
use tempfile::TempDir;

async fn start() -> (TempDir, Server, Visit, Client) {
    let dir = tempfile::tempdir().unwrap();
    let (server, visit) = (Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &Arc::new(TestHost::new(1)), &server).await;
    (dir, server, visit, client)
}

fn fail() -> Answer {
    Answer::Conformity { result: Outcome::Fail }
}

fn standing(client: &Client, visit: &Visit, item: &str) -> Option<(String, ChangeId)> {
    let register = view_of(client, visit).answers.remove(item)?;
    Some((register.standing.value, register.standing.stamp.change))
}

/// What a colleague writes on the first change alone, arrived here.
async fn arrives(
    client: &Client,
    server: &Server,
    visit: &Visit,
    edit: impl FnOnce(&mut Edit<'_, '_>) -> Result<(), EditError>,
) {
    let mut theirs = visit.document();
    let (_, change) = theirs.edit(Actor([0x44; 16]), Moment::from_micros(1), edit).unwrap();
    server.publish(vec![visit.change_row(&change.unwrap().1, Some(colleague()))]);
    client.sync(server).await.unwrap();
}

#[tokio::test]
async fn a_colleagues_answer_that_was_not_seen_is_not_replaced() {
    let (_dir, server, visit, client) = start().await;
    let item = visit.items().remove(0);
    arrives(&client, &server, &visit, |edit| edit.answer(&item, &fail().to_register())).await;
    let (_, change) = standing(&client, &visit, &item).unwrap();
    let heads = client.inspection(visit.id).unwrap().heads;

    let over = |answer: Option<&Answer>, seen| client.answer_over(visit.id, &item, answer, seen).unwrap();
    let Answered::Unseen(theirs) = over(Some(&pass()), None) else { panic!("it was replaced") };
    assert_eq!((theirs.value, theirs.stamp.change), (fail().to_register(), change));
    assert!(matches!(over(None, None), Answered::Unseen(_)), "it is not taken away either");
    assert_eq!(client.inspection(visit.id).unwrap().heads, heads, "nothing was written");
    assert!(matches!(over(Some(&fail()), None), Answered::Stands(Some(_))), "the same is no difference");
    let Answered::Stands(Some(judged)) = over(Some(&pass()), Some(change)) else { panic!("it was seen") };
    assert_eq!(judged.verdict, Verdict::Pass);
    // What this terminal wrote itself needs not be seen: the last tap counts.
    assert!(matches!(over(Some(&fail()), Some(change)), Answered::Stands(Some(_))));
    assert!(matches!(over(None, None), Answered::Stands(None)));
    assert_eq!(standing(&client, &visit, &item), None);
    let unknown = client.answer_over(visit.id, "no-such-item", None, None).unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::AnswerUnknownItem);
}

#[tokio::test]
async fn what_two_disagree_about_is_settled_and_not_answered_over() {
    let (_dir, server, visit, client) = start().await;
    let item = visit.items().remove(0);
    client.answer(visit.id, &item, &pass()).unwrap();
    arrives(&client, &server, &visit, |edit| edit.answer(&item, &fail().to_register())).await;
    let (_, change) = standing(&client, &visit, &item).unwrap();
    for answer in [Some(pass()), Some(fail()), None] {
        let answered = client.answer_over(visit.id, &item, answer.as_ref(), Some(change)).unwrap();
        assert_eq!(answered, Answered::Contested);
    }
    assert!(!client.undo_answer(visit.id, &item, change).unwrap());
    assert_eq!(client.conflicts(visit.id).unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_taken_back_leaves_what_was_there_before() {
    let (_dir, server, visit, client) = start().await;
    let item = visit.items().remove(0);
    client.answer(visit.id, &item, &pass()).unwrap();
    let (_, first) = standing(&client, &visit, &item).unwrap();
    client.answer(visit.id, &item, &fail()).unwrap();
    let (_, second) = standing(&client, &visit, &item).unwrap();
    assert!(!client.undo_answer(visit.id, &item, first).unwrap(), "something else stands by now");
    assert!(client.undo_answer(visit.id, &item, second).unwrap());
    assert_eq!(standing(&client, &visit, &item).unwrap().0, pass().to_register());
    client.clear_answer(visit.id, &item).unwrap();
    client.answer(visit.id, &item, &fail()).unwrap();
    let (_, third) = standing(&client, &visit, &item).unwrap();
    assert!(client.undo_answer(visit.id, &item, third).unwrap());
    assert_eq!(standing(&client, &visit, &item), None);
    // What a colleague answered is not this officer's to take back.
    arrives(&client, &server, &visit, |edit| edit.answer(&item, &fail().to_register())).await;
    let (_, theirs) = standing(&client, &visit, &item).unwrap();
    assert!(!client.undo_answer(visit.id, &item, theirs).unwrap());
    assert!(client.verify().unwrap().faults.is_empty());
}

#[tokio::test]
async fn judging_writes_nothing() {
    let (_dir, _server, visit, client) = start().await;
    let item = visit.items().remove(0);
    let heads = client.inspection(visit.id).unwrap().heads;
    assert_eq!(client.judge(visit.id, &item, &fail()).unwrap().verdict, Verdict::Fail);
    let unfit = client.judge(visit.id, &item, &Answer::Text { text: "x".into() }).unwrap_err();
    assert_eq!(unfit.code(), ErrorCode::AnswerUnfit);
    assert_eq!(client.inspection(visit.id).unwrap().heads, heads);
}

#[tokio::test]
async fn a_text_written_upon_an_older_page_keeps_what_arrived_meanwhile() {
    let (_dir, server, visit, client) = start().await;
    let item = visit.items().remove(0);
    let heads = client.inspection(visit.id).unwrap().heads;
    arrives(&client, &server, &visit, |edit| {
        edit.note(&item, "同事：消毒记录缺页。")?;
        edit.narrative("同事记录。")?;
        edit.statement("同事听到：无异议。")
    })
    .await;
    assert_eq!(client.news(visit.id, &heads).unwrap(), [Some("王强".to_owned())]);
    let first = client.note(visit.id, &item, Some(""), "池水浑浊").unwrap();
    assert_eq!(first, "同事：消毒记录缺页。池水浑浊");
    // The page still shows its own words alone.
    let second = client.note(visit.id, &item, Some("池水浑浊"), "池水浑浊，已拍照").unwrap();
    assert_eq!(second, "同事：消毒记录缺页。池水浑浊，已拍照");
    assert_eq!(view_of(&client, &visit).notes[&item], second);
    assert_eq!(client.note(visit.id, &item, None, "").unwrap(), "");
    assert!(client.narrative(visit.id, Some(""), "我的记录。").unwrap().contains("同事记录。"));
    assert!(client.statement(visit.id, Some(""), "我听到：有异议。").unwrap().contains("无异议"));
    let heads = client.inspection(visit.id).unwrap().heads;
    client.note(visit.id, &item, Some(""), "自己写的").unwrap();
    assert!(client.news(visit.id, &heads).unwrap().is_empty(), "one's own words are no news");
    let strange = client.news(visit.id, &[ChangeId([9; 32])]).unwrap();
    assert_eq!(strange.iter().flatten().collect::<Vec<_>>(), ["王强"]);
}

#[tokio::test]
async fn a_caption_is_written_later() {
    let (_dir, _server, visit, client) = start().await;
    let facts = CaptureFacts::PHOTO;
    let bytes = CaptureSource::Bytes(b"\xff\xd8\xff\xe0 a photo");
    let record = client.capture(visit.id, bytes, &facts).unwrap();
    client.caption(visit.id, record, "泳池东侧").unwrap();
    let detail = client.inspection(visit.id).unwrap();
    let register = detail.evidence[0].register.as_ref().unwrap();
    assert_eq!((register.caption.as_str(), register.digest), ("泳池东侧", detail.evidence[0].digest));
    let other = fieldproof_schema::ids::RecordId::from_bytes([7; 16]);
    assert_eq!(client.caption(visit.id, other, "x").unwrap_err().code(), ErrorCode::NotFound);
}
