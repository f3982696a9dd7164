//! One walk over a map reads what looking up each of its keys does, also where officers differ and in the past.

use super::*;
use crate::document::tests::{ALICE, BOB, exchange, start, write};
use crate::document::{Document, Edit, EditError};
use proptest::prelude::*;

/// Reads a map by looking up each of its keys.
fn by_key(doc: &Automerge, map: &ObjId, heads: Option<&[ChangeHash]>) -> BTreeMap<String, Register> {
    let keys: Vec<String> = match heads {
        Some(heads) => doc.keys_at(map, heads).collect(),
        None => doc.keys(map).collect(),
    };
    let all = |key: &str| match heads {
        Some(heads) => doc.get_all_at(map, key, heads).unwrap(),
        None => doc.get_all(map, key).unwrap(),
    };
    keys.into_iter().filter_map(|key| Some((key.clone(), register(doc, &all(&key))?))).collect()
}

fn is_read_alike(document: &Document, heads: Option<&[ChangeId]>) {
    let heads = heads.map(|heads| heads.iter().map(|head| ChangeHash(head.0)).collect::<Vec<_>>());
    for (name, map) in &document.containers.registers {
        let walked = registers(&document.doc, map, heads.as_deref()).unwrap();
        assert_eq!(walked, by_key(&document.doc, map, heads.as_deref()), "{name}");
    }
}

/// What an officer writes: an answer, its removal, a finding or a note.
fn act(kind: u8, item: u8, value: u8) -> impl FnOnce(&mut Edit<'_, '_>) -> Result<(), EditError> {
    move |edit| {
        let (item, value) = (format!("SW-0{}", item % 4 + 1), format!("{{\"result\":\"{}\"}}", value % 3));
        match kind % 4 {
            0 | 1 => edit.answer(&item, &value),
            2 => edit.clear_answer(&item),
            _ => edit.finding(&item, &value),
        }
    }
}

proptest! {
    #[test]
    fn a_walk_reads_what_looking_up_reads(
        acts in prop::collection::vec((any::<bool>(), any::<bool>(), any::<u8>(), any::<u8>(), any::<u8>()), 1..24),
    ) {
        let (_, mut alice) = start();
        let mut bob = alice.clone();
        let mut past = vec![alice.heads()];
        for (by_alice, meet, kind, item, value) in acts {
            let (document, actor) = if by_alice { (&mut alice, ALICE) } else { (&mut bob, BOB) };
            let written = document.edit::<_, EditError>(actor, crate::document::tests::NOON, act(kind, item, value));
            prop_assert!(written.is_ok());
            if meet {
                exchange(&bob, &mut alice);
                exchange(&alice, &mut bob);
                past.push(alice.heads());
            }
        }
        exchange(&bob, &mut alice);
        is_read_alike(&alice, None);
        for heads in &past {
            is_read_alike(&alice, Some(heads));
        }
    }
}

#[test]
fn rivals_are_read_by_a_walk() {
    let (_, mut alice) = start();
    let mut bob = alice.clone();
    write(&mut alice, ALICE, |edit| edit.answer("SW-01", "{\"result\":\"pass\"}"));
    write(&mut bob, BOB, |edit| edit.answer("SW-01", "{\"result\":\"fail\"}"));
    exchange(&bob, &mut alice);
    assert_eq!(alice.view().unwrap().answers["SW-01"].rivals.len(), 1);
    is_read_alike(&alice, None);
}

#[test]
fn a_decision_for_the_value_that_stands_is_a_write_of_its_own() {
    let (_, mut alice) = start();
    let (mut bob, mut carol) = (alice.clone(), alice.clone());
    let [pass, fail, open] = ["pass", "fail", "open"].map(|result| format!("{{\"result\":\"{result}\"}}"));
    write(&mut alice, ALICE, |edit| edit.answer("SW-01", &pass));
    write(&mut bob, BOB, |edit| edit.answer("SW-01", &fail));
    exchange(&alice, &mut carol);
    exchange(&bob, &mut carol);
    // Whichever of the two stands, Carol decides for it; meanwhile its writer thinks again.
    let stands = carol.view().unwrap().answers["SW-01"].standing.clone();
    write(&mut carol, Actor([0xca; 16]), |edit| edit.answer("SW-01", &stands.value));
    let decided = carol.view().unwrap().answers["SW-01"].clone();
    assert_eq!((decided.standing.stamp.actor, decided.rivals.len()), (Actor([0xca; 16]), 0));
    let (writer, actor) = if stands.stamp.actor == ALICE { (&mut alice, ALICE) } else { (&mut bob, BOB) };
    write(writer, actor, |edit| edit.answer("SW-01", &open));
    exchange(&carol, writer);
    let register = &writer.view().unwrap().answers["SW-01"];
    let values: BTreeSet<_> = register.sides().map(|side| side.value.clone()).collect();
    assert_eq!(values, BTreeSet::from([stands.value, open]));
}
