//! What officers do on their terminals.

use super::model::Deed;
use super::plan::{Event, Step};
use super::stage::Sim;
use crate::photo;
use crate::world::device::PASSPHRASE;
use fieldproof_client_core::{CaptureFacts, CaptureSource, Choice, ClientError, Correction, NewPaper};
use fieldproof_schema::checklist::{Answer, ItemKind, Outcome};
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::seal::Party;
use fieldproof_schema::suite::Digest;
use std::fs;

/// Entities of the directory that a terminal is asked for: more than it has.
const ENTITIES_MAX: u64 = 1000;

/// All acts.
pub const ALL: &[Event] = &[
    Event { name: "answer", weight: 14, profile: None, happen: |sim, step| Box::pin(answer(sim, step)) },
    Event { name: "write", weight: 10, profile: None, happen: |sim, step| Box::pin(write(sim, step)) },
    Event { name: "capture", weight: 5, profile: None, happen: |sim, step| Box::pin(capture(sim, step)) },
    Event { name: "settle", weight: 3, profile: None, happen: |sim, step| Box::pin(settle(sim, step)) },
    Event { name: "seal", weight: 2, profile: None, happen: |sim, step| Box::pin(seal(sim, step)) },
    Event { name: "cosign", weight: 4, profile: None, happen: |sim, step| Box::pin(cosign(sim, step)) },
    Event { name: "sync", weight: 22, profile: None, happen: |sim, step| Box::pin(sync(sim, step)) },
    Event { name: "reopen", weight: 3, profile: None, happen: |sim, step| Box::pin(reopen(sim, step)) },
    Event { name: "rebuild", weight: 2, profile: None, happen: |sim, step| Box::pin(rebuild(sim, step)) },
    Event { name: "package", weight: 2, profile: None, happen: |sim, step| Box::pin(package(sim, step)) },
    Event { name: "paper", weight: 3, profile: None, happen: |sim, step| Box::pin(paper(sim, step)) },
    Event { name: "propose", weight: 2, profile: None, happen: |sim, step| Box::pin(propose(sim, step)) },
    Event { name: "pass", weight: 4, profile: None, happen: |sim, step| Box::pin(pass(sim, step)) },
];

/// What became of an act on a terminal; what was saved is noted.
fn noted(sim: &mut Sim, hand: usize, visit: InspectionId, done: Result<(), ClientError>) -> String {
    match done {
        Ok(()) => {
            sim.written(hand, visit);
            "saved".to_owned()
        }
        Err(error) => error.code().as_str().to_owned(),
    }
}

async fn answer(sim: &mut Sim, step: Step) -> String {
    let (hand, visit) = (sim.hand(step), sim.visit(step));
    let client = sim.hands[hand].device.client();
    let Ok(detail) = client.inspection(visit) else { return "no visit".to_owned() };
    let Some(template) = detail.template else { return "no checklist".to_owned() };
    let plain = |kind: &ItemKind| matches!(kind, ItemKind::Conformity { .. });
    let items: Vec<_> =
        template.items.iter().filter(|item| plain(&item.kind) && item.condition.is_none()).take(4).collect();
    let item = items[step.roll(1, items.len())];
    let result = if step.roll(2, 2) == 0 { Outcome::Pass } else { Outcome::Fail };
    let done = client.answer(visit, &item.id, &Answer::Conformity { result });
    noted(sim, hand, visit, done.map(drop))
}

async fn write(sim: &mut Sim, step: Step) -> String {
    let (hand, visit, word) = (sim.hand(step), sim.visit(step), sim.word());
    let client = sim.hands[hand].device.client();
    let Ok(detail) = client.inspection(visit) else { return "no visit".to_owned() };
    let before = detail.view.narrative.clone();
    // Sometimes so much in one go that it travels as a whole document.
    let times = if step.roll(1, 5) == 0 { 12 } else { 1 };
    let mut told = before;
    let mut said = String::new();
    for n in 0..times {
        told.push_str(&format!("{word}{n}"));
        let done = sim.hands[hand].device.client().narrative(visit, None, &told);
        said = noted(sim, hand, visit, done.map(drop));
    }
    said
}

async fn capture(sim: &mut Sim, step: Step) -> String {
    let (hand, visit, word) = (sim.hand(step), sim.visit(step), sim.word());
    let bytes = photo::jpeg(u64::from(step.dice), None, 16, 16);
    let facts = CaptureFacts { caption: &word, ..CaptureFacts::PHOTO };
    let done = sim.hands[hand].device.client().capture(visit, CaptureSource::Bytes(&bytes), &facts);
    let said = noted(sim, hand, visit, done.map(drop));
    if said == "saved" {
        sim.model.done(hand, Deed::Capture(visit, Digest::of(&bytes)));
    }
    said
}

async fn settle(sim: &mut Sim, step: Step) -> String {
    let (hand, visit) = (sim.hand(step), sim.visit(step));
    let client = sim.hands[hand].device.client();
    let Ok(open) = client.conflicts(visit) else { return "no visit".to_owned() };
    let Some(conflict) = open.first() else { return "nothing open".to_owned() };
    let side = &conflict.sides[step.roll(1, conflict.sides.len())];
    let done = client.settle(visit, conflict.id, &Choice::Side(side.change), "以照片为准");
    noted(sim, hand, visit, done)
}

