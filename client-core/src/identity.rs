//! Who this terminal is: a file beside the store, so that a damaged store costs no identity.

use crate::error::ClientError;
use crate::files;
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::ids::{DeviceId, OfficerId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::PublicKey;
use fieldproof_schema::wire::device::Enrolled;
use serde::{Deserialize, Serialize};
use std::path::Path;

const IDENTITY: &str = "identity.json";

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The form of this file; 1.
    pub(crate) format: u32,
    /// Chosen before the first request, so that an enrolment can be repeated after a lost answer.
    pub(crate) device: DeviceId,
    /// What the server answered; absent until then.
    pub(crate) member: Option<Member>,
}

/// What an enrolment gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) device_name: String,
    pub(crate) officer: OfficerId,
    pub(crate) officer_name: String,
    /// Pinned: receipts of any other key are not believed.
    pub(crate) server_key: PublicKey,
    pub(crate) enrolled_at: Moment,
}

/// Whose terminal a data directory is: known also while its store is locked; `None` for nobody's.
///
/// # Errors
/// When the file that says so is damaged or cannot be read.
pub fn officer_name(dir: &Path) -> Result<Option<String>, ClientError> {
    Ok(Identity::read(dir)?.and_then(|identity| identity.member).map(|member| member.officer_name))
}

impl Identity {
    /// Reads the identity; `None` before the first try to enrol.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, ClientError> {
        let bytes = files::read_optional(&dir.join(IDENTITY))
            .map_err(|e| ClientError::file("reading identity.json", e))?;
        bytes
            .map(|b| serde_json::from_slice(&b).map_err(|_| ClientError::Damaged { what: "identity.json" }))
            .transpose()
    }

    /// Reads the identity, or chooses one and keeps it before returning.
    pub(crate) fn read_or_choose(dir: &Path, host: &dyn Host) -> Result<Self, ClientError> {
        if let Some(known) = Self::read(dir)? {
            return Ok(known);
        }
        let device = DeviceId::new(host.now(), random(host));
        let chosen = Self { format: 1, device, member: None };
        chosen.write(dir)?;
        Ok(chosen)
    }

    /// Keeps what the server answered.
    pub(crate) fn join(
        &mut self,
        dir: &Path,
        device_name: &str,
        answer: &Enrolled,
    ) -> Result<(), ClientError> {
        self.member = Some(Member {
            device_name: device_name.to_owned(),
            officer: answer.officer,
            officer_name: answer.officer_name.clone(),
            server_key: answer.server_key,
            enrolled_at: answer.server_at,
        });
        self.write(dir)
    }

    fn write(&self, dir: &Path) -> Result<(), ClientError> {
        let text = serde_json::to_vec_pretty(self).expect("an identity is plain data with text keys");
        files::write_whole(&dir.join(IDENTITY), &text)
            .map_err(|e| ClientError::file("writing identity.json", e))
    }
}
