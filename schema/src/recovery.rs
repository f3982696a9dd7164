//! How a terminal whose passphrase is forgotten is opened again: by any two of its custodians, and by nobody alone.
//!
//! Each terminal keeps its store's key in shares, two for each pair of its custodians, sealed to their keys. A request takes them to the
//! custodians; each answers with hers, sealed to a key that the terminal made for this request. Requests and answers travel as
//! texts: by hand, as a picture or in a message. Who reads them learns nothing of the key.

use crate::canonical::canonical_json;
use crate::ids::{DeviceId, OfficerId};
use crate::moment::Moment;
use crate::suite::{CustodyKey, Digest, PublicKey, Purpose, Signature, Signer};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Custodians of one terminal, at most: shares are made for each pair of them.
pub const CUSTODIANS_MAX: usize = 8;
/// Custodians that must answer, and so the fewest that are of use.
pub const CUSTODIANS_MIN: usize = 2;
/// Characters of a request or an answer, at most. The largest has some six thousand.
const TEXT_CHARS_MAX: usize = 16 * 1024;
/// The form of lists, requests and answers that this code writes and understands.
const FORMAT: u32 = 1;

/// Somebody who keeps a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custodian {
    /// The custodian's terminal, where the share is opened.
    pub device: DeviceId,
    /// Who.
    pub officer: OfficerId,
    /// The name as printed.
    pub name: String,
    /// What shares are sealed to.
    pub key: CustodyKey,
}

/// Who keeps the shares of a terminal, by the server's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custodians {
    /// The form of the text; 1.
    pub format: u32,
    /// Of which terminal.
    pub device: DeviceId,
    /// Who; ordered by terminal. Fewer than [`CUSTODIANS_MIN`] keep nothing.
    pub custodians: Vec<Custodian>,
}

/// Custodians as they travel and are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedCustodians {
    /// The canonical text of the [`Custodians`].
    pub text: String,
    /// By the server's key.
    pub signature: Signature,
}

/// Why something about a recovery is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// Not what it should be, cut, or of a later form.
    #[error("the text cannot be read, or is of a later version")]
    Unreadable,
    /// Not by the pinned server key.
    #[error("the custodians are not named by the server that this device was enrolled with")]
    Signature,
}

impl Custodians {
    /// A list for one terminal: ordered, and no longer than shares are made for.
    pub fn new(device: DeviceId, mut custodians: Vec<Custodian>) -> Self {
        custodians.sort_by_key(|custodian| custodian.device);
        custodians.truncate(CUSTODIANS_MAX);
        Self { format: FORMAT, device, custodians }
    }

    /// Signs the list with the server's key.
    pub fn sign(&self, signer: &dyn Signer) -> SignedCustodians {
        let value = serde_json::to_value(self).expect("custodians are plain data with text keys");
        let text = canonical_json(&value);
        let signature = signer.sign(Purpose::Custodians, text.as_bytes());
        SignedCustodians { text, signature }
    }
}

impl SignedCustodians {
    /// Reads the list and checks who signed it.
    pub fn verify(&self, server: &PublicKey) -> Result<Custodians, RecoveryError> {
        server
            .verify(Purpose::Custodians, self.text.as_bytes(), &self.signature)
            .map_err(|_| RecoveryError::Signature)?;
        let read: Custodians = serde_json::from_str(&self.text).map_err(|_| RecoveryError::Unreadable)?;
        let fits = read.format == FORMAT
            && read.custodians.len() <= CUSTODIANS_MAX
            && read.custodians.is_sorted_by(|a, b| a.device < b.device);
        if fits { Ok(read) } else { Err(RecoveryError::Unreadable) }
    }
}

/// Asks custodians for their shares.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Request {
    /// The form; 1.
    #[n(0)]
    pub format: u32,
    /// The terminal that is locked.
    #[n(1)]
    pub device: DeviceId,
    /// What people call it.
    #[n(2)]
    pub device_name: String,
    /// Whose it is.
    #[n(3)]
    pub officer: OfficerId,
    /// Her name as printed.
    #[n(4)]
    pub officer_name: String,
    /// What the terminal's clock said.
    #[n(5)]
    pub made_at: Moment,
    /// What answers are sealed to: made for this request alone.
    #[n(6)]
    pub key: CustodyKey,
    /// The shares, custodian by custodian.
    #[n(7)]
    pub boxes: Vec<ShareBox>,
}

/// The shares of one custodian, sealed to her key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ShareBox {
    /// Whose terminal opens it.
    #[n(0)]
    pub custodian: DeviceId,
    /// A share for each other custodian, in the order of their terminals.
    #[cbor(n(1), with = "minicbor::bytes")]
    #[serde(with = "hex::serde")]
    pub sealed: Vec<u8>,
}

/// A custodian's shares, sealed to the key of a request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Answer {
    /// The form; 1.
    #[n(0)]
    pub format: u32,
    /// To which request.
    #[n(1)]
    pub request: Digest,
    /// From whose terminal.
    #[n(2)]
    pub custodian: DeviceId,
    /// Her shares.
    #[cbor(n(3), with = "minicbor::bytes")]
    #[serde(with = "hex::serde")]
    pub sealed: Vec<u8>,
}

impl Request {
    /// The form that this code writes.
    pub const FORMAT: u32 = FORMAT;

    /// What an answer names.
    pub fn digest(&self) -> Digest {
        Digest::of(&minicbor::to_vec(self).expect("writing to memory cannot fail"))
    }
}

impl Answer {
    /// The form that this code writes.
    pub const FORMAT: u32 = FORMAT;
}

/// What stands before the letters of a request, and of an answer.
const REQUEST: &str = "FPQ";
const ANSWER: &str = "FPA";

