//! What terminals are given: each visit once however long its history is, whole where that is less, and what they lack when
//! they say so.

use crate::support::{self, City, document};
use fieldproof_schema::document::{Document, is_document};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::wire::frame;
use fieldproof_schema::wire::row::{Body, DocumentRow};
use fieldproof_schema::wire::sync::{Cursor, SyncAnswer, SyncRequest};
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::Device;
use fieldproof_tests::world::rogue::Rogue;
use std::fs;
use std::path::PathBuf;

fn fill(device: &Device, visit: InspectionId, word: &str) {
    for (item, answer) in support::plain_items(device, visit) {
        device.client().answer(visit, &item, &answer).unwrap();
        device.client().narrative(visit, None, &format!("{word}{item}")).unwrap();
    }
}

fn asked(cursors: Vec<Cursor>, wants: Option<Vec<InspectionId>>, protocol: u16) -> SyncRequest {
    SyncRequest {
        protocol,
        cursors,
        epoch: None,
        entries: Vec::new(),
        chunks: Vec::new(),
        still_unsent: None,
        wants,
        nonce: None,
        holds: None,
        carried: None,
        numbers_since: None,
        program: None,
        floor: None,
    }
}

async fn ask(world: &World, rogue: &Rogue, request: &SyncRequest) -> SyncAnswer {
    let (_, bytes) = world.send("POST", "/api/v1/sync", Some(rogue.token()), frame::pack(request)).await;
    frame::unpack(&bytes).unwrap()
}

fn rows(answer: &SyncAnswer, visit: InspectionId) -> Vec<&DocumentRow> {
    let rows = answer.rows.iter().filter_map(|row| match &row.body {
        Body::Document(row) if row.inspection == visit => Some(row),
        _ => None,
    });
    rows.collect()
}

async fn rogue(world: &World, city: &City) -> Rogue {
    let code = city.administrator.enrolment_code(world, city.task.team[0]).await;
    Rogue::enrol(world, &code, 55).await
}

#[tokio::test]
async fn a_long_history_is_given_once_and_whole() {
    let world = World::start(231, None).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    for word in ["一", "二", "三"] {
        fill(&city.one, visit, word);
        city.one.sync().await;
        city.two.sync().await;
    }
    let rogue = rogue(&world, &city).await;
    let answer = ask(&world, &rogue, &asked(vec![], None, 2)).await;
    let [row] = rows(&answer, visit)[..] else { panic!("given once") };
    let [whole] = &row.changes[..] else { panic!("given whole") };
    assert!(is_document(&whole.0));
    let built = Document::load(&whole.0).unwrap();
    let there = city.one.client().inspection(visit).unwrap();
    assert_eq!((built.heads(), row.heads.clone()), (there.heads.clone(), there.heads));
    // Every change has its origin, in few words.
    for (change, _) in built.changes() {
        let (actor, seq) = built.place_of(change).unwrap();
        assert!(row.origins.iter().any(|origin| origin.names(actor, seq)), "{change}");
    }
    assert!(row.origins.len() < 12, "{:?}", row.origins);
    // A terminal of the first protocol gets each change in a row of its own, and the same document.
    let old = ask(&world, &rogue, &asked(vec![], None, 1)).await;
    assert_eq!(old.protocol, 1);
    assert!(rows(&old, visit).is_empty());
    assert_eq!(document(&old, visit).heads(), built.heads());
}

#[tokio::test]
async fn who_is_up_to_date_is_given_what_is_new_and_nothing_else() {
    let world = World::start(232, None).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    fill(&city.one, visit, "一");
    city.one.sync().await;
    let rogue = rogue(&world, &city).await;
    let first = ask(&world, &rogue, &asked(vec![], None, 2)).await;
    assert!(!first.more);
    let read = first.cursors.clone();
    assert!(read.iter().all(|cursor| cursor.since == Some(cursor.seq)), "{read:?}");
    city.one.client().narrative(visit, None, "只此一处").unwrap();
    city.one.sync().await;
    let answer = ask(&world, &rogue, &asked(read.clone(), None, 2)).await;
    let [row] = rows(&answer, visit)[..] else { panic!("given once") };
    assert_eq!(row.changes.len(), 1);
    assert!(!is_document(&row.changes[0].0));
    assert_eq!(row.origins.len(), 1);
    // Who had begun to catch up before that, and has not ended, is given all since the beginning.
    let behind = read.iter().map(|cursor| Cursor { since: Some(0), ..cursor.clone() }).collect();
    let answer = ask(&world, &rogue, &asked(behind, None, 2)).await;
    let [row] = rows(&answer, visit)[..] else { panic!("given once") };
    assert!(is_document(&row.changes[0].0));
}

