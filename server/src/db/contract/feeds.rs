//! Announcements and the cursors that follow them.

use super::{Db, DbError, DbUrl, Held, OrgId, open, org, params, put, query, queued, refusal, write};

const PAGE: &str = "SELECT seq, kind, subject FROM feed_rows WHERE org = $1 AND feed = $2 AND seq > $3 \
     ORDER BY seq LIMIT 7";

async fn page(db: &Db, org: OrgId, feed: &str, after: i64) -> Result<Vec<(i64, String)>, DbError> {
    let rows = query(db, PAGE, params![org, feed, after]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(2)?))).collect()
}

pub(super) async fn announcements_are_numbered_in_order(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let other = OrgId::from_bytes([2; 16]);
    write(&db, |tx| {
        tx.publish(org(), "a", "thing", "first");
        Ok(())
    })
    .await?;
    let held = Held::new(&db).await;
    let second = queued(write(&db, move |tx| {
        for subject in ["second", "third", "second"] {
            tx.publish(org(), "a", "thing", subject);
        }
        tx.publish(org(), "b", "thing", "second");
        tx.publish(other, "a", "thing", "second");
        Ok(())
    }))
    .await;
    let failing = queued(write(&db, |tx| {
        tx.publish(org(), "a", "thing", "never");
        Err::<(), _>(refusal())
    }))
    .await;
    let third = queued(write(&db, |tx| {
        tx.publish(org(), "a", "thing", "third");
        put(tx, "a")
    }))
    .await;
    held.release().await?;
    second.await?;
    assert!(failing.await.is_err());
    third.await?;
    let numbered = |subjects: &[&str]| -> Vec<(i64, String)> {
        (1..).zip(subjects.iter().map(|subject| (*subject).to_owned())).collect()
    };
    assert_eq!(page(&db, org(), "a", 0).await?, numbered(&["first", "second", "third", "third"]));
    assert_eq!(page(&db, org(), "b", 0).await?, numbered(&["second"]));
    assert_eq!(page(&db, other, "a", 0).await?, numbered(&["second"]));
    db.close().await;
    Ok(())
}

/// Two nodes write, each with its own writer; a reader follows. A number that becomes visible before a smaller one
/// would show as a gap, and the smaller one would be lost to the reader for ever.
pub(super) async fn a_cursor_never_skips_a_row(url: DbUrl) -> Result<(), DbError> {
    const TASKS: usize = 4;
    const WRITES: usize = 50;
    let nodes = [open(&url).await?, open(&url).await?];
    let mut writing = Vec::new();
    for (node, db) in nodes.iter().enumerate() {
        for task in 0..TASKS {
            let db = db.clone();
            writing.push(tokio::spawn(async move {
                for n in 0..WRITES {
                    let id = format!("{node}-{task}-{n}");
                    let job = move |tx: &mut crate::db::Tx<'_>| {
                        put(tx, &id)?;
                        // Named against the order in which counters are taken, and every fifth job fails.
                        tx.publish(org(), "z", "thing", &id);
                        tx.publish(org(), "a", "thing", &id);
                        if n % 5 == 4 { Err(refusal()) } else { Ok(()) }
                    };
                    let done = write(&db, job).await;
                    assert_eq!(done.is_err(), n % 5 == 4, "{done:?}");
                }
            }));
        }
    }
    let mut cursor = 0;
    let mut subjects = Vec::new();
    loop {
        let finished = writing.iter().all(|task| task.is_finished());
        let rows = page(&nodes[0], org(), "a", cursor).await?;
        if finished && rows.is_empty() {
            break;
        }
        for (seq, subject) in rows {
            assert_eq!(seq, cursor + 1, "a number became visible before the one below it");
            cursor = seq;
            subjects.push(subject);
        }
    }
    for task in writing {
        task.await.expect("the writers do not panic");
    }
    subjects.sort_unstable();
    let stored = super::ids(&nodes[1]).await?;
    assert_eq!(stored.len(), 2 * TASKS * WRITES * 4 / 5);
    assert_eq!(subjects, stored);
    for db in nodes {
        db.close().await;
    }
    Ok(())
}
