//! Where the randomness comes from: what is frozen, a committed secret, and entropy revealed later.

use super::canonical;
use super::error::DrawError;
use super::input::DrawInput;
use super::pool::{self, Eligible};
use super::public;
use crate::suite::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Thirty-two unpredictable bytes; hex in JSON. Debug output does not show them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DrawSecret([u8; 32]);

impl DrawSecret {
    /// The secret with these bytes; fresh for every draw.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash that is logged before the entropy is known, and binds to this secret.
    pub fn commitment(&self) -> Digest {
        Digest::of(&[b"fieldproof-draw/1/commitment\0", &self.0[..]].concat())
    }
}

impl fmt::Debug for DrawSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DrawSecret")
    }
}

impl Serialize for DrawSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl FromStr for DrawSecret {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl<'de> Deserialize<'de> for DrawSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What fixes the outcome together with secret and entropy. Log it, with the commitment, before the entropy is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    /// The hash of the directory: all entities and officers.
    pub snapshot: Digest,
    /// The hash of the terms: plan, day, frequency and commitment.
    pub terms: Digest,
    /// The hash of the eligible entities under their pseudonyms, with weights, in the order of the draw.
    pub pool: Digest,
}

/// Checks the input and computes what has to be logged before the entropy is known.
///
/// # Errors
/// The same as [`super::draw`], without those about secret and entropy.
pub fn freeze(mut input: DrawInput) -> Result<Frozen, DrawError> {
    input.sort();
    input.check()?;
    Ok(Frozen::of(&input, &pool::sift(&input).eligible))
}

impl Frozen {
    pub(super) fn of(input: &DrawInput, eligible: &[Eligible]) -> Self {
        let entries: Vec<_> =
            eligible.iter().map(|e| (public::pseudonym(&input.salt, e.entity), e.weight)).collect();
        Self {
            snapshot: canonical::digest(&input.directory),
            terms: canonical::digest(&input.terms),
            pool: canonical::digest(&entries),
        }
    }

    pub(super) fn seed(&self, secret: &DrawSecret, entropy: &str) -> Digest {
        let mut seed = Digest::stream();
        for part in [
            b"fieldproof-draw/1\0".as_slice(),
            &self.snapshot.value,
            &self.terms.value,
            &self.pool.value,
            &secret.0,
            entropy.as_bytes(),
        ] {
            seed.update(part);
        }
        seed.finish()
    }
}
