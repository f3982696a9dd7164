//! Edits of whole documents: the columns are edited, lengths and checksum are made right again.

use super::change::{MAGIC, number, sealed, write};
use super::{Dice, plain};

/// A document taken apart.
struct Parts {
    /// Writers and heads.
    front: Vec<u8>,
    /// Columns of the changes, then of the operations: each one's number and data.
    columns: [Vec<(u64, Vec<u8>)>; 2],
    /// Where each head lies.
    rest: Vec<u8>,
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

impl Parts {
    fn read(chunk: &[u8]) -> Option<Self> {
        let mut body = chunk.strip_prefix(&MAGIC)?.get(5..)?;
        number(&mut body)?;
        let mut left = body;
        for _ in 0..number(&mut left)? {
            let actor = number(&mut left)?;
            take(&mut left, actor)?;
        }
        let heads = number(&mut left)?;
        take(&mut left, heads.checked_mul(32)?)?;
        let front = body[..body.len() - left.len()].to_vec();
        let mut specs = [Vec::new(), Vec::new()];
        for specs in &mut specs {
            for _ in 0..number(&mut left)? {
                specs.push((number(&mut left)?, number(&mut left)?));
            }
        }
        let mut columns = [Vec::new(), Vec::new()];
        for (columns, specs) in columns.iter_mut().zip(specs) {
            for (spec, length) in specs {
                columns.push((spec, take(&mut left, length)?.to_vec()));
            }
        }
        Some(Self { front, columns, rest: left.to_vec() })
    }

    fn chunk(&self) -> Vec<u8> {
        let mut body = self.front.clone();
        for columns in &self.columns {
            write(columns.len() as u64, &mut body);
            for (spec, data) in columns {
                write(*spec, &mut body);
                write(data.len() as u64, &mut body);
            }
        }
        body.extend(self.columns.iter().flatten().flat_map(|(_, data)| data));
        body.extend(&self.rest);
        sealed(0, &body)
    }
}

/// One edit.
pub(super) fn edit(dice: &mut Dice, chunk: &[u8], other: &[u8]) -> Vec<u8> {
    let Some(mut parts) = Parts::read(chunk) else {
        let mut body = chunk.get(10..).unwrap_or_default().to_vec();
        plain::edit(dice, &mut body, other);
        return sealed(0, &body);
    };
    let other = Parts::read(other);
    match dice.below(16) {
        // The outer check itself.
        0 => {
            let mut chunk = chunk.to_vec();
            plain::edit(dice, &mut chunk, &[]);
            return chunk;
        }
        1 => plain::edit(dice, &mut parts.front, &[]),
        2 => plain::edit(dice, &mut parts.rest, &[]),
        _ => {
            let half = dice.below(2);
            let place = dice.below(parts.columns[half].len());
            let theirs = other.and_then(|other| Some(other.columns[half].get(place)?.1.clone()));
            let Some((spec, data)) = parts.columns[half].get_mut(place) else { return parts.chunk() };
            match dice.below(8) {
                0 => *spec ^= 1 << dice.below(5),
                1 => *data = theirs.unwrap_or_default(),
                _ => plain::edit(dice, data, &theirs.unwrap_or_default()),
            }
        }
    }
    parts.chunk()
}
