//! Conflicts (冲突) that the team settles on the spot. They are listed with their inspection.

use super::{Json, Path, parse};
use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use fieldproof_client_core::Choice;
use fieldproof_schema::checklist::Answer;
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::suite::Digest;
use serde::Deserialize;
use serde_json::Value;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/api/v1/inspections/{id}/conflicts/{conflict}/settle", post(settle))
}

/// A decision: exactly one of `side`, `both`, `answer` and `register`, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettleBody {
    /// The change whose value is to stand.
    side: Option<ChangeId>,
    /// The same, and the others are kept as observations of their own; for conflicts about an item.
    both: Option<ChangeId>,
    /// A new answer, for conflicts about an item.
    answer: Option<Answer>,
    /// A new register, for conflicts about a finding or a measurement.
    register: Option<Value>,
    #[serde(default)]
    reason: String,
}

impl SettleBody {
    fn choice(&mut self) -> Result<Choice, ApiError> {
        match (self.side.take(), self.both.take(), self.answer.take(), self.register.take()) {
            (Some(side), None, None, None) => Ok(Choice::Side(side)),
            (None, Some(side), None, None) => Ok(Choice::Both(side)),
            (None, None, Some(answer), None) => Ok(Choice::Answer(answer)),
            (None, None, None, Some(register)) => Ok(Choice::Value(register.to_string())),
            _ => Err(ApiError::field("choice", "exactly one of side, both, answer and register is needed")),
        }
    }
}

async fn settle(
    State(app): State<App>,
    Path((id, conflict)): Path<(String, String)>,
    Json(mut body): Json<SettleBody>,
) -> Result<StatusCode, ApiError> {
    let (id, conflict): (InspectionId, Digest) = (parse("inspection", &id)?, parse("conflict", &conflict)?);
    let choice = body.choice()?;
    app.act(move |client| client.settle(id, conflict, &choice, &body.reason)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(json: &str) -> Result<Choice, ApiError> {
        serde_json::from_str::<SettleBody>(json).unwrap().choice()
    }

    #[test]
    fn a_decision_is_exactly_one_choice() {
        let side = "ab".repeat(32);
        assert_eq!(choice(&format!(r#"{{"side":"{side}"}}"#)).unwrap(), Choice::Side(ChangeId([0xab; 32])));
        let text = choice(r#"{"answer":{"type":"text","text":"x"}}"#).unwrap();
        assert_eq!(text, Choice::Answer(Answer::Text { text: "x".into() }));
        assert_eq!(choice(r#"{"register":{"a":1}}"#).unwrap(), Choice::Value(r#"{"a":1}"#.into()));
        for none_or_two in ["{}".to_owned(), format!(r#"{{"side":"{side}","register":{{}}}}"#)] {
            assert!(choice(&none_or_two).is_err());
        }
    }
}
