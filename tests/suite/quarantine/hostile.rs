//! What nobody can let in, and what letting in does not waive.

use super::{decide, open, page, path, refused, take_off};
use crate::support::{self, City};
use fieldproof_schema::document::{Actor, Document, RawChange};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::Body;
use fieldproof_schema::wire::sync::{Chunk, Outcome, SyncAnswer};
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::rogue::Rogue;
use serde_json::{Value, json};

const ACTOR: Actor = Actor([0xee; 16]);

/// A terminal written by hand of the visit's first officer, with a declared writer and the visit's document.
async fn rogue(world: &World, city: &City) -> (Rogue, Document) {
    let visit = city.task.inspection;
    let code = city.administrator.enrolment_code(world, city.task.team[0]).await;
    let mut rogue = Rogue::enrol(world, &code, 99).await;
    let declared = rogue.declare(visit, ACTOR);
    let answer = rogue.sync(world, vec![declared], vec![]).await;
    let changes = answer.rows.iter().filter_map(|row| match &row.body {
        Body::Change(row) if row.inspection == visit => Some(row.change.0.as_slice()),
        _ => None,
    });
    let document = Document::from_changes(changes).unwrap();
    (rogue, document)
}

fn chunk(inspection: InspectionId, changes: &[RawChange]) -> Vec<Chunk> {
    vec![Chunk { inspection, changes: changes.to_vec() }]
}

fn outcome(answer: &SyncAnswer, change: &RawChange) -> (Outcome, String) {
    let digest = Digest::of(&change.0);
    let verdict = answer.verdicts.iter().find(|verdict| verdict.item == digest).unwrap();
    (verdict.outcome, verdict.code.clone().unwrap_or_default())
}

async fn by_code(world: &World, administrator: &Person, code: &str) -> Value {
    let path = format!("{}?code={code}", super::LIST);
    administrator.get(world, &path).await["rows"][0].clone()
}

