//! A caller's closure on its way to a connection's thread, and its answer on the way back.

use super::error::DbError;
use super::tx::Tx;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// What waits in a queue.
pub(super) enum Message {
    /// Work.
    Job(Box<dyn Job>),
    /// The end of work: what is already queued is done, nothing more is accepted.
    Close,
}

/// A closure with the place for its answer. It can be run any number of times; the last run counts.
pub(super) trait Job: Send {
    /// Runs the closure; true when it succeeded. A panic is a failure of this job alone.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;

    /// Forgets the last run's answer, because what it was about was taken back.
    fn forget(&mut self);

    /// Answers the caller: a failure of the job's own as it is, a success only when `verdict` confirms it.
    fn deliver(self: Box<Self>, verdict: Result<(), DbError>);
}

/// The [`Job`] of a closure.
pub(super) struct Call<T, E, F> {
    job: F,
    answer: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Call<T, E, F> {
    pub(super) fn new(job: F, caller: oneshot::Sender<Result<T, E>>) -> Self {
        Self { job, answer: None, caller }
    }
}

impl<T, E, F> Job for Call<T, E, F>
where
    T: Send,
    E: From<DbError> + Send,
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        // Unwinding leaves nothing half done: what the job did in the database is rolled back to its savepoint.
        let ran = catch_unwind(AssertUnwindSafe(|| (self.job)(tx)));
        let answer = match (ran, tx.fault()) {
            (Err(panic), _) => Err(DbError::Panicked(text(panic.as_ref())).into()),
            (Ok(Ok(_)), Some(fault)) => Err(fault.clone().into()),
            (Ok(answer), _) => answer,
        };
        self.answer.insert(answer).is_ok()
    }

    fn forget(&mut self) {
        self.answer = None;
    }

    fn deliver(self: Box<Self>, verdict: Result<(), DbError>) {
        let answer = match (self.answer, verdict) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(error)) => Err(error.into()),
            (Some(answer), Ok(())) => answer,
            (None, Ok(())) => Err(DbError::Closed.into()),
        };
        // A caller that stopped waiting misses the answer, not the effect.
        drop(self.caller.send(answer));
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
