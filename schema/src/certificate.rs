//! Whose a device is, by the server's word.
//!
//! A terminal that is handed another one's work without a network has nothing to check it by but this: the server that
//! both were enrolled with signed whose the other is and what its keys are. A server that was restored to before an
//! enrolment knows the terminal again by it.

use crate::canonical::canonical_json;
use crate::ids::{DeviceId, OfficerId};
use crate::moment::Moment;
use crate::suite::{PublicKey, Purpose, Signature, Signer};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Whose a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The form of the text; 1.
    pub format: u32,
    /// Which device.
    pub device: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// Whose.
    pub officer: OfficerId,
    /// The officer's name as printed.
    pub officer_name: String,
    /// Signs the device's journal.
    pub device_key: PublicKey,
    /// Sign the officer's seals on this device, oldest first.
    pub officer_keys: Vec<PublicKey>,
    /// When it was enrolled.
    pub enrolled_at: Moment,
}

/// A certificate as it travels and is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct SignedCertificate {
    /// The canonical text of the [`Certificate`].
    #[n(0)]
    pub text: String,
    /// By the server's key.
    #[n(1)]
    pub signature: Signature,
}

/// The form of certificates that this code writes and understands.
const FORMAT: u32 = 1;

/// Why a certificate is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not a certificate, or one of a later form.
    #[error("the text is not a certificate that this version understands")]
    Unreadable,
    /// Not by the pinned server key.
    #[error("the certificate is not by the server that this device was enrolled with")]
    Signature,
}

impl Certificate {
    /// Signs whose a device is with the server's key.
    pub fn sign(self, signer: &dyn Signer) -> SignedCertificate {
        let value = serde_json::to_value(Self { format: FORMAT, ..self });
        let text = canonical_json(&value.expect("a certificate is plain data with text keys"));
        let signature = signer.sign(Purpose::Certificate, text.as_bytes());
        SignedCertificate { text, signature }
    }
}

impl SignedCertificate {
    /// Reads the certificate and checks who signed it.
    pub fn verify(&self, server: &PublicKey) -> Result<Certificate, CertificateError> {
        server
            .verify(Purpose::Certificate, self.text.as_bytes(), &self.signature)
            .map_err(|_| CertificateError::Signature)?;
        self.read()
    }

    /// Reads the certificate without checking who signed it.
    pub fn read(&self) -> Result<Certificate, CertificateError> {
        let read: Certificate = serde_json::from_str(&self.text).map_err(|_| CertificateError::Unreadable)?;
        if read.format == FORMAT { Ok(read) } else { Err(CertificateError::Unreadable) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{Digest, MemoryKey};

    fn certificate() -> Certificate {
        Certificate {
            format: 1,
            device: DeviceId::from_bytes([1; 16]),
            device_name: "T-1".into(),
            officer: OfficerId::from_bytes([2; 16]),
            officer_name: "Li".into(),
            device_key: MemoryKey::from_secret(&[3; 32]).public_key(),
            officer_keys: vec![MemoryKey::from_secret(&[4; 32]).public_key()],
            enrolled_at: Moment::from_micros(5),
        }
    }

    #[test]
    fn a_certificate_keeps_its_released_form() {
        let signed = certificate().sign(&MemoryKey::from_secret(&[7; 32]));
        insta::assert_snapshot!(signed.text, @r#"{"device":"01010101-0101-0101-0101-010101010101","device_key":"std-ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1","device_name":"T-1","enrolled_at":"1970-01-01T00:00:00.000005Z","format":1,"officer":"02020202-0202-0202-0202-020202020202","officer_keys":["std-ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c"],"officer_name":"Li"}"#);
        assert_eq!(
            Digest::of(&signed.signature.to_bytes()).to_string(),
            "std-e6ec7857294e9003fe9b79c5d2cf104476442a2d4ddac0537810598347e9dead"
        );
    }

    #[test]
    fn a_certificate_is_believed_from_the_pinned_server_only_and_as_it_was_signed() {
        let key = MemoryKey::from_secret(&[7; 32]);
        let signed = certificate().sign(&key);
        assert_eq!(signed.verify(&key.public_key()), Ok(certificate()));
        let other = MemoryKey::from_secret(&[8; 32]).public_key();
        assert_eq!(signed.verify(&other), Err(CertificateError::Signature));
        let changed = SignedCertificate { text: signed.text.replace("T-1", "T-2"), ..signed };
        assert_eq!(changed.verify(&key.public_key()), Err(CertificateError::Signature));
    }

    #[test]
    fn a_certificate_of_a_later_form_is_not_read_as_one_of_this() {
        let key = MemoryKey::from_secret(&[7; 32]);
        let text = certificate().sign(&key).text.replace("\"format\":1", "\"format\":2");
        let signature = key.sign(Purpose::Certificate, text.as_bytes());
        let later = SignedCertificate { text, signature };
        assert_eq!(later.verify(&key.public_key()), Err(CertificateError::Unreadable));
    }
}
