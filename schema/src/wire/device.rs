//! Enrolment and device sessions, in JSON.

use crate::certificate::SignedCertificate;
use crate::ids::{DeviceId, OfficerId};
use crate::moment::Moment;
use crate::suite::{CustodyKey, Digest, PublicKey, Signature};
use serde::{Deserialize, Serialize};

/// A device asks to be enrolled with a one-time code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The one-time code that an administrator showed.
    pub code: String,
    /// The name that the device chose for itself; kept when an enrolment is repeated after a lost answer.
    pub device: DeviceId,
    /// What people call it.
    pub name: String,
    /// The device's key.
    pub device_key: PublicKey,
    /// The officer's key, which signs seals.
    pub officer_key: PublicKey,
    /// By the device's key over [`Self::proof_text`].
    pub device_proof: Signature,
    /// By the officer's key over [`Self::proof_text`].
    pub officer_proof: Signature,
}

impl EnrolRequest {
    /// What both keys sign, so that neither can be claimed by someone who does not hold it.
    pub fn proof_text(
        code: &str,
        device: DeviceId,
        device_key: &PublicKey,
        officer_key: &PublicKey,
    ) -> Vec<u8> {
        let code = Digest::of(normal_code(code).as_bytes());
        format!("{code}\n{device}\n{device_key}\n{officer_key}").into_bytes()
    }
}

/// One spelling for a code however it was typed: upper case, without spaces and hyphens.
pub fn normal_code(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_uppercase).collect()
}

/// The server's answer to an enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The device's name.
    pub device: DeviceId,
    /// Whose device it is.
    pub officer: OfficerId,
    /// The officer's name as it is printed.
    pub officer_name: String,
    /// The key that signs receipts; the device pins it.
    pub server_key: PublicKey,
    /// The server's epoch.
    pub epoch: Digest,
    /// The server's clock.
    pub server_at: Moment,
}

/// A device asks for something to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeRequest {
    /// Which device.
    pub device: DeviceId,
}

/// What to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// A fresh random text, valid once and for [`crate::limits::CHALLENGE_SECONDS`].
    pub challenge: String,
}

/// A device opens a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRequest {
    /// Which device.
    pub device: DeviceId,
    /// The text that was given.
    pub challenge: String,
    /// By the device's key over the challenge.
    pub signature: Signature,
}

/// An open session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Goes into `Authorization: Bearer`.
    pub token: String,
    /// When it ends, by the server's clock.
    pub expires_at: Moment,
    /// Whose the device is, for those who are handed its work; absent from servers of the first versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<SignedCertificate>,
}

/// A device says with what shares for its officer are sealed; the answer is who keeps the shares of its own key
/// ([`crate::recovery::SignedCustodians`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyRequest {
    /// Opened on this device alone.
    pub key: CustodyKey,
}

/// A custodian says whom she is about to help; no share leaves her terminal before this was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelpRequest {
    /// The device that is to be opened.
    pub device: DeviceId,
    /// Whose it is, as its request says.
    pub officer: OfficerId,
    /// The request, by its digest.
    pub request: Digest,
    /// How she knows who asks.
    pub reason: String,
}

/// A device registers a new key of its officer, under a one-time code as at its enrolment. The answer is the device's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerKeyRequest {
    /// The one-time code that an administrator showed.
    pub code: String,
    /// The officer's new key.
    pub officer_key: PublicKey,
    /// By the device's key over [`EnrolRequest::proof_text`].
    pub device_proof: Signature,
    /// By the officer's new key over the same.
    pub officer_proof: Signature,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_spelling() {
        assert_eq!(normal_code(" k7m2-9qxd "), "K7M29QXD");
    }
}
