//! `enroll`: a one-time code turns a data directory into an officer's terminal.

use super::output::Output;
use super::{EnrollArgs, open_or_make, passphrase, transport};
use crate::error::StartError;
use fieldproof_client_core::{ClientError, Enrolment, Unlock};
use std::process::ExitCode;

pub(super) async fn run(args: &EnrollArgs, output: &Output) -> Result<ExitCode, StartError> {
    let transport = transport(&args.server)?;
    let client = match open_or_make(&args.store, Unlock::Nothing) {
        Err(StartError::Client(ClientError::StoreLocked)) => Err(ClientError::AlreadyEnrolled)?,
        opened => opened?,
    };
    let passphrase = passphrase::read(output)?;
    let enrolment = Enrolment { code: &args.code, device_name: &args.name, passphrase: &passphrase };
    let status = client.enrol(&transport, &enrolment).await?;
    if let Some(whose) = status.enrolled {
        output.say("enrolled", &[("officer", &whose.officer_name), ("device", &whose.device_name)])?;
    }
    Ok(ExitCode::SUCCESS)
}
