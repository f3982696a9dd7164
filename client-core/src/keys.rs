//! The keys of a terminal: the officer's under a passphrase, under the same passphrase the one that the store is encrypted with, and
//! under that one the device's own.
//!
//! They live in files beside the store, so that a damaged store costs no identity. What is signed with them is decided
//! elsewhere.

mod device;
mod sealed;
pub(crate) mod shares;
mod store;

pub(crate) use device::{device_key, read_device_key};
pub use store::StoreKey;
pub(crate) use store::{same_store, seal, seal_store, unlock_store};

pub(crate) use sealed::SealedKey;
pub use sealed::{KeyCost, PASSPHRASE_CHARS_MIN};

use crate::error::ClientError;
use crate::files;
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::suite::{MemoryKey, PublicKey};
use std::path::Path;
use zeroize::Zeroizing;

const OFFICER_KEY: &str = "officer.key";

/// Reads the officer's key, or makes one under `passphrase` and keeps it before returning.
pub(crate) fn officer_key(
    dir: &Path,
    host: &dyn Host,
    passphrase: &str,
    cost: KeyCost,
) -> Result<MemoryKey, ClientError> {
    if read_sealed(dir, OFFICER_KEY)?.is_some() {
        return unlock_officer(dir, host, passphrase);
    }
    if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
        return Err(ClientError::PassphraseTooShort { min: PASSPHRASE_CHARS_MIN });
    }
    let secret: Zeroizing<[u8; 32]> = Zeroizing::new(random(host));
    write_sealed(dir, OFFICER_KEY, &SealedKey::seal(&secret, passphrase, cost, host)?)?;
    Ok(MemoryKey::from_secret(&secret))
}

/// Whether somebody has begun to enrol in a data directory: a key is under her passphrase.
pub fn has_begun(dir: &Path) -> bool {
    dir.join(OFFICER_KEY).exists()
}

/// The officer's public key; needs no passphrase. `None` before the enrolment.
pub(crate) fn officer_public_key(dir: &Path) -> Result<Option<PublicKey>, ClientError> {
    Ok(read_sealed(dir, OFFICER_KEY)?.map(|sealed| sealed.public))
}

/// Opens the officer's key. A wrong passphrase destroys nothing; after several the next try has to wait.
pub(crate) fn unlock_officer(
    dir: &Path,
    host: &dyn Host,
    passphrase: &str,
) -> Result<MemoryKey, ClientError> {
    let secret = unlock(dir, OFFICER_KEY, host, passphrase)?.ok_or(ClientError::NotEnrolled)?;
    Ok(MemoryKey::from_secret(&secret))
}

/// Puts another officer's key under another passphrase in the place of one that nobody can open any more. What an earlier try made is
/// kept; a key that goes is put aside, not deleted: what was signed with it is checked with its public half.
pub(crate) fn renew_officer_key(
    dir: &Path,
    host: &dyn Host,
    passphrase: &str,
    cost: KeyCost,
) -> Result<(), ClientError> {
    if let Some(sealed) = read_sealed(dir, OFFICER_KEY)? {
        if sealed.open(passphrase).is_ok() {
            return Ok(());
        }
        put_aside(dir, OFFICER_KEY)?;
    }
    officer_key(dir, host, passphrase, cost).map(drop)
}

/// Opens a key under a passphrase; `None` when there is none.
fn unlock(
    dir: &Path,
    file: &str,
    host: &dyn Host,
    passphrase: &str,
) -> Result<Option<Zeroizing<[u8; 32]>>, ClientError> {
    let Some(mut sealed) = read_sealed(dir, file)? else { return Ok(None) };
    sealed.try_open(passphrase, host, |sealed| write_sealed(dir, file, sealed)).map(Some)
}

/// Gives a key's file another name, under which nobody looks for one.
fn put_aside(dir: &Path, file: &str) -> Result<(), ClientError> {
    let names = (1..).map(|n: u32| dir.join(format!("{file}.kept-{n}")));
    let free = names.into_iter().find(|path| !path.exists()).expect("numbers do not run out");
    files::rename_durably(&dir.join(file), &free).map_err(|e| ClientError::file("putting a key aside", e))
}

fn read_sealed(dir: &Path, file: &str) -> Result<Option<SealedKey>, ClientError> {
    let damaged = ClientError::Damaged { what: "a key under a passphrase" };
    let bytes = files::read_optional(&dir.join(file))
        .map_err(|e| ClientError::file("reading a key under a passphrase", e))?;
    bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(|_| damaged)).transpose()
}

fn write_sealed(dir: &Path, file: &str, sealed: &SealedKey) -> Result<(), ClientError> {
    let text = serde_json::to_vec(sealed).expect("a sealed key is plain data with text keys");
    files::write_whole(&dir.join(file), &text)
        .map_err(|e| ClientError::file("writing a key under a passphrase", e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;
    use fieldproof_schema::suite::Signer;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let (dir, host) = (tempfile::tempdir().unwrap(), TestHost::new(1));
        let key = || officer_key(dir.path(), &host, "一二三四五六七八", KeyCost::CHEAP).unwrap().public_key();
        let made = key();
        assert_eq!(key(), made);
        assert_eq!(officer_public_key(dir.path()).unwrap(), Some(made));
    }

    #[test]
    fn a_short_passphrase_makes_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let error = officer_key(dir.path(), &TestHost::new(1), "1234567", KeyCost::CHEAP).unwrap_err();
        assert!(matches!(error, ClientError::PassphraseTooShort { min: 8 }));
        assert_eq!(officer_public_key(dir.path()).unwrap(), None);
    }

    #[test]
    fn wrong_passphrases_slow_down_and_the_right_one_still_opens() {
        let dir = tempfile::tempdir().unwrap();
        let host = TestHost::new(1);
        officer_key(dir.path(), &host, "correct horse", KeyCost::CHEAP).unwrap();
        let mut wrong = 0;
        let wait = loop {
            match unlock_officer(dir.path(), &host, "wrong horse").unwrap_err() {
                ClientError::PassphraseWrong => wrong += 1,
                ClientError::TooManyTries { retry_after_seconds } => break retry_after_seconds,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wrong, 5);
        // Even the right one has to wait, or the wait would be no defence.
        assert!(unlock_officer(dir.path(), &host, "correct horse").is_err());
        host.advance_ms(wait * 1000);
        unlock_officer(dir.path(), &host, "correct horse").unwrap();
        // The count starts anew.
        assert!(matches!(
            unlock_officer(dir.path(), &host, "wrong horse").unwrap_err(),
            ClientError::PassphraseWrong
        ));
    }
}
