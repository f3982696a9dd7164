//! The document's promises: nobody's work is lost by merging, and hostile changes do not get in.

use super::*;
use crate::conflict::answer_conflicts;
use crate::ids::{CaseId, EntityId, InspectionId, OfficerId};
use crate::suite::Digest;
use std::collections::BTreeSet;

pub(super) const ALICE: Actor = Actor([0xa1; 16]);
pub(super) const BOB: Actor = Actor([0xb0; 16]);
pub(super) const NOON: Moment = Moment::from_micros(1_795_442_645_000_000);
const ITEMS: [&str; 4] = ["SW-01", "SW-02", "SW-03", "SW-04"];

fn identity() -> Identity {
    Identity {
        format: 1,
        inspection: InspectionId::from_bytes([3; 16]),
        case: CaseId::from_bytes([4; 16]),
        task: None,
        template: TemplatePin { id: "public-swimming".into(), revision: "1".into(), hash: Digest::of(b"t") },
        entity: EntitySnapshot {
            id: EntityId::from_bytes([5; 16]),
            name: "清波游泳馆（虚构）".into(),
            uscc: None,
            address: "云泽市".into(),
            fields: serde_json::Map::new(),
        },
        team: vec![TeamMember {
            officer: OfficerId::from_bytes([6; 16]),
            name: "沈青禾".into(),
            certificate: "YH-DEMO-0001".into(),
        }],
    }
}

pub(super) fn start() -> (RawChange, Document) {
    let change = genesis(&Genesis { identity: &identity(), items: &ITEMS }).unwrap();
    let document = Document::from_changes([change.0.as_slice()]).unwrap();
    (change, document)
}

pub(super) fn write(
    document: &mut Document,
    actor: Actor,
    edit: impl FnOnce(&mut Edit<'_, '_>) -> Result<(), EditError>,
) -> RawChange {
    document.edit(actor, NOON, edit).unwrap().1.expect("the edit wrote something").1
}

pub(super) fn exchange(from: &Document, to: &mut Document) {
    for (_, change) in from.changes() {
        to.apply(&change).unwrap();
    }
}

#[test]
fn a_saved_document_that_storage_spoilt_is_found_out() {
    let (_, mut document) = start();
    write(&mut document, ALICE, |edit| edit.narrative("池水清澈"));
    let saved = document.save();
    assert!(Document::is_whole(&saved));
    for place in 0..saved.len() {
        let mut spoilt = saved.clone();
        spoilt[place] ^= 1;
        assert!(!Document::is_whole(&spoilt), "byte {place}");
    }
    for length in 0..saved.len() {
        assert!(!Document::is_whole(&saved[..length]), "{length} bytes");
    }
}

#[test]
fn the_first_change_is_the_same_wherever_it_is_made() {
    let (here, _) = start();
    let mut shuffled = ITEMS;
    shuffled.reverse();
    let there = genesis(&Genesis { identity: &identity(), items: &shuffled }).unwrap();
    assert_eq!(here, there);
    insta::assert_snapshot!(Digest::of(&here.0), @"std-9ded548b0872f1e451b92f11bb4d1ad3db0d6d0ae1b3bc1616af8a4188c8811e");
    let other = genesis(&Genesis { identity: &identity(), items: &ITEMS[1..] }).unwrap();
    assert_ne!(inspect(&here.0).unwrap().actor, inspect(&other.0).unwrap().actor);
}

#[test]
fn two_officers_who_start_offline_from_the_same_genesis_lose_nothing() {
    let (_, mut alice) = start();
    let (_, mut bob) = start();
    write(&mut alice, ALICE, |e| {
        e.answer("SW-01", "\"a1\"")?;
        e.note("SW-02", "池水浑浊")?;
        e.narrative("上午检查泳池。")
    });
    write(&mut alice, ALICE, |e| e.measurement("m-a", "{\"v\":\"7.2\"}"));
    write(&mut bob, BOB, |e| {
        e.answer("SW-02", "\"b2\"")?;
        e.note("SW-02", "消毒记录缺页")?;
        e.narrative("下午检查浸脚池。")
    });
    write(&mut bob, BOB, |e| e.evidence("photo-b", "{\"hash\":\"x\"}"));
    let before = (alice.clone(), bob.clone());
    exchange(&before.1, &mut alice);
    exchange(&before.0, &mut bob);
    assert_eq!(alice.heads(), bob.heads());
    let view = alice.view().unwrap();
    assert_eq!(view, bob.view().unwrap());
    assert_eq!(view.digest(), bob.view().unwrap().digest());
    assert_eq!(view.answers["SW-01"].standing.value, "\"a1\"");
    assert_eq!(view.answers["SW-02"].standing.value, "\"b2\"");
    assert!(view.narrative.contains("上午检查泳池。") && view.narrative.contains("下午检查浸脚池。"));
    assert!(view.notes["SW-02"].contains("池水浑浊") && view.notes["SW-02"].contains("消毒记录缺页"));
    assert!(view.measurements.contains_key("m-a") && view.evidence.contains_key("photo-b"));
    assert!(answer_conflicts(&view).is_empty());
}

