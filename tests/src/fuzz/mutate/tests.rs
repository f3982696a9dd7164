//! Mutants follow from their seed, and edits of changes keep the outer check.

use super::change::Parts;
use super::{rows, *};
use crate::fuzz::corpus;

#[test]
fn a_mutant_follows_from_seed_and_iteration() {
    let inputs = corpus::seeds("chunk").into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>();
    let make = |seed, iteration| Mutator::new(seed, iteration, Form::Change, &inputs).mutant();
    assert_eq!(make(1, 7), make(1, 7));
    assert_ne!(make(1, 7), make(1, 8));
    assert_ne!(make(1, 7), make(2, 7));
}

#[test]
fn a_change_taken_apart_is_put_together_as_it_was() {
    for (name, bytes) in corpus::seeds("chunk") {
        assert_eq!(Parts::read(&bytes).unwrap().chunk(), bytes, "{name}");
    }
}

#[test]
fn operations_are_written_as_they_were_read() {
    for (name, bytes) in corpus::seeds("chunk") {
        let mut parts = Parts::read(&bytes).unwrap();
        parts.columns = rows::columns(&rows::read(&parts).unwrap());
        assert_eq!(parts.chunk(), bytes, "{name}");
    }
}
