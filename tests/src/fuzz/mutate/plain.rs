//! Edits of bytes whatever they mean.

use super::Dice;

/// Bytes at which something changes.
const BYTES: [u8; 12] = [0, 1, 0x17, 0x18, 0x1f, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xfe, 0xff];

/// One edit; `other` is another input, for splicing.
pub(super) fn edit(dice: &mut Dice, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = dice.below(bytes.len());
    match dice.below(9) {
        0 => flip(dice, bytes),
        1 => {
            let value = if dice.one_in(2) { dice.byte() } else { *dice.pick(&BYTES).unwrap_or(&0) };
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        2 => bytes.truncate(at),
        3 => {
            let piece = dice.piece(bytes.len());
            let copy = bytes[piece].to_vec();
            insert(bytes, at, &copy);
        }
        4 => {
            let piece = dice.piece(bytes.len());
            bytes.drain(piece);
        }
        5 => {
            let random: Vec<u8> = (0..1 + dice.below(8)).map(|_| dice.byte()).collect();
            insert(bytes, at, &random);
        }
        // The beginning of one, the end of another.
        6 => {
            bytes.truncate(at);
            bytes.extend(&other[dice.below(other.len() + 1)..]);
        }
        7 => {
            let piece = dice.piece(other.len());
            insert(bytes, at, &other[piece]);
        }
        _ => {
            let number = dice.number();
            let big = number.to_be_bytes();
            let width = 1 << dice.below(4);
            for (byte, new) in bytes.iter_mut().skip(at).zip(&big[8 - width..]) {
                *byte = *new;
            }
        }
    }
}

/// Flips one bit.
fn flip(dice: &mut Dice, bytes: &mut [u8]) {
    let at = dice.below(bytes.len());
    let bit = dice.below(8);
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    let at = at.min(bytes.len());
    bytes.splice(at..at, new.iter().copied());
}
