//! What pages ask: tasks in groups, entities with their visits, how far the records got.

use crate::keys::StoreKey;
use crate::store::{self, standing};
use crate::testing::{Server, TestHost, Visit, me, options, pass, terminal, unlock};
use crate::{
    ApartAs, CaptureFacts, CaptureSource, Client, ClientError, Stage, Standing, TaskGroup, TaskPage,
    TaskQuery,
};
use fieldproof_schema::checklist::{Answer, Outcome};
use fieldproof_schema::ids::EntityId;
use fieldproof_schema::migrations::DEVICE;
use fieldproof_schema::reference::{EntityRow, InspectionState, TaskRow};
use fieldproof_schema::seal::Party;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::{Body, Row, RowKind};
use rusqlite::{Connection, params};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n photo";

fn entity(n: u8, name: &str, address: &str) -> EntityRow {
    EntityRow {
        id: EntityId::from_bytes([n; 16]),
        code: format!("ENT-{n:03}"),
        name: name.into(),
        uscc: Some(format!("9239012{n}")),
        address: address.into(),
        fields: serde_json::Map::from_iter([("riskLevel".to_owned(), json!("high"))]),
    }
}

fn entity_row(row: &EntityRow) -> Row {
    let body = Body::Reference(serde_json::to_string(row).unwrap());
    Row { kind: RowKind::Entity.as_str().into(), subject: row.id.to_string(), body }
}

/// The rows of a visit with another last day.
fn due(visit: &Visit, day: Option<&str>) -> Vec<Row> {
    let mut rows = visit.rows();
    for row in rows.iter_mut().filter(|row| row.kind == "task") {
        let Body::Reference(text) = &row.body else { panic!() };
        let mut task: TaskRow = serde_json::from_str(text).unwrap();
        task.due = day.map(str::to_owned);
        row.body = Body::Reference(serde_json::to_string(&task).unwrap());
    }
    rows
}

async fn start(visits: &[(u8, Option<&str>)]) -> (TempDir, Arc<TestHost>, Server, Vec<Visit>, Client) {
    let dir = tempfile::tempdir().unwrap();
    let (host, server) = (Arc::new(TestHost::new(1)), Server::new(me()));
    let mut made = Vec::new();
    for (n, day) in visits {
        let visit = Visit::new(*n);
        server.publish(due(&visit, *day));
        made.push(visit);
    }
    let client = terminal(dir.path(), &host, &server).await;
    (dir, host, server, made, client)
}

fn asked(client: &Client, group: Option<TaskGroup>, words: &str, from: u64, limit: u64) -> TaskPage {
    client.tasks(&TaskQuery { group, words, today: "2026-11-24", from, limit }).unwrap()
}

fn names(page: &TaskPage) -> Vec<&str> {
    page.rows.iter().map(|(summary, _)| summary.entity_name.as_str()).collect()
}

#[tokio::test]
async fn tasks_are_grouped_by_what_is_to_be_done_about_them() {
    let days =
        [(1, Some("2026-11-23")), (2, Some("2026-11-24")), (3, Some("2026-11-25")), (4, None), (5, None)];
    let (_dir, _host, server, visits, client) = start(&days).await;
    let states = [(3, InspectionState::Returned), (4, InspectionState::Accepted)];
    for (place, state) in states {
        let mut row = visits[place].row();
        row.state = state;
        server.publish(vec![visits[place].inspection_row(&row)]);
    }
    client.sync(&server).await.unwrap();

    let page = asked(&client, None, "", 0, 50);
    let counts: Vec<_> = page.counts.iter().map(|(_, count)| *count).collect();
    assert_eq!((page.group, counts), (TaskGroup::Today, vec![2, 1, 1, 1]));
    assert_eq!(names(&page), ["碧海游泳馆1", "碧海游泳馆2"]);
    for (group, name) in [
        (TaskGroup::Later, "碧海游泳馆3"),
        (TaskGroup::Returned, "碧海游泳馆4"),
        (TaskGroup::Done, "碧海游泳馆5"),
    ] {
        assert_eq!(names(&asked(&client, Some(group), "", 0, 50)), [name]);
    }
    // A search says where its hits are, and what is typed is no pattern.
    let page = asked(&client, None, "馆3", 0, 50);
    assert_eq!((page.group, names(&page)), (TaskGroup::Later, vec!["碧海游泳馆3"]));
    assert_eq!(names(&asked(&client, None, "t2", 0, 50)), ["碧海游泳馆2"]);
    assert!(asked(&client, None, "%", 0, 50).rows.is_empty());
    // Pages follow each other without a gap.
    let (first, second) =
        (asked(&client, Some(TaskGroup::Today), "", 0, 1), asked(&client, Some(TaskGroup::Today), "", 1, 1));
    assert_eq!((names(&first), first.more), (vec!["碧海游泳馆1"], true));
    assert_eq!((names(&second), second.more), (vec!["碧海游泳馆2"], false));
}

