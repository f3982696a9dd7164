//! The finder of conflicts against a reference that knows nothing of documents: who wrote what, having seen which writes.

use crate::conflict::{ConflictKind, answer_conflicts};
use crate::document::tests::{NOON, exchange, start};
use crate::document::{Actor, Document, EditError};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Terminals of a team.
const TERMINALS: u8 = 3;

/// Something that one of them does.
#[derive(Debug, Clone)]
enum Step {
    /// Writes a value at a place, or takes away what stands there.
    Write { by: u8, place: u8, value: Option<u8> },
    /// Is given all that another has.
    Hear { by: u8, from: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let one = || 0..TERMINALS;
    prop_oneof![
        3 => (one(), 0_u8..6, prop::option::weighted(0.85, 0_u8..3))
            .prop_map(|(by, place, value)| Step::Write { by, place, value }),
        1 => (one(), one()).prop_map(|(by, from)| Step::Hear { by, from }),
    ]
}

/// A write as the reference knows it.
struct Written {
    place: u8,
    value: Option<u8>,
    /// All that its writer had seen.
    over: BTreeSet<usize>,
}

/// What stands at a place for somebody who has seen these writes: the values that none of them was written over.
fn standing(all: &[Written], seen: &BTreeSet<usize>, place: u8) -> BTreeSet<u8> {
    let at = |id: &&usize| all[**id].place == place;
    let over: BTreeSet<usize> = seen.iter().filter(at).flat_map(|id| all[*id].over.iter().copied()).collect();
    seen.iter().filter(at).filter(|id| !over.contains(id)).filter_map(|id| all[*id].value).collect()
}

fn path(place: u8) -> String {
    match place {
        0..=3 => format!("answers/SW-0{}", place + 1),
        4 => "findings/pool".to_owned(),
        _ => "measurements/pool".to_owned(),
    }
}

fn text(value: u8) -> String {
    format!("{{\"result\":\"{value}\"}}")
}

/// Writes into the document; false when that would change nothing.
fn write(document: &mut Document, by: u8, place: u8, value: Option<u8>) -> bool {
    let name = path(place);
    let (_, key) = name.split_once('/').unwrap();
    let written = document.edit::<_, EditError>(Actor([by + 1; 16]), NOON, |edit| match (place, value) {
        (0..=3, Some(value)) => edit.answer(key, &text(value)),
        (0..=3, None) => edit.clear_answer(key),
        (4, value) => edit.finding(key, &text(value.unwrap_or_default())),
        (_, value) => edit.measurement(key, &text(value.unwrap_or_default())),
    });
    written.unwrap().1.is_some()
}

fn found(document: &Document) -> BTreeMap<String, BTreeSet<String>> {
    let conflicts = answer_conflicts(&document.view().unwrap());
    assert!(conflicts.iter().all(|conflict| conflict.kind == ConflictKind::Answer));
    let sides = |sides: Vec<crate::conflict::ConflictSide>| {
        let (count, values) =
            (sides.len(), sides.into_iter().map(|side| side.value).collect::<BTreeSet<_>>());
        assert_eq!(count, values.len(), "a value is one side, however many wrote it");
        values
    };
    conflicts.into_iter().map(|conflict| (conflict.path, sides(conflict.sides))).collect()
}

fn expected(all: &[Written], seen: &BTreeSet<usize>) -> BTreeMap<String, BTreeSet<String>> {
    let places = (0..6).map(|place| (path(place), standing(all, seen, place)));
    let open = places.filter(|(_, values)| values.len() > 1);
    open.map(|(path, values)| (path, values.into_iter().map(text).collect())).collect()
}

proptest! {
    #[test]
    fn conflicts_are_where_nobody_wrote_over_both_sides(steps in prop::collection::vec(step(), 1..60)) {
        let (_, genesis) = start();
        let mut documents = vec![genesis; usize::from(TERMINALS)];
        let mut seen = vec![BTreeSet::new(); usize::from(TERMINALS)];
        let mut all: Vec<Written> = Vec::new();
        for step in &steps {
            match *step {
                Step::Write { by, place, value } => {
                    // Findings and measurements are not taken away.
                    let value = if place > 3 { Some(value.unwrap_or_default()) } else { value };
                    let own = usize::from(by);
                    let before = standing(&all, &seen[own], place);
                    if write(&mut documents[own], by, place, value) {
                        all.push(Written { place, value, over: seen[own].clone() });
                        seen[own].insert(all.len() - 1);
                    } else {
                        prop_assert_eq!(before, value.into_iter().collect::<BTreeSet<_>>());
                    }
                }
                Step::Hear { by, from } if by != from => {
                    let (to, from) = (usize::from(by), usize::from(from));
                    let theirs = documents[from].clone();
                    exchange(&theirs, &mut documents[to]);
                    let theirs = seen[from].clone();
                    seen[to].extend(theirs);
                }
                Step::Hear { .. } => {}
            }
            for (document, seen) in documents.iter().zip(&seen) {
                prop_assert_eq!(found(document), expected(&all, seen));
            }
        }
    }
}
