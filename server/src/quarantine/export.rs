//! One change that is held apart as a file: bytes, who sent them, who vouches for them, what was decided.
//!
//! Whoever reads it can check it without the server: the digest is the hash of the bytes, the entry names the
//! digest, or that of a later change that builds upon it, and the signature over the entry is the terminal's.

use super::Contents;
use crate::store::audit;
use fieldproof_schema::journal::Kind;
use serde_json::{Value, json};

/// What the file says that it is.
const FORMAT: &str = "fieldproof-quarantine-1";

/// Everything about one change, and the name of a file for it.
pub(crate) fn export(contents: &Contents) -> (String, Value) {
    let (listed, name) = (&contents.listed, &contents.listed.name);
    let entry = contents.cover.as_ref().map(|cover| {
        json!({
            "hash": cover.hash,
            "kind": Kind::Saved.as_str(),
            "officer": cover.officer,
            "earliest": cover.written.earliest,
            "latest": cover.written.latest,
            "bytes": hex::encode(&cover.bytes),
            "signature": cover.signature,
        })
    });
    let body = json!({
        "format": FORMAT,
        "inspection": name.inspection,
        "entity_name": listed.entity_name,
        "device": name.device,
        "device_name": listed.device_name,
        "device_key": contents.device_key,
        "officer": listed.officer,
        "officer_name": listed.officer_name,
        "digest": name.digest,
        "state": listed.state.as_str(),
        "code": listed.code,
        "received_at": listed.received_at,
        "size_bytes": listed.size_bytes,
        "bytes": hex::encode(&contents.bytes),
        "entry": entry,
        "decisions": decisions(&contents.history),
    });
    (format!("quarantine-{}.json", name.digest), body)
}

/// The decisions about a change, oldest first.
pub(crate) fn decisions(history: &[audit::Listed]) -> Vec<Value> {
    let decision = |listed: &audit::Listed| {
        let record = &listed.record;
        json!({
            "id": record.id,
            "at": record.at,
            "by": listed.actor_name,
            "decision": record.details["decision"],
            "reason": record.details["reason"],
            "code": record.details["code"],
            "replaces": record.details["replaces"],
        })
    };
    history.iter().map(decision).collect()
}
