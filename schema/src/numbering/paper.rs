//! Registered paper forms (文书登记): registers of the document's `documents` map.
//!
//! A register is never taken out. What was made void says so, and a number that was replaced stays in it.

use super::{Number, Series, Use, UseState};
use crate::canonical::canonical_json;
use crate::conflict::Origin;
use crate::document::{Actor, ChangeId, View};
use crate::ids::{BlockId, InspectionId, RecordId};
use crate::limits::{DIRECTORY_FIELD_CHARS_MAX, PAPERS_MAX, REASON_CHARS_MAX, SERIAL_MAX};
use crate::moment::Moment;
use crate::suite::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A paper form that was filled in at the visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    /// The code of the form.
    pub form: String,
    /// Its number; absent where the form has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Issued>,
    /// What the officer noted about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When it was registered, by the terminal's clock.
    pub at: Moment,
    /// Present when it was made void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<Ended>,
    /// Numbers that it had before, oldest first, each with why it was replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Former>,
    /// Whatever a later version writes besides.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A number that was given to a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// The unit in whose series it is.
    pub unit: String,
    /// The year.
    pub year: u32,
    /// The serial number.
    pub serial: u32,
    /// What it is about (执法类别), where the number says so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub category: String,
    /// As it is spelled.
    pub text: String,
    /// Out of which block; absent for one that was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockId>,
}

/// Why a document or a number counts no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Why.
    pub reason: String,
    /// Who said so, as printed.
    pub by: String,
    /// When, by the clock of whoever said so.
    pub at: Moment,
    /// The conflict that was decided so; absent where officers did it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Digest>,
}

/// A number that was replaced: the correction record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The number.
    pub number: Issued,
    /// Why it counts no more.
    pub ended: Ended,
}

impl Paper {
    /// The register's text.
    pub fn to_register(&self) -> String {
        let value = serde_json::to_value(self).expect("a paper form is plain data with text keys");
        canonical_json(&value)
    }

    /// Reads a register; `None` when it was written by a later version in another form.
    pub fn from_register(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Its number, as what nobody else may have.
    pub fn number(&self) -> Option<Number> {
        self.number.as_ref().map(|issued| self.named(issued))
    }

    fn named(&self, issued: &Issued) -> Number {
        let series = Series { unit: issued.unit.clone(), form: self.form.clone(), year: issued.year };
        Number { series, serial: issued.serial }
    }

    /// Made void, with the reason.
    pub fn voided(self, ended: Ended) -> Self {
        Self { void: Some(ended), ..self }
    }

    /// With another number; the one before stays, with the reason.
    pub fn renumbered(mut self, issued: Issued, ended: Ended) -> Self {
        if let Some(number) = self.number.replace(issued) {
            self.former.push(Former { number, ended });
        }
        self
    }

    /// As it was before a conflict was decided about it: whole again, or with its former number. `None` where it does not
    /// stand as that decision left it. The number that the decision gave stays, as one that was taken back for `ended`.
    pub fn taken_back(mut self, conflict: Digest, ended: Ended) -> Option<Self> {
        if self.void.as_ref().is_some_and(|void| void.conflict == Some(conflict)) {
            self.void = None;
            return Some(self);
        }
        if self.void.is_some() || self.former.last()?.ended.conflict != Some(conflict) {
            return None;
        }
        let before = self.former.pop()?.number;
        if let Some(given) = self.number.replace(before) {
            self.former.push(Former { number: given, ended });
        }
        Some(self)
    }

    /// Whether people can read it: no terminal of ours writes more.
    fn is_bounded(&self) -> bool {
        let is_short = |text: &str| text.chars().count() <= DIRECTORY_FIELD_CHARS_MAX;
        let fits = |issued: &Issued| {
            let texts = [&issued.unit, &issued.category, &issued.text];
            (1..=SERIAL_MAX).contains(&issued.serial)
                && issued.year <= 9999
                && texts.into_iter().all(|text| is_short(text))
        };
        let said = |ended: &Ended| ended.reason.chars().count() <= REASON_CHARS_MAX && is_short(&ended.by);
        // A form's code is part of the place of a conflict.
        is_short(&self.form)
            && !self.form.contains('/')
            && self.note.chars().count() <= REASON_CHARS_MAX
            && self.number.iter().all(fits)
            && self.void.iter().all(said)
            && self.former.len() <= PAPERS_MAX
            && self.former.iter().all(|former| fits(&former.number) && said(&former.ended))
    }
}

/// A paper form as it stands in the document of a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The visit.
    pub inspection: InspectionId,
    /// Under which id it stands.
    pub record: RecordId,
    /// The change that wrote it as it is.
    pub change: ChangeId,
    /// Its writer.
    pub actor: Actor,
    /// What it says.
    pub paper: Paper,
}

impl Registered {
    /// The numbers that it uses: its own, which stands unless it was made void, and those that it had before.
    pub fn uses(&self) -> Vec<Use> {
        let made = |issued: &Issued, state| Use {
            inspection: self.inspection,
            record: self.record,
            number: self.paper.named(issued),
            text: issued.text.clone(),
            block: issued.block,
            state,
            origin: Origin::default(),
        };
        let state = if self.paper.void.is_some() { UseState::Void } else { UseState::Standing };
        let own = self.paper.number.iter().map(|issued| made(issued, state));
        let former = self.paper.former.iter().map(|former| made(&former.number, UseState::Corrected));
        own.chain(former).collect()
    }
}

/// The paper forms that are registered in a document, of a form that this version reads. Where officers wrote different words
/// at the same time, each of them.
pub fn standing(view: &View) -> Vec<Registered> {
    let inspection = view.identity.inspection;
    let mut found = Vec::new();
    for (key, register) in &view.documents {
        let Ok(record) = key.parse() else { continue };
        for side in register.sides() {
            let Some(paper) = Paper::from_register(&side.value).filter(Paper::is_bounded) else { continue };
            let (change, actor) = (side.stamp.change, side.stamp.actor);
            found.push(Registered { inspection, record, change, actor, paper });
        }
    }
    found.truncate(PAPERS_MAX);
    found
}
