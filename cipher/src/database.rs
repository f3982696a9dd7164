//! How a database is opened: with a key, and with what SQLCipher mixes into it for the hash over each page.
//!
//! SQLCipher takes that salt from the first bytes of the file, unless it is handed in with the key. It has to be: a power cut while
//! the log is copied into the file can leave anything in the first page, and the page as it should be stands in the log, where it
//! can only be read with the salt (docs/adr/0035).

use crate::files::{KEY_BYTES, derive};
use zeroize::Zeroizing;

/// Bytes of a salt, with which a database begins.
pub const SALT_BYTES: usize = 16;

/// The salt that belongs to a key: it tells nothing of it.
pub fn salt(key: &[u8; KEY_BYTES]) -> [u8; SALT_BYTES] {
    let derived = derive(key, "the salt of a database", &[]);
    let mut salt = [0; SALT_BYTES];
    salt.copy_from_slice(&derived[..SALT_BYTES]);
    salt
}

/// What `PRAGMA key` and `ATTACH … KEY` take: the key with its salt.
pub fn key_with_salt(key: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    let hexed = Zeroizing::new(hex::encode(key));
    Zeroizing::new(format!("x'{}{}'", *hexed, hex::encode(salt(key))))
}

/// The key alone, for a database with a salt of chance: SQLCipher reads it from the file.
pub fn key_alone(key: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    let hexed = Zeroizing::new(hex::encode(key));
    Zeroizing::new(format!("x'{}'", *hexed))
}
