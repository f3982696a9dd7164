//! One SQL, two engines: jobs over a transaction handle, on SQLite or PostgreSQL.
//!
//! A job is a plain blocking closure over [`Tx`]; [`Db::write`] and [`Db::read`] run it on a connection's own thread.
//! Statements are written once, with `$1` parameters, in the subset that both engines understand alike: columns and
//! answers are `BIGINT`, `TEXT` and `BYTEA`; every computed number that is read is `CAST(… AS BIGINT)`; `ORDER BY` ends in a
//! unique key. What the tables are and what the statements say belongs to the stores and to `schema::migrations`.

pub mod contract;
mod error;
mod feeds;
mod job;
mod migrate;
mod postgres;
mod reader;
mod session;
mod sqlite;
mod tx;
mod url;
mod value;
mod worker;
mod writer;

pub use error::{Cause, DbError};
pub use tx::Tx;
pub use url::{DbUrl, DbUrlError};
pub(crate) use value::params;
pub use value::{DecodeProblem, FromValue, Row, Value};

use fieldproof_schema::migrations::Migration;
use job::{Call, Message};
use session::Purpose;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot, watch};
use tx::SharedSeen;
use worker::Worker;

/// Jobs that may wait in a queue; beyond that callers wait to be let in.
const QUEUE_MAX: usize = 1024;
/// Reading threads: one per processor, within these bounds.
const READERS: (usize, usize) = (2, 8);

/// An open database. Clones share it.
///
/// Jobs that are accepted are run even when their caller stops waiting. When the last clone is dropped, the threads finish
/// what is queued and end by themselves; [`Db::close`] waits for that.
#[derive(Debug, Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: mpsc::Sender<Message>,
    readers: mpsc::Sender<Message>,
    seen: SharedSeen,
    published: watch::Receiver<()>,
    threads: Mutex<Threads>,
}

#[derive(Debug, Default)]
struct Threads {
    writer: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
}

impl Db {
    /// Opens the database at `url`, making it when it is a file and absent, and applies the `migrations` it lacks.
    ///
    /// # Errors
    /// When it cannot be reached, is damaged, does not store UTF-8 sorted by bytes, was made by a newer version, or when a
    /// migration fails. A refused database is left as it was.
    pub async fn open(url: &DbUrl, migrations: &[Migration]) -> Result<Self, DbError> {
        let processors = thread::available_parallelism().map_or(READERS.0, usize::from);
        Self::open_with(url, migrations, processors.clamp(READERS.0, READERS.1)).await
    }

    /// The same with so many reading threads. With one, whoever asks for one thing after another always meets the same
    /// connections, and what they have in their caches.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(url: &DbUrl, migrations: &[Migration], readers: usize) -> Result<Self, DbError> {
        let count = readers;
        let seen = SharedSeen::default();
        let (writer, jobs) = mpsc::channel(QUEUE_MAX);
        let (opened, ready) = oneshot::channel();
        let mut worker = Worker::new(url.clone(), Purpose::Write, seen.clone());
        let migrations = migrations.to_vec();
        let (publish, published) = watch::channel(());
        let writing = spawn("db-writer", move || {
            let prepared = prepare(&mut worker, &migrations);
            let refused = prepared.is_err();
            if opened.send(prepared).is_err() || refused {
                return;
            }
            writer::run(&mut worker, jobs, &publish);
        })?;
        let mut threads = Threads { writer: Some(writing), readers: Vec::new() };
        ready.await.map_err(|_| DbError::Closed)??;
        let (readers, jobs) = mpsc::channel(QUEUE_MAX);
        let queue = Arc::new(Mutex::new(jobs));
        for _ in 0..count {
            let mut worker = Worker::new(url.clone(), Purpose::Read, seen.clone());
            let queue = Arc::clone(&queue);
            threads.readers.push(spawn("db-reader", move || reader::run(&mut worker, &queue))?);
        }
        Ok(Self { inner: Arc::new(Inner { writer, readers, seen, published, threads: Mutex::new(threads) }) })
    }

    /// Runs `job` in a reading transaction: all its statements see one moment of the database.
    ///
    /// # Errors
    /// The job's own, or a [`DbError`].
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
    {
        submit(&self.inner.readers, job).await
    }

    /// Runs `job` in a writing transaction and answers when it is durable. The job may be run more than once, and the
    /// last run counts; an error or a panic takes back all that it did.
    ///
    /// # Errors
    /// The job's own, or a [`DbError`]: nothing was stored, except where [`DbError::OutcomeUnknown`] says otherwise.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
    {
        submit(&self.inner.writer, job).await
    }

    /// Changes after each commit of this process that published something; fails once the database is closed.
    pub fn published(&self) -> watch::Receiver<()> {
        self.inner.published.clone()
    }

    /// Every statement that ran on this database since it was opened here.
    pub fn statements_seen(&self) -> BTreeSet<&'static str> {
        self.inner.seen.all()
    }

    /// Finishes what is queued and closes the connections. Later jobs, of clones too, get [`DbError::Closed`].
    ///
    /// The writer goes last: whoever closes the last connection to a SQLite file empties the write-ahead log into it, and two
    /// that close at the same moment may each leave that to the other.
    pub async fn close(self) {
        let Threads { writer, readers } =
            std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        end(&self.inner.readers, readers).await;
        end(&self.inner.writer, writer.into_iter().collect()).await;
    }
}

/// Lets no more jobs into a queue, and waits until its threads have ended.
async fn end(queue: &mpsc::Sender<Message>, threads: Vec<JoinHandle<()>>) {
    // An error says that the queue is closed already.
    drop(queue.send(Message::Close).await);
    let joined = tokio::task::spawn_blocking(move || {
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("A thread of the database had panicked");
            }
        }
    });
    if joined.await.is_err() {
        tracing::error!("Nobody could wait for the database's threads");
    }
}

fn prepare(worker: &mut Worker, migrations: &[Migration]) -> Result<(), DbError> {
    let (session, _) = worker.session()?;
    session.check()?;
    migrate::migrate(session, migrations)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, DbError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| DbError::Unavailable(Arc::new(error)))
}

async fn submit<T, E, F>(queue: &mpsc::Sender<Message>, job: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
{
    let (caller, answer) = oneshot::channel();
    let message = Message::Job(Box::new(Call::new(job, caller)));
    queue.send(message).await.map_err(|_| DbError::Closed)?;
    answer.await.unwrap_or_else(|_| Err(DbError::Closed.into()))
}
