//! CBOR in one bounded zstd stream, both ways.

use crate::limits::{SYNC_BODY_BYTES_MAX, SYNC_BODY_PLAIN_BYTES_MAX, SYNC_ITEMS_MAX, SYNC_WINDOW_LOG_MAX};
use minicbor::encode::write::Writer;
use minicbor::{Decode, Encode};
use std::io::{BufWriter, Read};

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
    /// Not a zstd stream, or one that asks for a larger window than [`SYNC_WINDOW_LOG_MAX`].
    #[error("the body is not a zstd stream")]
    NotZstd,
    /// Not the expected message.
    #[error("the body is not a message of this protocol: {0}")]
    NotAMessage(String),
}

/// Packs a message.
pub fn pack<T: Encode<()>>(message: &T) -> Vec<u8> {
    let packed = zstd::Encoder::new(Vec::new(), LEVEL).expect("compressing memory to memory cannot fail");
    // Many writes are of one byte: a small buffer in front of the compressor, and the plain form is never there as a whole.
    let mut stream = Writer::new(BufWriter::new(packed));
    minicbor::encode(message, &mut stream).expect("writing to memory cannot fail");
    let packed = stream.into_inner().into_inner().map_err(|error| error.into_error());
    packed.and_then(zstd::Encoder::finish).expect("compressing memory to memory cannot fail")
}

/// Unpacks a message without ever holding more than the bounds allow.
pub fn unpack<T: for<'b> Decode<'b, ()>>(body: &[u8]) -> Result<T, FrameError> {
    if body.len() > SYNC_BODY_BYTES_MAX {
        return Err(FrameError::TooLarge);
    }
    let mut decoder = zstd::Decoder::new(body).map_err(|_| FrameError::NotZstd)?;
    // The window is the stream's own wish, and its memory is taken before the first byte is unpacked.
    decoder.window_log_max(SYNC_WINDOW_LOG_MAX).map_err(|_| FrameError::NotZstd)?;
    let mut plain = Vec::new();
    let bound = SYNC_BODY_PLAIN_BYTES_MAX as u64 + 1;
    decoder.take(bound).read_to_end(&mut plain).map_err(|_| FrameError::NotZstd)?;
    if plain.len() > SYNC_BODY_PLAIN_BYTES_MAX {
        return Err(FrameError::TooLarge);
    }
    if items(&plain) > SYNC_ITEMS_MAX {
        return Err(FrameError::TooLarge);
    }
    minicbor::decode(&plain).map_err(|e| FrameError::NotAMessage(e.to_string()))
}

/// How many CBOR items there are, nested ones included. Ends where one cannot be, and beyond [`SYNC_ITEMS_MAX`].
///
/// An item of one byte becomes a value of twenty or more, so the bound on bytes alone would let a small body fill the
/// memory.
fn items(plain: &[u8]) -> usize {
    let mut rest = plain;
    let mut items = 0;
    while items <= SYNC_ITEMS_MAX
        && let Some((&head, after)) = rest.split_first()
    {
        items += 1;
        let (major, info) = (head >> 5, head & 0x1f);
        let width = match info {
            0..24 | 31 => 0,
            24..28 => 1 << (info - 24),
            _ => return items,
        };
        let Some((argument, after)) = after.split_at_checked(width) else { return items };
        let argument = argument.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let length = match (major, info) {
            (2 | 3, 0..24) => u64::from(info),
            (2 | 3, 24..28) => argument,
            _ => 0,
        };
        let Some(after) = usize::try_from(length).ok().and_then(|length| after.get(length..)) else {
            return items;
        };
        rest = after;
    }
    items
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
    fn a_stream_that_asks_for_a_huge_window_is_refused() {
        // Magic, no sizes declared, then the window: 2^30 bytes, and 2^23. One last block of one byte follows.
        let stream = |window: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, window][..], &[0x09, 0, 0, 0x07]].concat();
        let window = |log: u8| (log - 10) << 3;
        assert_eq!(unpack::<u64>(&stream(window(23))), Ok(7));
        for log in 24..=41 {
            assert_eq!(unpack::<u64>(&stream(window(log))), Err(FrameError::NotZstd), "2^{log} bytes");
        }
    }

    #[test]
    fn a_body_of_countless_small_items_is_refused_before_it_becomes_values() {
        let texts = |count: u32| {
            let mut plain = vec![0x9a];
            plain.extend(count.to_be_bytes());
            plain.resize(5 + count as usize, 0x60);
            zstd::encode_all(plain.as_slice(), 1).unwrap()
        };
        let most = u32::try_from(SYNC_ITEMS_MAX).unwrap() - 1;
        assert_eq!(unpack::<Vec<String>>(&texts(most)).unwrap().len(), most as usize);
        assert_eq!(unpack::<Vec<String>>(&texts(most + 1)), Err(FrameError::TooLarge));
    }

    #[test]
    fn items_are_counted_as_they_nest() {
        // {"a": [1, h'0203', _ ["b"]]}: map, key, array, number, bytes, array, text, break.
        assert_eq!(items(&[0xa1, 0x61, 0x61, 0x83, 0x01, 0x42, 2, 3, 0x9f, 0x61, 0x62, 0xff]), 8);
        assert_eq!(items(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), 1);
        assert_eq!(items(&[0x19, 0x01]), 1);
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
