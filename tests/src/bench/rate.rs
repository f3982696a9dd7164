//! Single edits from many terminals at once: how many are receipted in a second.

use super::Board;
use crate::demo::api::Failure;
use crate::world::World;
use crate::world::console::Person;
use crate::world::rogue::Rogue;
use fieldproof_client_core::{HttpTransport, Method, Timeouts, Transport, WireRequest};
use fieldproof_schema::document::{Actor, Document, EditError, is_document};
use fieldproof_schema::ids::{InspectionId, OfficerId};
use fieldproof_schema::journal::{Kind, SignedEntry, body};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::Body;
use fieldproof_schema::wire::sync::{Chunk, Cursor, StillUnsent, SyncAnswer, SyncRequest};
use fieldproof_schema::wire::{PROTOCOL, SYNC_MEDIA_TYPE, frame};
use fieldproof_server::sync::judge;
use serde_json::json;
use std::time::Instant;

/// Terminals, each on a connection of its own.
const TERMINALS: u64 = 32;
/// Syncs of each.
const SYNCS: u64 = 100;

/// Every request is made before the clock starts: what is measured is the server and the wire.
pub(super) async fn rate(
    board: &mut Board<'_>,
    base: &str,
    world: &World,
    administrator: &Person,
    (officer, visit): (OfficerId, InspectionId),
) -> Result<(), Failure> {
    let mut terminals = Vec::new();
    for seed in 0..TERMINALS {
        let code = administrator.enrolment_code(world, officer).await;
        let mut rogue = Rogue::enrol(world, &code, 5000 + seed).await;
        let http = HttpTransport::new(base, Timeouts::default())?;
        let (document, known) = catch_up(&http, &rogue, visit).await?;
        let requests = edits(world, &mut rogue, (visit, document), seed, &known)?;
        terminals.push((http, rogue, requests));
    }
    let count: usize = terminals.iter().map(|(_, _, requests)| requests.len()).sum();
    let began = Instant::now();
    let all = terminals.iter().map(async |(http, rogue, requests)| {
        for request in requests {
            let answer = ask(http, rogue, request).await?;
            if answer.receipt.is_none() {
                return Err(Failure::from("an edit was not receipted"));
            }
        }
        Ok(())
    });
    for done in futures::future::join_all(all).await {
        done?;
    }
    let took = began.elapsed();
    let per_second = (count as f64 / took.as_secs_f64()).round();
    let more = json!({"terminals": TERMINALS, "syncs": count, "per_second": per_second});
    board.line("rate_receipted", took, &more)?;
    let judged = Instant::now();
    while judge::sweep(&world.app).await.map_err(|error| error.code.as_str())? > 0 {}
    board.line("rate_judged_after", judged.elapsed(), &json!({}))
}

/// What a terminal has read.
#[derive(Default)]
struct Known {
    cursors: Vec<Cursor>,
    epoch: Option<Digest>,
}

fn request(entries: Vec<SignedEntry>, chunks: Vec<Chunk>, known: &Known) -> SyncRequest {
    SyncRequest {
        protocol: PROTOCOL,
        cursors: known.cursors.clone(),
        epoch: known.epoch,
        entries,
        chunks,
        // Others follow: receipts are measured, not judgements.
        still_unsent: Some(StillUnsent { changes: 1, ..StillUnsent::default() }),
        wants: None,
        nonce: None,
        holds: None,
        carried: None,
        numbers_since: None,
        program: None,
        floor: None,
    }
}

/// Reads everything that there is, and the visit whole.
async fn catch_up(
    http: &HttpTransport,
    rogue: &Rogue,
    visit: InspectionId,
) -> Result<(Document, Known), Failure> {
    let mut known = Known::default();
    loop {
        let asked = SyncRequest { wants: Some(vec![visit]), ..request(vec![], vec![], &known) };
        let answer = ask(http, rogue, &asked).await?;
        known.epoch = Some(answer.epoch);
        for cursor in answer.cursors {
            known.cursors.retain(|before| before.feed != cursor.feed);
            known.cursors.push(cursor);
        }
        if answer.more {
            continue;
        }
        let row = answer.rows.into_iter().find_map(|row| match row.body {
            Body::Document(row) if row.inspection == visit => Some(row),
            _ => None,
        });
        let changes = row.ok_or("the visit is not in scope")?.changes;
        let document = match changes.as_slice() {
            [whole] if is_document(&whole.0) => Document::load(&whole.0)?,
            single => Document::from_changes(single.iter().map(|change| change.0.as_slice()))?,
        };
        return Ok((document, known));
    }
}

/// One edit after another, each signed by itself.
fn edits(
    world: &World,
    rogue: &mut Rogue,
    (visit, mut document): (InspectionId, Document),
    seed: u64,
    known: &Known,
) -> Result<Vec<SyncRequest>, Failure> {
    let actor = Actor([u8::try_from(seed).map_err(|_| "too many terminals")?; 16]);
    let mut requests = Vec::new();
    for seq in 1..=SYNCS {
        let text = format!("现场记录 {seed}-{seq}");
        let register = json!({"text": text}).to_string();
        let record = format!("r-{seed}");
        let written =
            document.edit::<_, EditError>(actor, world.app.now(), |edit| edit.finding(&record, &register))?;
        let (_, raw) = written.1.ok_or("an edit changed nothing")?;
        let saved = body::Saved { change: None, run: Some(body::Run { actor, first: seq, last: seq }) };
        let entry = rogue.entry(Kind::Saved, Some(visit), Some(Digest::of(&raw.0)), body::write(&saved));
        requests.push(request(vec![entry], vec![Chunk { inspection: visit, changes: vec![raw] }], known));
    }
    Ok(requests)
}

async fn ask(http: &HttpTransport, rogue: &Rogue, request: &SyncRequest) -> Result<SyncAnswer, Failure> {
    let request = WireRequest {
        method: Method::Post,
        path: "/api/v1/sync".into(),
        headers: vec![
            ("content-type", SYNC_MEDIA_TYPE.to_owned()),
            ("authorization", format!("Bearer {}", rogue.token())),
        ],
        body: frame::pack(request).into(),
    };
    let answer = http.call(request).await.map_err(|error| error.to_string())?;
    Ok(frame::unpack(&answer.body).map_err(|error| error.to_string())?)
}
