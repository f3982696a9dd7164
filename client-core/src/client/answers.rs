//! Answers as an officer gives them on a page: over what the page showed, and taken back.

use super::Client;
use super::edits::Act;
use crate::checklists;
use crate::documents;
use crate::error::ClientError;
use fieldproof_schema::checklist::{Answer, Judgement};
use fieldproof_schema::document::{ChangeId, Register, Side};
use fieldproof_schema::ids::InspectionId;

/// What became of an answer that was given over what a page showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// It stands; what follows from it, where it is one.
    Stands(Option<Judgement>),
    /// Nothing was written: this value of somebody else stands, and the page had not shown it.
    Unseen(Side),
    /// Nothing was written: two values stand, which the team settles with a reason.
    Contested,
}

impl Client {
    /// Answers an item, or takes its answer away, over the value that the change `seen` wrote.
    ///
    /// A value that somebody else wrote and the officer has not seen is not replaced, unless it is the same. What this
    /// terminal itself wrote is: the officer's last word counts.
    pub fn answer_over(
        &self,
        inspection: InspectionId,
        item: &str,
        answer: Option<&Answer>,
        seen: Option<ChangeId>,
    ) -> Result<Answered, ClientError> {
        let law = self.law()?;
        self.edit(inspection, |act| {
            let template = self.template_of(act.tx, act.document)?;
            match answer {
                Some(answer) => checklists::check_answer(&template, item, answer)?,
                None if template.item(item).is_none() => {
                    return Err(ClientError::AnswerUnknownItem { item: item.to_owned() });
                }
                None => {}
            }
            let register = answer.map(Answer::to_register);
            if let Some(register_now) = act.document.view()?.answers.get(item)
                && let Some(obstacle) = obstacle(act, inspection, register_now, register.as_deref(), seen)?
            {
                return Ok(Box::new(move |_| Ok(obstacle)));
            }
            let judgement = answer.map(|answer| law.judge(&template, item, answer, act.pen.clocks.now));
            Ok(Box::new(move |edit| {
                match &register {
                    Some(register) => edit.answer(item, register)?,
                    None => edit.clear_answer(item)?,
                }
                Ok(Answered::Stands(judgement))
            }))
        })
    }

    /// Takes an answer away, as if it had not been given.
    pub fn clear_answer(&self, inspection: InspectionId, item: &str) -> Result<(), ClientError> {
        self.edit(inspection, |_| Ok(Box::new(move |edit| Ok(edit.clear_answer(item)?))))
    }

    /// Takes back what the change `change` of this terminal answered: what stood before stands again, or nothing. False
    /// when something else stands by now, which is left alone.
    pub fn undo_answer(
        &self,
        inspection: InspectionId,
        item: &str,
        change: ChangeId,
    ) -> Result<bool, ClientError> {
        self.edit(inspection, |act| {
            let before = act.document.view_at(&act.document.parents(change))?;
            let is_standing = match act.document.view()?.answers.get(item) {
                Some(register) => register.rivals.is_empty() && register.standing.stamp.change == change,
                None => false,
            };
            if !is_standing || !documents::is_own(act.tx, inspection, act.document, change)? {
                return Ok(Box::new(|_| Ok(false)));
            }
            let before = before.answers.get(item).map(|register| register.standing.value.clone());
            Ok(Box::new(move |edit| {
                match &before {
                    Some(register) => edit.answer(item, register)?,
                    None => edit.clear_answer(item)?,
                }
                Ok(true)
            }))
        })
    }

    /// What would follow from an answer, by the law of today. Nothing is written.
    pub fn judge(
        &self,
        inspection: InspectionId,
        item: &str,
        answer: &Answer,
    ) -> Result<Judgement, ClientError> {
        let document = {
            let mut desk = self.desk()?;
            desk.visible(inspection)?;
            desk.document(inspection)?
        };
        let template = self.template_of(&self.reader(), &document)?;
        checklists::check_answer(&template, item, answer)?;
        Ok(self.law()?.judge(&template, item, answer, self.host.now()))
    }
}

/// Why an answer cannot take the place of what stands.
fn obstacle(
    act: &Act<'_>,
    inspection: InspectionId,
    register: &Register,
    mine: Option<&str>,
    seen: Option<ChangeId>,
) -> Result<Option<Answered>, ClientError> {
    if !register.rivals.is_empty() {
        return Ok(Some(Answered::Contested));
    }
    let standing = &register.standing;
    let change = standing.stamp.change;
    if seen == Some(change)
        || mine == Some(standing.value.as_str())
        || documents::is_own(act.tx, inspection, act.document, change)?
    {
        return Ok(None);
    }
    Ok(Some(Answered::Unseen(standing.clone())))
}
