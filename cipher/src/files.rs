//! Files of any length, encrypted piece by piece so that each can be read alone, and keys that are made of another one.

use aead_stream::{NewStream, StreamBE32, StreamPrimitive};
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes that a piece grows by.
pub const TAG_BYTES: usize = 16;

/// A key, or a name that nobody without the key can tell.
pub type Derived = Zeroizing<[u8; KEY_BYTES]>;

/// Makes of a key another one for one purpose and one thing, with HKDF-SHA256.
pub fn derive(key: &[u8; KEY_BYTES], purpose: &str, thing: &[u8]) -> Derived {
    let mut derived = Zeroizing::new([0; KEY_BYTES]);
    // The length tells where the purpose ends.
    let length = [u8::try_from(purpose.len()).expect("purposes are short")];
    let info = [&length, purpose.as_bytes(), thing];
    Hkdf::<Sha256>::new(None, key)
        .expand_multi_info(&info, &mut *derived)
        .expect("a key is no longer than HKDF goes");
    derived
}

/// A piece that is not what was encrypted at its place, under this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Altered;

impl fmt::Display for Altered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a piece does not decrypt")
    }
}

impl std::error::Error for Altered {}

/// Encrypts and decrypts the pieces of one file: STREAM (BE32) of ChaCha20-Poly1305. A piece that is swapped, left out, cut off or taken
/// from another file does not decrypt.
pub struct Pieces(StreamBE32<ChaCha20Poly1305>);

impl Pieces {
    /// With a key that is this file's alone: nothing else tells its places from another file's.
    pub fn new(key: &Derived) -> Self {
        Self(StreamBE32::new((&**key).into(), &Default::default()))
    }

    /// Encrypts the piece at `place`, which grows by [`TAG_BYTES`].
    pub fn encrypt(&self, place: u32, is_last: bool, piece: &mut Vec<u8>) {
        self.0
            .encrypt_in_place(place, is_last, &[], piece)
            .expect("a piece is not longer than the cipher goes");
    }

    /// Decrypts the piece at `place`.
    ///
    /// # Errors
    /// [`Altered`]; the piece then holds nothing.
    pub fn decrypt(&self, place: u32, is_last: bool, piece: &mut Vec<u8>) -> Result<(), Altered> {
        let decrypted = self.0.decrypt_in_place(place, is_last, &[], piece).map_err(|_| Altered);
        if decrypted.is_err() {
            piece.clear();
        }
        decrypted
    }
}
