//! The server's SQL layer on PostgreSQL: the contract that SQLite keeps too, and what only a server can do to us.

use fieldproof_schema::ids::OrgId;
use fieldproof_schema::migrations::Migration;
use fieldproof_server::db::{Db, DbError, DbUrl, Tx, Value, contract};
use fieldproof_tests::postgres;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};

const COUNTERS: &[Migration] = &[Migration {
    number: 1,
    name: "counters",
    sql: "CREATE TABLE counters (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);
        INSERT INTO counters (id, n) VALUES ('a', 0), ('b', 0);",
}];
const STEP: &str = "UPDATE counters SET n = n + 1 WHERE id = $1";
const ALL: &str = "SELECT n FROM counters ORDER BY id";
const KILL: &str =
    "SELECT CAST(CASE WHEN pg_terminate_backend(pg_backend_pid()) THEN 1 ELSE 0 END AS BIGINT)";

fn url(database: &str) -> DbUrl {
    postgres::shared().create_database(database).parse().unwrap()
}

fn step(tx: &mut Tx<'_>, id: &str) -> Result<u64, DbError> {
    tx.execute(STEP, &[Value::from(id)])
}

async fn counts(db: &Db) -> Vec<i64> {
    let rows = db.read(|tx| tx.query(ALL, &[])).await.unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

/// Runs SQL that is none of the product's business on another connection.
async fn as_operator(database: &str, sql: &str) {
    let url = postgres::shared().url(database);
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn postgresql_keeps_the_contract() {
    let failures = contract::failures(url).await;
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn a_narrow_integer_is_refused_by_name() {
    let db = Db::open(&url("narrow"), COUNTERS).await.unwrap();
    for sql in ["SELECT 1 AS small", "SELECT CAST(n AS INTEGER) AS small FROM counters WHERE n < 0"] {
        let error = db.read(move |tx| tx.query(sql, &[])).await.unwrap_err();
        assert!(matches!(&error, DbError::Decode { column, .. } if column == "small"), "{error:?}");
    }
    db.close().await;
}

#[tokio::test]
async fn a_database_that_sorts_or_stores_texts_otherwise_is_refused() {
    url("otherwise");
    as_operator("otherwise", "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0").await;
    as_operator("otherwise", "CREATE DATABASE zh LOCALE_PROVIDER icu ICU_LOCALE 'zh' TEMPLATE template0")
        .await;
    let ascii = Db::open(&postgres::shared().url("ascii").parse().unwrap(), COUNTERS).await;
    assert!(matches!(&ascii, Err(DbError::Encoding { found }) if found == "SQL_ASCII"), "{ascii:?}");
    let sorted = Db::open(&postgres::shared().url("zh").parse().unwrap(), COUNTERS).await;
    assert!(matches!(&sorted, Err(DbError::Collation { .. })), "{sorted:?}");
}

#[tokio::test]
async fn a_job_whose_connection_was_lost_runs_again() {
    let db = Db::open(&url("lost"), COUNTERS).await.unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let job = move |tx: &mut Tx<'_>| {
        step(tx, "a")?;
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            tx.query(KILL, &[])?;
        }
        Ok::<_, DbError>(())
    };
    db.write(job).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);

    // Between two jobs, for every connection at once.
    let others = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    as_operator("lost", others).await;
    db.write(|tx| step(tx, "a")).await.unwrap();
    assert_eq!(counts(&db).await, [2, 0]);

    let lost = db.read(|tx| tx.query(KILL, &[])).await;
    assert!(matches!(lost, Err(DbError::Unavailable(_))), "{lost:?}");
    assert_eq!(counts(&db).await, [2, 0]);
    db.close().await;
}

#[tokio::test]
async fn a_connection_lost_in_the_commit_is_reported_as_unknown() {
    let db = Db::open(&url("unknown"), COUNTERS).await.unwrap();
    let at_commit = "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON counters DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW WHEN (NEW.id = 'b') EXECUTE FUNCTION die()";
    as_operator("unknown", at_commit).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let unknown = db.write(move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        step(tx, "b")
    });
    let unknown = unknown.await;
    assert!(matches!(unknown, Err(DbError::OutcomeUnknown(_))), "{unknown:?}");
    assert_eq!(runs.load(Ordering::SeqCst), 1, "what may have been done is not done again");
    db.write(|tx| step(tx, "a")).await.unwrap();
    assert_eq!(counts(&db).await, [1, 0]);
    db.close().await;
}

#[tokio::test]
async fn a_deadlock_between_two_nodes_costs_a_run_and_nothing_else() {
    let url = url("deadlock");
    let nodes = [Db::open(&url, COUNTERS).await.unwrap(), Db::open(&url, COUNTERS).await.unwrap()];
    let barrier = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicUsize::new(0));
    let (a_ends, a_ended) = mpsc::channel::<()>();
    let (b_ends, b_ended) = mpsc::channel::<()>();
    let mut writing = Vec::new();
    for (db, [first, second], ends, other_ended) in
        [(&nodes[0], ["a", "b"], a_ends, b_ended), (&nodes[1], ["b", "a"], b_ends, a_ended)]
    {
        let (barrier, runs) = (Arc::clone(&barrier), Arc::clone(&runs));
        let (own_runs, other_ended) = (AtomicUsize::new(0), Mutex::new(other_ended));
        let job = move |tx: &mut Tx<'_>| {
            runs.fetch_add(1, Ordering::SeqCst);
            let first_run = own_runs.fetch_add(1, Ordering::SeqCst) == 0;
            if !first_run {
                // Fails when the other's sender is gone. Without this wait the two could meet again.
                other_ended.lock().unwrap().recv().unwrap_err();
            }
            step(tx, first)?;
            if first_run {
                barrier.wait();
            }
            step(tx, second)
        };
        let db = db.clone();
        writing.push(tokio::spawn(async move {
            let done = db.write(job).await;
            drop(ends);
            done
        }));
    }
    for job in writing {
        assert_eq!(job.await.unwrap().unwrap(), 1);
    }
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    assert_eq!(counts(&nodes[0]).await, [2, 2]);
    for db in nodes {
        db.close().await;
    }
}

#[tokio::test]
async fn a_job_that_publishes_where_there_are_no_feeds_fails_alone() {
    let db = Db::open(&url("feedless"), COUNTERS).await.unwrap();
    let failed = db.write(|tx| {
        tx.publish(OrgId::from_bytes([1; 16]), "things", "thing", "a");
        step(tx, "a")
    });
    let failed = failed.await;
    assert!(matches!(failed, Err(DbError::Statement { .. })), "{failed:?}");
    db.write(|tx| step(tx, "b")).await.unwrap();
    assert_eq!(counts(&db).await, [0, 1]);
    db.close().await;
}
