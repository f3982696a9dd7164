//! Valid inputs: a visit with answers, notes and disagreements, its journal, a sync round, a checklist, laws, a seal, a
//! package.
//!
//! Everything is made by the product's own functions from fixed names, moments and keys, so that the files in
//! `tests/corpora` are the same wherever they are made. Beside them lie inputs that were found.

mod messages;
mod papers;
mod texts;

use fieldproof_schema::checklist::{Answer, Outcome, Template};
use fieldproof_schema::document::{
    Actor, Document, Edit, EditError, EntitySnapshot, Genesis, Identity, RawChange, TeamMember, genesis,
};
use fieldproof_schema::ids::{CaseId, DeviceId, EntityId, InspectionId, OfficerId};
use fieldproof_schema::journal::{Entry, Kind, SignedEntry, Tip, body};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::{Digest, MemoryKey};
use serde::Serialize;
use serde_json::Map;
use std::io;
use std::sync::OnceLock;

/// The device of all material.
pub const DEVICE: DeviceId = DeviceId::from_bytes([1; 16]);
/// When everything happened.
pub const AT: Moment = Moment::from_micros(1_795_442_645_000_000);
const VISIT: InspectionId = InspectionId::from_bytes([3; 16]);
const OFFICER: OfficerId = OfficerId::from_bytes([6; 16]);
const COLLEAGUE: OfficerId = OfficerId::from_bytes([7; 16]);
const OWN: Actor = Actor([0xa1; 16]);
const OTHER: Actor = Actor([0xb0; 16]);
const THIRD: Actor = Actor([0xc3; 16]);

/// The key that device, officer and server share here: what is signed by whom is not what is looked for.
pub fn key() -> MemoryKey {
    MemoryKey::from_secret(&[7; 32])
}

/// The visit from which most material is taken.
pub struct Visit {
    /// Its checklist.
    pub template: Template,
    /// Its document.
    pub document: Document,
    /// Changes that the document has, and some that it does not have yet but could take.
    pub changes: Vec<RawChange>,
}

/// The visit, made once.
pub fn visit() -> &'static Visit {
    static VISIT: OnceLock<Visit> = OnceLock::new();
    VISIT.get_or_init(|| {
        let template = Template::parse(&texts::checklist()).expect("the checklist is without faults");
        make(template)
    })
}

/// Valid inputs of a target, each with a name; none for a target that has no such name.
pub fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let named = |inputs: Vec<Vec<u8>>| {
        inputs.into_iter().enumerate().map(|(at, bytes)| (format!("valid-{at:02}.bin"), bytes)).collect()
    };
    named(match target {
        "sync_request" => messages::requests(),
        "sync_response" => messages::answers(),
        "receipt" => messages::receipts(),
        "chunk" | "ingest_gate" => visit().changes.iter().map(|change| change.0.clone()).collect(),
        "document" => documents(),
        "journal" => journal().iter().map(cbor).collect(),
        "template" => vec![texts::checklist().into_bytes(), texts::other_checklist().into_bytes()],
        "law" => vec![texts::laws().into_bytes()],
        "seal" => texts::seals(),
        "certificate" => vec![serde_json::to_vec(&messages::certificate()).unwrap_or_default()],
        "package" => messages::packages(),
        "proposal" => texts::proposals(),
        "paper" => papers::papers(),
        _ => Vec::new(),
    })
}

/// Reads every file in the folder of a target, in the order of names.
///
/// # Errors
/// When the folder or a file cannot be read.
pub fn stored(target: &super::Target) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(target.folder())? {
        let entry = entry?;
        files.push((entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?));
    }
    files.sort();
    Ok(files)
}

/// The visit as it is sent whole: by one writer, and by two that met.
fn documents() -> Vec<Vec<u8>> {
    let saved = |changes: &[RawChange]| {
        let document = Document::from_changes(changes.iter().map(|change| change.0.as_slice()));
        document.expect("each builds upon those before it").save()
    };
    let changes = &visit().changes;
    vec![saved(&changes[..3]), visit().document.save(), saved(&changes[..9])]
}

fn cbor<T: minicbor::Encode<()>>(message: &T) -> Vec<u8> {
    minicbor::to_vec(message).expect("writing to memory cannot fail")
}

fn identity(template: &Template) -> Identity {
    Identity {
        format: 1,
        inspection: VISIT,
        case: CaseId::from_bytes([4; 16]),
        task: None,
        template: template.pin(),
        entity: EntitySnapshot {
            id: EntityId::from_bytes([5; 16]),
            name: "清波游泳馆（虚构）".into(),
            uscc: None,
            address: "云泽市".into(),
            fields: Map::new(),
        },
        team: vec![TeamMember {
            officer: OFFICER,
            name: "沈青禾".into(),
            certificate: "YH-DEMO-0001".into(),
        }],
    }
}

