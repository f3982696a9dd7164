//! What is wrong with a form: a summary on top that links to the fields, and a sentence at each field. What was typed
//! stays; passwords do not.

use super::fault::Said;
use crate::error::ApiError;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use fieldproof_presentation::html::{self, Html};
use fieldproof_presentation::page::{Page, answer};
use fieldproof_presentation::texts;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::Value;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The id of the field in the page; empty when it is about the form as a whole.
    pub(crate) field: String,
    /// What, and what to do.
    pub(crate) sentence: String,
}

/// Everything that is wrong with a form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    pub(crate) all: Vec<Fault>,
    status: u16,
}

impl Faults {
    /// Why a form was refused, as its page shows it; an error that no form can mend goes on.
    ///
    /// The catalogues may hold a sentence for a field (`admin.<form>.fault.<field>`) and for a code
    /// (`admin.<form>.fault.<code>`); `places` names the fields that codes belong to.
    pub(crate) fn of(
        p: &Page,
        form: &str,
        places: &[(ErrorCode, &str)],
        error: ApiError,
    ) -> Result<Self, ApiError> {
        let status = error.code.status();
        if status >= 500 || matches!(error.code, ErrorCode::NotAllowed | ErrorCode::NotFound) {
            return Err(error);
        }
        let named = error.details.get("field").and_then(Value::as_str);
        let place = places.iter().find(|(code, _)| *code == error.code).map(|(_, field)| *field);
        let field = named.or(place).unwrap_or_default().replace('.', "-");
        let reason = error.details.get("why").and_then(Value::as_str).unwrap_or_default();
        let code = error.code.as_str();
        let names = if named.is_some() { [reason, &field, code] } else { [reason, code, &field] };
        let sentence = match names.into_iter().map(|name| key(form, name)).find(|key| texts::has(key)) {
            Some(key) => p.t(key),
            None => plain(&Said::new(p, &error.body())),
        };
        Ok(Self { all: vec![Fault { field, sentence }], status })
    }

    /// Something that the page itself finds wrong.
    pub(crate) fn add(&mut self, p: &Page, form: &str, field: &str) {
        self.status = ErrorCode::FieldInvalid.status();
        self.all.push(Fault { field: field.to_owned(), sentence: p.t(key(form, field)) });
    }

    /// What is wrong with one field, to stand above it.
    pub(crate) fn note(&self, field: impl AsRef<str>) -> Html {
        let field = field.as_ref();
        let fault = self.all.iter().find(|fault| fault.field == field);
        fault.map_or_else(Html::default, |fault| {
            let sentence = html::text(&fault.sentence);
            Html::new(format!("<p class=\"fp-fault\" id=\"{}-fault\">{sentence}</p>", html::field(field)))
        })
    }

    /// What marks a field that is wrong, to stand among its attributes.
    pub(crate) fn mark(&self, field: &str) -> Html {
        if self.all.iter().all(|fault| fault.field != field) {
            return Html::default();
        }
        let id = html::field(field);
        Html::new(format!(" aria-invalid=\"true\" aria-describedby=\"{id}-fault\""))
    }

    /// True when nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The form again.
    pub(crate) fn show(&self, page: &impl Template) -> Response {
        answer(StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK), page)
    }
}

fn key(form: &str, name: &str) -> String {
    format!("admin.{form}.fault.{name}")
}

fn plain(said: &Said) -> String {
    match &said.field {
        Some((field, why)) => format!("{} ({field}: {why})", said.sentence),
        None => said.sentence.clone(),
    }
}
