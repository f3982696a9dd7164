//! What both engines must do alike, as plain functions that are run on each.
//!
//! [`failures`] runs every case on a database of its own. SQLite is held to it here, PostgreSQL in the `tests` crate, which
//! can start a server.

mod feeds;
mod jobs;
mod opening;
mod values;

use super::error::DbError;
use super::tx::Tx;
use super::url::DbUrl;
use super::value::{Row, Value};
use super::{Db, params};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::migrations::Migration;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

type Running = Pin<Box<dyn Future<Output = Result<(), DbError>> + Send>>;

/// A name that is true of every engine, and what shows it on an empty database.
type Case = (&'static str, fn(DbUrl) -> Running);

const CASES: &[Case] = &[
    ("parameters_go_by_their_number", |url| Box::pin(values::parameters_go_by_their_number(url))),
    ("a_parameter_can_be_used_twice", |url| Box::pin(values::a_parameter_can_be_used_twice(url))),
    ("values_survive_the_round_trip", |url| Box::pin(values::values_survive_the_round_trip(url))),
    ("texts_sort_by_their_bytes", |url| Box::pin(values::texts_sort_by_their_bytes(url))),
    ("parameters_are_counted", |url| Box::pin(values::parameters_are_counted(url))),
    ("nul_in_a_text_is_refused", |url| Box::pin(values::nul_in_a_text_is_refused(url))),
    ("columns_keep_their_types", |url| Box::pin(values::columns_keep_their_types(url))),
    ("what_cannot_be_read_says_why", |url| Box::pin(values::what_cannot_be_read_says_why(url))),
    ("constraints_are_enforced", |url| Box::pin(values::constraints_are_enforced(url))),
    ("many_rows_are_written_in_order", |url| Box::pin(values::many_rows_are_written_in_order(url))),
    ("a_failing_job_takes_back_its_own_work_only", |url| {
        Box::pin(jobs::a_failing_job_takes_back_its_own_work_only(url))
    }),
    ("a_panic_ends_its_own_job_only", |url| Box::pin(jobs::a_panic_ends_its_own_job_only(url))),
    ("a_job_that_hides_a_failed_statement_fails", |url| {
        Box::pin(jobs::a_job_that_hides_a_failed_statement_fails(url))
    }),
    ("a_batch_that_was_taken_back_runs_again", |url| {
        Box::pin(jobs::a_batch_that_was_taken_back_runs_again(url))
    }),
    ("a_read_sees_one_moment", |url| Box::pin(jobs::a_read_sees_one_moment(url))),
    ("a_read_changes_nothing", |url| Box::pin(jobs::a_read_changes_nothing(url))),
    ("closing_finishes_what_is_queued", |url| Box::pin(jobs::closing_finishes_what_is_queued(url))),
    ("statements_are_remembered", |url| Box::pin(jobs::statements_are_remembered(url))),
    ("announcements_are_numbered_in_order", |url| Box::pin(feeds::announcements_are_numbered_in_order(url))),
    ("a_cursor_never_skips_a_row", |url| Box::pin(feeds::a_cursor_never_skips_a_row(url))),
    ("migrations_are_applied_once", |url| Box::pin(opening::migrations_are_applied_once(url))),
    ("another_history_is_refused", |url| Box::pin(opening::another_history_is_refused(url))),
    ("a_failed_migration_leaves_nothing", |url| Box::pin(opening::a_failed_migration_leaves_nothing(url))),
    ("nodes_can_migrate_at_once", |url| Box::pin(opening::nodes_can_migrate_at_once(url))),
];

/// Runs every case; `fresh` makes an empty database for the case of this name. Returns what did not hold.
pub async fn failures(fresh: impl Fn(&str) -> DbUrl) -> Vec<String> {
    let mut failures = Vec::new();
    for (name, case) in CASES {
        match tokio::spawn(case(fresh(name))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failures.push(format!("{name}: {error:?}")),
            Err(panic) => failures.push(format!("{name}: {panic}")),
        }
    }
    failures
}

fn org() -> OrgId {
    OrgId::from_bytes([1; 16])
}

const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "things",
    sql: "-- Whatever; a case needs.
        CREATE TABLE things (
            org TEXT NOT NULL, -- first; as everywhere
            id TEXT NOT NULL,
            n BIGINT,
            t TEXT,
            b BYTEA,
            PRIMARY KEY (org, id)
        );
        CREATE TABLE parts (
            org TEXT NOT NULL,
            id TEXT NOT NULL,
            thing TEXT NOT NULL,
            n BIGINT NOT NULL CHECK (n >= 0),
            PRIMARY KEY (org, id),
            FOREIGN KEY (org, thing) REFERENCES things (org, id)
        );
        CREATE TABLE feeds (
            org TEXT NOT NULL,
            feed TEXT NOT NULL,
            last_seq BIGINT NOT NULL,
            PRIMARY KEY (org, feed)
        );
        CREATE TABLE feed_rows (
            org TEXT NOT NULL,
            feed TEXT NOT NULL,
            seq BIGINT NOT NULL,
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail BIGINT,
            PRIMARY KEY (org, feed, seq)
        );",
}];

