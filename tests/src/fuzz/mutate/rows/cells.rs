//! Columns of a change unfolded into cells, and back.

use super::super::change::{number, write};

/// One value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Number(u64),
    Step(i64),
    Text(Vec<u8>),
}

/// More operations are not read: what unfolds far is the business of edits of the columns themselves.
pub(super) const OPS_MAX: usize = 2000;

/// Unfolds a column.
pub(super) fn cells(spec: u64, data: &[u8]) -> Option<Vec<Option<Cell>>> {
    let value = |data: &mut &[u8]| {
        Some(match spec & 7 {
            3 => Cell::Step(signed(data)?),
            5 => {
                let length = usize::try_from(number(data)?).ok()?;
                let text = data.get(..length)?.to_vec();
                *data = &data[length..];
                Cell::Text(text)
            }
            _ => Cell::Number(number(data)?),
        })
    };
    let mut left = data;
    let mut cells = Vec::new();
    while !left.is_empty() {
        let count = signed(&mut left)?;
        let run = if count == 0 { number(&mut left)? } else { count.unsigned_abs() };
        let run = usize::try_from(run).ok().filter(|run| *run <= OPS_MAX - cells.len())?;
        match count {
            0 => cells.extend(std::iter::repeat_n(None, run)),
            1.. => {
                let value = value(&mut left)?;
                cells.extend(std::iter::repeat_n(Some(value), run));
            }
            _ => {
                for _ in 0..run {
                    cells.push(Some(value(&mut left)?));
                }
            }
        }
    }
    Some(cells)
}

/// Runs of one value, of nothing, and literals between them; nothing at all where there is no value.
pub(super) fn packed(cells: &[Option<Cell>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut literal: Vec<Cell> = Vec::new();
    let flush = |literal: &mut Vec<Cell>, out: &mut Vec<u8>| {
        if !literal.is_empty() {
            write_signed(-(i64::try_from(literal.len()).unwrap_or(0)), out);
            literal.drain(..).for_each(|cell| write_cell(&cell, out));
        }
    };
    if cells.iter().all(Option::is_none) {
        return out;
    }
    for run in cells.chunk_by(|a, b| a == b) {
        match &run[0] {
            Some(cell) if run.len() == 1 => literal.push(cell.clone()),
            Some(cell) => {
                flush(&mut literal, &mut out);
                write_signed(i64::try_from(run.len()).unwrap_or(0), &mut out);
                write_cell(cell, &mut out);
            }
            None => {
                flush(&mut literal, &mut out);
                out.push(0);
                write(run.len() as u64, &mut out);
            }
        }
    }
    flush(&mut literal, &mut out);
    out
}

fn write_cell(cell: &Cell, out: &mut Vec<u8>) {
    match cell {
        Cell::Number(value) => write(*value, out),
        Cell::Step(value) => write_signed(*value, out),
        Cell::Text(text) => {
            write(text.len() as u64, out);
            out.extend(text);
        }
    }
}

pub(super) fn flags(data: &[u8]) -> Option<Vec<bool>> {
    let (mut left, mut flags, mut flag) = (data, Vec::new(), false);
    while !left.is_empty() {
        let run = usize::try_from(number(&mut left)?).ok().filter(|run| *run <= OPS_MAX - flags.len())?;
        flags.extend(std::iter::repeat_n(flag, run));
        flag = !flag;
    }
    Some(flags)
}

/// How many are false, how many true, and so on.
pub(super) fn pack_flags(flags: impl Iterator<Item = bool>) -> Vec<u8> {
    let (mut out, mut last, mut run) = (Vec::new(), false, 0);
    for flag in flags {
        if flag != last {
            write(run, &mut out);
            (last, run) = (flag, 0);
        }
        run += 1;
    }
    if run > 0 {
        write(run, &mut out);
    }
    out
}

pub(super) fn numbers(cells: Vec<Option<Cell>>) -> Option<Vec<u64>> {
    let number = |cell| if let Some(Cell::Number(value)) = cell { Some(value) } else { None };
    cells.into_iter().map(number).collect()
}

/// Steps become what they add up to.
pub(super) fn sum(cells: Vec<Option<Cell>>) -> Vec<Option<Cell>> {
    let mut total = 0_i64;
    let add = |cell| {
        if let Cell::Step(step) = cell {
            total = total.saturating_add(step);
        }
        Cell::Step(total)
    };
    let mut add = add;
    cells.into_iter().map(|cell| cell.map(&mut add)).collect()
}

pub(super) fn absolute(cells: Vec<Option<Cell>>) -> Option<Vec<i64>> {
    let step = |cell| if let Some(Cell::Step(value)) = cell { Some(value) } else { None };
    sum(cells).into_iter().map(step).collect()
}

/// The way back from [`sum`].
pub(super) fn steps(cells: impl Iterator<Item = Option<Cell>>) -> Vec<Option<Cell>> {
    let mut total = 0_i64;
    let mut step = |cell| match cell {
        Cell::Step(value) => {
            let step = value.saturating_sub(total);
            total = value;
            Cell::Step(step)
        }
        other => other,
    };
    cells.map(|cell| cell.map(&mut step)).collect()
}

fn signed(bytes: &mut &[u8]) -> Option<i64> {
    let before = *bytes;
    let value = number(bytes)?;
    let width = 7 * (before.len() - bytes.len());
    let negative = before[before.len() - bytes.len() - 1] & 0x40 != 0;
    let fill = if negative && width < 64 { u64::MAX << width } else { 0 };
    Some((value | fill).cast_signed())
}

pub(super) fn write_signed(mut value: i64, out: &mut Vec<u8>) {
    loop {
        let byte = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        if value == 0 && byte & 0x40 == 0 || value == -1 && byte & 0x40 != 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}