fn make(template: Template) -> Visit {
    let items: Vec<&str> = template.item_ids().collect();
    let first = genesis(&Genesis { identity: &identity(&template), items: &items });
    let first = first.expect("an identity is plain data with text keys");
    let mut own = Document::from_changes([first.0.as_slice()]).expect("the first change makes a document");
    let mut colleague = own.clone();
    let pass = Answer::Conformity { result: Outcome::Pass }.to_register();
    let fail = Answer::Conformity { result: Outcome::Fail }.to_register();
    let mut changes = vec![first];

    changes.push(write(&mut own, OWN, |e| {
        e.answer(items[0], &pass)?;
        e.note(items[0], "池水浑浊，已拍照")?;
        e.narrative("上午检查泳池，消毒记录缺页。")
    }));
    changes.push(write(&mut own, OWN, |e| e.answer(items[1], &fail)));
    changes.push(write(&mut colleague, OTHER, |e| {
        e.answer(items[1], &pass)?;
        e.finding("f-1", r#"{"text":"救生员不足"}"#)?;
        e.statement("当事人无异议。")
    }));
    own.apply(&changes[3]).expect("both have the same first change");
    changes.push(write(&mut own, OWN, |e| {
        e.resolution("conflict-1", r#"{"chosen":1,"reason":"复核"}"#)?;
        e.answer(items[1], &pass)
    }));
    changes.push(write(&mut own, OWN, |e| e.narrative("上午检查泳池，消毒记录完整。")));

    // Not in the document: what may come next, from here and from a colleague who is behind.
    let mut ahead = own.clone();
    changes.push(write(&mut ahead, OWN, |e| e.measurement("m-1", r#"{"value":"7.2","unit":"pH"}"#)));
    changes.push(write(&mut ahead, OWN, |e| e.clear_answer(items[0])));
    changes.push(write(&mut ahead, OWN, |e| e.note(items[0], "池水清澈")));
    changes.push(write(&mut own.clone(), THIRD, |e| e.evidence("e-1", r#"{"kind":"photo"}"#)));
    changes.push(write(&mut colleague, OTHER, |e| e.note(items[1], "与同事意见不一")));
    Visit { template, document: own, changes }
}

fn write(
    document: &mut Document,
    actor: Actor,
    edit: impl FnOnce(&mut Edit<'_, '_>) -> Result<(), EditError>,
) -> RawChange {
    let (_, change) = document.edit(actor, AT, edit).expect("the edit is an ordinary one");
    change.expect("the edit changes something").1
}

/// A chain with an entry of most kinds.
fn journal() -> Vec<SignedEntry> {
    fn text<T: Serialize>(body: &T) -> String {
        body::write(body)
    }
    let actor = text(&body::ActorDeclared { actor: OWN });
    let opened = text(&body::Opened { version: "0.1.0".into(), last_receipt: None });
    let jumped = text(&body::ClockJumped { expected: AT, found: AT.plus_seconds(3600) });
    let rebuilt = text(&body::Rebuilt { kept_as: None, server_seq: 3, server_hash: Some(Digest::of(b"3")) });
    let change = &visit().changes[1];
    let [(_, statement), ..] = &texts::statements()[..] else { return Vec::new() };
    let sealed = text(&texts::sealed(statement));
    let entries = [
        (Kind::Opened, None, opened),
        (Kind::ActorDeclared, None, actor),
        (Kind::Saved, Some(Digest::of(&change.0)), "{}".to_owned()),
        (Kind::Sealed, Some(Digest::of(statement.as_bytes())), sealed),
        (Kind::ClockJumped, None, jumped),
        (Kind::RolledBack, None, rebuilt),
        (Kind::Other("later".into()), None, r#"{"unknown":[1]}"#.to_owned()),
    ];
    let mut tip = Tip::default();
    let signed = entries.into_iter().map(|(kind, content, body)| {
        let entry = Entry {
            device: DEVICE,
            seq: tip.seq + 1,
            prev: tip.hash,
            kind,
            officer: Some(OFFICER),
            inspection: Some(VISIT),
            content,
            device_at: AT,
            monotonic_ms: 1234,
            server_at: Some(AT),
            session: 1,
            body,
        };
        let signed = entry.sign(&key());
        tip = Tip { seq: entry.seq, hash: Some(signed.hash()) };
        signed
    });
    signed.collect()
}
