//! Whole documents as parcels of changes: they arrive as the changes that they are, and what is wrong in one is held apart
//! by itself.

use crate::support::{self, City, chunk, document, verdict};
use fieldproof_schema::checklist::{Answer, Outcome as Conformity};
use fieldproof_schema::document::{Actor, Document, RawChange, is_document};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::journal::SignedEntry;
use fieldproof_schema::limits::DOCUMENT_BYTES_MAX;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::sync::{Outcome, SyncAnswer};
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::Device;
use fieldproof_tests::world::link::Fate;
use fieldproof_tests::world::rogue::Rogue;
use serde_json::json;

const ACTOR: Actor = Actor([0xab; 16]);

/// Writes a visit full, in more changes than a push sends one by one.
fn fill(device: &Device, visit: InspectionId) {
    for round in 0..8 {
        for (item, answer) in support::plain_items(device, visit) {
            let failed = Answer::Conformity { result: Conformity::Fail };
            let answer = if round % 2 == 0 { answer } else { failed };
            device.client().answer(visit, &item, &answer).unwrap();
        }
        device.client().narrative(visit, None, &format!("第{round}遍")).unwrap();
    }
}

#[tokio::test]
async fn a_day_offline_arrives_whole_and_change_by_change() {
    let world = World::start(211, None).await;
    let City { task, one, two, administrator, .. } = support::city(&world).await;
    let visit = task.inspection;
    fill(&one, visit);
    let written = one.client().status().unwrap().unsent.changes;
    assert!(written > 40);
    let report = one.sync().await;
    assert_eq!((report.changes_sent, report.refused.len()), (written, 0));
    // Far less than the changes one by one, each of which names another by 32 bytes.
    assert!(report.bytes_sent < 40 * written, "{} bytes for {written} changes", report.bytes_sent);
    assert!(one.client().status().unwrap().unsent.is_empty());
    assert_eq!(one.client().overview().unwrap().waiting, 0);
    assert_eq!(one.client().verify().unwrap().faults, []);
    two.sync().await;
    let (here, there) = (one.client().inspection(visit).unwrap(), two.client().inspection(visit).unwrap());
    assert_eq!((&here.view, &here.heads), (&there.view, &there.heads));
    // Each change is part of the record by itself, with its entry and its time.
    let history = administrator.get(&world, &format!("/api/v1/inspections/{visit}/history")).await;
    let rows = history["changes"].as_array().unwrap();
    assert_eq!(rows.len() as u64, written + 1);
    assert!(rows[1..].iter().all(|row| row["entry"].is_string() && row["officer"].is_string()), "{rows:?}");
    // Nothing travels twice.
    let again = one.sync().await;
    assert_eq!((again.entries_sent, again.changes_sent), (0, 0));
}

#[tokio::test]
async fn two_officers_who_worked_at_once_both_send_all_and_lose_nothing() {
    let world = World::start(212, None).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    fill(&one, visit);
    fill(&two, visit);
    for _ in 0..2 {
        one.sync().await;
        two.sync().await;
    }
    let (here, there) = (one.client().inspection(visit).unwrap(), two.client().inspection(visit).unwrap());
    assert_eq!((&here.view, &here.heads), (&there.view, &there.heads));
    // What both wrote since goes out with what the other one wrote in it.
    fill(&one, visit);
    let report = one.sync().await;
    assert_eq!(report.refused, []);
    two.sync().await;
    assert_eq!(two.client().inspection(visit).unwrap().heads, one.client().inspection(visit).unwrap().heads);
    assert!(one.client().status().unwrap().unsent.is_empty());
}

#[tokio::test]
async fn a_lost_answer_costs_a_repeat_and_nothing_else() {
    let world = World::start(213, None).await;
    let City { task, one, two, .. } = support::city(&world).await;
    fill(&one, task.inspection);
    for answered in 0..3 {
        let fates: Vec<Fate> = (0..answered).map(|_| Fate::Answered).chain([Fate::AnswerLost]).collect();
        one.link.next(&fates);
        one.try_sync().await.ok();
    }
    one.sync().await;
    assert!(one.client().status().unwrap().unsent.is_empty());
    two.sync().await;
    let visit = task.inspection;
    assert_eq!(two.client().inspection(visit).unwrap().heads, one.client().inspection(visit).unwrap().heads);
}

