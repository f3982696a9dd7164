//! The device's key, in `device.key` under the store's: with it a thief would be the terminal to the server, and be given all that
//! its officer sees.

use super::StoreKey;
use crate::error::ClientError;
use crate::files;
use fieldproof_cipher::files::{Derived, KEY_BYTES, Pieces, TAG_BYTES, derive};
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::suite::MemoryKey;
use std::path::Path;
use zeroize::Zeroizing;

const DEVICE_KEY: &str = "device.key";
/// Random bytes before the encrypted key: with the store's key they make the key of the file.
const SALT_BYTES: usize = 32;
const SEALED_BYTES: usize = SALT_BYTES + KEY_BYTES + TAG_BYTES;

/// Reads the device's key; `None` before the enrolment. One that an earlier version left in the clear is put under the store's key.
pub(crate) fn read_device_key(
    dir: &Path,
    host: &dyn Host,
    store: &StoreKey,
) -> Result<Option<MemoryKey>, ClientError> {
    let damaged = ClientError::Damaged { what: "device.key" };
    let bytes = files::read_optional(&dir.join(DEVICE_KEY))
        .map_err(|e| ClientError::file("reading device.key", e))?;
    let Some(bytes) = bytes.map(Zeroizing::new) else { return Ok(None) };
    let secret = match bytes.len() {
        KEY_BYTES => {
            let secret = secret(&bytes).ok_or(damaged)?;
            write(dir, host, store, &secret)?;
            secret
        }
        SEALED_BYTES => {
            let (salt, sealed) = bytes.split_at(SALT_BYTES);
            let mut opened = Zeroizing::new(sealed.to_vec());
            let pieces = Pieces::new(&file_key(store, salt));
            pieces.decrypt(0, true, &mut opened).ok().and_then(|()| secret(&opened)).ok_or(damaged)?
        }
        _ => return Err(damaged),
    };
    Ok(Some(MemoryKey::from_secret(&secret)))
}

/// Reads the device's key, or makes one and keeps it before returning.
pub(crate) fn device_key(dir: &Path, host: &dyn Host, store: &StoreKey) -> Result<MemoryKey, ClientError> {
    if let Some(key) = read_device_key(dir, host, store)? {
        return Ok(key);
    }
    let secret = Zeroizing::new(random(host));
    write(dir, host, store, &secret)?;
    Ok(MemoryKey::from_secret(&secret))
}

fn secret(bytes: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    bytes.try_into().ok().map(Zeroizing::new)
}

fn file_key(store: &StoreKey, salt: &[u8]) -> Derived {
    derive(store.bytes(), "fieldproof/1/device-key", salt)
}

fn write(dir: &Path, host: &dyn Host, store: &StoreKey, secret: &[u8; KEY_BYTES]) -> Result<(), ClientError> {
    let salt: [u8; SALT_BYTES] = random(host);
    let mut sealed = Zeroizing::new(secret.to_vec());
    sealed.reserve_exact(TAG_BYTES);
    Pieces::new(&file_key(store, &salt)).encrypt(0, true, &mut sealed);
    let file = [&salt, sealed.as_slice()].concat();
    files::write_whole(&dir.join(DEVICE_KEY), &file).map_err(|e| ClientError::file("writing device.key", e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;
    use fieldproof_schema::suite::Signer;
    use std::fs;

    fn store() -> StoreKey {
        StoreKey::from_bytes([5; 32])
    }

    #[test]
    fn a_key_is_made_once_and_found_again_under_the_stores() {
        let (dir, host) = (tempfile::tempdir().unwrap(), TestHost::new(1));
        assert!(read_device_key(dir.path(), &host, &store()).unwrap().is_none());
        let made = device_key(dir.path(), &host, &store()).unwrap().public_key();
        assert_eq!(device_key(dir.path(), &host, &store()).unwrap().public_key(), made);
        let other = StoreKey::from_bytes([6; 32]);
        let refused = read_device_key(dir.path(), &host, &other).unwrap_err();
        assert!(matches!(refused, ClientError::Damaged { what: "device.key" }));
    }

    #[test]
    fn one_in_the_clear_is_put_under_the_stores_and_stays_the_same() {
        let (dir, host) = (tempfile::tempdir().unwrap(), TestHost::new(1));
        let path = dir.path().join(DEVICE_KEY);
        fs::write(&path, [9; 32]).unwrap();
        let public = MemoryKey::from_secret(&[9; 32]).public_key();
        for _ in 0..2 {
            let read = read_device_key(dir.path(), &host, &store()).unwrap().unwrap();
            assert_eq!(read.public_key(), public);
            let kept = fs::read(&path).unwrap();
            assert!(kept.len() == SEALED_BYTES && !kept.windows(4).any(|part| part == [9; 4]));
        }
    }

    #[test]
    fn a_damaged_one_is_said_to_be() {
        let (dir, host) = (tempfile::tempdir().unwrap(), TestHost::new(1));
        for bytes in [&b"short"[..], &[1; SEALED_BYTES]] {
            fs::write(dir.path().join(DEVICE_KEY), bytes).unwrap();
            let refused = read_device_key(dir.path(), &host, &store()).unwrap_err();
            assert!(matches!(refused, ClientError::Damaged { what: "device.key" }));
        }
    }
}
