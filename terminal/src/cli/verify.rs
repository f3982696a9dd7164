//! `verify`: checks what is kept on this terminal. Fails when something does not hold.

use super::open;
use super::output::Output;
use crate::config::StoreSettings;
use crate::error::StartError;
use std::process::ExitCode;

pub(super) fn run(store: &StoreSettings, output: &Output) -> Result<ExitCode, StartError> {
    let found = open(store, output)?.verify()?;
    output.say(
        "verify.checked",
        &[
            ("entries", &found.entries.to_string()),
            ("changes", &found.changes.to_string()),
            ("evidence", &found.evidence.to_string()),
        ],
    )?;
    if found.faults.is_empty() {
        output.say("verify.sound", &[])?;
        return Ok(ExitCode::SUCCESS);
    }
    output.say("verify.faults", &[("count", &found.faults.len().to_string())])?;
    for fault in &found.faults {
        output.line(&format!("- {fault}"))?;
    }
    Ok(ExitCode::FAILURE)
}