#[tokio::test]
async fn what_is_wrong_with_a_change_itself_is_never_let_in() {
    let world = World::start(211, None).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    let (mut rogue, document) = rogue(&world, &city).await;
    let items = support::plain_items(&city.one, visit);
    let at = world.app.host.now();
    let write = |actor: Actor, item: &str, register: &str| {
        let written = document.clone().edit(actor, at, |edit| edit.answer(item, register)).unwrap();
        written.1.unwrap().1
    };
    let (item, fit) = (&items[0].0, items[0].1.to_register());
    let unfit = write(ACTOR, item, r#"{"type":"conformity","result":"maybe"}"#);
    let foreign = write(Actor([0xed; 16]), item, &fit);
    let rubbish = RawChange(b"rubbish <script>alert(1)</script>".to_vec());
    let mut compressed = foreign.clone();
    compressed.0[8] = 2;
    let uncovered = write(Actor([0xec; 16]), &items[1].0, &items[1].1.to_register());
    let covered = [&unfit, &foreign, &rubbish, &compressed];
    let entries = covered.map(|change| rogue.cover(visit, change)).to_vec();
    let all = [&unfit, &foreign, &rubbish, &compressed, &uncovered].map(Clone::clone);
    rogue.sync(&world, entries, chunk(visit, &all)).await;

    let administrator = &city.administrator;
    assert_eq!(open(&world, administrator).await.len(), all.len());
    let desk = Desk::sign_in(&world, "guanli").await;
    for (code, change, readable) in [
        ("answer_unfit", &unfit, true),
        ("change_foreign_actor", &foreign, true),
        ("change_unreadable", &rubbish, false),
        ("change_compressed", &compressed, false),
        ("change_uncovered", &uncovered, true),
    ] {
        let row = by_code(&world, administrator, code).await;
        assert_eq!((&row["may_be_accepted"], &row["size_bytes"]), (&json!(false), &json!(change.0.len())));
        let accept = json!({"decision": "accept", "reason": "一定要并入"});
        assert_eq!(refused(&world, administrator, &row, accept).await, "choice_unknown", "{code}");
        let shown = administrator.get(&world, &path(&row)).await;
        assert_eq!((shown["header"].is_object(), shown["places"].is_array()), (readable, readable), "{code}");
        let seen = desk.get(&world, &page(&row)).await.text;
        assert!(!seen.contains("value=\"accept\"") && seen.contains("value=\"keep\""), "{code}");
        assert!(!seen.contains("<script>alert"), "{code}");
        let forged = [("decision", "accept"), ("reason", "一定要并入")];
        let seen = desk.post(&world, &page(&row), &forged).await;
        assert_eq!(seen.status.as_u16(), 422, "{code}");
        let kept =
            decide(&world, administrator, &row, json!({"decision": "keep", "reason": "来源不明"})).await;
        assert_eq!((&kept["state"], &kept["code"]), (&json!("quarantined"), &json!(code)));
    }
    assert!(open(&world, administrator).await.is_empty());
    let known = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!((&known["view"]["answers"], &known["row"]["quarantined"]), (&json!({}), &json!(all.len())));
}

#[tokio::test]
async fn letting_in_waives_the_team_and_not_the_journal() {
    let world = World::start(212, None).await;
    let city = support::city(&world).await;
    let (visit, officer) = (city.task.inspection, city.task.team[0]);
    let (mut rogue, document) = rogue(&world, &city).await;
    let items = support::plain_items(&city.one, visit);
    let at = world.app.host.now();
    let written =
        document.clone().edit(ACTOR, at, |edit| edit.answer(&items[0].0, &items[0].1.to_register()));
    let change = written.unwrap().1.unwrap().1;
    take_off(&world, visit, officer).await;
    let sent = std::slice::from_ref(&change);
    let answer = rogue.sync(&world, vec![], chunk(visit, sent)).await;
    assert_eq!(outcome(&answer, &change), (Outcome::Quarantined, "change_out_of_scope".into()));
    let row = open(&world, &city.administrator).await.remove(0);
    let body = json!({"decision": "accept", "reason": "经核实在场"});
    let became = decide(&world, &city.administrator, &row, body).await;
    assert_eq!((&became["state"], &became["code"]), (&json!("quarantined"), &json!("change_uncovered")));
    assert_eq!(open(&world, &city.administrator).await.len(), 1, "it waits for a decision again");
    // The entry comes, and the change with it: nobody asks about the team any more.
    let entry = rogue.cover(visit, &change);
    let answer = rogue.sync(&world, vec![entry], chunk(visit, sent)).await;
    assert_eq!(outcome(&answer, &change), (Outcome::Accepted, String::new()));
}

#[tokio::test]
async fn what_people_keep_apart_is_not_let_in_by_an_assignment() {
    let world = World::start(213, None).await;
    let city = support::city(&world).await;
    let (visit, officer) = (city.task.inspection, city.task.team[0]);
    let (mut rogue, document) = rogue(&world, &city).await;
    let items = support::plain_items(&city.one, visit);
    let at = world.app.host.now();
    let written =
        document.clone().edit(ACTOR, at, |edit| edit.answer(&items[0].0, &items[0].1.to_register()));
    let change = written.unwrap().1.unwrap().1;
    take_off(&world, visit, officer).await;
    let sent = std::slice::from_ref(&change);
    let entry = rogue.cover(visit, &change);
    rogue.sync(&world, vec![entry], chunk(visit, sent)).await;
    let row = open(&world, &city.administrator).await.remove(0);
    decide(&world, &city.administrator, &row, json!({"decision": "keep", "reason": "不在现场"})).await;
    let names = [visit.to_string(), officer.to_string()].map(fieldproof_server::db::Value::Text);
    let statement = "INSERT INTO inspection_officers (org, inspection, officer)
                     SELECT org, id, $2 FROM inspections WHERE id = $1";
    let put = move |tx: &mut fieldproof_server::db::Tx<'_>| tx.execute(statement, &names);
    world.app.db.write::<u64, fieldproof_server::db::DbError, _>(put).await.unwrap();
    let answer = rogue.sync(&world, vec![], chunk(visit, sent)).await;
    assert_eq!(outcome(&answer, &change), (Outcome::Quarantined, "change_out_of_scope".into()));
}
