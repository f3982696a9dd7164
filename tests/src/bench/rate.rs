//! Single edits from many terminals at once: how many are receipted in a second.

use super::handheld::Told;
use super::{Board, Phase};
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
use serde_json::json;
use std::collections::BTreeMap;
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
    officer: OfficerId,
) -> Result<(), Failure> {
    let mut terminals = Vec::new();
    for seed in 0..TERMINALS {
        let code = administrator.enrolment_code(world, officer).await;
        let mut rogue = Rogue::enrol(world, &code, 5000 + seed).await;
        let http = HttpTransport::new(base, Timeouts::default())?;
        let (visit, document, known) = catch_up(&http, &rogue, usize::try_from(seed)?).await?;
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
    board.line(Phase::Rate, "rate_receipted", took, &Told { more, ..Told::default() })?;
    let judged = super::judge_all(world).await?;
    board.line(Phase::Rate, "rate_judged_after", judged, &Told::default())
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

/// Reads everything that there is: a visit of the terminal's own, as long as there are enough of them.
async fn catch_up(
    http: &HttpTransport,
    rogue: &Rogue,
    nth: usize,
) -> Result<(InspectionId, Document, Known), Failure> {
    let mut known = Known::default();
    let mut visits = BTreeMap::new();
    loop {
        let answer = ask(http, rogue, &request(vec![], vec![], &known)).await?;
        known.epoch = Some(answer.epoch);
        for cursor in answer.cursors {
            known.cursors.retain(|before| before.feed != cursor.feed);
            known.cursors.push(cursor);
        }
        visits.extend(answer.rows.into_iter().filter_map(|row| match row.body {
            Body::Document(row) => Some((row.inspection, row.changes)),
            _ => None,
        }));
        if answer.more {
            continue;
        }
        let nth = nth % visits.len().max(1);
        let (visit, changes) = visits.into_iter().nth(nth).ok_or("no visit is in scope")?;
        let document = match changes.as_slice() {
            [whole] if is_document(&whole.0) => Document::load(&whole.0)?,
            single => Document::from_changes(single.iter().map(|change| change.0.as_slice()))?,
        };
        return Ok((visit, document, known));
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
