//! `fieldproof draw`: needs neither server nor database, so that anyone can check.

use super::{CliError, answer, said, tell};
use crate::error::ApiError;
use clap::{Args, Subcommand};
use fieldproof_schema::draw::{VerifyError, verify};
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;
use std::fs;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum Draw {
    /// Runs a recorded draw again and compares every step.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The record, as `GET /api/v1/draws/{id}/record` gives it.
    file: PathBuf,
}

impl Draw {
    pub(super) fn run(self) -> Result<(), CliError> {
        let Self::Verify(Verify { file }) = self;
        let text = fs::read_to_string(&file).map_err(CliError::file(&file))?;
        let holds = verify(&text).map_err(|error: VerifyError| {
            ApiError::new(ErrorCode::DrawRecordInvalid).with(json!({"why": error.to_string()}))
        })?;
        let [eligible, picks, assigned, recusals] =
            [holds.eligible, holds.picks, holds.assigned, holds.recusals].map(|n| n.to_string());
        tell(&said(
            "cli.draw_holds",
            &[("eligible", &eligible), ("picks", &picks), ("assigned", &assigned), ("recusals", &recusals)],
        ));
        answer(&json!({
            "draw": holds.draw, "commitment": holds.commitment, "frozen": holds.frozen, "record": holds.record,
            "eligible": holds.eligible, "picks": holds.picks, "assigned": holds.assigned, "recusals": holds.recusals,
        }))
    }
}
