//! Messages that one holder of a key can open: HPKE in its base mode (RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305.

use crate::files::{Altered, KEY_BYTES};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::fmt;
use zeroize::Zeroizing;

type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;

/// Bytes that a message grows by.
pub const BOX_BYTES: usize = KEY_BYTES + crate::files::TAG_BYTES;

/// What opens messages.
pub struct Opener(Private, [u8; KEY_BYTES]);

impl Opener {
    /// The one that belongs to a secret, always the same.
    pub fn from_secret(secret: &[u8; KEY_BYTES]) -> Self {
        let (private, public) = X25519HkdfSha256::derive_keypair(secret);
        Self(private, public.to_bytes().into())
    }

    /// The key with which others seal for it.
    pub fn public(&self) -> [u8; KEY_BYTES] {
        self.1
    }

    /// Opens what was sealed for this key, for the same purpose and about the same thing.
    ///
    /// # Errors
    /// [`Altered`] for anything else.
    pub fn open(&self, purpose: &str, about: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Altered> {
        let (key, message) = sealed.split_at_checked(KEY_BYTES).ok_or(Altered)?;
        let key = Encapsulated::from_bytes(key).map_err(|_| Altered)?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.0,
            &key,
            purpose.as_bytes(),
            message,
            about,
        );
        opened.map(Zeroizing::new).map_err(|_| Altered)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// Seals a message for the holder of a key, for one purpose and about one thing. `chance` is thirty-two random bytes that are used for
/// nothing else.
///
/// # Errors
/// [`Altered`] for a key that is none.
pub fn seal(
    to: &[u8; KEY_BYTES],
    purpose: &str,
    about: &[u8],
    message: &[u8],
    chance: &Zeroizing<[u8; 32]>,
) -> Result<Vec<u8>, Altered> {
    let to = Public::from_bytes(to).map_err(|_| Altered)?;
    let (key, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &to,
        purpose.as_bytes(),
        message,
        about,
        &mut ChaCha20Rng::from_seed(**chance),
    )
    .map_err(|_| Altered)?;
    Ok([key.to_bytes().as_slice(), &sealed].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance() -> Zeroizing<[u8; 32]> {
        Zeroizing::new([3; 32])
    }

    #[test]
    fn a_message_opens_for_its_holder_its_purpose_and_its_thing_alone() {
        let (mine, other) = (Opener::from_secret(&[1; 32]), Opener::from_secret(&[2; 32]));
        let sealed = seal(&mine.public(), "a", b"b", b"secret", &chance()).unwrap();
        assert_eq!(sealed.len(), b"secret".len() + BOX_BYTES);
        assert_eq!(**mine.open("a", b"b", &sealed).unwrap(), *b"secret");
        assert!(other.open("a", b"b", &sealed).is_err());
        assert!(mine.open("x", b"b", &sealed).is_err());
        assert!(mine.open("a", b"x", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert!(mine.open("a", b"b", &altered).is_err(), "{place}");
            assert!(mine.open("a", b"b", &sealed[..place]).is_err(), "{place}");
        }
        assert_eq!(format!("{mine:?}"), "Opener");
    }

    #[test]
    fn a_key_of_low_order_is_refused() {
        assert!(seal(&[0; 32], "a", b"b", b"secret", &chance()).is_err());
    }
}
