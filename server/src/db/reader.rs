//! The readers: a few threads that share one queue, each running one job at a time on its own snapshot.

use super::error::DbError;
use super::job::{Job, Message};
use super::session::{COMMIT, Purpose};
use super::tx::Tx;
use super::worker::{RUNS_MAX, Worker};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// The queue, of which one idle reader at a time holds the end.
pub(super) type SharedQueue = Arc<Mutex<mpsc::Receiver<Message>>>;

/// Works until the queue is closed and empty.
pub(super) fn run(worker: &mut Worker, queue: &SharedQueue) {
    loop {
        let message = {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let message = queue.blocking_recv();
            if let Some(Message::Close) = message {
                queue.close();
            }
            message
        };
        match message {
            Some(Message::Job(job)) => settle(worker, job),
            Some(Message::Close) => {}
            None => return,
        }
    }
}

fn settle(worker: &mut Worker, mut job: Box<dyn Job>) {
    let mut runs = 0;
    let verdict = loop {
        runs += 1;
        job.forget();
        let done = attempt(worker, job.as_mut());
        if let Err(error) = &done {
            worker.abandon(error);
        }
        match done {
            Err(error) if error.is_passing() && runs < RUNS_MAX => {}
            done => break done,
        }
    };
    job.deliver(verdict);
}

fn attempt(worker: &mut Worker, job: &mut dyn Job) -> Result<(), DbError> {
    let (session, seen) = worker.session()?;
    session.begin(Purpose::Read)?;
    let mut tx = Tx::new(session, seen, Purpose::Read);
    job.run(&mut tx);
    match tx.finish() {
        (_, Some(fault)) => Err(fault),
        (_, None) => session.control(COMMIT),
    }
}
