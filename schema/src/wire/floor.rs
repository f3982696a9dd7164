//! The floor: how new a terminal must be to be given rows.
//!
//! It is the server's word, signed, and only rises. What a terminal below it holds is received as ever: nothing recorded
//! is lost to an old program. Server and terminals judge by the same functions here.

use crate::moment::Moment;
use crate::suite::{PublicKey, Purpose, Signature, Signer, SuiteError};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The version of a program: three numbers, compared from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ProgramVersion {
    /// Counts what breaks with what was.
    #[n(0)]
    pub major: u32,
    /// Counts what was added.
    #[n(1)]
    pub minor: u32,
    /// Counts what was mended.
    #[n(2)]
    pub patch: u32,
}

/// Not a version of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version has three numbers, for instance 1.4.0")]
pub struct VersionError;

impl FromStr for ProgramVersion {
    type Err = VersionError;

    /// Reads `1.4.0`. What follows a hyphen or a plus sign says how it was built, and is left out.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        let mut numbers = numbers.split('.').map(|number| {
            let plain = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
            number.parse().ok().filter(|_| plain).ok_or(VersionError)
        });
        let mut next = || numbers.next().unwrap_or(Err(VersionError));
        let version = Self { major: next()?, minor: next()?, patch: next()? };
        if numbers.next().is_some() { Err(VersionError) } else { Ok(version) }
    }
}

impl fmt::Display for ProgramVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Serialize for ProgramVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProgramVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How new a terminal must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Floor {
    /// Counts the floors of a server, from 1.
    #[n(0)]
    pub version: u64,
    /// The least version of the protocol.
    #[n(1)]
    pub protocol: u16,
    /// The least version of the terminal's program; none where the protocol alone counts.
    #[n(2)]
    pub program: Option<ProgramVersion>,
    /// When it was signed, by the server's clock.
    #[n(3)]
    pub at: Moment,
}

impl Floor {
    /// Whether a terminal that speaks this protocol and runs this program is new enough. A program that does not say its
    /// version is older than all that do.
    pub fn admits(&self, protocol: u16, program: Option<ProgramVersion>) -> bool {
        protocol >= self.protocol && program >= self.program
    }

    /// Whether it asks for no less than `other`, in anything.
    pub fn is_no_lower_than(&self, other: &Self) -> bool {
        self.protocol >= other.protocol && self.program >= other.program
    }

    /// Whether a terminal that knows `known` believes this one: a later one, and in nothing lower.
    pub fn replaces(&self, known: &Self) -> bool {
        self.version > known.version && self.is_no_lower_than(known)
    }

    /// The lowest floor that is lower than neither, later than both.
    #[must_use]
    pub fn above_both(&self, other: &Self, at: Moment) -> Self {
        Self {
            version: self.version.max(other.version).saturating_add(1),
            protocol: self.protocol.max(other.protocol),
            program: self.program.max(other.program),
            at,
        }
    }

    /// Signs it with the server's key.
    pub fn sign(&self, signer: &dyn Signer) -> SignedFloor {
        let bytes = minicbor::to_vec(self).expect("writing to memory cannot fail");
        let signature = signer.sign(Purpose::Floor, &bytes);
        SignedFloor { bytes, signature }
    }
}

/// A floor as it travels and is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedFloor {
    /// The CBOR form of the [`Floor`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    /// By the server's key.
    #[n(1)]
    pub signature: Signature,
}

/// Why a floor is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FloorError {
    /// Not a floor.
    #[error("the bytes are not a floor")]
    Unreadable,
    /// Not signed by the server's key.
    #[error("the floor is not signed by the server")]
    Signature(#[source] SuiteError),
}

impl SignedFloor {
    /// Reads the floor and checks who signed it.
    pub fn verify(&self, server: &PublicKey) -> Result<Floor, FloorError> {
        server.verify(Purpose::Floor, &self.bytes, &self.signature).map_err(FloorError::Signature)?;
        minicbor::decode(&self.bytes).map_err(|_| FloorError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::MemoryKey;

    fn version(text: &str) -> ProgramVersion {
        text.parse().unwrap()
    }

    fn floor(version: u64, protocol: u16, program: Option<&str>) -> Floor {
        let program = program.map(|text| text.parse().unwrap());
        Floor { version, protocol, program, at: Moment::from_micros(1) }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(version("1.10.0") > version("1.9.9"));
        assert_eq!(version("2.0.1-rc.1+a7"), version("2.0.1"));
        assert_eq!(version("2.0.1").to_string(), "2.0.1");
        for wrong in ["", "1", "1.2", "1.2.3.4", "1.2.x", "1..3", "+1.2.3", "1.2.4294967296", "v1.2.3"] {
            assert_eq!(wrong.parse::<ProgramVersion>(), Err(VersionError), "{wrong}");
        }
    }

    #[test]
    fn who_does_not_say_its_version_is_below_every_floor_of_programs() {
        assert!(floor(1, 2, None).admits(2, None));
        assert!(!floor(1, 2, None).admits(1, Some(version("9.0.0"))));
        assert!(!floor(1, 2, Some("1.4.0")).admits(2, None));
        assert!(!floor(1, 2, Some("1.4.0")).admits(3, Some(version("1.3.9"))));
        assert!(floor(1, 2, Some("1.4.0")).admits(2, Some(version("1.4.0"))));
    }

    #[test]
    fn a_floor_only_rises() {
        let known = floor(3, 2, Some("1.4.0"));
        assert!(floor(4, 2, Some("1.5.0")).replaces(&known));
        assert!(floor(4, 3, Some("1.4.0")).replaces(&known));
        for lower in [floor(4, 1, Some("1.5.0")), floor(4, 2, Some("1.3.0")), floor(4, 3, None)] {
            assert!(!lower.replaces(&known), "{lower:?}");
            let joined = known.above_both(&lower, Moment::from_micros(2));
            assert!(joined.replaces(&known) && joined.replaces(&lower), "{joined:?}");
        }
        assert!(!floor(3, 3, Some("2.0.0")).replaces(&known), "not a later one");
    }

    #[test]
    fn a_floor_is_believed_from_the_server_only() {
        let (key, other) = (MemoryKey::from_secret(&[7; 32]), MemoryKey::from_secret(&[8; 32]));
        let known = floor(1, 2, Some("0.1.0"));
        let signed = known.sign(&key);
        assert_eq!(signed.verify(&key.public_key()), Ok(known));
        assert_eq!(signed.verify(&other.public_key()), Err(FloorError::Signature(SuiteError::Mismatch)));
        // What the server signed for another purpose is no floor.
        let bytes = signed.bytes.clone();
        let receipt = SignedFloor { signature: key.sign(Purpose::Receipt, &bytes), bytes };
        assert!(receipt.verify(&key.public_key()).is_err());
        insta::assert_snapshot!(hex::encode(minicbor::to_vec(&signed).unwrap()), @"82488401028300010001584101a168ab3ec99244bd9542022b2dd9ebb0080aefc89947090df8e0c11b5234ed751fc8abbbb531771fce63255e89d1181b82d57bad8083c40848ef05251eb1a20c");
    }
}