#[test]
fn different_answers_to_one_item_are_a_conflict_and_equal_ones_are_not() {
    let (_, mut alice) = start();
    let (_, mut bob) = start();
    write(&mut alice, ALICE, |e| e.answer("SW-03", "\"pass\""));
    write(&mut bob, BOB, |e| e.answer("SW-03", "\"fail\""));
    write(&mut alice, ALICE, |e| e.answer("SW-04", "\"pass\""));
    write(&mut bob, BOB, |e| e.answer("SW-04", "\"pass\""));
    exchange(&bob.clone(), &mut alice);
    exchange(&alice.clone(), &mut bob);
    let (here, there) = (answer_conflicts(&alice.view().unwrap()), answer_conflicts(&bob.view().unwrap()));
    assert_eq!(here, there);
    assert_eq!(here.len(), 1);
    assert_eq!(here[0].path, "answers/SW-03");
    let values: BTreeSet<_> = here[0].sides.iter().map(|s| s.value.as_str()).collect();
    assert_eq!(values, BTreeSet::from(["\"pass\"", "\"fail\""]));
    // Choosing the value that already stands is a decision too: it ends the conflict.
    let standing = alice.view().unwrap().answers["SW-03"].standing.value.clone();
    write(&mut alice, ALICE, |e| e.answer("SW-03", &standing));
    assert!(answer_conflicts(&alice.view().unwrap()).is_empty());
}

#[test]
fn an_answer_that_is_taken_away_passes_the_gate_and_gives_way_to_what_a_colleague_answers_meanwhile() {
    let (_, mut alice) = start();
    let answered = write(&mut alice, ALICE, |e| e.answer("SW-01", "\"pass\""));
    let mut bob = alice.clone();
    let server = alice.clone();
    let parents = alice.parents(inspect(&answered.0).unwrap().id);
    assert_eq!(parents, inspect(&answered.0).unwrap().deps);
    assert_eq!(alice.view_at(&parents).unwrap().answers.len(), 0);
    assert_eq!(alice.parents(ChangeId([1; 32])), []);

    let cleared = write(&mut alice, ALICE, |e| e.clear_answer("SW-01"));
    assert!(alice.view().unwrap().answers.is_empty());
    let (_, nothing) = alice.edit(ALICE, NOON, |e| e.clear_answer("SW-01")).unwrap();
    assert_eq!(nothing, None, "clearing nothing writes nothing");
    let unknown = alice.edit(ALICE, NOON, |e| e.clear_answer("NOPE"));
    assert!(matches!(unknown, Err(EditError::UnknownItem(item)) if item == "NOPE"));

    let merged = accept(&server, &cleared, &rules(&BTreeSet::from([ALICE]))).unwrap();
    assert_eq!(merged.view().unwrap(), alice.view().unwrap());
    write(&mut bob, BOB, |e| e.answer("SW-01", "\"fail\""));
    exchange(&bob, &mut alice);
    let view = alice.view().unwrap();
    assert_eq!(view.answers["SW-01"].standing.value, "\"fail\"");
    assert!(answer_conflicts(&view).is_empty());
}

#[test]
fn a_long_text_that_is_rewritten_is_exact_and_keeps_what_a_colleague_adds_elsewhere() {
    let (_, mut alice) = start();
    let long = |first: u32| -> String { (first..first + 5000).map(|c| char::from_u32(c).unwrap()).collect() };
    let text = format!("检查情况：{}。完", long(0x4e00));
    write(&mut alice, ALICE, |edit| edit.narrative(&text));
    let mut bob = alice.clone();
    write(&mut bob, BOB, |edit| edit.narrative(&text.replace("。完", "。无异议。完")));
    let rewritten = format!("检查情况：{}。完", long(0x6500));
    write(&mut alice, ALICE, |edit| edit.narrative(&rewritten));
    assert_eq!(alice.view().unwrap().narrative, rewritten);
    exchange(&bob, &mut alice);
    assert_eq!(alice.view().unwrap().narrative, rewritten.replace("。完", "。无异议。完"));
}

