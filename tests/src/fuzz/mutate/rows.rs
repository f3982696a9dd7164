//! The operations of a change as rows: read from the columns, edited, and written as Automerge writes them, so that
//! mutants are as canonical as what an honest library makes.

mod cells;

use super::Dice;
use super::change::{Parts, write};
use cells::{Cell, OPS_MAX, absolute, cells, flags, numbers, pack_flags, packed, steps, sum, write_signed};

/// One operation. Numbers in pairs are a writer's index and its counter.
#[derive(Debug, Clone, Default)]
pub(super) struct Op {
    object: [Option<Cell>; 2],
    element: [Option<Cell>; 2],
    key: Option<Cell>,
    insert: bool,
    action: u64,
    kind: u8,
    value: Vec<u8>,
    before: Vec<(u64, i64)>,
    expand: bool,
    mark: Option<Cell>,
}

const OBJECT: [u64; 2] = [0x01, 0x02];
const ELEMENT: [u64; 2] = [0x11, 0x13];
const KEY: u64 = 0x15;
const INSERT: u64 = 0x34;
const ACTION: u64 = 0x42;
const META: u64 = 0x56;
const VALUE: u64 = 0x57;
const BEFORE: [u64; 3] = [0x70, 0x71, 0x73];
const EXPAND: u64 = 0x94;
const MARK: u64 = 0xa5;

/// Reads the operations of a change.
pub(super) fn read(parts: &Parts) -> Option<Vec<Op>> {
    let data = |spec: u64| {
        let column = parts.columns.iter().find(|(known, _)| *known == spec);
        column.map_or(&[][..], |(_, data)| data.as_slice())
    };
    let cells = |spec: u64| cells(spec, data(spec));
    let actions = cells(ACTION)?;
    let mut rest = data(VALUE);
    let (metas, groups) = (cells(META)?, cells(BEFORE[0])?);
    let mut before = numbers(cells(BEFORE[1])?)?.into_iter().zip(absolute(cells(BEFORE[2])?)?);
    let [object, element] =
        [[cells(OBJECT[0])?, cells(OBJECT[1])?], [cells(ELEMENT[0])?, sum(cells(ELEMENT[1])?)]];
    let (keys, marks) = (cells(KEY)?, cells(MARK)?);
    let (inserts, expands) = (flags(data(INSERT))?, flags(data(EXPAND))?);
    let cell = |cells: &[Option<Cell>], at: usize| cells.get(at).cloned().flatten();
    let mut ops = Vec::new();
    for (at, action) in numbers(actions)?.into_iter().enumerate() {
        let Some(Cell::Number(meta)) = cell(&metas, at) else { return None };
        let value = rest.get(..usize::try_from(meta >> 4).ok()?)?;
        rest = &rest[value.len()..];
        let Some(Cell::Number(group)) = cell(&groups, at) else { return None };
        let group = usize::try_from(group).ok().filter(|group| *group <= OPS_MAX)?;
        ops.push(Op {
            object: [cell(&object[0], at), cell(&object[1], at)],
            element: [cell(&element[0], at), cell(&element[1], at)],
            key: cell(&keys, at),
            insert: inserts.get(at).copied().unwrap_or(false),
            action,
            kind: (meta & 15) as u8,
            value: value.to_vec(),
            before: before.by_ref().take(group).collect(),
            expand: expands.get(at).copied().unwrap_or(false),
            mark: cell(&marks, at),
        });
    }
    Some(ops)
}

/// Writes operations as columns.
pub(super) fn columns(ops: &[Op]) -> Vec<(u64, Vec<u8>)> {
    let column = |read: &dyn Fn(&Op) -> Option<Cell>| packed(&ops.iter().map(read).collect::<Vec<_>>());
    let numbers = |numbers: &mut dyn Iterator<Item = u64>| {
        packed(&numbers.map(|n| Some(Cell::Number(n))).collect::<Vec<_>>())
    };
    let meta = |op: &Op| (op.value.len() as u64) << 4 | u64::from(op.kind);
    let before = || ops.iter().flat_map(|op| &op.before);
    let mut expand = pack_flags(ops.iter().map(|op| op.expand));
    if !ops.iter().any(|op| op.expand) {
        expand.clear();
    }
    let columns = [
        (OBJECT[0], column(&|op| op.object[0].clone())),
        (OBJECT[1], column(&|op| op.object[1].clone())),
        (ELEMENT[0], column(&|op| op.element[0].clone())),
        (ELEMENT[1], packed(&steps(ops.iter().map(|op| op.element[1].clone())))),
        (KEY, column(&|op| op.key.clone())),
        (INSERT, pack_flags(ops.iter().map(|op| op.insert))),
        (ACTION, numbers(&mut ops.iter().map(|op| op.action))),
        (META, numbers(&mut ops.iter().map(meta))),
        (VALUE, ops.iter().flat_map(|op| op.value.clone()).collect()),
        (BEFORE[0], numbers(&mut ops.iter().map(|op| op.before.len() as u64))),
        (BEFORE[1], numbers(&mut before().map(|(actor, _)| *actor))),
        (BEFORE[2], packed(&steps(before().map(|(_, counter)| Some(Cell::Step(*counter)))))),
        (EXPAND, expand),
        (MARK, column(&|op| op.mark.clone())),
    ];
    columns.into_iter().filter(|(_, data)| !data.is_empty()).collect()
}

