//! `sync`: one sync, and what came of it.

use super::output::{Output, megabytes};
use super::{SyncArgs, open, transport};
use crate::error::StartError;
use crate::uploads::Uploads;
use std::process::ExitCode;

pub(super) async fn run(args: &SyncArgs, output: &Output) -> Result<ExitCode, StartError> {
    let transport = transport(&args.server)?;
    let client = open(&args.store, output)?;
    let rules = Uploads::open(&args.store.data).rules();
    let report = client.sync_by(&transport, &rules).await?;
    client.retain();
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
    if rules.paused {
        output.say("sync.paused", &[])?;
    }
    Ok(ExitCode::SUCCESS)
}
