//! What reads bytes from outside, and what always holds of it.

mod changes;
mod package;
mod paper;
mod texts;
mod wire;

use super::mutate::Form;
use super::{Target, caught};

/// Every target.
pub const ALL: &[Target] = &[
    Target { name: "sync_request", form: Form::Frame, run: wire::sync_request },
    Target { name: "sync_response", form: Form::Frame, run: wire::sync_response },
    Target { name: "chunk", form: Form::Change, run: changes::chunk },
    Target { name: "ingest_gate", form: Form::Change, run: changes::ingest_gate },
    Target { name: "document", form: Form::Document, run: changes::document },
    Target { name: "journal", form: Form::Cbor, run: wire::journal },
    Target { name: "receipt", form: Form::Cbor, run: wire::receipt },
    Target { name: "template", form: Form::Json, run: texts::template },
    Target { name: "law", form: Form::Json, run: texts::law },
    Target { name: "seal", form: Form::Json, run: texts::seal },
    Target { name: "certificate", form: Form::Json, run: package::certificate },
    Target { name: "package", form: Form::Bytes, run: package::package },
    Target { name: "proposal", form: Form::Json, run: texts::proposal },
    Target { name: "paper", form: Form::Json, run: paper::paper },
];

/// Finds a target by its name.
pub fn find(name: &str) -> Option<&'static Target> {
    ALL.iter().find(|target| target.name == name)
}

/// Runs a decoder where the product catches its panics; one is a refusal there, and here.
fn guarded<T>(decode: impl FnOnce() -> T) -> Option<T> {
    caught(decode).ok()
}
