//! Whatever reads bytes from outside keeps its promises for every stored input and some thousand mutants.

use fieldproof_schema::document::{GateRules, RawChange, accept, inspect};
use fieldproof_tests::fuzz::mutate::{Form, Mutator};
use fieldproof_tests::fuzz::{Range, Target, caught, corpus, fuzz, targets};
use std::collections::BTreeSet;

/// Fixed: whoever changes it gets other mutants, and `fieldproof-fuzz --seed` has all others.
const SEED: u64 = 20_260_601;

/// Stored inputs first, then mutants of the valid ones.
fn hold(name: &str, iterations: u64) {
    let target = targets::find(name).unwrap();
    let stored = corpus::stored(target).unwrap();
    assert!(!stored.is_empty(), "{name} has inputs");
    for (file, bytes) in &stored {
        let held = target.check(bytes);
        assert!(held.is_ok(), "{name}/{file}: {}", held.unwrap_err());
    }
    let valid = valid(name);
    let range = Range { seed: SEED, first: 0, iterations };
    let found = fuzz(target, &valid, range, &mut |_| {});
    assert!(found.is_none(), "{}", found.unwrap());
}

fn valid(name: &str) -> Vec<Vec<u8>> {
    corpus::seeds(name).into_iter().map(|(_, bytes)| bytes).collect()
}

macro_rules! targets {
    ($($name:ident: $iterations:literal,)*) => {
        $(#[test]
        fn $name() {
            hold(stringify!($name), $iterations);
        })*

        #[test]
        fn every_target_is_run() {
            let run = [$(stringify!($name)),*];
            assert_eq!(targets::ALL.iter().map(|target| target.name).collect::<Vec<_>>(), run);
        }
    };
}

targets! {
    sync_request: 4_000,
    sync_response: 4_000,
    chunk: 6_000,
    ingest_gate: 1_000,
    document: 3_000,
    journal: 10_000,
    receipt: 10_000,
    template: 500,
    law: 1_500,
    seal: 5_000,
    certificate: 5_000,
    package: 1_000,
    proposal: 5_000,
    paper: 5_000,
}

#[test]
fn valid_inputs_are_stored_as_they_are_made() {
    for target in targets::ALL {
        let stored = corpus::stored(target).unwrap();
        for made in corpus::seeds(target.name) {
            assert!(stored.contains(&made), "{}/{}: run fieldproof-fuzz --write-valid", target.name, made.0);
        }
        assert!(stored.iter().all(|(_, bytes)| bytes.len() < 60_000), "{} has small inputs", target.name);
    }
}

#[test]
fn a_planted_fault_is_found() {
    /// A reader that forgets to look how long its input is.
    fn forgetful(bytes: &[u8]) {
        if let [0x82, 0x58, length, rest @ ..] = bytes {
            assert!(rest.len() >= usize::from(*length), "the head says more than there is");
        }
    }
    let target = Target { name: "planted", form: Form::Cbor, run: forgetful };
    let range = Range { seed: SEED, first: 0, iterations: 20_000 };
    let found = fuzz(&target, &valid("receipt"), range, &mut |_| {}).unwrap();
    assert!(found.to_string().contains("the head says more than there is"));
    // It says how to get there again.
    let again = Range { seed: found.seed, first: found.iteration, iterations: 1 };
    let same = fuzz(&target, &valid("receipt"), again, &mut |_| {}).unwrap();
    assert_eq!(same.input, found.input);
    assert!(target.check(&valid("receipt")[0]).is_ok());
}

#[test]
fn mutants_of_changes_reach_what_lies_behind_the_outer_check() {
    let document = &corpus::visit().document;
    let valid = valid("ingest_gate");
    let (mut decoded, mut accepted) = (0, 0);
    for iteration in 0..1_000 {
        let bytes = Mutator::new(SEED, iteration, Form::Change, &valid).mutant();
        // As the server does it: a panic of the decoder is a refusal.
        let reached = caught(|| {
            let header = inspect(&bytes).ok().filter(|header| !document.contains(header.id))?;
            let rules = GateRules { actors: &BTreeSet::from([header.actor]), answer: &|_, _| Ok(()) };
            Some(accept(document, &RawChange(bytes.clone()), &rules).is_ok())
        });
        if let Ok(Some(taken)) = reached {
            decoded += 1;
            accepted += u32::from(taken);
        }
    }
    assert!(decoded > 300 && accepted > 30, "{decoded} of 1,000 decoded, {accepted} accepted");
}
