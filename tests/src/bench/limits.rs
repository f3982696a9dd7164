//! What stands behind the other phases, each alone: nothing that is made of these can be faster than they are.

use super::handheld::Told;
use super::{Board, Phase};
use crate::demo::api::Failure;
use crate::measure::times::Times;
use fieldproof_client_core::{HttpTransport, Method, Timeouts, Transport, WireRequest};
use fieldproof_schema::checklist::Template;
use fieldproof_schema::document::{
    Actor, Document, EditError, EntitySnapshot, GateRules, Genesis, History, Identity, TemplatePin, genesis,
};
use fieldproof_schema::ids::{CaseId, EntityId, InspectionId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::{MemoryKey, Purpose, Signer};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Instant;

/// How often each is done.
const TIMES: usize = 200;
/// Edits of the document, as in the other phases.
const EDITS: usize = 60;
/// Who writes it.
const ACTOR: Actor = Actor([7; 16]);

/// Tells the limits.
pub(super) async fn limits(board: &mut Board<'_>, base: &str) -> Result<(), Failure> {
    let key = MemoryKey::from_secret(&[7; 32]);
    let message = [7_u8; 400];
    let signature = key.sign(Purpose::Answer, &message);
    let public = key.public_key();
    tell(board, "one_signature", |_| {
        key.sign(Purpose::Answer, &message);
    })?;
    tell(board, "one_signature_checked", |_| {
        public.verify(Purpose::Answer, &message, &signature).expect("it was just signed");
    })?;

    let (first, document) = visit()?;
    let saved = document.save();
    let actors = BTreeSet::from([ACTOR]);
    let rules = GateRules { actors: &actors, answer: &|_, _| Ok(()) };
    tell(board, "one_document_opened", |_| drop(Document::load(&saved).expect("it was just saved")))?;
    tell(board, "one_document_read", |_| {
        let opened = Document::load(&saved).expect("it was just saved");
        opened.view().expect("it is readable");
    })?;
    tell(board, "one_document_through_the_gate", |_| {
        let history = History::open(saved.clone()).expect("it was just saved");
        history.accept(&first, &rules).expect("it was written by its own rules");
    })?;

    let http = HttpTransport::new(base, Timeouts::default())?;
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        let request = WireRequest {
            method: Method::Get,
            path: "/api/v1/health".into(),
            headers: Vec::new(),
            body: Vec::new().into(),
        };
        http.call(request).await.map_err(|error| error.to_string())?;
        times.push(begun.elapsed());
    }
    board.line(Phase::Limits, "one_request", Times::taken(times).at(50), &Told::default())
}

fn tell(board: &mut Board<'_>, name: &str, act: impl FnMut(usize)) -> Result<(), Failure> {
    let times = Times::of(TIMES, act);
    let more = json!({"p99_seconds": (times.at(99).as_secs_f64() * 1e6).round() / 1e6});
    board.line(Phase::Limits, name, times.at(50), &Told { more, ..Told::default() })
}

/// A visit as it began, and after sixty changes.
fn visit() -> Result<(Document, Document), Failure> {
    let checklist = fieldproof_schema::data::checklists().first().ok_or("there is a checklist")?;
    let template = Template::parse(checklist.1)?;
    let items: Vec<&str> = template.item_ids().collect();
    let identity = Identity {
        format: 1,
        inspection: InspectionId::from_bytes([3; 16]),
        case: CaseId::from_bytes([4; 16]),
        task: None,
        template: TemplatePin {
            id: template.id.clone(),
            revision: template.revision.clone(),
            hash: template.hash(),
        },
        entity: EntitySnapshot {
            id: EntityId::from_bytes([5; 16]),
            name: "清波游泳馆（虚构）".into(),
            uscc: None,
            address: "云泽市".into(),
            fields: serde_json::Map::new(),
        },
        team: Vec::new(),
    };
    let raw = genesis(&Genesis { identity: &identity, items: &items })?;
    let first = Document::from_changes([raw.0.as_slice()])?;
    let mut document = first.clone();
    for n in 0..EDITS {
        let item = items[n % items.len()];
        document.edit::<_, EditError>(ACTOR, Moment::from_micros(1_795_442_645_000_000), |edit| {
            match n % 6 {
                0 => edit.note(item, "现场记录：未公示卫生信誉度等级，责令立即改正，已拍照。"),
                _ => edit.answer(item, &format!("{{\"result\":\"pass\",\"n\":{n}}}")),
            }
        })?;
    }
    Ok((first, document))
}