async fn seal(sim: &mut Sim, step: Step) -> String {
    let (hand, visit) = (sim.hand(step), sim.visit(step));
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    match sim.hands[hand].device.client().seal(visit, PASSPHRASE, &party, None) {
        Ok(_) => "signed".to_owned(),
        Err(error) => error.code().as_str().to_owned(),
    }
}

async fn cosign(sim: &mut Sim, step: Step) -> String {
    let (hand, visit) = (sim.hand(step), sim.visit(step));
    match sim.hands[hand].device.client().cosign(visit, PASSPHRASE) {
        Ok(_) => "signed".to_owned(),
        Err(error) => error.code().as_str().to_owned(),
    }
}

async fn sync(sim: &mut Sim, step: Step) -> String {
    let hand = sim.hand(step);
    sim.sync(hand).await
}

/// The system ends the program in the middle of whatever it did, and the officer opens it again.
pub async fn reopen(sim: &mut Sim, step: Step) -> String {
    let hand = sim.hand(step);
    let device = &mut sim.hands[hand].device;
    device.die();
    if let Err(error) = device.try_switch_on() {
        // Its disk failed meanwhile; it is opened again when that is over.
        return error.code().as_str().to_owned();
    }
    // On a disk that fails just now it is looked for once that is over.
    if let Err(lost) = sim.keeps(hand)
        && !sim.hands[hand].disk.struck()
    {
        sim.breaks("I1", lost);
    }
    "open".to_owned()
}

/// A terminal makes its views anew out of its record: they are what they were.
async fn rebuild(sim: &mut Sim, step: Step) -> String {
    let hand = sim.hand(step);
    let client = sim.hands[hand].device.client();
    let shown = || {
        let visits = client.inspections()?.into_iter().map(|visit| format!("{visit:?}"));
        let directory = client.entities("", 0, ENTITIES_MAX)?.rows.into_iter().map(|row| format!("{row:?}"));
        Ok::<Vec<String>, ClientError>(visits.chain(directory).collect())
    };
    // A disk that fails just now says nothing about the record.
    let (Ok(before), Ok(()), Ok(after)) = (shown(), client.rebuild(), shown()) else {
        return "not made".to_owned();
    };
    if let Some(lost) = before.iter().find(|line| !after.contains(line)) {
        let what = format!("{} does not show {lost} once it is made anew", sim.hands[hand].name);
        sim.breaks("I5", what);
    }
    format!("{} lines", after.len())
}

/// One terminal hands a visit to another one as a file.
async fn package(sim: &mut Sim, step: Step) -> String {
    let (from, visit) = (sim.hand(step), sim.visit(step));
    let in_use = sim.in_use();
    let to = in_use[step.roll(1, in_use.len())];
    let file = sim.world.folder().join("package.zip");
    fs::remove_file(&file).ok();
    if let Err(error) = sim.hands[from].device.client().export_package(visit, &file, true) {
        return error.code().as_str().to_owned();
    }
    match sim.hands[to].device.client().import_package(&file) {
        Ok(taken) => format!("{} changes, {} entries", taken.changes, taken.entries),
        Err(error) => error.code().as_str().to_owned(),
    }
}

/// A paper form gets a number, or one that stands on it already is typed.
async fn paper(sim: &mut Sim, step: Step) -> String {
    let (hand, visit) = (sim.hand(step), sim.visit(step));
    let client = sim.hands[hand].device.client();
    let typed = (step.roll(1, 8) == 0).then(|| step.roll(2, 40) as u32 + 1);
    let new = NewPaper { form: "DOC-03".into(), typed, ..NewPaper::default() };
    let done = client.register_paper(visit, &new);
    let (record, number) = match done {
        Ok((record, number)) => (record, number),
        Err(error) => return error.code().as_str().to_owned(),
    };
    sim.written(hand, visit);
    let Some(number) = number else { return "no number".to_owned() };
    if number.block.is_some() {
        let series = (number.unit.clone(), number.year, number.serial);
        if let Some(before) = sim.model.numbers.insert(series, record) {
            let name = &sim.hands[hand].name;
            let what = format!("{name} gives {} to {record}, and it was given to {before}", number.text);
            sim.breaks("D2", what);
        }
    }
    number.text
}

/// A correction of the directory is proposed.
async fn propose(sim: &mut Sim, step: Step) -> String {
    let (hand, visit, word) = (sim.hand(step), sim.visit(step), sim.word());
    let field = EntityField::Address;
    let correction =
        Correction { field, value: word, reason: "现场核对门牌".into(), evidence: Vec::new() };
    let done = sim.hands[hand].device.client().propose(visit, None, &correction);
    noted(sim, hand, visit, done.map(drop))
}

/// Time passes.
async fn pass(sim: &mut Sim, step: Step) -> String {
    sim.world.clock.advance_seconds([60, 3600, 40_000, 400_000][step.roll(1, 4)]);
    "later".to_owned()
}
