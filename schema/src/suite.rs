//! Digests, keys and signatures, each carrying the suite that made it.
//!
//! `std` is Ed25519 with SHA-256. A second suite (SM2 with SM3) will be added as a further [`Suite`]; what was signed
//! under one is never read under another. This module holds no key: callers keep them behind [`Signer`].

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A set of algorithms that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Suite {
    /// Ed25519 and SHA-256.
    Std = 1,
}

impl Suite {
    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Std),
            _ => None,
        }
    }

    /// The name in texts, for instance in front of a digest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Std => "std",
        }
    }
}

/// What can go wrong with keys, digests and signatures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuiteError {
    /// The bytes name a suite that this version does not know.
    #[error("unknown suite {0}")]
    UnknownSuite(u8),
    /// The value has the wrong length or form.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// The signature does not belong to this message and key.
    #[error("the signature does not match")]
    Mismatch,
}

macro_rules! suite_bytes {
    ($(#[doc = $doc:literal])* $name:ident, $len:literal, $what:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// The algorithms behind it.
            pub suite: Suite,
            /// The value itself.
            pub value: [u8; $len],
        }

        impl $name {
            /// The suite's byte, then the value: the form that is stored, sent and signed.
            pub fn to_bytes(self) -> Vec<u8> {
                let mut bytes = Vec::with_capacity($len + 1);
                bytes.push(self.suite as u8);
                bytes.extend_from_slice(&self.value);
                bytes
            }

            /// Takes back [`Self::to_bytes`].
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, SuiteError> {
                let (&suite, value) = bytes.split_first().ok_or(SuiteError::Malformed($what))?;
                let suite = Suite::from_byte(suite).ok_or(SuiteError::UnknownSuite(suite))?;
                let value = value.try_into().map_err(|_| SuiteError::Malformed($what))?;
                Ok(Self { suite, value })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}-{}", self.suite.name(), hex::encode(self.value))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = SuiteError;
            fn from_str(text: &str) -> Result<Self, SuiteError> {
                let value = text.strip_prefix("std-").ok_or(SuiteError::Malformed($what))?;
                // One spelling per value, so that a name in an address or a path is canonical.
                if value.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(SuiteError::Malformed($what));
                }
                let mut bytes = [0; $len];
                hex::decode_to_slice(value, &mut bytes).map_err(|_| SuiteError::Malformed($what))?;
                Ok(Self { suite: Suite::Std, value: bytes })
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.to_bytes())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::from_bytes(d.bytes()?).map_err(minicbor::decode::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

suite_bytes!(
    /// The hash of some bytes.
    Digest, 32, "digest"
);
suite_bytes!(
    /// A key that checks signatures.
    PublicKey, 32, "public key"
);
suite_bytes!(
    /// A key that seals messages for its holder: X25519 in the suite `std`.
    CustodyKey, 32, "custody key"
);
suite_bytes!(
    /// A signature over a [`Purpose`] and a message.
    Signature, 64, "signature"
);

impl Digest {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self { suite: Suite::Std, value: Sha256::digest(bytes).into() }
    }

    /// Hashes bytes that arrive in pieces.
    pub fn stream() -> DigestStream {
        DigestStream(Sha256::new())
    }
}

/// A running [`Digest`].
#[derive(Clone, Default)]
pub struct DigestStream(Sha256);

impl DigestStream {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces so far.
    pub fn finish(self) -> Digest {
        Digest { suite: Suite::Std, value: self.0.finalize().into() }
    }
}

impl fmt::Debug for DigestStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestStream")
    }
}

/// What a signature is for. A signature made for one purpose is worthless for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A device signs an entry of its journal.
    Journal,
    /// A device answers a session challenge.
    Session,
    /// A device proves possession of its key at enrolment.
    Enrolment,
    /// An officer signs the content of an inspection.
    Seal,
    /// The server signs what it durably holds.
    Receipt,
    /// The server signs an answer to the request that brought the nonce.
    Answer,
    /// The server signs whose a device and its keys are.
    Certificate,
    /// The server signs how new terminals must be.
    Floor,
    /// The server signs who keeps the shares of a terminal's key.
    Custodians,
}

impl Purpose {
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Journal => b"fieldproof/1/journal\0",
            Self::Session => b"fieldproof/1/session\0",
            Self::Enrolment => b"fieldproof/1/enrolment\0",
            Self::Seal => b"fieldproof/1/seal\0",
            Self::Receipt => b"fieldproof/1/receipt\0",
            Self::Answer => b"fieldproof/1/answer\0",
            Self::Certificate => b"fieldproof/1/certificate\0",
            Self::Floor => b"fieldproof/1/floor\0",
            Self::Custodians => b"fieldproof/1/custodians\0",
        }
    }

    fn message(self, message: &[u8]) -> Vec<u8> {
        [self.prefix(), message].concat()
    }
}

/// Something that can sign: a key in a file here, a key in hardware elsewhere.
pub trait Signer: Send + Sync {
    /// The key that checks what this one signs.
    fn public_key(&self) -> PublicKey;

    /// Signs `message` for `purpose`.
    fn sign(&self, purpose: Purpose, message: &[u8]) -> Signature;
}

/// An Ed25519 key held in memory.
#[derive(Clone)]
pub struct MemoryKey(SigningKey);

impl MemoryKey {
    /// The key with this secret.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }
}

impl fmt::Debug for MemoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryKey({})", self.public_key())
    }
}

impl Signer for MemoryKey {
    fn public_key(&self) -> PublicKey {
        PublicKey { suite: Suite::Std, value: self.0.verifying_key().to_bytes() }
    }

    fn sign(&self, purpose: Purpose, message: &[u8]) -> Signature {
        Signature { suite: Suite::Std, value: self.0.sign(&purpose.message(message)).to_bytes() }
    }
}

impl PublicKey {
    /// Checks a signature; weak keys and malleable signatures are refused.
    pub fn verify(&self, purpose: Purpose, message: &[u8], signature: &Signature) -> Result<(), SuiteError> {
        let key = VerifyingKey::from_bytes(&self.value).map_err(|_| SuiteError::Malformed("public key"))?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.value);
        key.verify_strict(&purpose.message(message), &signature).map_err(|_| SuiteError::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_key_and_purpose_only() {
        let key = MemoryKey::from_secret(&[7; 32]);
        let other = MemoryKey::from_secret(&[8; 32]);
        let signature = key.sign(Purpose::Journal, b"entry");
        assert_eq!(key.public_key().verify(Purpose::Journal, b"entry", &signature), Ok(()));
        for (who, purpose, message) in [
            (&key, Purpose::Receipt, b"entry"),
            (&key, Purpose::Journal, b"Entry"),
            (&other, Purpose::Journal, b"entry"),
        ] {
            assert_eq!(who.public_key().verify(purpose, message, &signature), Err(SuiteError::Mismatch));
        }
    }

    #[test]
    fn a_digest_has_one_spelling() {
        let digest = Digest::of(b"fieldproof");
        insta::assert_snapshot!(digest, @"std-de056bfc35d36c69cbdfe9f5f91714f48bac8dae5377eac45ead92abad48d155");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!(digest.to_string().to_uppercase().replace("STD", "std").parse::<Digest>().is_err());
        assert_eq!(Digest::from_bytes(&[9; 33]), Err(SuiteError::UnknownSuite(9)));
    }
}
