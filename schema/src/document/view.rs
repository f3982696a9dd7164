//! Reading an inspection document: what it says, who wrote it, and where officers differ.

use super::{Actor, ChangeId, Containers, DocumentError, Identity, NOTES, read_identity};
use crate::canonical::canonical_json;
use crate::limits::KEY_BYTES_MAX;
use crate::suite::Digest;
use automerge::{Automerge, ChangeHash, ObjId, ReadDoc, Value, ValueRef};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a document says at one point of its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    /// Who and what it is about.
    pub identity: Identity,
    /// Answers by item id.
    pub answers: BTreeMap<String, Register>,
    /// Notes by item id; items without a note are absent.
    pub notes: BTreeMap<String, String>,
    /// Findings by their own id.
    pub findings: BTreeMap<String, Register>,
    /// Measurements by their own id.
    pub measurements: BTreeMap<String, Register>,
    /// The evidence index by record id.
    pub evidence: BTreeMap<String, Register>,
    /// Documents by their own id.
    pub documents: BTreeMap<String, Register>,
    /// Proposed corrections of the directory by their own id.
    pub proposals: BTreeMap<String, Register>,
    /// Decisions about conflicts by conflict id.
    pub resolutions: BTreeMap<String, Register>,
    /// What the officers wrote about the visit.
    pub narrative: String,
    /// What the inspected party said.
    pub statement: String,
}

/// One register: the value that stands, and different ones written at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Register {
    /// The value that stands.
    #[serde(flatten)]
    pub standing: Side,
    /// Other values that nobody has replaced, one side per distinct value, sorted by change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rivals: Vec<Side>,
}

impl Register {
    /// The value that stands, then its rivals.
    pub fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.standing).chain(&self.rivals)
    }
}

/// A value and who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Side {
    /// The register's text.
    pub value: String,
    /// Which change wrote it.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Stamp {
    /// The change.
    pub change: ChangeId,
    /// Its writer.
    pub actor: Actor,
}

impl View {
    /// Every change that wrote a value which stands or rivals one that does.
    pub fn writers(&self) -> BTreeSet<ChangeId> {
        self.registers().flat_map(|(_, register)| register.sides()).map(|side| side.stamp.change).collect()
    }

    /// False when a key or a text holds U+0000, which databases do not take, or a key is longer than any honest one.
    pub(super) fn is_storable(&self) -> bool {
        let plain = |text: &str| !text.contains('\0');
        self.registers().all(|(key, register)| {
            plain(key) && key.len() <= KEY_BYTES_MAX && register.sides().all(|side| plain(&side.value))
        }) && self.notes.values().chain([&self.narrative, &self.statement]).all(|text| plain(text))
    }

    /// True when a change left one value in each register that it wrote, as every honest writer does.
    pub(super) fn is_of_one_mind(&self, change: ChangeId) -> bool {
        let by_it = |register: &Register| register.sides().filter(|side| side.stamp.change == change).count();
        self.registers().all(|(_, register)| by_it(register) <= 1)
    }

    fn registers(&self) -> impl Iterator<Item = (&String, &Register)> {
        let maps = [
            &self.answers,
            &self.findings,
            &self.measurements,
            &self.evidence,
            &self.documents,
            &self.proposals,
            &self.resolutions,
        ];
        maps.into_iter().flatten()
    }

    /// The hash of everything the view says: what a seal names besides the heads.
    pub fn digest(&self) -> Digest {
        let value = serde_json::to_value(self).expect("a view is plain data with text keys");
        Digest::of(canonical_json(&value).as_bytes())
    }
}

pub(super) fn read(
    doc: &Automerge,
    containers: &Containers,
    heads: Option<&[ChangeHash]>,
) -> Result<View, DocumentError> {
    let mut maps = containers
        .registers
        .iter()
        .map(|(_, id)| registers(doc, id, heads))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter();
    let mut texts = containers
        .texts
        .iter()
        .map(|(_, id)| text(doc, id, heads))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter();
    let mut next_map = || maps.next().expect("one map per name in REGISTER_MAPS");
    let mut next_text = || texts.next().expect("one text per name in TEXTS");
    // Fields in the order of REGISTER_MAPS and TEXTS.
    Ok(View {
        identity: read_identity(doc)?,
        answers: next_map(),
        findings: next_map(),
        measurements: next_map(),
        evidence: next_map(),
        documents: next_map(),
        proposals: next_map(),
        resolutions: next_map(),
        notes: notes(doc, &containers.notes, heads)?,
        narrative: next_text(),
        statement: next_text(),
    })
}

fn registers(
    doc: &Automerge,
    map: &ObjId,
    heads: Option<&[ChangeHash]>,
) -> Result<BTreeMap<String, Register>, DocumentError> {
    let range = match heads {
        Some(heads) => doc.map_range_at(map, .., heads),
        None => doc.map_range(map, ..),
    };
    let mut found = BTreeMap::new();
    // One walk over the map: to look each key up by itself costs many times as much, and whoever opens a visit pays for it.
    for entry in range {
        let register = if entry.conflict {
            let key = entry.key.as_ref();
            register(
                doc,
                &match heads {
                    Some(heads) => doc.get_all_at(map, key, heads)?,
                    None => doc.get_all(map, key)?,
                },
            )
        } else {
            let standing = side(doc, &entry.value.clone().into_value(), &entry.id());
            standing.map(|standing| Register { standing, rivals: Vec::new() })
        };
        if let Some(register) = register {
            found.insert(entry.key.into_owned(), register);
        }
    }
    Ok(found)
}

/// The last of Automerge's values is the one that stands. Equal values are one side.
fn register(doc: &Automerge, values: &[(Value<'_>, ObjId)]) -> Option<Register> {
    let mut sides: Vec<Side> = values.iter().filter_map(|(value, id)| side(doc, value, id)).collect();
    let standing = sides.pop()?;
    sides.sort_unstable_by(|a, b| (a.stamp, &a.value).cmp(&(b.stamp, &b.value)));
    // A set, because hostile writers can leave more values than comparing each with all would bear.
    let mut seen = BTreeSet::from([standing.value.clone()]);
    sides.retain(|side| seen.insert(side.value.clone()));
    Some(Register { standing, rivals: sides })
}

fn side(doc: &Automerge, value: &Value<'_>, id: &ObjId) -> Option<Side> {
    // Values of a kind that this version does not write are shown as Automerge prints them, never dropped.
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let ObjId::Id(_, actor, _) = id else { return None };
    let actor = Actor(actor.to_bytes().try_into().ok()?);
    let change = ChangeId(doc.hash_for_opid(id)?.0);
    Some(Side { value, stamp: Stamp { change, actor } })
}

fn notes(
    doc: &Automerge,
    map: &ObjId,
    heads: Option<&[ChangeHash]>,
) -> Result<BTreeMap<String, String>, DocumentError> {
    let mut found = BTreeMap::new();
    for item in doc.map_range(map, ..) {
        let ValueRef::Object(_) = item.value else { return Err(DocumentError::NoContainer(NOTES)) };
        let text = text(doc, &item.id(), heads)?;
        if !text.is_empty() {
            found.insert(item.key.into_owned(), text);
        }
    }
    Ok(found)
}

fn text(doc: &Automerge, id: &ObjId, heads: Option<&[ChangeHash]>) -> Result<String, DocumentError> {
    Ok(match heads {
        Some(heads) => doc.text_at(id, heads)?,
        None => doc.text(id)?,
    })
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
