//! The one writer: takes jobs from a queue and commits those that wait together in one transaction.
//!
//! Each job has a savepoint, so that a failing one takes back its own work only. Answers go out after the commit.

use super::error::DbError;
use super::feeds;
use super::job::{Job, Message};
use super::session::{COMMIT_BATCH, NEXT_JOB, Purpose, ROLLBACK, Session, UNDO_JOB};
use super::tx::{Seen, Tx};
use super::worker::{RUNS_MAX, Worker};
use fieldproof_schema::planted::{self, Bug};
use tokio::sync::{mpsc, watch};

/// The most jobs in one transaction. PostgreSQL remembers 64 subtransactions per connection cheaply; beyond that every
/// other connection's snapshot becomes slow.
const BATCH_MAX: usize = 64;

/// Why a batch was not committed, and what can be done about it.
enum Setback {
    /// Nothing was stored, and the same batch can succeed.
    Passing(DbError),
    /// Nothing was stored; one of the jobs or its publications is to blame. Run apart, the others succeed.
    Shared(DbError),
    /// Repeating makes nothing better, or could do the work twice.
    Final(DbError),
}

impl Setback {
    fn error(&self) -> &DbError {
        match self {
            Self::Passing(error) | Self::Shared(error) | Self::Final(error) => error,
        }
    }

    /// Judges a failure before the commit.
    fn before_commit(error: DbError) -> Self {
        if error.is_passing() { Self::Passing(error) } else { Self::Shared(error) }
    }

    /// Judges a failure of the commit itself.
    fn at_commit(error: DbError) -> Self {
        match error {
            DbError::Unavailable(source) => Self::Final(DbError::OutcomeUnknown(source)),
            error => Self::before_commit(error),
        }
    }
}

/// Works until the queue is closed and empty.
pub(super) fn run(worker: &mut Worker, mut queue: mpsc::Receiver<Message>, published: &watch::Sender<()>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Job(job) => batch.push(job),
                Message::Close => queue.close(),
            }
            next = if batch.len() < BATCH_MAX { queue.try_recv().ok() } else { None };
        }
        if !batch.is_empty() {
            settle(worker, batch, published);
        }
    }
}

/// Runs a batch until each of its jobs has an answer.
fn settle(worker: &mut Worker, mut batch: Vec<Box<dyn Job>>, published: &watch::Sender<()>) {
    let mut runs = 0;
    let verdict = loop {
        runs += 1;
        batch.iter_mut().for_each(|job| job.forget());
        match attempt(worker, &mut batch) {
            Err(Setback::Passing(_)) if runs < RUNS_MAX => {}
            Err(Setback::Passing(_) | Setback::Shared(_)) if batch.len() > 1 => {
                return batch.into_iter().for_each(|job| settle(worker, vec![job], published));
            }
            Err(_) if planted::is(Bug::AnsweredBeforeCommit) => break Ok(()),
            Err(setback) => break Err(setback.error().clone()),
            Ok(has_published) => {
                if has_published {
                    published.send_replace(());
                }
                break Ok(());
            }
        }
    };
    for job in batch {
        job.deliver(verdict.clone());
    }
}

fn attempt(worker: &mut Worker, batch: &mut [Box<dyn Job>]) -> Result<bool, Setback> {
    let (session, seen) = worker.session().map_err(Setback::Final)?;
    let done = transact(session, seen, batch);
    if let Err(setback) = &done {
        let error = setback.error();
        match error {
            DbError::OutcomeUnknown(source) => worker.abandon(&DbError::Unavailable(source.clone())),
            error => worker.abandon(error),
        }
    }
    done
}

/// Runs and commits a batch; true when something was published.
fn transact(session: &mut dyn Session, seen: &mut Seen, batch: &mut [Box<dyn Job>]) -> Result<bool, Setback> {
    session.begin(Purpose::Write).map_err(|error| {
        // SQLite has waited its whole timeout for the lock.
        if error.is_lost() { Setback::Passing(error) } else { Setback::Final(error) }
    })?;
    let mut publications = Vec::new();
    let mut kept = 0;
    let last = batch.len() - 1;
    for (index, job) in batch.iter_mut().enumerate() {
        let mut tx = Tx::new(session, seen, Purpose::Write);
        let succeeded = job.run(&mut tx);
        let (published, fault) = tx.finish();
        if let Some(fault) = fault.filter(DbError::is_passing) {
            return Err(Setback::Passing(fault));
        }
        if !succeeded {
            session.control(UNDO_JOB).map_err(Setback::before_commit)?;
            continue;
        }
        kept += 1;
        publications.extend(published);
        if index < last {
            session.control(NEXT_JOB).map_err(Setback::before_commit)?;
        }
    }
    if kept == 0 {
        return session.control(ROLLBACK).map(|()| false).map_err(Setback::before_commit);
    }
    let has_published = !publications.is_empty();
    // Last, so that the counters' locks are held for the shortest time and always taken in the same order.
    feeds::append(&mut Tx::new(session, seen, Purpose::Write), publications)
        .map_err(Setback::before_commit)?;
    session.control(COMMIT_BATCH).map(|()| has_published).map_err(Setback::at_commit)
}
