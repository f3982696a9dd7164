//! CBOR in one bounded zstd stream, both ways.

use crate::limits::{SYNC_BODY_BYTES_MAX, SYNC_BODY_PLAIN_BYTES_MAX};
use minicbor::{Decode, Encode};
use std::io::Read;

/// Fast, and small enough: what follows is mostly hashes and already small changes.
const LEVEL: i32 = 1;

/// Why a body is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Larger than the bounds, compressed or not.
    #[error(
        "the body is larger than {SYNC_BODY_BYTES_MAX} bytes, or than {SYNC_BODY_PLAIN_BYTES_MAX} unpacked"
    )]
    TooLarge,
    /// Not a zstd stream.
    #[error("the body is not a zstd stream")]
    NotZstd,
    /// Not the expected message.
    #[error("the body is not a message of this protocol: {0}")]
    NotAMessage(String),
}

/// Packs a message.
pub fn pack<T: Encode<()>>(message: &T) -> Vec<u8> {
    let plain = minicbor::to_vec(message).expect("writing to memory cannot fail");
    zstd::encode_all(plain.as_slice(), LEVEL).expect("compressing memory to memory cannot fail")
}

/// Unpacks a message without ever holding more than the bounds allow.
pub fn unpack<T: for<'b> Decode<'b, ()>>(body: &[u8]) -> Result<T, FrameError> {
    if body.len() > SYNC_BODY_BYTES_MAX {
        return Err(FrameError::TooLarge);
    }
    let decoder = zstd::Decoder::new(body).map_err(|_| FrameError::NotZstd)?;
    let mut plain = Vec::new();
    let bound = SYNC_BODY_PLAIN_BYTES_MAX as u64 + 1;
    decoder.take(bound).read_to_end(&mut plain).map_err(|_| FrameError::NotZstd)?;
    if plain.len() > SYNC_BODY_PLAIN_BYTES_MAX {
        return Err(FrameError::TooLarge);
    }
    minicbor::decode(&plain).map_err(|e| FrameError::NotAMessage(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_packing() {
        assert_eq!(unpack::<u64>(&pack(&7_u64)), Ok(7));
    }

    #[test]
    fn a_bomb_is_refused_before_it_unfolds() {
        let bomb =
            zstd::encode_all(std::io::repeat(0).take(SYNC_BODY_PLAIN_BYTES_MAX as u64 + 1), 1).unwrap();
        assert!(bomb.len() < 100_000);
        assert_eq!(unpack::<u64>(&bomb), Err(FrameError::TooLarge));
    }

    #[test]
    fn rubbish_is_named() {
        assert_eq!(unpack::<u64>(b"rubbish"), Err(FrameError::NotZstd));
        let text = zstd::encode_all(b"\x63abc".as_slice(), 1).unwrap();
        assert!(matches!(unpack::<u64>(&text), Err(FrameError::NotAMessage(_))));
        let cut = pack(&"a longer message".to_owned());
        assert_eq!(unpack::<String>(&cut[..cut.len() - 3]), Err(FrameError::NotZstd));
    }
}
