//! A secret key under a passphrase: argon2id makes the wrapping key, ChaCha20-Poly1305 wraps.

use crate::error::ClientError;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::{MemoryKey, PublicKey, Signer};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Characters of a passphrase, at least.
pub const PASSPHRASE_CHARS_MIN: usize = 8;
/// Wrong passphrases in a row before the next try has to wait.
const FREE_TRIES: u32 = 5;
/// The longest wait between two tries, in seconds.
const WAIT_SECONDS_MAX: u64 = 3600;

/// What guessing one passphrase costs (argon2id).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl KeyCost {
    /// About a quarter of a second on a terminal.
    pub const PRODUCT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// Next to nothing: for tests and for sample data.
    pub const CHEAP: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };
}

/// The file of a key under a passphrase.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SealedKey {
    /// The form of this file; 1.
    pub(crate) format: u32,
    /// Readable without the passphrase.
    pub(crate) public: PublicKey,
    cost: KeyCost,
    #[serde(with = "hex::serde")]
    salt: [u8; 16],
    #[serde(with = "hex::serde")]
    nonce: [u8; 12],
    #[serde(with = "hex::serde")]
    wrapped: Vec<u8>,
    /// Wrong passphrases in a row.
    pub(crate) failures: u32,
    /// When the last of them was tried.
    pub(crate) failed_at: Option<Moment>,
}

impl SealedKey {
    pub(crate) fn seal(
        secret: &[u8; 32],
        passphrase: &str,
        cost: KeyCost,
        host: &dyn Host,
    ) -> Result<Self, ClientError> {
        let (salt, nonce) = (random(host), random(host));
        let wrapping = wrapping_key(passphrase, &salt, cost)?;
        let wrapped = ChaCha20Poly1305::new(&Key::from(*wrapping))
            .encrypt(&Nonce::from(nonce), secret.as_slice())
            .map_err(|_| ClientError::Damaged { what: "a key under a passphrase" })?;
        let public = MemoryKey::from_secret(secret).public_key();
        Ok(Self { format: 1, public, cost, salt, nonce, wrapped, failures: 0, failed_at: None })
    }

    pub(crate) fn open(&self, passphrase: &str) -> Result<Zeroizing<[u8; 32]>, ClientError> {
        let wrapping = wrapping_key(passphrase, &self.salt, self.cost)?;
        let opened = ChaCha20Poly1305::new(&Key::from(*wrapping))
            .decrypt(&Nonce::from(self.nonce), self.wrapped.as_slice())
            .map_err(|_| ClientError::PassphraseWrong)?;
        let opened = Zeroizing::new(opened);
        let mut secret = Zeroizing::new([0; 32]);
        if opened.len() != secret.len() {
            return Err(ClientError::Damaged { what: "a key under a passphrase" });
        }
        secret.copy_from_slice(&opened);
        if MemoryKey::from_secret(&secret).public_key() != self.public {
            return Err(ClientError::Damaged { what: "a key under a passphrase" });
        }
        Ok(secret)
    }

    /// Opens it unless too many tries failed; what is counted about that is kept by `keep`.
    pub(crate) fn try_open(
        &mut self,
        passphrase: &str,
        host: &dyn Host,
        keep: impl Fn(&Self) -> Result<(), ClientError>,
    ) -> Result<Zeroizing<[u8; 32]>, ClientError> {
        self.may_try(host.now())?;
        // Counted before the try, so that switching off in time gains nothing.
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(host.now());
        keep(self)?;
        let secret = self.open(passphrase)?;
        self.failures = 0;
        self.failed_at = None;
        keep(self)?;
        Ok(secret)
    }

    /// Whether a try is allowed now: the wait doubles with every further failure.
    fn may_try(&self, now: Moment) -> Result<(), ClientError> {
        let Some(failed_at) = self.failed_at.filter(|_| self.failures >= FREE_TRIES) else { return Ok(()) };
        let wait = 1_u64.checked_shl(self.failures - FREE_TRIES).unwrap_or(u64::MAX).min(WAIT_SECONDS_MAX);
        let passed_micros = now.as_micros().saturating_sub(failed_at.as_micros());
        // A clock that went back cannot say how long ago it was. Waiting for it to catch up could lock the officer out
        // for years; who can set clocks is not kept out by a wait, but by the cost of each guess.
        let Ok(passed_micros) = u64::try_from(passed_micros) else { return Ok(()) };
        let passed = passed_micros / 1_000_000;
        if passed >= wait {
            return Ok(());
        }
        Err(ClientError::TooManyTries { retry_after_seconds: wait - passed })
    }
}

fn wrapping_key(passphrase: &str, salt: &[u8], cost: KeyCost) -> Result<Zeroizing<[u8; 32]>, ClientError> {
    let mut key = Zeroizing::new([0; 32]);
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(key.len()))
        .map_err(|_| ClientError::Damaged { what: "a key under a passphrase" })?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(|_| ClientError::Damaged { what: "a key under a passphrase" })?;
    Ok(key)
}
