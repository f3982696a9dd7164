//! What answers amount to on the server: lists, reviewers and the public read the same verdict.

use crate::laws::Laws;
use crate::store::seals;
use fieldproof_schema::checklist::{Answer, Item, Judgement, Verdict, judge};
use fieldproof_schema::seal::Statement;
use jiff::civil::Date;

/// What an answer amounts to by the law of a day; without a register of laws, what the officer stated.
pub(crate) fn judged(item: &Item, answer: &Answer, laws: Option<&Laws>, day: Date) -> Judgement {
    match laws {
        Some(laws) => judge(item, answer, &laws.register, &laws.released, day),
        None => Judgement { verdict: stated(answer), automatic: false, why: None },
    }
}

/// Without a register of laws no limit decides anything.
fn stated(answer: &Answer) -> Verdict {
    match answer {
        Answer::Conformity { result } => (*result).into(),
        Answer::NotApplicable { .. } => Verdict::NotApplicable,
        Answer::Number { result, .. } | Answer::Choice { result, .. } => {
            result.map_or(Verdict::Recorded, Verdict::from)
        }
        Answer::Text { .. } | Answer::Date { .. } | Answer::Photo { .. } | Answer::Other(_) => {
            Verdict::Recorded
        }
    }
}

/// The day of a visit, whose law counts: that of the first seal that was complete, whatever was supplemented later.
pub(crate) fn day_of_visit(known: &[seals::Known]) -> Option<Date> {
    let first = known.iter().find(|seal| seal.completed_at.is_some())?;
    Statement::from_text(&first.seal.statement).ok().map(|statement| statement.at.date_in_china())
}
