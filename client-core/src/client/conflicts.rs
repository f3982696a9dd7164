//! Conflicts that the team settles on the spot.

use super::Client;
use crate::checklists;
use crate::error::ClientError;
use fieldproof_schema::checklist::Answer;
use fieldproof_schema::conflict::{ChoiceKind, Conflict, Resolution, answer_conflicts};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::suite::Digest;

/// What the team decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The side that this change wrote.
    Side(ChangeId),
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
            Self::Answer(_) | Self::Value(_) => ChoiceKind::Value,
        }
    }
}

impl Client {
    /// The open conflicts of an inspection that the team can settle.
    pub fn conflicts(&self, inspection: InspectionId) -> Result<Vec<Conflict>, ClientError> {
        let mut desk = self.desk();
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
        let by = self.desk().ready()?.member.officer_name;
        self.edit(inspection, |act| {
            let open = answer_conflicts(&*act.document.view()?);
            let found = open.into_iter().find(|c| c.id == conflict);
            let found = found.ok_or(ClientError::NotFound { what: "conflict" })?;
            let (map, key) = found.path.split_once('/').ok_or(ClientError::ChoiceUnknown)?;
            let (map, key) = (map.to_owned(), key.to_owned());
            let value = value_of(choice, &found)?;
            if map == "answers" {
                let template = self.template_of(act.tx, act.document)?;
                checklists::check_answer(&template, &key, &Answer::from_register(&value))?;
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
                undone: false,
            };
            Ok(Box::new(move |edit| {
                match map.as_str() {
                    "answers" => edit.answer(&key, &value)?,
                    "findings" => edit.finding(&key, &value)?,
                    "measurements" => edit.measurement(&key, &value)?,
                    _ => return Err(ClientError::ChoiceUnknown),
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
        Choice::Answer(answer) if about_item => Ok(answer.to_register()),
        Choice::Value(value) if !about_item => Ok(value.clone()),
        Choice::Answer(_) | Choice::Value(_) => Err(ClientError::ChoiceUnknown),
    }
}
