//! Signing: when a run of changes ends, what its entry says, and that the order of what happened is the journal's.

use crate::testing::{Server, TestHost, Visit, me, options, pass, terminal, unlock};
use crate::{CaptureFacts, CaptureSource, Client};
use fieldproof_schema::journal::{Entry, Kind, body};
use fieldproof_schema::limits::RUN_CHANGES_MAX;
use std::sync::Arc;
use tempfile::TempDir;

struct Scene {
    dir: TempDir,
    host: Arc<TestHost>,
    server: Server,
    visits: [Visit; 2],
}

async fn start() -> (Scene, Client) {
    let dir = tempfile::tempdir().unwrap();
    let (host, server) = (Arc::new(TestHost::new(1)), Server::new(me()));
    let visits = [Visit::new(3), Visit::new(4)];
    for visit in &visits {
        server.publish(visit.rows());
    }
    let client = terminal(dir.path(), &host, &server).await;
    (Scene { dir, host, server, visits }, client)
}

/// Every entry of the journal.
fn journal(client: &Client) -> Vec<Entry> {
    let mut entries = Vec::new();
    crate::store::journal::walk(&client.reader(), 0, |stored| {
        entries.push(stored.entry.read().unwrap());
        Ok(())
    })
    .unwrap();
    entries
}

/// The lengths of the signed runs, in order.
fn runs(client: &Client) -> Vec<u64> {
    let bodies = journal(client).into_iter().filter(|entry| entry.kind == Kind::Saved);
    bodies
        .map(|entry| body::read::<body::Saved>(&entry.body).unwrap().run.unwrap())
        .map(|run| run.last - run.first + 1)
        .collect()
}

fn write(client: &Client, visit: &Visit, n: usize) {
    for _ in 0..n {
        let changes = client.history(visit.id).unwrap().changes.len();
        client.narrative(visit.id, None, &format!("第{changes}行")).unwrap();
    }
}

#[tokio::test]
async fn a_run_ends_when_another_visit_is_written_to() {
    let (scene, client) = start().await;
    let [one, two] = &scene.visits;
    write(&client, one, 3);
    assert!(runs(&client).is_empty());
    write(&client, two, 1);
    assert_eq!(runs(&client), [3]);
    write(&client, one, 2);
    assert_eq!(runs(&client), [3, 1]);
    client.sign().unwrap();
    client.sign().unwrap();
    assert_eq!(runs(&client), [3, 1, 2]);
    assert_eq!(client.verify().unwrap().faults, []);
}

#[tokio::test]
async fn a_run_ends_when_it_is_long_or_old_or_the_clock_went_back() {
    let (scene, client) = start().await;
    let visit = &scene.visits[0];
    let most = usize::try_from(RUN_CHANGES_MAX).unwrap();
    write(&client, visit, most + 1);
    assert_eq!(runs(&client), [RUN_CHANGES_MAX]);
    client.sign().unwrap();
    write(&client, visit, 1);
    scene.host.advance_ms(50_000);
    write(&client, visit, 2);
    assert_eq!(runs(&client).len(), 2);
    scene.host.advance_ms(11_000);
    write(&client, visit, 1);
    assert_eq!(runs(&client)[2..], [3]);
    // By less than what is noted as a jump.
    scene.host.set_clock(-30);
    write(&client, visit, 1);
    assert_eq!(runs(&client)[3..], [1]);
}

#[tokio::test]
async fn what_else_is_journalled_comes_after_what_was_written_before_it() {
    let (scene, client) = start().await;
    let visit = &scene.visits[0];
    write(&client, visit, 2);
    let facts = CaptureFacts::PHOTO;
    client.capture(visit.id, CaptureSource::Bytes(b"\xff\xd8\xff photo"), &facts).unwrap();
    scene.host.set_clock(3600);
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    let kinds: Vec<Kind> = journal(&client).into_iter().map(|entry| entry.kind).collect();
    // The change that lists the capture comes before the clock's jump, the answer after it.
    assert_eq!(kinds, [Kind::Opened, Kind::Saved, Kind::Captured, Kind::Saved, Kind::ClockJumped]);
}

#[tokio::test]
async fn what_was_written_before_a_contact_does_not_claim_to_be_from_after_it() {
    let (scene, client) = start().await;
    let visit = &scene.visits[0];
    let heard = |client: &Client| journal(client).last().unwrap().server_at;
    write(&client, visit, 1);
    client.sync(&scene.server).await.unwrap();
    let before = heard(&client);
    write(&client, visit, 1);
    scene.server.state().server_at_seconds += 3600;
    client.sync(&scene.server).await.unwrap();
    assert_eq!(heard(&client), before);
    write(&client, visit, 1);
    client.sign().unwrap();
    assert!(heard(&client) > before);
}

#[tokio::test]
async fn what_a_killed_process_left_unsigned_is_signed_by_the_next() {
    let (scene, client) = start().await;
    let visit = &scene.visits[0];
    write(&client, visit, 2);
    drop(client);
    let client = Client::open(scene.dir.path(), scene.host.clone(), options(), unlock()).unwrap();
    assert_eq!(runs(&client), [2]);
    let kinds: Vec<Kind> = journal(&client).into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Kind::Opened, Kind::Saved, Kind::Opened]);
    client.sync(&scene.server).await.unwrap();
    assert!(client.status().unwrap().unsent.is_empty());
    assert_eq!(client.verify().unwrap().faults, []);
}

#[tokio::test]
async fn a_run_that_counts_wrongly_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    client.narrative(visit.id, None, "池水清澈").unwrap();
    client.sign().unwrap();
    assert_eq!(client.verify().unwrap().faults, []);
    let fault = crate::Fault::Miscounted { inspection: visit.id };
    for (wrong, right) in [
        ("UPDATE runs SET changes = changes + 1", "UPDATE runs SET changes = changes - 1"),
        (
            "UPDATE changes SET run = run + 99 WHERE own = 1",
            "UPDATE changes SET run = run - 99 WHERE own = 1",
        ),
    ] {
        client.desk().unwrap().conn.execute(wrong, []).unwrap();
        assert_eq!(client.verify().unwrap().faults, std::slice::from_ref(&fault), "{wrong}");
        client.desk().unwrap().conn.execute(right, []).unwrap();
    }
    assert_eq!(client.verify().unwrap().faults, []);
}
