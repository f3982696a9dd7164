//! Conflicts that the team settles on the spot.

use super::Client;
use crate::checklists;
use crate::error::ClientError;
use fieldproof_schema::checklist::Answer;
use fieldproof_schema::conflict::{ChoiceKind, Conflict, Resolution, answer_conflicts, observation};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::suite::Digest;
use std::collections::BTreeMap;

/// What the team decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The side that this change wrote.
    Side(ChangeId),
    /// The side that this change wrote; the others are kept as observations of their own. For conflicts about an item.
    Both(ChangeId),
    /// A new answer, for conflicts about an item.
    Answer(Answer),
    /// A new register, for conflicts about a finding or a measurement.
    Value(String),
}

impl Choice {
    /// Which one, as the history of the conflict names it.
    fn kind(&self) -> ChoiceKind {
        match self {
            Self::Side(_) => ChoiceKind::Side,
            Self::Both(_) => ChoiceKind::Both,
            Self::Answer(_) | Self::Value(_) => ChoiceKind::Value,
        }
    }
}

impl Client {
    /// The open conflicts of an inspection that the team can settle.
    pub fn conflicts(&self, inspection: InspectionId) -> Result<Vec<Conflict>, ClientError> {
        let mut desk = self.desk()?;
        desk.visible(inspection)?;
        Ok(answer_conflicts(&*desk.document(inspection)?.view()?))
    }

    /// Settles a conflict with a reason; what lost is kept in the resolution. One change, so that it arrives as one.
    pub fn settle(
        &self,
        inspection: InspectionId,
        conflict: Digest,
        choice: &Choice,
        reason: &str,
    ) -> Result<(), ClientError> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
            return Err(ClientError::ReasonMissing);
        }
        let by = self.desk()?.ready()?.member.officer_name;
        let authors = match choice {
            Choice::Both(_) => self.inspection(inspection)?.authors,
            Choice::Side(_) | Choice::Answer(_) | Choice::Value(_) => BTreeMap::new(),
        };
        self.edit(inspection, |act| {
            let open = answer_conflicts(&*act.document.view()?);
            let found = open.into_iter().find(|c| c.id == conflict);
            let found = found.ok_or(ClientError::NotFound { what: "conflict" })?;
            let (map, key) = found.path.split_once('/').ok_or(ClientError::ChoiceUnknown)?;
            let (map, key) = (map.to_owned(), key.to_owned());
            let value = value_of(choice, &found)?;
            let mut kept = Vec::new();
            if map == "answers" {
                let template = self.template_of(act.tx, act.document)?;
                checklists::check_answer(&template, &key, &Answer::from_register(&value))?;
                if let Choice::Both(_) = choice {
                    let asks = template.item(&key).map(|item| item.text.as_str()).unwrap_or_default();
                    for side in found.sides.iter().filter(|side| side.value != value) {
                        let officer = authors.get(&side.change).and_then(|author| author.name.as_deref());
                        kept.push((self.new_record().to_string(), observation(&found, side, asks, officer)));
                    }
                }
            }
            let resolution = Resolution {
                path: found.path.clone(),
                value: value.clone(),
                reason: reason.to_owned(),
                by,
                capacity: "team".to_owned(),
                at: act.pen.clocks.now,
                sides: found.sides,
                choice: choice.kind().as_str().to_owned(),
                undone: None,
            };
            Ok(Box::new(move |edit| {
                match map.as_str() {
                    "answers" => edit.answer(&key, &value)?,
                    "findings" => edit.finding(&key, &value)?,
                    "measurements" => edit.measurement(&key, &value)?,
                    _ => return Err(ClientError::ChoiceUnknown),
                }
                for (record, register) in &kept {
                    edit.measurement(record, register)?;
                }
                Ok(edit.resolution(&conflict.to_string(), &resolution.to_register())?)
            }))
        })
    }
}

fn value_of(choice: &Choice, conflict: &Conflict) -> Result<String, ClientError> {
    let about_item = conflict.path.starts_with("answers/");
    match choice {
        Choice::Side(change) => {
            let side = conflict.sides.iter().find(|side| side.change == *change);
            side.map(|side| side.value.clone()).ok_or(ClientError::ChoiceUnknown)
        }
        Choice::Both(change) if about_item => value_of(&Choice::Side(*change), conflict),
        Choice::Answer(answer) if about_item => Ok(answer.to_register()),
        Choice::Value(value) if !about_item => Ok(value.clone()),
        Choice::Both(_) | Choice::Answer(_) | Choice::Value(_) => Err(ClientError::ChoiceUnknown),
    }
}