#[test]
fn the_view_at_sealed_heads_never_changes() {
    let (_, mut alice) = start();
    write(&mut alice, ALICE, |e| e.answer("SW-01", "\"pass\""));
    let heads = alice.heads();
    let sealed = alice.view().unwrap();
    let late = write(&mut alice, ALICE, |e| {
        e.answer("SW-01", "\"fail\"")?;
        e.note("SW-02", "后补")?;
        e.narrative("后补")
    });
    assert_eq!(alice.view_at(&heads).unwrap(), *sealed);
    assert_ne!(alice.view().unwrap(), sealed);
    assert_eq!(alice.changes_outside(&heads), vec![inspect(&late.0).unwrap().id]);
}

#[test]
fn an_edit_that_fails_half_way_leaves_nothing() {
    let (_, mut alice) = start();
    let heads = alice.heads();
    let result = alice.edit(ALICE, NOON, |e| {
        e.answer("SW-01", "\"pass\"")?;
        e.answer("NOPE", "\"pass\"")
    });
    assert!(matches!(result, Err(EditError::UnknownItem(item)) if item == "NOPE"));
    assert_eq!(alice.heads(), heads);
    let (_, nothing) = alice.edit(ALICE, NOON, |_| Ok::<_, EditError>(())).unwrap();
    assert_eq!(nothing, None);
}

#[test]
fn a_snapshot_is_as_good_as_the_changes() {
    let (_, mut alice) = start();
    write(&mut alice, ALICE, |e| e.answer("SW-01", "\"pass\""));
    let loaded = Document::load(&alice.save()).unwrap();
    assert_eq!(loaded.view().unwrap(), alice.view().unwrap());
    assert_eq!(loaded.changes(), alice.changes());
}

pub(super) fn rules(actors: &BTreeSet<Actor>) -> GateRules<'_> {
    GateRules {
        actors,
        answer: &|item, register| {
            if item.starts_with("SW-") {
                if register == "\"unfit\"" { Err(false) } else { Ok(()) }
            } else {
                Err(true)
            }
        },
    }
}

#[test]
fn the_gate_passes_an_honest_change_and_a_repeated_one() {
    let (_, server) = start();
    let (_, mut alice) = start();
    let change = write(&mut alice, ALICE, |e| e.answer("SW-01", "\"pass\""));
    let actors = BTreeSet::from([ALICE]);
    let merged = accept(&server, &change, &rules(&actors)).unwrap();
    assert_eq!(merged.heads(), alice.heads());
    assert_eq!(accept(&merged, &change, &rules(&actors)).unwrap().heads(), merged.heads());
}

#[test]
fn the_gate_names_what_it_refuses() {
    let (first, server) = start();
    let (_, mut alice) = start();
    let change = write(&mut alice, ALICE, |e| e.answer("SW-01", "\"pass\""));
    let next = write(&mut alice, ALICE, |e| e.answer("SW-02", "\"unfit\""));
    let actors = BTreeSet::from([ALICE]);
    let refusal = |bytes: &[u8]| accept(&server, &RawChange(bytes.to_vec()), &rules(&actors)).unwrap_err();
    assert_eq!(refusal(b""), Refusal::NotAChange);
    assert_eq!(refusal(&change.0[..change.0.len() - 1]), Refusal::NotAChange);
    let mut trailing = change.0.clone();
    trailing.push(0);
    assert!(matches!(refusal(&trailing), Refusal::NotAChange | Refusal::NotCanonical));
    let mut compressed = change.0.clone();
    compressed[8] = 2;
    assert_eq!(refusal(&compressed), Refusal::ChunkKind(2));
    assert_eq!(refusal(&alice.save()), Refusal::ChunkKind(0));
    assert_eq!(refusal(&vec![0x85; crate::limits::CHANGE_BYTES_MAX + 1]), Refusal::TooLarge);
    assert!(matches!(refusal(&next.0), Refusal::Waiting(parents) if parents.len() == 1));
    assert_eq!(accept(&server, &change, &rules(&BTreeSet::from([BOB]))).unwrap_err(), Refusal::ForeignActor);
    let merged = accept(&server, &change, &rules(&actors)).unwrap();
    assert_eq!(accept(&merged, &next, &rules(&actors)).unwrap_err(), Refusal::UnfitAnswer("SW-02".into()));
    assert!(accept(&merged, &first, &rules(&actors)).is_ok(), "the first change is already there");
}

