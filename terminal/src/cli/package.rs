//! `export` and `import`: a visit as a file, from terminal to terminal.

use super::output::{Output, megabytes};
use super::{ExportArgs, ImportArgs, open};
use crate::error::StartError;
use std::process::ExitCode;

pub(super) fn export(args: &ExportArgs, output: &Output) -> Result<ExitCode, StartError> {
    let client = open(&args.store, output)?;
    let exported = client.export_package(args.inspection, &args.to, !args.without_originals)?;
    output.say(
        "package.exported",
        &[
            ("path", &args.to.display().to_string()),
            ("size", &megabytes(exported.size_bytes)),
            ("originals", &exported.originals.to_string()),
            ("missing", &exported.originals_missing.to_string()),
            ("digest", &exported.digest.to_string()),
        ],
    )?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn import(args: &ImportArgs, output: &Output) -> Result<ExitCode, StartError> {
    let imported = open(&args.store, output)?.import_package(&args.from)?;
    output.say(
        "package.imported",
        &[
            ("changes", &imported.changes.to_string()),
            ("entries", &imported.entries.to_string()),
            ("originals", &imported.originals.to_string()),
            ("waiting", &imported.waiting.to_string()),
            ("refused", &imported.refused.to_string()),
        ],
    )?;
    Ok(ExitCode::SUCCESS)
}
