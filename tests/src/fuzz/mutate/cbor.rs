//! Edits of CBOR: heads change their kind or number, items are dropped, repeated, exchanged; strings are looked into.

use super::{Dice, change, plain};

/// One item without what it contains: its head, and the bytes of a string.
struct Item {
    start: usize,
    /// Where the head ends.
    body: usize,
    end: usize,
    major: u8,
}

/// Finds the items in order, nested ones after what contains them. Stops where the bytes are no CBOR.
fn items(bytes: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = 0;
    while let Some(&head) = bytes.get(at) {
        let (major, info) = (head >> 5, head & 0x1f);
        let width = match info {
            0..24 | 31 => 0,
            24..28 => 1 << (info - 24),
            _ => break,
        };
        let body = at + 1 + width;
        let Some(argument) = bytes.get(at + 1..body) else { break };
        let argument = argument.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let length = match info {
            _ if major != 2 && major != 3 => 0,
            0..24 => u64::from(info),
            31 => 0,
            _ => argument,
        };
        let Some(end) = usize::try_from(length).ok().and_then(|length| body.checked_add(length)) else {
            break;
        };
        if end > bytes.len() {
            break;
        }
        items.push(Item { start: at, body, end, major });
        at = end;
    }
    items
}

/// A head, in the shortest form or a longer one.
fn head(dice: &mut Dice, major: u8, argument: u64) -> Vec<u8> {
    let shortest = match argument {
        0..24 => 0,
        24..0x100 => 1,
        0x100..0x1_0000 => 2,
        0x1_0000..0x1_0000_0000 => 4,
        _ => 8,
    };
    let width = if dice.one_in(8) { 8 } else { shortest };
    let big = argument.to_be_bytes();
    let info = match width {
        0 => big[7],
        1 => 24,
        2 => 25,
        4 => 26,
        _ => 27,
    };
    [&[major << 5 | info][..], &big[8 - width..]].concat()
}

/// One edit; bytes that are no CBOR are edited as bytes.
pub(super) fn edit(dice: &mut Dice, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let items = items(bytes);
    let Some(item) = dice.pick(&items) else {
        let mut bytes = bytes.to_vec();
        plain::edit(dice, &mut bytes, other);
        return bytes;
    };
    let (old, string) = (&bytes[item.start..item.end], &bytes[item.body..item.end]);
    let new = match dice.below(10) {
        0 => {
            let major = dice.byte() & 7;
            [&[major << 5 | old[0] & 0x1f], &old[1..]].concat()
        }
        1 => {
            let number = dice.number();
            [head(dice, item.major, number), string.to_vec()].concat()
        }
        2 => {
            let step = if dice.one_in(2) { 1 } else { 255 };
            [&[old[0].wrapping_add(step)], &old[1..]].concat()
        }
        // Of a length that comes later, or never ends.
        3 => [&[item.major << 5 | 0x1f], old].concat(),
        4 => Vec::new(),
        5 => old.repeat(1 + dice.below(4)),
        6 => {
            let others = self::items(other);
            dice.pick(&others).map_or_else(Vec::new, |item| other[item.start..item.end].to_vec())
        }
        7 => bomb(dice),
        _ if item.major == 2 || item.major == 3 => {
            let inner = inside(dice, string, other);
            [head(dice, item.major, inner.len() as u64), inner].concat()
        }
        _ => {
            let number = dice.number();
            head(dice, dice_major(item.major), number)
        }
    };
    [&bytes[..item.start], &new, &bytes[item.end..]].concat()
}

/// Numbers stay numbers, of either sign; what contains others stays that.
fn dice_major(major: u8) -> u8 {
    if major < 2 { 1 - major } else { major }
}

/// Edits what a string holds by its own form.
fn inside(dice: &mut Dice, string: &[u8], other: &[u8]) -> Vec<u8> {
    if string.starts_with(&change::MAGIC) {
        return change::edit(dice, string, other);
    }
    if string.len() > 8 && dice.one_in(2) {
        return edit(dice, string, other);
    }
    let mut string = string.to_vec();
    plain::edit(dice, &mut string, other);
    string
}

/// Deep or wide without being long.
fn bomb(dice: &mut Dice) -> Vec<u8> {
    let often = 1 + dice.below(20_000);
    match dice.below(6) {
        0 => vec![0x81; often],
        1 => vec![0x9f; often],
        2 => vec![0xc1; often],
        3 => [0xa1, 0x00].repeat(often),
        4 => vec![0x5f; often],
        _ => vec![0x9b, 0, 0, 0, 0x10, 0, 0, 0, 0],
    }
}