#[tokio::test]
async fn a_record_is_here_then_sent_then_held_as_receipts_say() {
    let (_dir, _host, server, visits, client) = start(&[(3, None)]).await;
    let visit = &visits[0];
    assert_eq!(client.overview().unwrap().records, Standing::default());
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    client.note(visit.id, &visit.items()[0], None, "清澈").unwrap();
    let facts = CaptureFacts { media_type: "image/png", ..CaptureFacts::PHOTO };
    client.capture(visit.id, CaptureSource::Bytes(PNG), &facts).unwrap();
    // Two changes, a capture, and the change that lists it.
    let here = Standing { here: 4, sent: 0, held: 0 };
    let overview = client.overview().unwrap();
    assert_eq!((overview.records, overview.unsent.evidence_bytes), (here, PNG.len() as u64));
    assert_eq!(client.standings(0, 50).unwrap()[0].records, here);
    assert_eq!(client.waiting_captures(0, 50).unwrap()[0].stage, Stage::Here);

    // Receipts for the journal alone: sent, and not more.
    client.sign().unwrap();
    let receipt = "UPDATE journal SET receipt = x'01'";
    client.desk().unwrap().conn.execute(receipt, []).unwrap();
    let sent = Standing { here: 0, sent: 4, held: 0 };
    assert_eq!(
        (client.overview().unwrap().records, client.standings(0, 1).unwrap()[0].records),
        (sent, sent)
    );
    assert_eq!(client.waiting_captures(0, 50).unwrap()[0].stage, Stage::Sent);
    client.desk().unwrap().conn.execute("UPDATE journal SET receipt = NULL", []).unwrap();

    client.sync(&server).await.unwrap();
    let held = Standing { here: 0, sent: 0, held: 4 };
    assert_eq!(client.overview().unwrap().records, held);
    assert!(client.overview().unwrap().last_contact.is_some());
    assert_eq!(client.waiting_captures(0, 50).unwrap(), []);
    // A signature is a record, too.
    let party = Party::Signed { name: "陈经理".into() };
    client.seal(visit.id, crate::testing::PASSPHRASE, &party, None).unwrap();
    assert_eq!(client.overview().unwrap().records, Standing { here: 1, ..held });
    client.sync(&server).await.unwrap();
    assert_eq!(client.overview().unwrap().records, Standing { held: 5, ..Standing::default() });
    assert_eq!(asked(&client, None, "", 0, 9).rows[0].1, Standing { held: 5, ..Standing::default() });
}

#[tokio::test]
async fn what_the_server_refused_is_here_only_and_says_why() {
    let (_dir, _host, server, visits, client) = start(&[(3, None)]).await;
    let visit = &visits[0];
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    let raw = client
        .desk()
        .unwrap()
        .conn
        .query_row("SELECT bytes FROM changes WHERE own = 1", [], |row| row.get::<_, Vec<u8>>(0));
    server.state().refuse.insert(Digest::of(&raw.unwrap()), ErrorCode::ChangeTooLarge);
    client.sync(&server).await.unwrap();
    let overview = client.overview().unwrap();
    assert_eq!((overview.records.held, overview.records.is_held(), overview.refused), (0, false, 1));
    let apart = client.apart(50).unwrap();
    assert_eq!(
        (apart.len(), apart[0].outcome, apart[0].code.as_str()),
        (1, ApartAs::Refused, "change_too_large")
    );
    assert_eq!((apart[0].inspection, apart[0].entity_name.as_str()), (Some(visit.id), "碧海游泳馆3"));
}

