//! A store that an earlier version wrote, with work that it had not sent: nothing of it is lost or sent in vain.

use crate::Client;
use crate::journal_writer::Clocks;
use crate::store::{runs, unsigned};
use crate::testing::{Server, TestHost, Visit, me, options, pass, terminal, unlock};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::suite::Digest;
use rusqlite::params;
use std::sync::Arc;

/// What the migration to runs and later ones added, taken away again.
const BEFORE_RUNS: &str = "
    DROP TABLE brought;
    DROP TABLE number_uses;
    DROP TABLE freed; DROP INDEX inspections_left;
    DROP INDEX evidence_by_digest; DROP INDEX evidence_unsent; DROP INDEX receipts_by_time;
    CREATE TABLE before (ordinal INTEGER PRIMARY KEY, inspection BLOB NOT NULL, change BLOB NOT NULL,
      digest BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL, own INTEGER NOT NULL, entry BLOB, device BLOB, officer BLOB,
      device_at INTEGER, earliest INTEGER, latest INTEGER, waiting INTEGER NOT NULL, receipt BLOB, outcome TEXT,
      code TEXT, UNIQUE (inspection, change)) STRICT;
    INSERT INTO before SELECT c.ordinal, c.inspection, c.change, c.digest, c.bytes, c.own, COALESCE(r.entry, c.entry),
      c.device, c.officer, c.device_at, c.earliest, c.latest, c.waiting, r.receipt, r.outcome, r.code
    FROM changes c LEFT JOIN runs r ON r.id = c.run;
    DROP TABLE changes; DROP TABLE runs;
    ALTER TABLE before RENAME TO changes;
    CREATE INDEX changes_open ON changes (inspection, entry) WHERE own = 1 AND receipt IS NULL;
    CREATE INDEX changes_pending ON changes (ordinal) WHERE own = 1 AND receipt IS NULL AND outcome IS NOT 'refused';
    CREATE INDEX changes_in_order ON changes (inspection, ordinal);
    CREATE INDEX changes_waiting ON changes (inspection) WHERE waiting = 1;
    CREATE INDEX changes_by_entry ON changes (entry) WHERE entry IS NOT NULL;
    CREATE INDEX changes_held ON changes (inspection) WHERE own = 1 AND receipt IS NOT NULL;
    CREATE INDEX changes_apart ON changes (outcome) WHERE outcome IN ('waiting', 'quarantined', 'refused');
    DROP TABLE certificates; DROP TABLE carried; DROP TABLE handing;
    ALTER TABLE cursors DROP COLUMN since;
    DROP TABLE parcels; DROP TABLE folded; DROP TABLE wanted; DROP TABLE recordings;
    UPDATE meta SET value = '2' WHERE name = 'views';
    PRAGMA user_version = 2;";

/// Signs every change by itself and declares its writer, as the version before runs did, and gives the store its form.
fn as_before_runs(client: &Client) {
    let mut desk = client.desk().unwrap();
    let who = desk.who.clone().unwrap();
    let pen = who.pen(Clocks::read(&*client.host));
    let tx = desk.conn.transaction().unwrap();
    for run in unsigned::list(&tx).unwrap() {
        let write = |kind, content, body| {
            pen.write_text(&tx, kind, Some(run.inspection), content, run.officer, body).unwrap()
        };
        let own = {
            let sql = "SELECT change, digest FROM changes WHERE own = 1 AND run IS NULL AND inspection = ?1
                       ORDER BY ordinal";
            let mut statement = tx.prepare(sql).unwrap();
            let rows = statement.query_map([run.inspection.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)));
            rows.unwrap().collect::<Result<Vec<([u8; 32], Vec<u8>)>, _>>().unwrap()
        };
        for (change, digest) in own {
            let saved = body::Saved { change: Some(ChangeId(change)), run: None };
            let content = Digest::from_bytes(&digest).unwrap();
            let entry = write(Kind::Saved, Some(content), body::write(&saved));
            let signed = runs::begin(&tx, run.inspection, entry, 1).unwrap();
            tx.execute("UPDATE changes SET run = ?1 WHERE change = ?2", params![signed, change]).unwrap();
        }
        write(Kind::ActorDeclared, None, body::write(&body::ActorDeclared { actor: run.actor }));
    }
    tx.commit().unwrap();
    desk.conn.execute_batch(BEFORE_RUNS).unwrap();
}

#[tokio::test]
async fn a_store_from_before_runs_sends_what_it_had_signed_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    let client = terminal(dir.path(), &host, &server).await;
    for item in visit.items().iter().take(4) {
        client.answer(visit.id, item, &pass()).unwrap();
    }
    for n in 0..12 {
        client.narrative(visit.id, None, &format!("第{n}行")).unwrap();
    }
    let before = client.inspection(visit.id).unwrap();
    as_before_runs(&client);
    drop(client);

    let client = Client::open(dir.path(), host, options(), unlock()).unwrap();
    assert_eq!(client.inspection(visit.id).unwrap().view, before.view);
    assert_eq!(client.status().unwrap().unsent.changes, 16);
    assert_eq!(client.verify().unwrap().faults, []);
    // Old work and new go out together; the new is signed as a run.
    client.statement(visit.id, None, "升级之后").unwrap();
    let report = client.sync(&server).await.unwrap();
    assert_eq!((report.changes_sent, report.refused), (17, vec![]));
    assert!(client.status().unwrap().unsent.is_empty());
    assert_eq!(client.verify().unwrap().faults, []);
}
