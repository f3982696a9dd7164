//! The key of the store: drawn once, kept under the officer's passphrase in `store.key`, or by the platform.

use super::{SealedKey, put_aside, read_sealed, unlock, unlock_officer, write_sealed};
use crate::error::ClientError;
use crate::keys::KeyCost;
use crate::store;
use fieldproof_cipher::database;
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::suite::{MemoryKey, PublicKey, Signer};
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

const STORE_KEY: &str = "store.key";

/// What the store is encrypted with: thirty-two secret bytes.
#[derive(Clone)]
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    /// A key that somebody else keeps: the platform's key store.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What tells it from others; of no use to whoever wants to open the store.
    pub(crate) fn public(&self) -> PublicKey {
        MemoryKey::from_secret(&self.0).public_key()
    }

    /// As SQLCipher takes it.
    pub(crate) fn pragma(&self) -> Zeroizing<String> {
        database::key_with_salt(&self.0)
    }

    /// For a store with a salt of chance, as earlier versions kept it.
    pub(crate) fn pragma_alone(&self) -> Zeroizing<String> {
        database::key_alone(&self.0)
    }

    /// How a store begins that is encrypted with it.
    pub(crate) fn salt(&self) -> [u8; database::SALT_BYTES] {
        database::salt(&self.0)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey")
    }
}

/// Opens the key of an enrolled terminal's store. Where an earlier version kept the store in the clear, the passphrase is
/// checked with the officer's key, and the store gets one.
pub(crate) fn unlock_store(
    dir: &Path,
    host: &dyn Host,
    passphrase: &str,
    cost: KeyCost,
) -> Result<StoreKey, ClientError> {
    if let Some(secret) = unlock(dir, STORE_KEY, host, passphrase)? {
        return Ok(StoreKey(secret));
    }
    if store::is_encrypted(dir)? {
        // With another key it would only be set aside.
        return Err(ClientError::Damaged { what: "store.key" });
    }
    unlock_officer(dir, host, passphrase)?;
    seal(dir, host, (passphrase, cost), StoreKey(Zeroizing::new(random(host))))
}

/// Puts the key of a store that begins now under a passphrase: the one that the platform keeps, or a fresh one. A key that an
/// enrolment which did not come to its end left is used; one under another passphrase is put aside, since it may be the only
/// one of a store that is.
pub(crate) fn seal_store(
    dir: &Path,
    host: &dyn Host,
    (passphrase, cost): (&str, KeyCost),
    kept: Option<StoreKey>,
) -> Result<StoreKey, ClientError> {
    match read_sealed(dir, STORE_KEY)?.map(|sealed| sealed.open(passphrase)) {
        Some(Ok(secret)) if kept.as_ref().is_none_or(|kept| kept.0 == secret) => return Ok(StoreKey(secret)),
        Some(_) => put_aside(dir, STORE_KEY)?,
        None => {}
    }
    let key = kept.unwrap_or_else(|| StoreKey(Zeroizing::new(random(host))));
    seal(dir, host, (passphrase, cost), key)
}

/// A key that the platform handed in, when it is the one that stands under the passphrase, too: another one would only have the
/// store set aside.
pub(crate) fn same_store(dir: &Path, key: StoreKey) -> Result<StoreKey, ClientError> {
    let sealed = read_sealed(dir, STORE_KEY)?;
    if sealed.is_some_and(|sealed| sealed.public != key.public()) {
        return Err(ClientError::Damaged { what: "store.key" });
    }
    Ok(key)
}

/// Puts a key under a passphrase, in the place of whatever it was under.
pub(crate) fn seal(
    dir: &Path,
    host: &dyn Host,
    (passphrase, cost): (&str, KeyCost),
    key: StoreKey,
) -> Result<StoreKey, ClientError> {
    write_sealed(dir, STORE_KEY, &SealedKey::seal(&key.0, passphrase, cost, host)?)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;

    const WORDS: &str = "一二三四五六七八";

    #[test]
    fn a_key_is_drawn_once_and_opens_with_its_passphrase_alone() {
        let (dir, host) = (tempfile::tempdir().unwrap(), TestHost::new(1));
        let key = seal_store(dir.path(), &host, (WORDS, KeyCost::CHEAP), None).unwrap();
        let again = seal_store(dir.path(), &host, (WORDS, KeyCost::CHEAP), None).unwrap();
        let opened = unlock_store(dir.path(), &host, WORDS, KeyCost::CHEAP).unwrap();
        assert_eq!(*key.pragma(), *again.pragma());
        assert_eq!(*key.pragma(), *opened.pragma());
        let wrong = unlock_store(dir.path(), &host, "87654321", KeyCost::CHEAP).unwrap_err();
        assert!(matches!(wrong, ClientError::PassphraseWrong));
        assert_eq!(format!("{key:?}"), "StoreKey");
    }

    #[test]
    fn a_key_under_another_passphrase_is_kept() {
        let (dir, host) = (tempfile::tempdir().unwrap(), TestHost::new(1));
        let first = seal_store(dir.path(), &host, (WORDS, KeyCost::CHEAP), None).unwrap();
        let second = seal_store(dir.path(), &host, ("87654321", KeyCost::CHEAP), None).unwrap();
        assert_ne!(*first.pragma(), *second.pragma());
        std::fs::rename(dir.path().join("store.key.kept-1"), dir.path().join(STORE_KEY)).unwrap();
        let found = unlock_store(dir.path(), &host, WORDS, KeyCost::CHEAP).unwrap();
        assert_eq!(*found.pragma(), *first.pragma());
    }

    #[test]
    fn the_platforms_key_opens_with_the_passphrase_too() {
        let (dir, host) = (tempfile::tempdir().unwrap(), TestHost::new(1));
        let kept = StoreKey::from_bytes([9; 32]);
        let key = seal_store(dir.path(), &host, (WORDS, KeyCost::CHEAP), Some(kept.clone())).unwrap();
        let opened = unlock_store(dir.path(), &host, WORDS, KeyCost::CHEAP).unwrap();
        assert_eq!(*key.pragma(), *kept.pragma());
        assert_eq!(*opened.pragma(), *kept.pragma());
    }

    #[test]
    fn without_its_key_a_store_is_left_alone() {
        let (dir, host) = (tempfile::tempdir().unwrap(), TestHost::new(1));
        crate::keys::officer_key(dir.path(), &host, WORDS, KeyCost::CHEAP).unwrap();
        std::fs::write(dir.path().join("store.db"), [0x5a; 4096]).unwrap();
        let error = unlock_store(dir.path(), &host, WORDS, KeyCost::CHEAP).unwrap_err();
        assert!(matches!(error, ClientError::Damaged { what: "store.key" }));
    }
}
