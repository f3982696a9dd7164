//! A damaged or lost store: kept aside, and built again from the server.

use crate::Client;
use crate::testing::{Nowhere, Server, TestHost, Visit, me, options, pass, terminal, unlock, view_of};
use fieldproof_schema::journal::Kind;
use fieldproof_schema::wire::error::ErrorCode;
use std::fs;
use std::sync::Arc;

#[tokio::test]
async fn a_damaged_store_is_kept_and_the_terminal_goes_on_after_one_contact() {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    let items = visit.items();
    client.answer(visit.id, &items[0], &pass()).unwrap();
    client.sync(&server).await.unwrap();
    let before = client.status().unwrap().enrolled.unwrap();
    drop(client);
    // The header and the root page of the schema.
    let path = dir.path().join("store.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[..4096].fill(0xa5);
    fs::write(&path, &bytes).unwrap();

    let client = Client::open(dir.path(), host.clone(), options(), unlock()).unwrap();
    assert_eq!(fs::read(dir.path().join("store.db.damaged-1")).unwrap(), bytes);
    let status = client.status().unwrap();
    assert!(status.recovering);
    assert_eq!(status.enrolled.as_ref(), Some(&before));
    assert_eq!(client.narrative(visit.id, None, "x").unwrap_err().code(), ErrorCode::Offline);
    assert!(client.sync(&Nowhere).await.is_err());
    assert!(client.status().unwrap().recovering);

    let report = client.sync(&server).await.unwrap();
    assert!(report.recovered && !report.rolled_back);
    assert!(!client.status().unwrap().recovering);
    assert_eq!(view_of(&client, &visit).answers.len(), 1);
    client.answer(visit.id, &items[1], &pass()).unwrap();
    client.sync(&server).await.unwrap();
    assert!(client.status().unwrap().unsent.is_empty());
    assert_eq!(client.verify().unwrap().faults, []);
    let (device, key) = (before.device, server.state().enrolments[0].device_key);
    let entries = server.state().entries[&device].clone();
    let tip = fieldproof_schema::journal::Tip::default();
    let (entries, _) = fieldproof_schema::journal::verify_chain(device, &key, tip, &entries).unwrap();
    assert!(entries.iter().any(|entry| entry.kind == Kind::SetAside && entry.body.contains("damaged-1")));
}

#[tokio::test]
async fn one_flipped_bit_anywhere_costs_no_more_than_one_contact() {
    const PAGE: usize = 4096;
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    client.answer(visit.id, &visit.items()[0], &pass()).unwrap();
    client.sync(&server).await.unwrap();
    let before = view_of(&client, &visit);
    drop(client);
    let path = dir.path().join("store.db");
    let sound = fs::read(&path).unwrap();
    let (mut kept, mut whole) = (0, 0);
    for at in (0..sound.len()).step_by(PAGE).map(|page| page + (page / PAGE * 37) % PAGE) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        let client = Client::open(dir.path(), host.clone(), options(), unlock()).unwrap();
        if client.status().unwrap().recovering {
            kept += 1;
            assert_eq!(fs::read(dir.path().join(format!("store.db.damaged-{kept}"))).unwrap(), bytes, "{at}");
        } else {
            // A page that nothing stands on.
            whole += 1;
            assert_eq!(view_of(&client, &visit), before, "{at}");
        }
        drop(client);
        for name in ["store.db", "store.db-wal", "store.db-shm"] {
            let _ = fs::remove_file(dir.path().join(name));
        }
    }
    assert!(kept > 20 && whole * 4 < kept, "{kept} set aside, {whole} whole");
}

#[tokio::test]
async fn pages_that_are_spoilt_while_the_terminal_runs_have_it_opened_anew() {
    const PAGE: usize = 4096;
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    client.sync(&server).await.unwrap();
    drop(client);
    let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
    let path = dir.path().join("store.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes.iter_mut().skip(PAGE).step_by(PAGE / 2).for_each(|byte| *byte ^= 0x10);
    fs::write(&path, &bytes).unwrap();
    assert!(client.inspections().is_err(), "what does not decrypt is not shown");
    // Whoever comes next: not an error for ever, and not until somebody starts the program again.
    assert!(client.status().unwrap().recovering);
    assert!(dir.path().join("store.db.damaged-1").exists());
    client.sync(&server).await.unwrap();
    assert_eq!(client.inspections().unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_that_is_gone_is_not_taken_for_a_new_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    drop(terminal(dir.path(), &host, &server).await);
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        let _ = fs::remove_file(dir.path().join(name));
    }
    let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
    assert!(client.status().unwrap().recovering);
    client.sync(&server).await.unwrap();
    client.narrative(visit.id, None, "继续").unwrap();
    client.sync(&server).await.unwrap();
    assert!(client.status().unwrap().unsent.is_empty());
}

#[tokio::test]
async fn a_changed_byte_in_a_change_or_an_entry_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    client.narrative(visit.id, None, "原文").unwrap();
    client.sign().unwrap();
    assert_eq!(client.verify().unwrap().faults, []);
    let damage = |sql: &str| assert_eq!(client.desk().unwrap().conn.execute(sql, []).unwrap(), 1);
    damage("UPDATE changes SET bytes = CAST(bytes || x'00' AS BLOB) WHERE own = 1");
    assert_eq!(client.verify().unwrap().faults.len(), 1);
    damage("UPDATE journal SET bytes = CAST(bytes || x'00' AS BLOB) WHERE seq = 2");
    assert!(client.verify().unwrap().faults.len() >= 2);
    damage("UPDATE journal SET kind = 'sealed' WHERE seq = 1");
    assert!(client.verify().unwrap().faults.len() >= 3);
}
