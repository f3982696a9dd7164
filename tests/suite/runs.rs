//! One journal entry for many changes: what it vouches for, and what it does not.

use crate::support::{self, chunk, document, verdict};
use fieldproof_schema::document::{Actor, Document, RawChange};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::journal::SignedEntry;
use fieldproof_schema::wire::sync::{Outcome, SyncAnswer};
use fieldproof_server::db::{DbError, Tx};
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::rogue::Rogue;
use serde_json::json;

const ACTOR: Actor = Actor([0xaa; 16]);

struct Scene {
    world: World,
    administrator: Person,
    rogue: Rogue,
    visit: InspectionId,
    doc: Document,
}

async fn start(seed: u64) -> Scene {
    let world = World::start(seed, None).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    let enrolment = city.administrator.enrolment_code(&world, city.task.team[0]).await;
    let rogue = Rogue::enrol(&world, &enrolment, 99).await;
    let answer = rogue.sync(&world, vec![], vec![]).await;
    let doc = document(&answer, visit);
    Scene { world, administrator: city.administrator, rogue, visit, doc }
}

impl Scene {
    /// Writes `n` changes one after another.
    fn write(&mut self, n: usize) -> Vec<RawChange> {
        let at = self.world.app.host.now();
        (0..n)
            .map(|n| {
                let text = format!("{n}{}", self.doc.changes().len());
                let (_, change) = self.doc.edit(ACTOR, at, |e| e.narrative(&text)).unwrap();
                change.unwrap().1
            })
            .collect()
    }

    /// Signs a run with `last` as its last change.
    fn sign(&mut self, counts: (u64, u64), end: &RawChange) -> SignedEntry {
        self.rogue.cover_run(self.visit, ACTOR, counts, end)
    }

    async fn sync(&mut self, entries: Vec<SignedEntry>, changes: &[RawChange]) -> SyncAnswer {
        self.rogue.sync(&self.world, entries, chunk(self.visit, changes)).await
    }
}

fn outcomes(answer: &SyncAnswer, changes: &[RawChange]) -> Vec<(Outcome, String)> {
    changes
        .iter()
        .map(|change| {
            let verdict = verdict(answer, change);
            (verdict.outcome, verdict.code.clone().unwrap_or_default())
        })
        .collect()
}

fn all(outcome: Outcome, code: &str, n: usize) -> Vec<(Outcome, String)> {
    vec![(outcome, code.to_owned()); n]
}

#[tokio::test]
async fn one_entry_declares_the_writer_and_covers_what_it_wrote() {
    let mut scene = start(201).await;
    let changes = scene.write(5);
    let entry = scene.sign((1, 5), &changes[4]);
    let name = entry.hash();
    let answer = scene.sync(vec![entry], &changes).await;
    assert_eq!(outcomes(&answer, &changes), all(Outcome::Accepted, "", 5));
    let rows = answer.rows.iter().filter_map(|row| match &row.body {
        fieldproof_schema::wire::row::Body::Change(change) => change.entry,
        _ => None,
    });
    assert_eq!(rows.collect::<Vec<_>>(), vec![name; 5]);
}

#[tokio::test]
async fn a_run_that_came_in_parts_waits_for_its_last_change() {
    let mut scene = start(202).await;
    let changes = scene.write(4);
    let entry = scene.sign((1, 4), &changes[3]);
    let answer = scene.sync(vec![entry], &changes[..2]).await;
    assert_eq!(outcomes(&answer, &changes[..2]), all(Outcome::Waiting, "change_waiting", 2));
    let answer = scene.sync(vec![], &changes[2..]).await;
    assert_eq!(outcomes(&answer, &changes[2..]), all(Outcome::Accepted, "", 2));
    assert_eq!(document(&answer, scene.visit).heads(), scene.doc.heads());
}

#[tokio::test]
async fn a_run_vouches_for_nothing_but_what_was_signed() {
    let mut scene = start(203).await;
    let changes = scene.write(3);
    // Signed was another last change than the one that is sent in its place.
    let entry = scene.sign((1, 3), &RawChange(b"another".to_vec()));
    let answer = scene.sync(vec![entry], &changes).await;
    assert_eq!(outcomes(&answer, &changes), all(Outcome::Quarantined, "change_uncovered", 3));
    // Nor does a run that ends before a change.
    let entry = scene.sign((1, 2), &changes[1]);
    let answer = scene.sync(vec![entry], &changes).await;
    let mut expected = all(Outcome::Accepted, "", 2);
    expected.extend(all(Outcome::Quarantined, "change_uncovered", 1));
    assert_eq!(outcomes(&answer, &changes), expected);
}