#[test]
fn the_gate_keeps_the_frame_of_the_document() {
    use automerge::transaction::Transactable;
    let (_, server) = start();
    let actors = BTreeSet::from([ALICE]);
    let attack = |attack: &dyn Fn(&mut automerge::transaction::Transaction<'_>, &Containers)| {
        let mut doc = server.doc.clone();
        doc.set_actor(ALICE.0.as_slice().into());
        let mut tx = doc.transaction();
        attack(&mut tx, &server.containers);
        let (hash, _) = tx.commit_with(CommitOptions::default());
        let change = doc.get_change_by_hash(&hash.unwrap()).unwrap();
        accept(&server, &RawChange(change.raw_bytes().to_vec()), &rules(&actors)).unwrap_err()
    };
    assert_eq!(attack(&|tx, _| tx.put(ROOT, IDENTITY, "{}").unwrap()), Refusal::NotReloadable);
    assert_eq!(
        attack(&|tx, _| {
            tx.put_object(ROOT, "answers", ObjType::Map).unwrap();
        }),
        Refusal::Frame
    );
    assert_eq!(attack(&|tx, _| tx.delete(ROOT, "narrative").unwrap()), Refusal::NotReloadable);
    assert_eq!(attack(&|tx, c| tx.delete(&c.notes, "SW-01").unwrap()), Refusal::Frame);
    assert_eq!(
        attack(&|tx, c| {
            tx.put_object(&c.notes, "SW-99", ObjType::Text).unwrap();
        }),
        Refusal::Frame
    );
    assert_eq!(
        attack(&|tx, c| tx.put(&c.registers[0].1, "NOPE", "x").unwrap()),
        Refusal::UnknownItem("NOPE".into())
    );
}

#[test]
fn a_change_that_no_gate_would_take_is_not_written() {
    let (_, mut alice) = start();
    let before = alice.heads();
    let long = "x".repeat(crate::limits::CHANGE_OPS_MAX);
    let refused = alice.edit(ALICE, NOON, |e| {
        e.answer("SW-01", "\"pass\"")?;
        e.narrative(&long)
    });
    assert!(matches!(refused, Err(EditError::TooMuch)));
    assert_eq!(alice.heads(), before);
}

#[test]
fn a_change_that_leaves_several_values_in_one_register_is_refused() {
    let (_, server) = start();
    let (_, mut alice) = start();
    let honest = write(&mut alice, ALICE, |e| {
        e.answer("SW-01", "\"a\"")?;
        e.answer("SW-02", "\"b\"")?;
        e.answer("SW-03", "\"c\"")
    });
    let mut bytes = honest.0;
    let place = bytes.windows(5).position(|name| name == b"SW-03").unwrap();
    bytes[place + 4] = b'1';
    let checksum = Digest::of(&bytes[8..]).value;
    bytes[4..8].copy_from_slice(&checksum[..4]);
    let refused = accept(&server, &RawChange(bytes), &rules(&BTreeSet::from([ALICE]))).unwrap_err();
    assert_eq!(refused, Refusal::NotStorable);
}

#[test]
fn a_change_names_the_places_where_it_wrote_and_no_others() {
    let (first, mut here) = start();
    let mut there = here.clone();
    let id = |raw: &RawChange| inspect(&raw.0).unwrap().id;
    let both = write(&mut here, ALICE, |edit| {
        edit.answer("SW-01", "{\"a\":1}")?;
        edit.note("SW-02", "清澈")
    });
    let text = write(&mut there, BOB, |edit| edit.narrative("上午检查"));
    let rival = write(&mut there, BOB, |edit| edit.answer("SW-01", "{\"a\":2}"));
    exchange(&there, &mut here);
    let again = write(&mut here, ALICE, |edit| edit.finding("f1", "{}"));
    assert_eq!(here.places(id(&first)), Vec::<String>::new());
    assert_eq!(here.places(id(&both)), ["answers/SW-01", "notes/SW-02"]);
    assert_eq!(here.places(id(&text)), ["narrative"]);
    assert_eq!(here.places(id(&rival)), ["answers/SW-01"]);
    assert_eq!(here.places(id(&again)), ["findings/f1"]);
    assert_eq!(there.places(id(&again)), Vec::<String>::new(), "it is not part of the other document");
}

#[test]
fn changes_that_stand_one_behind_the_other_are_told_apart() {
    let (first, mut alice) = start();
    let second = write(&mut alice, ALICE, |e| e.answer("SW-01", "\"pass\""));
    let third = write(&mut alice, ALICE, |e| e.narrative("水面有漂浮物，池壁干净"));
    let run = [first.0.as_slice(), &second.0, &third.0].concat();
    assert_eq!(split(&run).unwrap(), [first.0.as_slice(), &second.0, &third.0]);
    assert!(split(&[]).unwrap().is_empty());
    for raw in [&first, &second, &third] {
        assert_eq!(name(&raw.0).unwrap(), inspect(&raw.0).unwrap().id);
    }
    for cut in 1..third.0.len() {
        assert_eq!(split(&run[..run.len() - cut]).unwrap_err(), Refusal::NotAChange, "{cut}");
    }
    let mut spoiled = second.0.clone();
    *spoiled.last_mut().unwrap() ^= 1;
    assert_eq!(name(&spoiled).unwrap_err(), Refusal::NotAChange);
}
