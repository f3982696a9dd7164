//! How far a change unfolds, counted before any decoder sees it.
//!
//! A change holds its operations in columns of run lengths: a few bytes can stand for more operations, or for more
//! predecessors of one operation, than any memory takes, and Automerge's decoder unfolds whatever it reads. So the columns
//! are walked here by their runs, which costs no more than the bytes are long, and what exceeds the bounds is refused.
//! What does not even parse here is no change: the decoder is asked about the rest.

use super::Refusal;
use crate::limits::CHANGE_OPS_MAX;

/// Magic, checksum and type, in front of the length.
const HEAD_BYTES: usize = 9;
/// The longest LEB128 form of 64 bits.
const LEB_BYTES_MAX: u32 = 10;

/// Kinds of columns: the lowest three bits of their numbers. Bit 3 says that the column is deflated.
const GROUP: u64 = 0;
const DELTA: u64 = 3;
const BOOLEAN: u64 = 4;
const STRING: u64 = 5;
const VALUE: u64 = 7;
const DEFLATED: u64 = 8;

/// Refuses a plain change chunk that unfolds to more than [`CHANGE_OPS_MAX`] rows in any column, or predecessors in all.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    weigh_change(bytes).map(drop)
}

/// How many rows the longest column of a plain change chunk has: not fewer than it has operations.
///
/// # Errors
/// [`Refusal::TooLarge`] beyond [`CHANGE_OPS_MAX`] rows in any column, or predecessors in all; [`Refusal::NotAChange`].
pub(super) fn weigh_change(bytes: &[u8]) -> Result<usize, Refusal> {
    most_rows(columns(bytes))
}

fn most_rows(columns: Option<Vec<(u64, &[u8])>>) -> Result<usize, Refusal> {
    let mut most = 0;
    for (spec, data) in columns.ok_or(Refusal::NotAChange)? {
        let rows = rows(spec, data).ok_or(Refusal::NotAChange)?;
        let rows = usize::try_from(rows).ok().filter(|rows| *rows <= CHANGE_OPS_MAX);
        most = most.max(rows.ok_or(Refusal::TooLarge)?);
    }
    Ok(most)
}

/// The columns of a change chunk, each with its number.
fn columns(bytes: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut chunk = Reader(bytes.get(HEAD_BYTES..)?);
    let length = chunk.unsigned()?;
    let mut body = Reader(chunk.take(length)?);
    if !chunk.0.is_empty() {
        return None;
    }
    let parents = body.unsigned()?;
    body.take(parents.checked_mul(32)?)?;
    body.prefixed()?;
    body.unsigned()?;
    body.unsigned()?;
    body.signed()?;
    body.prefixed()?;
    for _ in 0..body.unsigned()? {
        body.prefixed()?;
    }
    // Each takes two bytes at least, so a lie about their number ends with the bytes.
    let mut heads = Vec::new();
    for _ in 0..body.unsigned()? {
        heads.push((body.unsigned()?, body.unsigned()?));
    }
    heads.into_iter().map(|(spec, length)| Some((spec, body.take(length)?))).collect()
}

/// How many rows the longest column of a document chunk has.
///
/// # Errors
/// [`Refusal::TooLarge`] beyond [`CHANGE_OPS_MAX`] rows, [`Refusal::NotAChange`] for what is no document, or one with
/// columns that Automerge compressed.
pub(super) fn weigh_document(bytes: &[u8]) -> Result<usize, Refusal> {
    most_rows(document_columns(bytes))
}

/// The columns of a document chunk, of its changes and then of its operations, each with its number.
fn document_columns(bytes: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut chunk = Reader(bytes.get(HEAD_BYTES..)?);
    let length = chunk.unsigned()?;
    let mut body = Reader(chunk.take(length)?);
    if !chunk.0.is_empty() {
        return None;
    }
    for _ in 0..body.unsigned()? {
        body.prefixed()?;
    }
    let heads = body.unsigned()?;
    body.take(heads.checked_mul(32)?)?;
    let mut specs = Vec::new();
    for _ in 0..2 {
        // Each takes two bytes at least, so a lie about their number ends with the bytes.
        for _ in 0..body.unsigned()? {
            specs.push((body.unsigned()?, body.unsigned()?));
        }
    }
    let columns: Option<Vec<_>> =
        specs.into_iter().map(|(spec, length)| Some((spec, body.take(length)?))).collect();
    // Where each head lies among the changes.
    for _ in 0..heads {
        body.unsigned()?;
    }
    columns.filter(|_| body.0.is_empty())
}

/// How many rows a column has; of a group, how many rows the columns inside it have.
fn rows(spec: u64, data: &[u8]) -> Option<u64> {
    if spec & DEFLATED != 0 {
        return None;
    }
    let mut data = Reader(data);
    match spec & 7 {
        // Raw bytes, which the column of value heads before it shares out.
        VALUE => Some(0),
        BOOLEAN => {
            let mut rows = 0_u64;
            while !data.0.is_empty() {
                rows = rows.saturating_add(data.unsigned()?);
            }
            Some(rows)
        }
        kind => runs(kind, &mut data),
    }
}

/// Runs of one value, runs of different values, and runs of nothing.
fn runs(kind: u64, data: &mut Reader<'_>) -> Option<u64> {
    let mut rows = 0_u64;
    // Of a group: the sum of the values, each of which says how many rows follow inside.
    let mut inside = 0_u64;
    while !data.0.is_empty() {
        match data.signed()? {
            0 => rows = rows.saturating_add(data.unsigned()?),
            count @ 1.. => {
                let count = count.unsigned_abs();
                rows = rows.saturating_add(count);
                inside = inside.saturating_add(count.saturating_mul(value(kind, data)?));
            }
            count => {
                // A literal takes a byte at least, so the loop ends with the bytes.
                rows = rows.saturating_add(count.unsigned_abs());
                for _ in 0..count.unsigned_abs() {
                    inside = inside.saturating_add(value(kind, data)?);
                }
            }
        }
    }
    Some(if kind == GROUP { rows.max(inside) } else { rows })
}

/// Passes one value; what it is matters for groups only.
fn value(kind: u64, data: &mut Reader<'_>) -> Option<u64> {
    match kind {
        STRING => data.prefixed().map(|_| 0),
        DELTA => data.signed().map(|_| 0),
        _ => data.unsigned(),
    }
}

/// How long the chunk is that the bytes begin with: magic, checksum, type, length, body. By what it says itself.
pub(super) fn chunk_length(bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader(bytes);
    reader.take(9)?;
    reader.prefixed()?;
    Some(bytes.len() - reader.0.len())
}

/// What has not been read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn prefixed(&mut self) -> Option<&'a [u8]> {
        let length = self.unsigned()?;
        self.take(length)
    }

    /// Seven bits a byte, lowest first: the bits, and how many.
    fn leb(&mut self) -> Option<(u128, u32, u8)> {
        let mut bits = 0;
        for at in 0..LEB_BYTES_MAX {
            let byte = self.byte()?;
            bits |= u128::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Some((bits, 7 * (at + 1), byte));
            }
        }
        None
    }

    fn unsigned(&mut self) -> Option<u64> {
        u64::try_from(self.leb()?.0).ok()
    }

    fn signed(&mut self) -> Option<i64> {
        let (bits, width, last) = self.leb()?;
        let value = i128::try_from(bits).ok()?;
        i64::try_from(if last & 0x40 == 0 { value } else { value - (1 << width) }).ok()
    }
}

#[cfg(test)]
mod tests;
