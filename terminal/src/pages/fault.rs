//! What went wrong, as a page or a part of one: what happened, what is safe, what to do next.

use super::Face;
use crate::error::Failed;
use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fieldproof_presentation::page::{Page, answer, is_partial};
use fieldproof_schema::wire::error::ErrorBody;
use serde_json::Value;

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    p: Page,
    said: Said,
}

#[derive(Template)]
#[template(path = "fault_part.html")]
struct FaultPart {
    p: Page,
    said: Said,
}

/// An error as people read it.
pub(super) struct Said {
    pub(super) sentence: String,
    pub(super) code: String,
    /// The field and what is wrong with it, where the error is about one.
    pub(super) field: Option<(String, String)>,
}

impl Said {
    pub(super) fn new(p: &Page, error: &ErrorBody) -> Self {
        let text = |name: &str| error.details.get(name).and_then(Value::as_str).map(str::to_owned);
        let wait = error.details.get("retry_after_seconds").and_then(Value::as_u64);
        // Where the details say more than the code, people are told in words.
        let sentence = match (wait, text("obstacle")) {
            (Some(seconds), _) => p.t1("terminal.fault.wait", "n", seconds),
            (None, Some(obstacle)) => p.t(format!("terminal.obstacle.{obstacle}")),
            (None, None) => error.message.get(p.lang()).cloned().unwrap_or_default(),
        };
        Self {
            sentence,
            code: error.code.clone(),
            field: text("field").map(|field| (field, text("why").unwrap_or_default())),
        }
    }
}

/// Makes a page of an answer that failed.
pub(super) async fn explain(State(face): State<Face>, request: Request, next: Next) -> Response {
    let (p, partial) = (face.page(request.headers()), is_partial(request.headers()));
    let response = next.run(request).await;
    let Some(Failed(error)) = response.extensions().get::<Failed>().cloned() else { return response };
    let said = Said::new(&p, &error);
    let mut page = if partial {
        answer(response.status(), &FaultPart { p, said })
    } else {
        answer(response.status(), &FaultPage { p, said })
    };
    if let Some(wait) = response.headers().get(axum::http::header::RETRY_AFTER) {
        page.headers_mut().insert(axum::http::header::RETRY_AFTER, wait.clone());
    }
    page.into_response()
}
