//! Edits of Automerge's plain change chunks: the columns are edited, lengths and checksum are made right again, so that
//! mutants pass the outer check and reach the decoder.

use super::{Dice, plain, rows};
use fieldproof_schema::suite::Digest;

/// What every chunk begins with.
pub(super) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// A change taken apart.
pub(super) struct Parts {
    /// What stands before the columns: parents, writer, counts, time, message, other writers.
    pub(super) front: Vec<u8>,
    /// Each column's number and data.
    pub(super) columns: Vec<(u64, Vec<u8>)>,
    /// What stands behind them.
    pub(super) rest: Vec<u8>,
}

/// Reads a LEB128 number and moves on.
pub(super) fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for at in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(7 * at)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn skip(bytes: &mut &[u8], length: u64) -> Option<()> {
    *bytes = bytes.get(usize::try_from(length).ok()?..)?;
    Some(())
}

/// Writes a LEB128 number.
pub(super) fn write(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let byte = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

impl Parts {
    /// Takes a chunk apart.
    pub(super) fn read(chunk: &[u8]) -> Option<Self> {
        let mut body = chunk.get(9..)?;
        number(&mut body)?;
        let mut left = body;
        let parents = number(&mut left)?;
        skip(&mut left, parents.checked_mul(32)?)?;
        let actor = number(&mut left)?;
        skip(&mut left, actor)?;
        // Sequence number, first operation, time.
        for _ in 0..3 {
            number(&mut left)?;
        }
        let message = number(&mut left)?;
        skip(&mut left, message)?;
        for _ in 0..number(&mut left)? {
            let actor = number(&mut left)?;
            skip(&mut left, actor)?;
        }
        let front = body[..body.len() - left.len()].to_vec();
        let mut heads = Vec::new();
        for _ in 0..number(&mut left)? {
            heads.push((number(&mut left)?, number(&mut left)?));
        }
        let mut columns = Vec::new();
        for (spec, length) in heads {
            let data = left.get(..usize::try_from(length).ok()?)?;
            left = &left[data.len()..];
            columns.push((spec, data.to_vec()));
        }
        Some(Self { front, columns, rest: left.to_vec() })
    }

    /// Puts the chunk together, with lengths and checksum as they must be.
    pub(super) fn chunk(&self) -> Vec<u8> {
        let mut body = self.front.clone();
        write(self.columns.len() as u64, &mut body);
        for (spec, data) in &self.columns {
            write(*spec, &mut body);
            write(data.len() as u64, &mut body);
        }
        body.extend(self.columns.iter().flat_map(|(_, data)| data));
        body.extend(&self.rest);
        sealed(1, &body)
    }
}

/// A chunk of this kind around a body.
pub(super) fn sealed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut hashed = vec![kind];
    write(body.len() as u64, &mut hashed);
    hashed.extend(body);
    let checksum = Digest::of(&hashed).value;
    [&MAGIC, &checksum[..4], &hashed].concat()
}

/// One edit.
pub(super) fn edit(dice: &mut Dice, chunk: &[u8], other: &[u8]) -> Vec<u8> {
    // The outer check itself, now and then.
    if dice.one_in(32) {
        let mut chunk = chunk.to_vec();
        plain::edit(dice, &mut chunk, other);
        return chunk;
    }
    let Some(mut parts) = Parts::read(chunk) else {
        let mut body = chunk.get(10..).unwrap_or_default().to_vec();
        plain::edit(dice, &mut body, other);
        return sealed(1, &body);
    };
    let other = Parts::read(other);
    if dice.one_in(8) {
        parts.front = counted(dice, &parts.front).unwrap_or(parts.front);
        return parts.chunk();
    }
    if !dice.one_in(4)
        && let Some(mut ops) = rows::read(&parts)
    {
        let others = other.as_ref().and_then(rows::read).unwrap_or_default();
        rows::edit(dice, &mut ops, &others);
        parts.columns = rows::columns(&ops);
        return parts.chunk();
    }
    let at = dice.below(parts.columns.len());
    match dice.below(16) {
        0 => plain::edit(dice, &mut parts.front, &[]),
        1 => plain::edit(dice, &mut parts.rest, &parts.front.clone()),
        2 if !parts.columns.is_empty() => {
            parts.columns.remove(at);
        }
        3 => {
            if let (Some(column), Some(other)) = (parts.columns.get_mut(at), &other) {
                column.1 = dice.pick(&other.columns).map_or_else(Vec::new, |(_, data)| data.clone());
            }
        }
        4 => {
            let number = dice.number();
            if let Some(column) = parts.columns.get_mut(at) {
                // Kinds and ids of columns are close together.
                column.0 =
                    if number.is_multiple_of(2) { column.0 ^ (1 << (number % 8)) } else { number % 256 };
            }
        }
        // The operations of this one twice, or of both, one after the other.
        5 => parts.columns.iter_mut().for_each(|(_, data)| data.extend_from_within(..)),
        6 => {
            for (spec, data) in other.map(|other| other.columns).unwrap_or_default() {
                match parts.columns.iter_mut().find(|(known, _)| *known == spec) {
                    Some((_, known)) => known.extend(data),
                    None => parts.columns.push((spec, data)),
                }
            }
            parts.columns.sort_by_key(|(spec, _)| *spec);
        }
        7 => parts.front = other.map_or_else(Vec::new, |other| other.front),
        8 => {
            if let Some((_, data)) = parts.columns.get_mut(at) {
                run(dice, data);
            }
        }
        _ => {
            if let Some((_, data)) = parts.columns.get_mut(at) {
                nudge(dice, data);
            }
        }
    }
    parts.chunk()
}

/// The front with another sequence number or first operation: close to what was, or any.
fn counted(dice: &mut Dice, front: &[u8]) -> Option<Vec<u8>> {
    let mut left = front;
    let parents = number(&mut left)?;
    skip(&mut left, parents.checked_mul(32)?)?;
    let actor = number(&mut left)?;
    skip(&mut left, actor)?;
    let mut new = front[..front.len() - left.len()].to_vec();
    let which = dice.below(2);
    for at in 0..2 {
        let mut count = number(&mut left)?;
        if at == which {
            count = if dice.one_in(4) {
                dice.number()
            } else {
                count.wrapping_add(dice.below(40) as u64).saturating_sub(20)
            };
        }
        write(count, &mut new);
    }
    new.extend(left);
    Some(new)
}

/// Puts a run of some length somewhere.
fn run(dice: &mut Dice, data: &mut Vec<u8>) {
    let mut new = Vec::new();
    write(dice.number() >> dice.below(64), &mut new);
    if dice.one_in(2) {
        new.push(dice.byte() & 0x7f);
    }
    let at = dice.below(data.len() + 1);
    let end = if dice.one_in(2) { at } else { (at + new.len()).min(data.len()) };
    data.splice(at..end, new);
}

/// A small change that keeps most columns readable: one byte a little more or less, or any plain edit.
fn nudge(dice: &mut Dice, data: &mut Vec<u8>) {
    if dice.one_in(3) {
        return plain::edit(dice, data, &[]);
    }
    let at = dice.below(data.len());
    let step = 1 + u8::try_from(dice.below(3)).unwrap_or(0);
    if let Some(byte) = data.get_mut(at) {
        *byte = if dice.one_in(2) { byte.wrapping_add(step) } else { byte.wrapping_sub(step) };
    }
}
