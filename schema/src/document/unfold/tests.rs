//! What unfolds too far is refused by its runs alone; what the decoder reads passes.

use super::super::inspect;
use super::*;
use crate::suite::Digest;

fn leb(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Signed, of what is not negative.
fn signed_leb(value: u64, out: &mut Vec<u8>) {
    let mut value = value;
    while value > 0x3f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn run(count: u64, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    signed_leb(count, &mut out);
    out.extend(value);
    out
}

/// A first change of one writer with these columns.
fn change(columns: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![0, 2, 0xaa, 0xbb, 1, 1, 0, 0, 0, columns.len() as u8];
    for (spec, data) in columns {
        body.push(*spec);
        leb(data.len() as u64, &mut body);
    }
    body.extend(columns.iter().flat_map(|(_, data)| data));
    let mut chunk = vec![1];
    leb(body.len() as u64, &mut chunk);
    chunk.extend(body);
    let checksum = Digest::of(&chunk).value;
    [&[0x85, 0x6f, 0x4a, 0x83], &checksum[..4], &chunk].concat()
}

/// `ops` times the same key of the root set to null, each over `preds` predecessors.
fn puts(ops: u64, preds: u64) -> Vec<u8> {
    let mut insert = Vec::new();
    leb(ops, &mut insert);
    let mut group = Vec::new();
    leb(preds, &mut group);
    let mut columns = vec![
        (0x15, run(ops, b"\x01k")),
        (0x34, insert),
        (0x42, run(ops, &[1])),
        (0x56, run(ops, &[0])),
        (0x70, run(ops, &group)),
    ];
    if preds > 0 {
        columns.push((0x71, run(ops.saturating_mul(preds), &[0])));
        columns.push((0x73, run(ops.saturating_mul(preds), &[1])));
    }
    change(&columns)
}

#[test]
fn what_the_decoder_reads_is_counted_as_it_reads_it() {
    for (ops, preds) in [(2, 0), (40, 0), (100, 3)] {
        let bytes = puts(ops, preds);
        assert_eq!(check(&bytes), Ok(()));
        assert_eq!(automerge::Change::from_bytes(bytes).unwrap().len() as u64, ops);
    }
}

#[test]
fn a_few_bytes_that_stand_for_more_than_any_change_are_refused() {
    let bound = CHANGE_OPS_MAX as u64;
    assert_eq!(check(&puts(bound, 0)), Ok(()));
    // Were the decoder asked about these, it would still be at it.
    for (ops, preds) in [(bound + 1, 0), (1 << 40, 0), (1, 1 << 40), (1 << 16, 1 << 16), (1 << 32, 1 << 32)] {
        let bytes = puts(ops, preds);
        assert!(bytes.len() < 120);
        assert_eq!(inspect(&bytes), Err(Refusal::TooLarge), "{ops} operations over {preds} each");
    }
}

#[test]
fn every_kind_of_column_is_counted() {
    let long = 1 << 50;
    let nothing = [&[0][..], &{
        let mut count = Vec::new();
        leb(long, &mut count);
        count
    }]
    .concat();
    let mut twice = Vec::new();
    leb(long, &mut twice);
    for (spec, data) in [
        (0x01, run(long, &[0])),
        (0x02, run(long, &[1])),
        (0x13, run(long, &[0x7f])),
        (0x15, run(long, b"\x01k")),
        (0x34, twice),
        (0x42, nothing),
        (0x56, run(long, &[0])),
        (0x70, run(long, &[0])),
    ] {
        assert_eq!(check(&change(&[(spec, data)])), Err(Refusal::TooLarge), "column {spec:#x}");
    }
}

#[test]
fn what_does_not_parse_is_no_change() {
    let literal_too_long = change(&[(0x42, vec![0x70, 1, 1])]);
    let string_too_long = change(&[(0x15, run(1, &[0x7f, b'k']))]);
    let endless_number = change(&[(0x42, vec![0xff; 12])]);
    let deflated = change(&[(0x4a, run(1, &[1]))]);
    for bytes in [literal_too_long, string_too_long, endless_number, deflated] {
        assert_eq!(check(&bytes), Err(Refusal::NotAChange));
    }
    let whole = puts(40, 0);
    for end in 0..whole.len() {
        assert_eq!(check(&whole[..end]), Err(Refusal::NotAChange));
    }
    assert_eq!(check(&[whole.as_slice(), &[0]].concat()), Err(Refusal::NotAChange));
}

#[test]
fn a_change_is_named_and_weighed_without_a_decoder() {
    for honest in [puts(3, 0), puts(1_000, 0)] {
        let change = automerge::Change::from_bytes(honest.clone()).unwrap();
        let (name, weight) = super::super::weigh_change(&honest).unwrap();
        assert_eq!((name.0, weight), (change.hash().0, change.len()));
        let mut bent = honest.clone();
        bent[4] ^= 1;
        assert_eq!(super::super::weigh_change(&bent), Err(Refusal::NotAChange));
    }
    assert_eq!(super::super::weigh_change(&puts(CHANGE_OPS_MAX as u64 + 1, 0)), Err(Refusal::TooLarge));
}