async fn open(url: &DbUrl) -> Result<Db, DbError> {
    Db::open(url, MIGRATIONS).await
}

async fn read<T: Send + 'static>(
    db: &Db,
    job: impl Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + Sync + 'static,
) -> Result<T, DbError> {
    db.read(job).await
}

async fn write<T: Send + 'static>(
    db: &Db,
    job: impl Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + Sync + 'static,
) -> Result<T, DbError> {
    db.write(job).await
}

async fn query(db: &Db, sql: &'static str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
    read(db, move |tx| tx.query(sql, &params)).await
}

/// Stores a thing that has nothing but its id.
fn put(tx: &mut Tx<'_>, id: &str) -> Result<u64, DbError> {
    tx.execute("INSERT INTO things (org, id) VALUES ($1, $2)", &params![org(), id])
}

/// The ids of all things, sorted.
async fn ids(db: &Db) -> Result<Vec<String>, DbError> {
    let rows = query(db, "SELECT id FROM things WHERE org = $1 ORDER BY id", params![org()]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// What a job of a case fails with by its own choice.
fn refusal() -> DbError {
    DbError::NoRow { sql: "refused by the job" }
}

/// The writer, kept busy by a job of its own: what is queued meanwhile waits together and shares a batch.
struct Held {
    release: mpsc::Sender<()>,
    job: JoinHandle<Result<(), DbError>>,
}

impl Held {
    async fn new(db: &Db) -> Self {
        let (started, running) = oneshot::channel();
        let (release, released) = mpsc::channel();
        let (started, released) = (Mutex::new(Some(started)), Mutex::new(released));
        let db = db.clone();
        let job = tokio::spawn(async move {
            let held = move |_: &mut Tx<'_>| {
                if let Some(started) = started.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    let _ = started.send(());
                }
                // An error is the release: nothing is ever sent.
                let _ = released.lock().unwrap_or_else(PoisonError::into_inner).recv();
                Ok(())
            };
            write(&db, held).await
        });
        assert_eq!(running.await, Ok(()), "the holding job runs");
        Self { release, job }
    }

    async fn release(self) -> Result<(), DbError> {
        drop(self.release);
        self.job.await.expect("the holding job does not panic")
    }
}

/// Starts a future as far as its place in a queue.
async fn queued<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let waits = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await;
    assert!(waits, "a queued job cannot be done while the writer is held");
    // A task that never yields is made to wait for places that are free.
    tokio::task::yield_now().await;
    future
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let failures = failures(|name| DbUrl::Sqlite(folder.path().join(name))).await;
        assert!(failures.is_empty(), "{failures:#?}");
    }
}
