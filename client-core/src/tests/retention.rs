//! What a terminal folds and deletes, and that nothing is missing afterwards.

mod model;

use super::papers;
use crate::store::{changes, folded, meta};
use crate::testing::{
    Server, TestHost, Visit, colleague, first_offered, me, options, pass, terminal, unlock, view_of,
};
use crate::{CaptureFacts, CaptureSource, Client, documents};
use fieldproof_schema::limits::{BACKUP_HORIZON_SECONDS, FOLD_CHANGES_MIN};
use fieldproof_schema::reference::{InspectionRow, InspectionState, VerdictRow};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::{Body, Row};
use std::fs;
use std::sync::Arc;
use tempfile::TempDir;

const DAY: i64 = 24 * 3600;

async fn start(visits: u8) -> (TempDir, Arc<TestHost>, Server, Vec<Visit>, Client) {
    let dir = tempfile::tempdir().unwrap();
    let (host, server) = (Arc::new(TestHost::new(1)), Server::new(me()));
    let visits: Vec<Visit> = (1..=visits).map(Visit::new).collect();
    for visit in &visits {
        server.publish(visit.rows());
    }
    let client = terminal(dir.path(), &host, &server).await;
    (dir, host, server, visits, client)
}

fn write(client: &Client, visit: &Visit, lines: u64) {
    for n in 0..lines {
        client.narrative(visit.id, None, &format!("第{n}行，现场检查")).unwrap();
    }
}

fn capture(client: &Client, visit: &Visit, text: &str) -> Digest {
    let bytes = [b"\xff\xd8\xff ".as_slice(), text.as_bytes()].concat();
    let facts = CaptureFacts::PHOTO;
    client.capture(visit.id, CaptureSource::Bytes(&bytes), &facts).unwrap();
    Digest::of(&bytes)
}

/// Time passes, here and at the server.
fn days(host: &TestHost, server: &Server, days: i64) {
    host.advance_ms(u64::try_from(days * DAY * 1000).unwrap());
    server.state().server_at_seconds += days * DAY;
}