/// One line of capitals and digits, which the smallest QR codes hold and no messenger changes.
fn text(mark: &str, value: &impl Encode<()>) -> String {
    let mut bytes = minicbor::to_vec(value).expect("writing to memory cannot fail");
    // A text that was cut or mistyped is told from one of somebody else.
    bytes.extend_from_slice(&Digest::of(&bytes).value[..4]);
    format!("{mark}{}", hex::encode_upper(bytes))
}

fn read<T: for<'b> Decode<'b, ()>>(mark: &str, text: &str) -> Result<T, RecoveryError> {
    // Messengers wrap lines.
    let text: String = text.chars().filter(|c| !c.is_whitespace()).take(TEXT_CHARS_MAX + 1).collect();
    let hex = text.strip_prefix(mark).filter(|hex| hex.len() <= TEXT_CHARS_MAX);
    let bytes = hex.and_then(|hex| hex::decode(hex).ok()).ok_or(RecoveryError::Unreadable)?;
    let (bytes, check) = bytes.split_last_chunk::<4>().ok_or(RecoveryError::Unreadable)?;
    if Digest::of(bytes).value[..4] != *check {
        return Err(RecoveryError::Unreadable);
    }
    minicbor::decode(bytes).map_err(|_| RecoveryError::Unreadable)
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(REQUEST, self))
    }
}

impl FromStr for Request {
    type Err = RecoveryError;

    fn from_str(text: &str) -> Result<Self, RecoveryError> {
        let request: Self = read(REQUEST, text)?;
        let fits = request.format == FORMAT && request.boxes.len() <= CUSTODIANS_MAX;
        if fits { Ok(request) } else { Err(RecoveryError::Unreadable) }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(ANSWER, self))
    }
}

impl FromStr for Answer {
    type Err = RecoveryError;

    fn from_str(text: &str) -> Result<Self, RecoveryError> {
        let answer: Self = read(ANSWER, text)?;
        if answer.format == FORMAT { Ok(answer) } else { Err(RecoveryError::Unreadable) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{MemoryKey, Suite};

    fn key(byte: u8) -> CustodyKey {
        CustodyKey { suite: Suite::Std, value: [byte; 32] }
    }

    fn list() -> Custodians {
        let custodian = |byte| Custodian {
            device: DeviceId::from_bytes([byte; 16]),
            officer: OfficerId::from_bytes([byte + 1; 16]),
            name: "李敏".into(),
            key: key(byte),
        };
        Custodians::new(DeviceId::from_bytes([9; 16]), vec![custodian(5), custodian(3)])
    }

    fn request() -> Request {
        let share = |byte| ShareBox { custodian: DeviceId::from_bytes([byte; 16]), sealed: vec![byte; 80] };
        Request {
            format: FORMAT,
            device: DeviceId::from_bytes([9; 16]),
            device_name: "T-1".into(),
            officer: OfficerId::from_bytes([8; 16]),
            officer_name: "王芳".into(),
            made_at: Moment::from_micros(5),
            key: key(7),
            boxes: vec![share(3), share(5)],
        }
    }

    #[test]
    fn custodians_keep_their_released_form_and_are_believed_from_the_pinned_server_only() {
        let server = MemoryKey::from_secret(&[7; 32]);
        let signed = list().sign(&server);
        insta::assert_snapshot!(signed.text, @r#"{"custodians":[{"device":"03030303-0303-0303-0303-030303030303","key":"std-0303030303030303030303030303030303030303030303030303030303030303","name":"李敏","officer":"04040404-0404-0404-0404-040404040404"},{"device":"05050505-0505-0505-0505-050505050505","key":"std-0505050505050505050505050505050505050505050505050505050505050505","name":"李敏","officer":"06060606-0606-0606-0606-060606060606"}],"device":"09090909-0909-0909-0909-090909090909","format":1}"#);
        assert_eq!(signed.verify(&server.public_key()), Ok(list()));
        let other = MemoryKey::from_secret(&[8; 32]).public_key();
        assert_eq!(signed.verify(&other), Err(RecoveryError::Signature));
        let resigned = |text: String| {
            let signature = server.sign(Purpose::Custodians, text.as_bytes());
            SignedCustodians { text, signature }.verify(&server.public_key())
        };
        let later = signed.text.replace("\"format\":1", "\"format\":2");
        assert_eq!(resigned(later), Err(RecoveryError::Unreadable));
        let mut twice = list();
        twice.custodians[1].device = twice.custodians[0].device;
        assert_eq!(twice.sign(&server).verify(&server.public_key()), Err(RecoveryError::Unreadable));
    }

    #[test]
    fn texts_come_back_however_they_are_wrapped() {
        let request = request();
        let text = request.to_string();
        assert!(text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{text}");
        let wrapped: String = text.chars().map(|c| format!("{c}\n ")).collect();
        assert_eq!(wrapped.parse(), Ok(request.clone()));
        let answer = Answer {
            format: FORMAT,
            request: request.digest(),
            custodian: DeviceId::from_bytes([3; 16]),
            sealed: vec![1; 80],
        };
        assert_eq!(answer.to_string().parse(), Ok(answer.clone()));
        // One is not taken for the other.
        assert!(text.parse::<Answer>().is_err() && answer.to_string().parse::<Request>().is_err());
    }

    #[test]
    fn a_text_that_was_changed_or_cut_is_refused() {
        let text = request().to_string();
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            assert!(String::from_utf8(changed).unwrap().parse::<Request>().is_err(), "{place}");
            assert!(text[..place].parse::<Request>().is_err(), "{place}");
        }
        assert!("FPQ".repeat(100_000).parse::<Request>().is_err());
        let later = Request { format: 2, ..request() };
        assert!(later.to_string().parse::<Request>().is_err());
    }
}