#[tokio::test]
async fn an_entity_is_found_by_what_is_known_of_it_and_shows_the_visits_to_it() {
    let (_dir, _host, server, visits, client) = start(&[(3, None)]).await;
    let (pool, inn) = (entity(3, "碧海游泳馆3", "海宁路1号"), entity(4, "听雨宾馆", "石泉镇100%巷"));
    server.publish(vec![entity_row(&pool), entity_row(&inn)]);
    client.sync(&server).await.unwrap();
    for (words, found) in [
        ("", 2),
        ("碧海", 1),
        ("海宁路", 1),
        ("92390124", 1),
        ("ent-00", 2),
        ("100%", 1),
        ("_", 0),
        ("无", 0),
    ] {
        assert_eq!(client.entities(words, 0, 50).unwrap().total, found, "{words}");
    }
    let page = client.entities("", 1, 1).unwrap();
    assert_eq!((page.rows.len(), page.total), (1, 2));

    let visit = &visits[0];
    let failed = &visit.items()[0];
    client.answer(visit.id, failed, &Answer::Conformity { result: Outcome::Fail }).unwrap();
    client.answer(visit.id, &visit.items()[1], &pass()).unwrap();
    let profile = client.entity(pool.id, 0, 20).unwrap();
    assert_eq!((profile.row.as_ref(), profile.visits.len(), profile.more), (Some(&pool), 1, false));
    assert_eq!(profile.visits[0].failed.iter().map(|f| &f.item).collect::<Vec<_>>(), [failed]);
    assert_eq!(profile.snapshot.unwrap().address, "海宁路1号");
    assert_eq!(client.entities("碧海", 0, 1).unwrap().rows[0].open, 1);
    let nobody = client.entity(EntityId::from_bytes([9; 16]), 0, 20);
    assert!(matches!(nobody, Err(ClientError::NotFound { .. })));

    // What leaves the scope is not found any more; its visits are.
    let gone = |row: &EntityRow| Row { body: Body::Gone, ..entity_row(row) };
    server.publish(vec![gone(&pool), gone(&inn)]);
    client.sync(&server).await.unwrap();
    assert_eq!(client.entities("", 0, 50).unwrap().total, 0);
    let profile = client.entity(pool.id, 0, 20).unwrap();
    assert_eq!((profile.row, profile.visits.len()), (None, 1));
    assert!(client.entity(inn.id, 0, 20).is_err());
}

#[test]
fn a_store_of_the_first_version_opens_with_its_views_complete() {
    let dir = tempfile::tempdir().unwrap();
    let (host, visit, inn) = (Arc::new(TestHost::new(1)), Visit::new(3), entity(3, "听雨宾馆", "石泉镇"));
    let conn = Connection::open(dir.path().join("store.db")).unwrap();
    conn.pragma_update(None, "key", StoreKey::from_bytes([7; 32]).pragma().as_str()).unwrap();
    conn.execute_batch(DEVICE[0].sql).unwrap();
    conn.pragma_update(None, "user_version", 1).unwrap();
    conn.execute("INSERT INTO meta (name, value) VALUES ('session', '4')", []).unwrap();
    let put = "INSERT INTO rows (kind, subject, inspection, body) VALUES (?1, ?2, ?3, ?4)";
    for row in visit.rows().into_iter().chain([entity_row(&inn)]) {
        let Body::Reference(text) = row.body else { continue };
        let about = (row.kind == "task").then(|| *visit.id.as_bytes());
        conn.execute(put, params![row.kind, row.subject, about, text.as_bytes()]).unwrap();
    }
    conn.execute(
        "INSERT INTO inspections (inspection, scoped, entity_name, task_no, plan_name, state, conflicts, quarantined)
         VALUES (?1, 1, '听雨宾馆', 'T1', '', 'dispatched', 0, 0)",
        [visit.id.as_bytes()],
    )
    .unwrap();
    drop(conn);
    for session in [5, 6] {
        let client = Client::open(dir.path(), host.clone(), options(), unlock()).unwrap();
        assert_eq!(client.status().unwrap().session, session);
        assert_eq!(client.entities("听雨", 0, 50).unwrap().rows[0].visits, 1);
        let profile = client.entity(inn.id, 0, 20).unwrap();
        assert_eq!((profile.row, profile.visits.len()), (Some(inn.clone()), 1));
    }
}