struct Scene {
    world: World,
    city: City,
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
    Scene { world, city, rogue, visit, doc }
}

impl Scene {
    fn narrate(&mut self, text: &str) -> RawChange {
        let at = self.world.app.host.now();
        self.doc.edit(ACTOR, at, |e| e.narrative(text)).unwrap().1.unwrap().1
    }

    fn sign(&mut self, counts: (u64, u64), end: &RawChange) -> SignedEntry {
        self.rogue.cover_run(self.visit, ACTOR, counts, end)
    }

    fn whole(&self) -> RawChange {
        RawChange(self.doc.save())
    }

    async fn sync(&mut self, entries: Vec<SignedEntry>, items: &[RawChange]) -> SyncAnswer {
        self.rogue.sync(&self.world, entries, chunk(self.visit, items)).await
    }

    /// What the server holds of the visit.
    async fn narrative(&self) -> String {
        let path = format!("/api/v1/inspections/{}", self.visit);
        let shown = self.city.administrator.get(&self.world, &path).await;
        shown["view"]["narrative"].as_str().unwrap_or_default().to_owned()
    }
}

fn outcome(answer: &SyncAnswer, item: &RawChange) -> (Outcome, String) {
    let verdict = verdict(answer, item);
    (verdict.outcome, verdict.code.clone().unwrap_or_default())
}

