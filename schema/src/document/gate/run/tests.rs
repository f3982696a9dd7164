//! Together or one by one: the same.

use super::*;
use crate::document::tests::{ALICE, BOB, NOON, exchange, rules, start, write};
use crate::document::{Actor, History, accept};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ObjType, ROOT};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Passes a run one by one.
fn one_by_one(document: &Document, run: &[RawChange], actors: &BTreeSet<Actor>) -> Option<Document> {
    let mut merged = document.clone();
    for change in run {
        merged = accept(&merged, change, &rules(actors)).ok()?;
    }
    Some(merged)
}

fn together(document: &Document, run: &[RawChange], actors: &BTreeSet<Actor>) -> Option<Document> {
    let sent: Vec<Sent<'_>> = run.iter().map(|change| (change, rules(actors))).collect();
    accept_run(document, &sent)
}

fn both() -> BTreeSet<Actor> {
    BTreeSet::from([ALICE, BOB])
}

#[test]
fn a_run_of_plain_edits_passes_and_amounts_to_the_same() {
    let (_, server) = start();
    let (_, mut alice) = start();
    let mut run = vec![
        write(&mut alice, ALICE, |e| e.answer("SW-01", "\"pass\"")),
        write(&mut alice, ALICE, |e| e.note("SW-01", "池水清澈")),
        write(&mut alice, ALICE, |e| e.narrative("上午")),
    ];
    let mut bob = server.clone();
    run.push(write(&mut bob, BOB, |e| e.answer("SW-01", "\"fail\"")));
    run.push(write(&mut alice, ALICE, |e| e.finding("f1", "{}")));
    let merged = together(&server, &run, &both()).unwrap();
    let slowly = one_by_one(&server, &run, &both()).unwrap();
    assert_eq!((merged.heads(), merged.view().unwrap()), (slowly.heads(), slowly.view().unwrap()));
    assert_eq!(merged.save(), slowly.save());
    // What is already there passes again.
    assert_eq!(together(&merged, &run, &both()).unwrap().heads(), merged.heads());
}

#[test]
fn what_is_not_a_plain_edit_is_left_to_be_judged_by_itself() {
    let (_, server) = start();
    let run_of = |attack: &dyn Fn(&mut automerge::transaction::Transaction<'_>, &Containers)| {
        let mut doc = server.doc.clone();
        doc.set_actor(ALICE.0.as_slice().into());
        let mut run = Vec::new();
        for step in 0..2 {
            let mut tx = doc.transaction();
            if step == 0 {
                attack(&mut tx, &server.containers);
            } else {
                tx.put(&server.containers.registers[0].1, "SW-01", "\"pass\"").unwrap();
            }
            let (hash, _) = tx.commit_with(CommitOptions::default());
            let change = doc.get_change_by_hash(&hash.unwrap()).unwrap();
            run.push(RawChange(change.raw_bytes().to_vec()));
        }
        run
    };
    let alone = |run: &[RawChange]| together(&server, run, &both()).is_none();
    assert!(!alone(&run_of(&|tx, c| tx.put(&c.registers[0].1, "SW-02", "\"pass\"").unwrap())));
    // Unfit, and put right by the next change: seen by itself nevertheless.
    assert!(alone(&run_of(&|tx, c| tx.put(&c.registers[0].1, "SW-01", "\"unfit\"").unwrap())));
    assert!(alone(&run_of(&|tx, c| tx.put(&c.registers[0].1, "NOPE", "x").unwrap())));
    assert!(alone(&run_of(&|tx, c| tx.put(&c.registers[0].1, "SW-01", 7_i64).unwrap())));
    assert!(alone(&run_of(&|tx, c| tx.put(&c.registers[1].1, "k", "a\0b").unwrap())));
    assert!(alone(&run_of(&|tx, c| {
        tx.put(&c.registers[1].1, "k".repeat(KEY_BYTES_MAX + 1), "x").unwrap();
    })));
    assert!(alone(&run_of(&|tx, _| tx.put(ROOT, "elsewhere", "x").unwrap())));
    assert!(alone(&run_of(&|tx, c| {
        tx.put_object(&c.registers[1].1, "k", ObjType::Map).unwrap();
    })));
    assert!(alone(&run_of(&|tx, c| tx.delete(&c.notes, "SW-01").unwrap())));
    let honest = run_of(&|tx, c| tx.put(&c.registers[0].1, "SW-02", "\"pass\"").unwrap());
    assert!(together(&server, &honest, &BTreeSet::from([BOB])).is_none(), "written by somebody else");
    assert!(alone(&honest[1..]), "its predecessor is not here");
    assert!(alone(&[RawChange(vec![0; 20])]));
}

/// The same as a whole document.
fn whole(document: &Document, run: &[RawChange]) -> Option<Document> {
    let mut full = document.clone();
    for change in run {
        full.apply(change).ok()?;
    }
    let actors = both();
    History::open(full.save()).ok()?.accept(document, &rules(&actors))
}

#[derive(Debug, Clone)]
struct Step {
    bob: bool,
    meet: bool,
    kind: u8,
    item: u8,
    text: String,
}

fn step() -> impl Strategy<Value = Step> {
    (any::<bool>(), any::<bool>(), 0..6_u8, 1..4_u8, "[a-c，]{0,6}")
        .prop_map(|(bob, meet, kind, item, text)| Step { bob, meet, kind, item, text })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever two officers write, in turn and at once: where a run passes together it passes one by one, to the same
    /// document; and plain edits with answers that fit always pass together.
    #[test]
    fn together_is_one_by_one(steps in prop::collection::vec(step(), 1..14)) {
        let (_, server) = start();
        let (mut alice, mut bob) = (server.clone(), server.clone());
        let (mut run, mut fit, mut linear) = (Vec::new(), true, true);
        for Step { bob: is_bob, meet, kind, item, text } in steps {
            if meet {
                exchange(&bob, &mut alice);
                exchange(&alice, &mut bob);
            }
            linear &= !is_bob;
            let (doc, actor) = if is_bob { (&mut bob, BOB) } else { (&mut alice, ALICE) };
            let name = format!("SW-0{item}");
            let written = doc.edit(actor, NOON, |e| match kind {
                0 => e.answer(&name, &format!("\"{text}\"")),
                1 => e.note("SW-01", &text),
                2 => e.narrative(&text),
                3 => e.finding(&name, &format!("\"{text}\"")),
                4 => e.clear_answer(&name),
                _ => e.answer(&name, "\"unfit\""),
            });
            if let Ok((_, Some((_, raw)))) = written {
                fit &= kind != 5;
                run.push(raw);
            }
        }
        let fast = together(&server, &run, &both());
        prop_assert_eq!(fast.is_some(), fit);
        let whole = whole(&server, &run);
        prop_assert!(fit || whole.is_none());
        prop_assert!(whole.is_some() || !fit || !linear);
        if let (Some(whole), Some(fast)) = (&whole, &fast) {
            prop_assert_eq!(whole.heads(), fast.heads());
            prop_assert_eq!(whole.view().unwrap(), fast.view().unwrap());
        }
        if let Some(fast) = fast {
            let slow = one_by_one(&server, &run, &both()).expect("what passes together passes one by one");
            prop_assert_eq!(fast.heads(), slow.heads());
            prop_assert_eq!(fast.view().unwrap(), slow.view().unwrap());
        }
    }
}
