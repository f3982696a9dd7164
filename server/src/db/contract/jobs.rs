//! Jobs: what they share, what they do not, and how often they run.

use super::{DbError, DbUrl, Held, ids, open, org, params, put, query, queued, read, refusal, write};
use crate::db::Tx;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

pub(super) async fn a_failing_job_takes_back_its_own_work_only(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let held = Held::new(&db).await;
    let before = queued(write(&db, |tx| put(tx, "before"))).await;
    let chosen = queued(write(&db, |tx| put(tx, "chosen").and(Err::<(), _>(refusal())))).await;
    let between = queued(write(&db, |tx| put(tx, "between"))).await;
    let twice = queued(write(&db, |tx| put(tx, "twice").and(put(tx, "twice")))).await;
    let broken = queued(write(&db, |tx| tx.execute("INSERT INTO nowhere (n) VALUES (1)", &[]))).await;
    let after = queued(write(&db, |tx| put(tx, "after"))).await;
    held.release().await?;
    assert_eq!((before.await?, between.await?, after.await?), (1, 1, 1));
    assert!(matches!(chosen.await, Err(DbError::NoRow { .. })));
    assert!(matches!(twice.await, Err(DbError::Constraint { .. })));
    assert!(matches!(broken.await, Err(DbError::Statement { .. })));
    assert_eq!(ids(&db).await?, ["after", "before", "between"]);
    db.close().await;
    Ok(())
}

pub(super) async fn a_panic_ends_its_own_job_only(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let held = Held::new(&db).await;
    let panics =
        queued(write(&db, |tx| put(tx, "panic").map(|rows| assert_eq!(rows, 2, "on purpose")))).await;
    let other = queued(write(&db, |tx| put(tx, "other"))).await;
    held.release().await?;
    let panic = panics.await;
    assert!(matches!(&panic, Err(DbError::Panicked(text)) if text.contains("on purpose")), "{panic:?}");
    other.await?;
    let panic = read(&db, |_| Err::<(), _>(refusal()).map_err(|error| panic!("{error}"))).await;
    assert!(matches!(panic, Err(DbError::Panicked(_))), "{panic:?}");
    assert_eq!(ids(&db).await?, ["other"]);
    db.close().await;
    Ok(())
}

pub(super) async fn a_job_that_hides_a_failed_statement_fails(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let hidden = write(&db, |tx| {
        put(tx, "a")?;
        drop(put(tx, "a"));
        let next = put(tx, "b");
        assert!(matches!(next, Err(DbError::Poisoned { .. })), "{next:?}");
        Ok(())
    });
    let hidden = hidden.await;
    assert!(matches!(hidden, Err(DbError::Constraint { .. })), "{hidden:?}");
    let hidden = read(&db, |tx| {
        drop(tx.query("SELECT n FROM nowhere", &[]));
        Ok(())
    });
    let hidden = hidden.await;
    assert!(matches!(hidden, Err(DbError::Statement { .. })), "{hidden:?}");
    assert!(ids(&db).await?.is_empty());
    db.close().await;
    Ok(())
}

pub(super) async fn a_batch_that_was_taken_back_runs_again(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let held = Held::new(&db).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let job = queued(write(&db, move |tx| {
        put(tx, "a")?;
        tx.publish(org(), "things", "thing", "a");
        Ok(counted.fetch_add(1, Ordering::SeqCst))
    }))
    .await;
    // Stands for whatever makes an engine end a transaction by itself, for instance a full disk.
    let ends = queued(write(&db, |tx| tx.execute("ROLLBACK", &[]).and(Err::<(), _>(refusal())))).await;
    held.release().await?;
    assert!(matches!(ends.await, Err(DbError::NoRow { .. })));
    assert_eq!(job.await?, 1, "the answer is the second run's");
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert_eq!(ids(&db).await?, ["a"]);
    let rows = query(&db, "SELECT seq FROM feed_rows WHERE org = $1", params![org()]).await?;
    assert_eq!((rows.len(), rows[0].get::<i64>(0)?), (1, 1));
    db.close().await;
    Ok(())
}

pub(super) async fn a_read_sees_one_moment(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let count = |tx: &mut Tx<'_>| -> Result<i64, DbError> {
        let row = tx.query_opt("SELECT COUNT(*) FROM things WHERE org = $1", &params![org()])?;
        row.ok_or_else(refusal)?.get(0)
    };
    let (counted, first) = mpsc::channel();
    let (written, again) = mpsc::channel::<()>();
    let again = Mutex::new(again);
    let reader = db.clone();
    let reading = tokio::spawn(async move {
        let job = move |tx: &mut Tx<'_>| {
            let before = count(tx)?;
            let _ = counted.send(());
            let _ = again.lock().unwrap_or_else(PoisonError::into_inner).recv();
            Ok((before, count(tx)?))
        };
        read(&reader, job).await
    });
    tokio::task::spawn_blocking(move || first.recv())
        .await
        .expect("waiting does not panic")
        .expect("the reader counts");
    write(&db, |tx| put(tx, "a")).await?;
    drop(written);
    assert_eq!(reading.await.expect("the reader does not panic")?, (0, 0));
    assert_eq!(read(&db, count).await?, 1);
    db.close().await;
    Ok(())
}

pub(super) async fn a_read_changes_nothing(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let wrote = read(&db, |tx| put(tx, "a")).await;
    assert!(matches!(wrote, Err(DbError::Statement { .. })), "{wrote:?}");
    let published = read(&db, |tx| {
        tx.publish(org(), "things", "thing", "a");
        Ok(())
    });
    assert!(matches!(published.await, Err(DbError::PublishInRead)));
    assert!(ids(&db).await?.is_empty());
    db.close().await;
    Ok(())
}

pub(super) async fn closing_finishes_what_is_queued(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let held = Held::new(&db).await;
    let mut jobs = Vec::new();
    // More than one batch holds.
    for n in 0..150 {
        let db = db.clone();
        jobs.push(queued(async move { write(&db, move |tx| put(tx, &format!("{n:03}"))).await }).await);
    }
    let closing = queued(db.clone().close()).await;
    held.release().await?;
    closing.await;
    for job in jobs {
        assert_eq!(job.await?, 1);
    }
    let late = write(&db, |tx| put(tx, "late")).await;
    assert!(matches!(late, Err(DbError::Closed)), "{late:?}");
    let late = ids(&db).await;
    assert!(matches!(late, Err(DbError::Closed)), "{late:?}");
    let reopened = open(&url).await?;
    assert_eq!(ids(&reopened).await?.len(), 150);
    reopened.close().await;
    db.close().await;
    Ok(())
}

pub(super) async fn statements_are_remembered(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let (changing, reading) = ("DELETE FROM things WHERE org = $1", "SELECT n FROM things WHERE org = $1");
    write(&db, move |tx| tx.execute(changing, &params![org()])).await?;
    query(&db, reading, params![org()]).await?;
    assert_eq!(db.statements_seen(), [changing, reading].into());
    db.close().await;
    Ok(())
}
