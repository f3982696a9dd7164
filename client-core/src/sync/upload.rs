//! Originals to the server: a few at a time, beside the rounds that carry records, never in their way.
//!
//! The queue is read anew before each request, so that what is captured now goes before the next part of a long film. What
//! goes is decided purely ([`queue`]); a step is one original's next part ([`original`]). One that cannot be sent does not
//! hold back the others. Everything is on one task: the order of requests is that of the queue, and nothing but what one
//! part needs is in memory for each original under way.

mod original;
mod queue;
mod rules;

pub use rules::UploadRules;

use super::RefusedItem;
use crate::client::Client;
use crate::error::ClientError;
use crate::store::evidence::{self as captures, Original};
use crate::transport::Transport;
use fieldproof_schema::wire::error::ErrorCode;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use original::{PART_BYTES, Reached, Step};
use queue::Run;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What one run of uploads did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UploadReport {
    /// Captures for which a receipt came.
    pub completed: u64,
    /// Bytes of parts that set out.
    pub bytes_sent: u64,
    /// Captures that the server refused, or that cannot be read.
    pub refused: Vec<RefusedItem>,
}

/// What waits and may not go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeldBack {
    /// Captures.
    pub captures: u64,
    /// Their bytes.
    pub size_bytes: u64,
}

/// What runs of uploads share; lost with the process.
pub(crate) struct Uploading {
    /// Held by the one that runs.
    turn: tokio::sync::Mutex<()>,
    /// Bytes of one part: less than usual where something on the way refused more.
    part_bytes: AtomicUsize,
}

impl Default for Uploading {
    fn default() -> Self {
        Self { turn: tokio::sync::Mutex::default(), part_bytes: AtomicUsize::new(PART_BYTES) }
    }
}

impl Uploading {
    fn part_bytes(&self) -> usize {
        self.part_bytes.load(Ordering::Relaxed)
    }

    /// A part of so many bytes was too large for somebody on the way.
    fn refused(&self, part_bytes: usize) {
        self.part_bytes.fetch_min(part_bytes / 2, Ordering::Relaxed);
    }
}

impl Client {
    /// Sends originals whose journal entries the server holds, as far as the rules let them go; they are asked before each
    /// request, so that a pause is kept to at the next part. Waits for a run that goes on already.
    ///
    /// What is under way when something stops the run is brought to the end of its part. The report tells what was done,
    /// also when an error comes back.
    ///
    /// # Errors
    /// As [`Self::sync`]; with seconds to wait when the server asks to be left alone.
    pub async fn upload(
        &self,
        transport: &dyn Transport,
        rules: &(dyn Fn() -> UploadRules + Send + Sync),
        report: &mut UploadReport,
    ) -> Result<(), ClientError> {
        if self.desk()?.who.is_none() {
            return Err(ClientError::NotEnrolled);
        }
        let _turn = self.uploading.turn.lock().await;
        let mut run = Run::default();
        let mut under_way = FuturesUnordered::new();
        let mut ended = Ok(());
        loop {
            if ended.is_ok() && run.has_room() {
                match captures::pending(&self.reader()) {
                    Ok(waiting) => {
                        for (original, progress) in run.begin(waiting, &rules()) {
                            under_way.push(self.step(transport, original, progress));
                        }
                    }
                    Err(error) => ended = Err(error),
                }
            }
            let Some(step) = under_way.next().await else { return ended };
            if let Err(error) = self.after(step, &mut run, report) {
                // The first one says why; the others met the same.
                ended = ended.and(Err(error));
            }
        }
    }

    /// Notes how a step ended. An error is one that concerns all of them.
    fn after(&self, step: Step, run: &mut Run, report: &mut UploadReport) -> Result<(), ClientError> {
        let Step { original, sent_bytes, result } = step;
        report.bytes_sent += sent_bytes;
        let error = match result {
            Ok(Reached::Part(progress)) => {
                run.goes_on(&original, progress);
                return Ok(());
            }
            Ok(Reached::End) => {
                run.done(&original);
                report.completed += 1;
                return Ok(());
            }
            Err(error) => error,
        };
        run.over(&original);
        match &error {
            // Not about this capture: the server asks to be left alone for a while.
            ClientError::Refused { .. } if error.retry_after_seconds().is_some() => return Err(error),
            // The entry that names it may come later, by whoever has it.
            ClientError::Refused { code, .. } if !original.own => {
                tracing::info!(code, evidence.record = %original.record, "a colleague's original is not taken");
            }
            ClientError::Refused { code, .. } => {
                if code == ErrorCode::QuotaExceeded.as_str() {
                    run.full(original.inspection);
                }
                report.refused.push(refused(&original, code));
            }
            // One original that cannot be read now must not hold up the others; it is tried again next time.
            ClientError::File { .. } => {
                tracing::error!(error = %error, evidence.record = %original.record, "an original cannot be read");
                report.refused.push(refused(&original, error.code().as_str()));
            }
            _ => return Err(error),
        }
        Ok(())
    }

    /// How much waits that these rules hold back.
    pub fn held_back(&self, rules: &UploadRules) -> Result<HeldBack, ClientError> {
        let mut held = HeldBack::default();
        for (record, size_bytes) in captures::lengths_waiting(&self.reader())? {
            if !rules.let_go(record, size_bytes) {
                held.captures += 1;
                held.size_bytes += size_bytes;
            }
        }
        Ok(held)
    }
}

fn refused(original: &Original, code: &str) -> RefusedItem {
    RefusedItem {
        item: original.digest,
        inspection: Some(original.inspection),
        code: code.to_owned(),
        held: false,
    }
}