fn number(client: &Client, sql: &str) -> i64 {
    client.reader().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn alone(client: &Client) -> i64 {
    number(client, "SELECT COUNT(*) FROM changes")
}

fn journal(client: &Client) -> i64 {
    number(client, "SELECT COUNT(*) FROM journal")
}

fn is_folded(client: &Client, visit: &Visit) -> bool {
    folded::get(&client.reader(), visit.id).unwrap().is_some()
}

fn unfold(client: &Client, visit: &Visit) {
    let mut desk = client.desk().unwrap();
    let tx = desk.conn.transaction().unwrap();
    documents::unfold(&tx, visit.id).unwrap();
    tx.commit().unwrap();
}

/// Everything that pages show of a visit and of the store.
fn shown(client: &Client, visit: &Visit) -> String {
    let detail = client.inspection(visit.id).unwrap();
    let history = client.history(visit.id).unwrap();
    let changes = client.changes(visit.id, 0, 10_000).unwrap();
    let overview = client.overview().unwrap();
    let standing = client.standings(0, 100).unwrap();
    let (unsent, verified) = (client.status().unwrap().unsent, client.verify().unwrap());
    let (authors, line) = (detail.authors, detail.summary);
    format!("{authors:?} {line:?} {history:?} {changes:?} {overview:?} {standing:?} {unsent:?} {verified:?}")
}

fn gone(visit: &Visit) -> Vec<Row> {
    visit
        .rows()
        .into_iter()
        .filter(|row| ["task", "inspection"].contains(&row.kind.as_str()))
        .map(|row| Row { body: Body::Gone, ..row })
        .collect()
}

fn verdict(visit: &Visit, client: &Client, item: Digest, outcome: &str) -> Row {
    let device = client.status().unwrap().enrolled.unwrap().device;
    let (inspection, outcome) = (visit.id, outcome.to_owned());
    let row = VerdictRow { item, inspection, outcome, code: Some("change_out_of_scope".into()) };
    let subject = format!("{inspection}:{item}:{device}");
    Row { kind: "verdict".into(), subject, body: Body::Reference(serde_json::to_string(&row).unwrap()) }
}

#[tokio::test]
async fn a_long_visit_is_folded_and_everything_shows_as_before() {
    let (_dir, _host, server, visits, client) = start(2).await;
    let visit = &visits[0];
    let pages = "SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)";
    let empty = number(&client, pages);
    for item in visit.items().iter().take(5) {
        client.answer(visit.id, item, &pass()).unwrap();
    }
    write(&client, visit, 595);
    write(&client, &visits[1], 3);
    client.sync(&server).await.unwrap();
    assert!(is_folded(&client, visit));
    let left = 3 + 2 - 1;
    assert_eq!(alone(&client), left, "the short one, with its first change, stands by itself");
    let folded = shown(&client, visit);
    let after = number(&client, pages);

    unfold(&client, visit);
    assert_eq!(alone(&client), left + 601);
    assert_eq!(shown(&client, visit), folded);
    let before = number(&client, pages);
    let bytes = |pages: i64| {
        pages * number(&client, "SELECT CAST(page_size AS INTEGER) FROM pragma_page_size") / 1024
    };
    println!(
        "600 changes: {} KiB of store by themselves, {} KiB folded, {} KiB without them",
        bytes(before),
        bytes(after),
        bytes(empty)
    );
    // The first piece ends behind the visits that were looked at before, the next one begins again.
    client.retain();
    client.retain();
    assert_eq!((alone(&client), number(&client, pages)), (left, after));
    assert_eq!(shown(&client, visit), folded);
    assert!(
        (after - empty) * 2 < before - empty,
        "{after} of {before} pages are left, {empty} were there before"
    );

    // Made anew from the fold it is the same, and what is written next stands by itself.
    client.rebuild().unwrap();
    assert_eq!(shown(&client, visit), folded);
    let view = view_of(&client, visit);
    write(&client, visit, 1);
    assert_eq!(alone(&client), left + 1);
    assert_ne!(view_of(&client, visit), view);
    assert!(client.sync(&server).await.unwrap().refused.is_empty());
    assert_eq!(client.verify().unwrap().faults, []);
}

#[tokio::test]
async fn what_is_not_settled_is_not_folded() {
    let (_dir, _host, server, visits, client) = start(4).await;
    for visit in &visits {
        write(&client, visit, FOLD_CHANGES_MIN);
    }
    let [conflict, apart, unsent, plain] = visits.as_slice() else { panic!("there are four") };
    // So much that changes go one by one.
    let long: String = (0..500_u32).map(|n| Digest::of(&n.to_be_bytes()).to_string()).collect();
    client.finding(unsent.id, None, &serde_json::json!({ "text": long })).unwrap();
    let open = |visit: &Visit, quarantined| {
        visit.inspection_row(&InspectionRow {
            quarantined,
            state: InspectionState::InProgress,
            ..visit.row()
        })
    };
    server.publish(vec![open(apart, 1)]);
    let refused = {
        let reader = client.reader();
        let own = changes::list(&reader, unsent.id, 0, false).unwrap();
        Digest::of(&own.last().unwrap().2.0)
    };
    server.state().refuse.insert(refused, fieldproof_schema::wire::error::ErrorCode::QuotaExceeded);
    // The colleague answered one item otherwise, at the same time.
    let item = conflict.items()[0].clone();
    client.answer(conflict.id, &item, &pass()).unwrap();
    let other = fieldproof_schema::checklist::Answer::NotApplicable { reason: "停用".into() };
    let theirs = conflict.colleague_writes(&mut conflict.document(), 9, &[item], &other);
    server.publish(vec![conflict.change_row(&theirs[0].1, Some(colleague()))]);
    client.sync(&server).await.unwrap();
    let folded: Vec<bool> = visits.iter().map(|visit| is_folded(&client, visit)).collect();
    assert_eq!(folded, [false, false, false, true]);

    // A line of the sixty is still unsigned: the fold stays, the line stands beside it.
    write(&client, plain, 1);
    client.retain();
    assert_eq!(number(&client, "SELECT COUNT(*) FROM changes WHERE own = 1 AND run IS NULL"), 1);
    server.state().refuse.clear();
    server.publish(vec![open(apart, 0)]);
    client.sync(&server).await.unwrap();
    let folded: Vec<bool> = visits.iter().map(|visit| is_folded(&client, visit)).collect();
    assert_eq!(folded, [false, true, true, true]);
}

#[tokio::test]
async fn a_restored_server_is_offered_what_was_folded_and_the_figures_say_so() {
    let (_dir, _host, server, visits, client) = start(3).await;
    let backup = server.state().clone();
    for visit in &visits {
        write(&client, visit, 40);
    }
    client.sync(&server).await.unwrap();
    assert_eq!(client.overview().unwrap().records.held, 120);
    let held = server.state().changes.clone();
    let views: Vec<_> = visits.iter().map(|visit| view_of(&client, visit)).collect();
    for epoch in [0, 1] {
        *server.state() = crate::testing::State { epoch, ..backup.clone() };
        // The answer that says so is the last one for a while: nothing is held as far as is known, and it shows.
        server.state().syncs_left = Some(1);
        client.sync(&server).await.unwrap_err();
        let records = client.overview().unwrap().records;
        assert_eq!((records.here + records.sent, records.held), (120, 0), "epoch {epoch}");
        assert_eq!(client.status().unwrap().unsent.changes, 120);
        server.state().syncs_left = None;
        client.sync(&server).await.unwrap();
        assert_eq!(server.state().changes, held);
        assert_eq!(client.overview().unwrap().records.held, 120);
        assert!(visits.iter().all(|visit| is_folded(&client, visit)));
        assert_eq!(visits.iter().map(|visit| view_of(&client, visit)).collect::<Vec<_>>(), views);
        assert_eq!(client.verify().unwrap().faults, []);
    }
}

#[tokio::test]
async fn what_is_held_apart_after_all_stands_by_itself_again() {
    let (_dir, _host, server, visits, client) = start(1).await;
    let visit = &visits[0];
    write(&client, visit, 40);
    client.sync(&server).await.unwrap();
    let item = *server.state().changes.iter().next().unwrap();
    server.publish(vec![verdict(visit, &client, item, "accepted")]);
    client.sync(&server).await.unwrap();
    assert!(is_folded(&client, visit));
    server.publish(vec![verdict(visit, &client, item, "quarantined")]);
    client.sync(&server).await.unwrap();
    assert!(!is_folded(&client, visit));
    assert_eq!(client.apart(10).unwrap().iter().map(|apart| apart.item).collect::<Vec<_>>(), [item]);
    assert_eq!(client.overview().unwrap().records.held, 40);
    assert_eq!(client.verify().unwrap().faults, []);
}

#[tokio::test]
async fn a_damaged_fold_is_found_and_asked_for_again_and_new_work_stays() {
    let (_dir, host, server, visits, client) = start(1).await;
    let visit = &visits[0];
    write(&client, visit, 40);
    client.sync(&server).await.unwrap();
    write(&client, visit, 2);
    let view = view_of(&client, visit);
    let device = client.dir.clone();
    client.desk().unwrap().conn.execute("UPDATE folded SET document = substr(document, 1, 200)", []).unwrap();
    let found = client.verify().unwrap();
    assert_eq!(found.faults, [crate::Fault::Changes { inspection: visit.id }]);
    drop(client);
    let client = Client::open(&device, host, options(), unlock()).unwrap();
    client.desk().unwrap().conn.execute("DELETE FROM documents", []).unwrap();
    assert!(client.inspection(visit.id).is_err());
    assert_eq!(folded::wanted(&client.reader()).unwrap(), [visit.id]);
    // The server gives it whole again: here, its changes once more.
    let rows: Vec<Row> = server.state().feed.iter().filter(|row| row.kind == "change").cloned().collect();
    server.publish(rows);
    client.sync(&server).await.unwrap();
    assert_eq!(view_of(&client, visit), view);
    assert!(client.status().unwrap().unsent.is_empty());
}

#[tokio::test]
async fn work_on_a_large_store_is_done_piece_by_piece() {
    let (_dir, _host, server, visits, client) = start(100).await;
    for visit in &visits {
        write(&client, visit, 1);
        server.publish(vec![
            visit.inspection_row(&InspectionRow { state: InspectionState::Accepted, ..visit.row() }),
        ]);
    }
    client.sync(&server).await.unwrap();
    // The sync that brought the visits looked at the first ones, of which none was over yet.
    let folded = |client: &Client| {
        let folded = visits.iter().filter(|visit| is_folded(client, visit)).count();
        (folded, meta::folding(&client.reader()).unwrap())
    };
    assert_eq!(folded(&client), (36, None));
    client.sync(&server).await.unwrap();
    assert_eq!(folded(&client), (100, Some(visits[63].id)));
    client.sync(&server).await.unwrap();
    assert_eq!(folded(&client), (100, None));
}

#[tokio::test]
async fn a_visit_that_was_left_is_deleted_when_no_restore_can_lose_it() {
    let (_dir, host, server, visits, client) = start(2).await;
    let [left, kept] = visits.as_slice() else { panic!("there are two") };
    server.publish(vec![papers::numbers(0, vec![papers::block(1, "DOC-03", (7, 8), 1)])]);
    client.sync(&server).await.unwrap();
    let given =
        |visit: &Visit| client.register_paper(visit.id, &papers::opinion()).unwrap().1.unwrap().serial;
    assert_eq!(given(left), 7);
    write(&client, left, 40);
    let original = capture(&client, left, "one");
    let shared = capture(&client, left, "both");
    assert_eq!(capture(&client, kept, "both"), shared);
    client.sync(&server).await.unwrap();
    let entries = journal(&client);
    let file = |client: &Client, digest: Digest| client.originals().unwrap().holds(digest);
    server.publish(gone(left));
    client.sync(&server).await.unwrap();
    assert!(client.inspection(left.id).is_err());
    let horizon = BACKUP_HORIZON_SECONDS / DAY;
    days(&host, &server, horizon - 1);
    client.sync(&server).await.unwrap();
    assert!(is_folded(&client, left) && file(&client, original), "the server may be restored to before it");
    // A server whose clock runs ahead deletes nothing.
    server.state().server_at_seconds += 10 * DAY;
    client.sync(&server).await.unwrap();
    assert!(is_folded(&client, left) && file(&client, original));
    server.state().server_at_seconds -= 10 * DAY;
    days(&host, &server, 2);
    client.sync(&server).await.unwrap();
    assert!(!is_folded(&client, left) && !file(&client, original) && file(&client, shared));
    for table in ["changes", "documents", "evidence", "inspections", "parcels"] {
        let sql =
            format!("SELECT COUNT(*) FROM {table} WHERE inspection = x'01010101010101010101010101010101'");
        assert_eq!(number(&client, &sql), 0, "{table}");
    }
    assert!(journal(&client) >= entries);
    client.rebuild().unwrap();
    assert_eq!(given(kept), 8, "what a deleted visit used is not given again");
    let verified = client.verify().unwrap();
    assert_eq!((verified.faults, verified.evidence), (vec![], 1));
    assert_eq!(view_of(&client, kept).evidence.len(), 1);

    // Who comes back is given it again.
    let rows: Vec<Row> = server.state().feed.iter().filter(|row| row.kind == "change").cloned().collect();
    server.publish(left.rows().into_iter().chain(rows).collect());
    client.sync(&server).await.unwrap();
    assert_eq!(view_of(&client, left).evidence.len(), 2);
    assert_eq!(client.verify().unwrap().faults, []);
}

#[tokio::test]
async fn what_of_a_visit_that_was_left_is_not_safe_stays_and_is_shown() {
    let (_dir, host, server, visits, client) = start(3).await;
    let [unsent, apart, late] = visits.as_slice() else { panic!("there are three") };
    for visit in &visits {
        write(&client, visit, 2);
    }
    client.sync(&server).await.unwrap();
    let item = {
        let reader = client.reader();
        Digest::of(&changes::list(&reader, apart.id, 0, false).unwrap()[1].2.0)
    };
    write(&client, unsent, 1);
    server.publish(vec![verdict(apart, &client, item, "quarantined")]);
    server.publish(visits.iter().flat_map(gone).collect());
    // What was written off line is refused for now.
    client.sign().unwrap();
    let refused = first_offered(&client);
    server.state().refuse.insert(refused, fieldproof_schema::wire::error::ErrorCode::QuotaExceeded);
    client.sync(&server).await.unwrap();
    days(&host, &server, 365);
    client.sync(&server).await.unwrap();
    assert_eq!(client.inspection(unsent.id).unwrap().summary.unsent.changes, 1);
    assert_eq!(client.apart(10).unwrap().iter().map(|apart| apart.item).collect::<Vec<_>>(), [item]);
    assert_eq!(number(&client, "SELECT COUNT(*) FROM inspections"), 2);
    assert!(crate::store::list::find(&client.reader(), late.id).unwrap().is_none());
    // Once it is sent, and was judged after all, a month later all of it goes.
    server.state().refuse.clear();
    server.publish(vec![verdict(apart, &client, item, "accepted")]);
    client.sync(&server).await.unwrap();
    days(&host, &server, 31);
    client.sync(&server).await.unwrap();
    assert_eq!(number(&client, "SELECT COUNT(*) FROM inspections"), 0);
    assert_eq!(client.verify().unwrap().faults, []);
}

#[tokio::test]
async fn originals_that_a_crash_left_are_removed_the_next_time() {
    let (dir, host, server, visits, client) = start(1).await;
    let original = capture(&client, &visits[0], "left behind");
    client.sync(&server).await.unwrap();
    client.desk().unwrap().conn.execute("INSERT INTO freed SELECT digest FROM evidence", []).unwrap();
    client.desk().unwrap().conn.execute("DELETE FROM evidence", []).unwrap();
    drop(client);
    let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
    let path = client.originals().unwrap().path(original);
    assert!(fs::exists(&path).unwrap());
    {
        // While the same bytes are just taken in again, nothing is removed.
        let _taking = client.taking_originals();
        client.retain();
        assert!(fs::exists(&path).unwrap());
    }
    client.retain();
    assert!(!fs::exists(&path).unwrap());
    assert_eq!(number(&client, "SELECT COUNT(*) FROM freed"), 0);
}