#[tokio::test]
async fn whoever_wrote_it_is_not_given_it_back_and_gets_it_by_asking() {
    let world = World::start(233, None).await;
    let City { task, mut one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    fill(&one, visit, "一");
    let quiet = one.sync().await;
    assert!(quiet.rows_received > 0);
    let before = one.client().inspection(visit).unwrap();
    assert!(before.authors.values().all(|author| author.written.latest.is_some()), "{:?}", before.authors);
    // The store comes back as it was before it wrote, and lacks what it wrote itself.
    one.die();
    let copy = store(&one);
    one.switch_on();
    one.client().narrative(visit, None, "备份之后").unwrap();
    one.sync().await;
    let written = one.client().inspection(visit).unwrap();
    one.die();
    for (path, bytes) in copy {
        match bytes {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => drop(fs::remove_file(path)),
        }
    }
    one.switch_on();
    let report = one.sync().await;
    assert!(report.rolled_back, "{report:?}");
    let after = one.client().inspection(visit).unwrap();
    assert_eq!((after.view.narrative.as_str(), &after.heads), ("备份之后", &written.heads));
    two.sync().await;
    assert_eq!(two.client().inspection(visit).unwrap().heads, written.heads);
}

/// The files of a terminal's store as they are.
fn store(device: &Device) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let names = ["store.db", "store.db-wal", "store.db-shm"];
    let paths = names.map(|name| device.folder().join(name));
    paths.into_iter().map(|path| (path.clone(), fs::read(path).ok())).collect()
}

#[tokio::test]
async fn only_what_is_in_scope_is_given_by_asking() {
    let world = World::start(234, None).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    let rogue = rogue(&world, &city).await;
    let read = ask(&world, &rogue, &asked(vec![], None, 2)).await.cursors;
    let answer = ask(&world, &rogue, &asked(read.clone(), Some(vec![visit]), 2)).await;
    assert_eq!(rows(&answer, visit).len(), 1);
    crate::quarantine::take_off(&world, visit, city.task.team[0]).await;
    let nowhere = InspectionId::from_bytes([9; 16]);
    let answer = ask(&world, &rogue, &asked(read, Some(vec![visit, nowhere]), 2)).await;
    assert!(rows(&answer, visit).is_empty() && rows(&answer, nowhere).is_empty());
}

#[tokio::test]
async fn a_visit_that_came_whole_is_listed_unopened_and_opens_like_any_other() {
    let world = World::start(235, None).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    fill(&city.one, visit, "一");
    city.one.sync().await;
    let new = city.administrator.terminal(&world, city.task.team[0], "three").await;
    new.sync().await;
    let listed = |device: &Device| {
        let lines = device.client().inspections().unwrap();
        lines.into_iter().find(|line| line.id == visit).unwrap()
    };
    let (there, here) = (listed(&city.one), listed(&new));
    assert_eq!((here.answered, here.applicable), (there.answered, there.applicable));
    assert!(here.answered.is_some_and(|answered| answered > 4));
    let (opened, known) =
        (new.client().inspection(visit).unwrap(), city.one.client().inspection(visit).unwrap());
    assert_eq!((&opened.view, &opened.heads), (&known.view, &known.heads));
    assert!(
        opened.authors.values().all(|author| author.officer.is_some() && author.written.latest.is_some())
    );
    new.client().narrative(visit, None, "新终端").unwrap();
    new.sync().await;
    assert_eq!(new.client().verify().unwrap().faults, []);
    city.one.sync().await;
    assert_eq!(city.one.client().inspection(visit).unwrap().view.narrative, "新终端");
    new.client().rebuild().unwrap();
    assert_eq!(new.client().inspection(visit).unwrap().view.narrative, "新终端");
}
