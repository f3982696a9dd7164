//! `sync`: one sync, and what came of it.

use super::output::{Output, megabytes};
use super::{SyncArgs, open, transport};
use crate::error::StartError;
use std::process::ExitCode;

pub(super) async fn run(args: &SyncArgs, output: &Output) -> Result<ExitCode, StartError> {
    let transport = transport(&args.server)?;
    let report = open(&args.store, output)?.sync(&transport).await?;
    output.say(
        "sync.done",
        &[
            ("entries", &report.entries_sent.to_string()),
            ("changes", &report.changes_sent.to_string()),
            ("evidence", &report.evidence_completed.to_string()),
            ("size", &megabytes(report.bytes_sent)),
            ("rows", &report.rows_received.to_string()),
        ],
    )?;
    if !report.refused.is_empty() {
        output.say("sync.refused", &[("count", &report.refused.len().to_string())])?;
    }
    Ok(ExitCode::SUCCESS)
}
