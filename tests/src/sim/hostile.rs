//! What a stranger with an officer's terminal sends.

use super::holdings::header;
use super::model::Deed;
use super::plan::{Event, Profile, Step};
use super::stage::{Sim, Who};
use crate::world::rogue::{Rogue, request};
use fieldproof_schema::document::{Actor, Document, RawChange};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::journal::{Kind, SignedEntry};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::frame;
use fieldproof_schema::wire::sync::Chunk;
use serde_json::json;

const HOSTILE: Option<Profile> = Some(Profile::Hostile);

/// All of it.
pub const ALL: &[Event] = &[
    Event { name: "rubbish", weight: 4, profile: HOSTILE, happen: |sim, step| Box::pin(rubbish(sim, step)) },
    Event { name: "forge", weight: 8, profile: HOSTILE, happen: |sim, step| Box::pin(forge(sim, step)) },
    Event { name: "spoil", weight: 4, profile: HOSTILE, happen: |sim, step| Box::pin(spoil(sim, step)) },
];

/// The stranger's terminal, enrolled with a code that was meant for an officer of the team.
async fn stranger(sim: &mut Sim) -> Result<Rogue, String> {
    // Whatever the disk is about to do happens to honest people.
    if let Some(disk) = sim.world.disk() {
        disk.calm();
    }
    if let Some(rogue) = sim.rogue.take() {
        return Ok(rogue);
    }
    let path = format!("/api/v1/officers/{}/enrolment-codes", sim.officers[1]);
    let code = sim.ask(Who::Administrator, "POST", &path, json!({})).await?;
    let word = sim.word();
    let seed = sim.world.seed_of(&word);
    Ok(Rogue::enrol(&sim.world, code["code"].as_str().unwrap_or_default(), seed).await)
}

/// Sends what it likes. A server that does not know the terminal any more, because it was restored, is left to the next one.
async fn send(sim: &mut Sim, rogue: Rogue, entries: Vec<SignedEntry>, chunks: Vec<Chunk>) -> String {
    send_bytes(sim, rogue, frame::pack(&request(2, entries, chunks))).await
}

async fn send_bytes(sim: &mut Sim, rogue: Rogue, bytes: Vec<u8>) -> String {
    let (status, _) = rogue.sync_raw(&sim.world, bytes).await;
    if status.is_server_error() {
        sim.breaks("I11", format!("the server answers a stranger with {status}"));
    }
    if status.as_u16() != 401 {
        sim.rogue = Some(rogue);
    }
    status.to_string()
}

/// No request at all, or one that ends early.
async fn rubbish(sim: &mut Sim, step: Step) -> String {
    let rogue = match stranger(sim).await {
        Ok(rogue) => rogue,
        Err(code) => return code,
    };
    let request = frame::pack(&json!({"protocol": 2}).to_string());
    let length = step.roll(1, request.len());
    let mut bytes = request[..length].to_vec();
    if let Some(byte) = bytes.get_mut(step.roll(2, length)) {
        *byte ^= step.roll(3, 255) as u8 + 1;
    }
    send_bytes(sim, rogue, bytes).await
}

/// What a colleague wrote last, and the document.
async fn honest(sim: &mut Sim, visit: InspectionId) -> Result<(Document, Actor, RawChange), String> {
    let changes = sim.changes_of(visit).await?;
    let document = Document::from_changes(changes.iter().map(Vec::as_slice)).map_err(|e| e.to_string())?;
    let last = changes.last().map(|bytes| RawChange(bytes.clone())).ok_or("an empty visit")?;
    let actor = header(&last.0).ok_or("no change")?.actor;
    Ok((document, actor, last))
}

/// A change under a colleague's name, with an entry of the stranger's own to cover it.
async fn forge(sim: &mut Sim, step: Step) -> String {
    let visit = sim.visit(step);
    let (mut rogue, (mut document, actor, _)) = match (stranger(sim).await, honest(sim, visit).await) {
        (Ok(rogue), Ok(honest)) => (rogue, honest),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    let (word, at) = (sim.word(), sim.world.clock.now());
    let written = document.edit(actor, at, |edit| edit.statement(&word));
    let Ok((_, Some((id, change)))) = written else { return "nothing to forge".to_owned() };
    sim.model.forged.insert(id);
    let mut entries = Vec::new();
    match step.roll(1, 3) {
        0 => entries.push(rogue.cover(visit, &change)),
        1 => entries.extend([rogue.declare(visit, actor), rogue.cover(visit, &change)]),
        _ => {}
    }
    send(sim, rogue, entries, vec![Chunk { inspection: visit, changes: vec![change] }]).await
}

/// An honest change with some bytes replaced, its checksum made right again or not.
async fn spoil(sim: &mut Sim, step: Step) -> String {
    let visit = sim.visit(step);
    let (mut rogue, (_, _, RawChange(mut bytes))) = match (stranger(sim).await, honest(sim, visit).await) {
        (Ok(rogue), Ok(honest)) => (rogue, honest),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    for nth in 0..=step.roll(1, 4) as u32 {
        let at = step.roll(10 + nth, bytes.len());
        bytes[at] ^= step.roll(20 + nth, 255) as u8 + 1;
    }
    if step.roll(2, 4) > 0 && bytes.len() > 8 {
        let checksum = Digest::of(&bytes[8..]).value;
        bytes[4..8].copy_from_slice(&checksum[..4]);
    }
    if let Some(header) = header(&bytes)
        && !sim.server_has().await.contains(&Deed::Change(visit, header.id))
    {
        sim.model.forged.insert(header.id);
    }
    let change = RawChange(bytes);
    let cover = match step.roll(3, 2) {
        0 => vec![rogue.entry(Kind::Saved, Some(visit), Some(Digest::of(&change.0)), "{}".into())],
        _ => Vec::new(),
    };
    send(sim, rogue, cover, vec![Chunk { inspection: visit, changes: vec![change] }]).await
}