#[tokio::test]
async fn a_run_does_not_cover_a_change_that_its_last_one_does_not_build_upon() {
    let mut scene = start(204).await;
    let before = scene.doc.clone();
    let changes = scene.write(2);
    // Another change with the first one's count, which the signed last one knows nothing of.
    let mut forged = before;
    let at = scene.world.app.host.now();
    let (_, change) = forged.edit(ACTOR, at, |e| e.statement("伪造")).unwrap();
    let forged = change.unwrap().1;
    let entry = scene.sign((1, 2), &changes[1]);
    let sent = [forged.clone(), changes[0].clone(), changes[1].clone()];
    let answer = scene.sync(vec![entry], &sent).await;
    let mut expected = all(Outcome::Quarantined, "change_uncovered", 1);
    expected.extend(all(Outcome::Accepted, "", 2));
    assert_eq!(outcomes(&answer, &sent), expected);
}

/// Its terminal offers it with every sync: were the team told each time, each would call the next one.
#[tokio::test]
async fn what_is_uncovered_still_is_told_once() {
    let mut scene = start(207).await;
    let changes = scene.write(2);
    let said = async |scene: &Scene| {
        let read = |tx: &mut Tx<'_>| {
            let rows = tx.query("SELECT feed, last_seq FROM feeds ORDER BY feed", &[])?;
            rows.iter()
                .map(|row| Ok((row.get(0)?, row.get(1)?)))
                .collect::<Result<Vec<(String, i64)>, DbError>>()
        };
        scene.world.app.db.read(read).await.unwrap()
    };
    let before = said(&scene).await;
    let answer = scene.sync(vec![], &changes[..1]).await;
    assert_eq!(outcomes(&answer, &changes[..1]), all(Outcome::Quarantined, "change_uncovered", 1));
    let told = said(&scene).await;
    assert_ne!(told, before);
    for _ in 0..2 {
        let answer = scene.sync(vec![], &changes[..1]).await;
        assert_eq!(outcomes(&answer, &changes[..1]), all(Outcome::Quarantined, "change_uncovered", 1));
    }
    assert_eq!(said(&scene).await, told);
    // Another one that is held apart with it is news.
    let answer = scene.sync(vec![], &changes).await;
    assert_eq!(outcomes(&answer, &changes), all(Outcome::Quarantined, "change_uncovered", 2));
    assert_ne!(said(&scene).await, told);
}

/// A server that lost the entries before it meets the changes first: the entry alone is enough, nobody sends them again, and it
/// counts for more than that people could not know of it.
#[tokio::test]
async fn an_entry_that_comes_after_its_changes_covers_them() {
    let mut scene = start(206).await;
    let changes = scene.write(2);
    let answer = scene.sync(vec![], &changes).await;
    assert_eq!(outcomes(&answer, &changes), all(Outcome::Quarantined, "change_uncovered", 2));
    let open = scene.administrator.get(&scene.world, "/api/v1/quarantine?state=open").await;
    let part = |part: &str| open["rows"][0][part].as_str().expect("it waits for a decision").to_owned();
    let (inspection, device, digest) = (part("inspection"), part("device"), part("digest"));
    let path = format!("/api/v1/quarantine/{inspection}/{device}/{digest}/decision");
    let kept = json!({"decision": "keep", "reason": "无人作证"});
    scene.administrator.post(&scene.world, &path, kept).await;
    let run = scene.sign((1, 2), &changes[1]);
    scene.sync(vec![run], &[]).await;
    let read = |tx: &mut Tx<'_>| {
        Ok::<_, DbError>(tx.query("SELECT item FROM inbox WHERE state <> 'accepted'", &[])?.len())
    };
    assert_eq!(scene.world.app.db.read(read).await.unwrap(), 0);
    // And what is said of them now is told.
    let again = scene.sync(vec![], &changes).await;
    assert_eq!(outcomes(&again, &changes), all(Outcome::Accepted, "", 2));
}