#[tokio::test]
async fn making_the_views_anew_finds_the_same_entities() {
    let (_dir, _host, server, _visits, client) = start(&[(3, None)]).await;
    let inn = entity(3, "碧海游泳馆3", "石泉镇");
    server.publish(vec![entity_row(&inn)]);
    client.sync(&server).await.unwrap();
    let before = client.entities("", 0, 50).unwrap();
    client.rebuild().unwrap();
    assert_eq!(client.entities("", 0, 50).unwrap(), before);
    assert_eq!(client.entity(inn.id, 0, 20).unwrap().visits.len(), 1);
}

#[test]
fn counting_what_is_held_reads_indexes_and_no_content() {
    let dir = tempfile::tempdir().unwrap();
    let opened = store::open(dir.path(), &StoreKey::from_bytes([7; 32])).unwrap();
    for (sql, _) in standing::COUNTS {
        let mut statement = opened.reader.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps: Vec<String> =
            statement.query_map([], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
        let reads: BTreeMap<_, _> =
            steps.iter().map(|step| (step.as_str(), step.contains("INDEX"))).collect();
        // Captures are few and their bytes are not in the database; a run is as short as an index's entry.
        let plain = |step: &str| ["SCAN e", "SCAN evidence", "SCAN r"].contains(&step);
        assert!(reads.iter().all(|(step, indexed)| *indexed || plain(step)), "{sql}: {steps:?}");
    }
}

#[tokio::test]
async fn the_history_says_what_each_change_did_the_last_first() {
    let (_dir, _host, server, visits, client) = start(&[(3, None)]).await;
    let visit = &visits[0];
    let item = &visit.items()[0];
    client.answer(visit.id, item, &pass()).unwrap();
    client.narrative(visit.id, None, "上午检查").unwrap();
    client.sync(&server).await.unwrap();
    client.statement(visit.id, None, "无异议").unwrap();
    let page = client.changes(visit.id, 0, 50).unwrap();
    let told: Vec<_> = page.rows.iter().map(|line| (line.places.join(" "), line.author.stage)).collect();
    let expected = [
        ("statement".to_owned(), Stage::Here),
        ("narrative".to_owned(), Stage::Held),
        (format!("answers/{item}"), Stage::Held),
        (String::new(), Stage::Held),
    ];
    assert_eq!((told, page.more), (expected.to_vec(), false));
    let (first, second) = (client.changes(visit.id, 0, 2).unwrap(), client.changes(visit.id, 2, 2).unwrap());
    assert_eq!([first.rows, second.rows].concat(), page.rows);
    assert_eq!((first.more, second.more), (true, false));
}

#[tokio::test]
async fn what_will_be_signed_is_known_before_anybody_signs() {
    let (_dir, _host, server, visits, client) = start(&[(3, None)]).await;
    let visit = &visits[0];
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    let facts = CaptureFacts { media_type: "image/png", ..CaptureFacts::PHOTO };
    client.capture(visit.id, CaptureSource::Bytes(PNG), &facts).unwrap();
    let outlook = client.seal_outlook(visit.id).unwrap();
    assert_eq!((outlook.version, outlook.unmerged.len(), outlook.pending), (1, 1, None));
    let party = Party::Signed { name: "陈经理".into() };
    let digest = client.seal(visit.id, crate::testing::PASSPHRASE, &party, None).unwrap();
    let outlook = client.seal_outlook(visit.id).unwrap();
    assert_eq!((outlook.pending, outlook.obstacle), (Some(digest), Some(crate::Obstacle::SignedAlready)));
    let statement = client.inspection(visit.id).unwrap().seals[0].statement.clone();
    let content = client.sealed_content(visit.id, &statement).unwrap().unwrap();
    assert_eq!((content.view.digest(), content.captures.len()), (statement.content, 1));
    // A statement about changes that are not here has no content here.
    let mut other = statement;
    other.heads = vec![fieldproof_schema::document::ChangeId([9; 32])];
    assert!(client.sealed_content(visit.id, &other).unwrap().is_none());
    client.sync(&server).await.unwrap();
}