#[tokio::test]
async fn an_unfit_change_inside_is_held_apart_by_itself() {
    let mut scene = start(214).await;
    let good = scene.narrate("好");
    let (item, _) = support::plain_items(&scene.city.one, scene.visit).swap_remove(0);
    let at = scene.world.app.host.now();
    let mut beside = scene.doc.clone();
    let unfit = r#"{"type":"conformity","result":"maybe"}"#;
    let unfit = beside.edit(ACTOR, at, |e| e.answer(&item, unfit)).unwrap().1.unwrap().1;
    // The unfit one is the last of the run, so it and what it builds upon are signed.
    let entry = scene.sign((1, 2), &unfit);
    let whole = RawChange(beside.save());
    let answer = scene.sync(vec![entry], std::slice::from_ref(&whole)).await;
    assert_eq!(outcome(&answer, &whole), (Outcome::Accepted, String::new()));
    assert_eq!(scene.narrative().await, "好");
    let told: Vec<_> = answer.rows.iter().filter(|row| row.kind == "verdict").collect();
    assert!(told.iter().any(|row| row.subject.contains(&Digest::of(&unfit.0).to_string())), "{told:?}");
    let apart = scene.city.administrator.get(&scene.world, "/api/v1/quarantine").await;
    let rows = apart["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["code"]), (1, &json!("answer_unfit")));
    assert_eq!(rows[0]["digest"], json!(Digest::of(&unfit.0)));
    assert!(scene.doc.contains(fieldproof_schema::document::inspect(&good.0).unwrap().id));
}

#[tokio::test]
async fn what_nobody_signed_inside_counts_for_nothing() {
    let mut scene = start(215).await;
    let first = scene.narrate("一");
    scene.narrate("二");
    let entry = scene.sign((1, 1), &first);
    let whole = scene.whole();
    let answer = scene.sync(vec![entry], std::slice::from_ref(&whole)).await;
    assert_eq!(outcome(&answer, &whole), (Outcome::Accepted, String::new()));
    assert_eq!(scene.narrative().await, "一");
    let apart = scene.city.administrator.get(&scene.world, "/api/v1/quarantine").await;
    assert_eq!(apart["rows"][0]["code"], "change_uncovered");
}

#[tokio::test]
async fn rubbish_that_says_it_is_a_document_is_held_apart_and_blocks_nothing() {
    let mut scene = start(216).await;
    let good = scene.narrate("好");
    let whole = scene.whole();
    let spoil = |at: usize, byte: u8| {
        let mut bytes = whole.0.clone();
        bytes[at] ^= byte;
        RawChange(bytes)
    };
    let (middle, end) = (whole.0.len() / 2, whole.0.len() - 1);
    let mut longer = whole.0.clone();
    longer.push(0);
    let bad = [
        RawChange(whole.0[..middle].to_vec()),
        RawChange(whole.0[..9].to_vec()),
        spoil(5, 1),
        spoil(middle, 0xff),
        spoil(end, 0x40),
        RawChange(longer),
    ];
    assert!(bad.iter().all(|bytes| is_document(&bytes.0)));
    let mut huge = whole.0[..10].to_vec();
    huge.resize(DOCUMENT_BYTES_MAX + 1, 0);
    let huge = RawChange(huge);
    let entry = scene.sign((1, 1), &good);
    let items: Vec<RawChange> = bad.iter().chain([&huge, &whole]).cloned().collect();
    let answer = scene.sync(vec![entry], &items).await;
    for item in &bad {
        let (outcome, code) = outcome(&answer, item);
        assert_eq!(outcome, Outcome::Quarantined, "{code}");
    }
    assert_eq!(outcome(&answer, &huge), (Outcome::Refused, "change_too_large".into()));
    assert_eq!(outcome(&answer, &whole), (Outcome::Accepted, String::new()));
    assert_eq!(scene.narrative().await, "好");
    // People see that there is something, and each can be looked at.
    let apart = scene.city.administrator.get(&scene.world, "/api/v1/quarantine").await;
    for row in apart["rows"].as_array().unwrap() {
        let part = |name: &str| row[name].as_str().unwrap().to_owned();
        let place = format!("{}/{}/{}", part("inspection"), part("device"), part("digest"));
        scene.city.administrator.get(&scene.world, &format!("/api/v1/quarantine/{place}")).await;
    }
    assert_eq!(apart["rows"].as_array().unwrap().len(), bad.len());
}

#[tokio::test]
async fn a_document_of_another_visit_brings_nothing_in() {
    let mut scene = start(217).await;
    let other = support::other_visit(&scene.city.one, scene.visit);
    let change = scene.narrate("串户");
    let entry = scene.sign((1, 1), &change);
    let whole = scene.whole();
    let answer =
        scene.rogue.sync(&scene.world, vec![entry], chunk(other, std::slice::from_ref(&whole))).await;
    let (became, code) = outcome(&answer, &whole);
    assert_ne!(became, Outcome::Refused, "{code}");
    let path = format!("/api/v1/inspections/{other}");
    let shown = scene.city.administrator.get(&scene.world, &path).await;
    assert_eq!(shown["view"]["narrative"].as_str().unwrap_or_default(), "");
}

#[tokio::test]
async fn a_document_from_outside_the_team_is_held_apart_and_let_in_whole() {
    let world = World::start(218, None).await;
    let City { task, one, two, administrator, .. } = support::city(&world).await;
    let visit = task.inspection;
    fill(&one, visit);
    crate::quarantine::take_off(&world, visit, task.team[0]).await;
    let report = one.sync().await;
    assert!(report.refused.iter().any(|item| item.code == "change_out_of_scope"), "{report:?}");
    let row = administrator.get(&world, "/api/v1/quarantine").await["rows"][0].clone();
    let part = |name: &str| row[name].as_str().unwrap().to_owned();
    let path = format!("/api/v1/quarantine/{}/{}/{}", part("inspection"), part("device"), part("digest"));
    let shown = administrator.get(&world, &path).await;
    let places = shown["places"].as_array().unwrap();
    assert!(places.len() > 4, "what it writes is shown: {shown}");
    let accept = json!({"decision": "accept", "reason": "经核实在场"});
    let became = administrator.post(&world, &format!("{path}/decision"), accept).await;
    assert_eq!(became["state"], "accepted");
    two.sync().await;
    assert_eq!(two.client().inspection(visit).unwrap().view.narrative, "第7遍");
}