/// One edit of the operations; `other` are those of another change.
pub(super) fn edit(dice: &mut Dice, ops: &mut Vec<Op>, other: &[Op]) {
    let at = dice.below(ops.len());
    match dice.below(12) {
        0 if !ops.is_empty() => drop(ops.remove(at)),
        1 => ops.extend_from_within(at..(at + 1).min(ops.len())),
        2 => ops.extend(dice.pick(other).cloned()),
        3 if !ops.is_empty() => {
            let with = dice.below(ops.len());
            ops.swap(at, with);
        }
        4 => ops.splice(at..at, other.iter().take(4).cloned()).for_each(drop),
        _ => {
            let like = dice.pick(other).or(ops.last()).cloned().unwrap_or_default();
            if let Some(op) = ops.get_mut(at) {
                cell(dice, op, &like);
            }
        }
    }
    ops.truncate(OPS_MAX);
}

/// Changes one part of an operation.
fn cell(dice: &mut Dice, op: &mut Op, like: &Op) {
    match dice.below(13) {
        0 => op.action = dice.below(9) as u64,
        1 => op.insert = !op.insert,
        2 => op.object = if dice.one_in(3) { [None, None] } else { like.object.clone() },
        3 => op.object = [Some(Cell::Number(dice.below(3) as u64)), Some(Cell::Number(counter(dice)))],
        4 => {
            op.key = None;
            let counter = counter(dice).cast_signed();
            op.element = [Some(Cell::Number(dice.below(3) as u64)), Some(Cell::Step(counter))];
            if dice.one_in(4) {
                op.element = [None, Some(Cell::Step(0))];
            }
        }
        5 => {
            op.element = [None, None];
            let names: [&[u8]; 6] = [b"answers", b"notes", b"identity", b"narrative", b"", b"k\0"];
            op.key = dice.pick(&names).map(|name| Cell::Text(name.to_vec()));
        }
        6 => (op.key, op.element) = (like.key.clone(), like.element.clone()),
        7 => (op.kind, op.value) = (like.kind, like.value.clone()),
        8 => value(dice, op),
        9 => drop(op.before.pop()),
        10 => {
            op.before.push((dice.below(3) as u64, counter(dice).cast_signed()));
            op.before.sort_unstable_by_key(|(actor, counter)| (*counter, *actor));
        }
        11 => op.before.clone_from(&like.before),
        _ => {
            op.expand = !op.expand;
            op.mark = dice.one_in(2).then(|| Cell::Text(b"bold".to_vec()));
        }
    }
}

/// A counter of an operation: mostly one that may exist.
fn counter(dice: &mut Dice) -> u64 {
    if dice.one_in(8) { dice.number() } else { dice.below(80) as u64 }
}

/// A value of any kind, mostly well formed.
fn value(dice: &mut Dice, op: &mut Op) {
    op.kind = dice.byte() & 15;
    op.value.clear();
    match op.kind {
        0..=2 => {}
        3 => write(dice.number(), &mut op.value),
        4 | 8 | 9 => write_signed(dice.number().cast_signed(), &mut op.value),
        5 => op.value = dice.number().to_le_bytes().to_vec(),
        6 => op.value = "\u{0}长é🏊".as_bytes()[..*dice.pick(&[0, 1, 4, 6, 10]).unwrap_or(&0)].to_vec(),
        _ => op.value = (0..dice.below(20)).map(|_| dice.byte()).collect(),
    }
    if dice.one_in(16) {
        op.kind = dice.byte() & 15;
    }
}
