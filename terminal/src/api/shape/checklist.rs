//! Items, answers and verdicts.

use fieldproof_client_core::ItemState;
use fieldproof_schema::checklist::{Answer, Applicability, Bounds, Comparison, Judgement, Reading, Verdict};
use serde_json::{Value, json};

/// One item with its answer and what follows.
pub(super) fn item(state: &ItemState) -> Value {
    json!({
        "item": state.item,
        "applicability": applicability(state.applicability),
        "answer": state.answer.as_ref().map(answer),
        "judgement": state.judgement.as_ref().map(judgement),
        "note": state.note,
        "conflict": state.conflict,
    })
}

fn applicability(applicability: Applicability) -> &'static str {
    match applicability {
        Applicability::Applies => "applies",
        Applicability::DoesNotApply => "does_not_apply",
        Applicability::Undecided => "undecided",
    }
}

/// An answer as it is put; one of a later version by its register.
fn answer(answer: &Answer) -> Value {
    let register = answer.to_register();
    match answer {
        Answer::Other(_) => json!({"type": "other", "register": register}),
        _ => serde_json::from_str(&register).expect("an answer's register is JSON"),
    }
}

/// A verdict and why.
pub(in crate::api) fn judgement(judgement: &Judgement) -> Value {
    let verdict = match judgement.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::NotApplicable => "not_applicable",
        Verdict::Recorded => "recorded",
        Verdict::NotDecided => "not_decided",
    };
    json!({
        "verdict": verdict,
        "automatic": judgement.automatic,
        "reading": judgement.why.as_ref().map(reading),
    })
}

fn reading(reading: &Reading) -> Value {
    let comparison = match reading.comparison {
        Comparison::Within => "within",
        Comparison::Below => "below",
        Comparison::Above => "above",
        Comparison::DependsOnCase => "depends_on_case",
    };
    let authorities = reading.authorities.iter().map(|(reference, standing)| {
        json!({
            "reference": reference,
            "mark": standing.mark,
            "in_force": standing.in_force,
            "released": standing.released,
        })
    });
    json!({
        "comparison": comparison,
        "bounds": reading.bounds.iter().map(bounds).collect::<Vec<_>>(),
        "authorities": authorities.collect::<Vec<_>>(),
        "mark": reading.mark,
        "usable": reading.usable,
    })
}

fn bounds(bounds: &Bounds) -> Value {
    json!({
        "min": bounds.min.map(|bound| bound.to_string()),
        "max": bounds.max.map(|bound| bound.to_string()),
        "inclusive": bounds.inclusive,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_shown_as_they_are_put_and_those_of_later_versions_by_their_register() {
        let text = Answer::Text { text: "x".into() };
        assert_eq!(answer(&text), json!({"type": "text", "text": "x"}));
        let later = Answer::Other("{\"type\":\"hologram\"}".into());
        assert_eq!(answer(&later), json!({"type": "other", "register": "{\"type\":\"hologram\"}"}));
    }
}
