//! A file of units, officers and entities is imported: what was taken, and every row that was left out with its reason.

use super::super::faults::Faults;
use super::super::upload::Files;
use super::super::{Chrome, Seat, words};
use crate::app::App;
use crate::error::ApiError;
use crate::imports::{self, Imported, Importer};
use crate::policy::Act;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use fieldproof_presentation::page::Page;
use fieldproof_schema::limits::JSON_BODY_BYTES_MAX;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::{Value, json};

/// Refused rows that the page lists.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "admin/import.html")]
struct ImportPage {
    p: Page,
    c: Chrome,
    faults: Faults,
    bytes_max: u64,
}

#[derive(Template)]
#[template(path = "admin/imported.html")]
struct ImportedPage {
    p: Page,
    c: Chrome,
    done: Imported,
    refused: Vec<Line>,
    not_shown: usize,
}

struct Line {
    section: String,
    row: Option<usize>,
    id: Option<String>,
    field: String,
    why: String,
}

fn form(seat: &Seat, faults: Faults) -> ImportPage {
    ImportPage {
        c: Chrome::new(seat, "directory"),
        p: seat.p.clone(),
        faults,
        bytes_max: JSON_BODY_BYTES_MAX as u64,
    }
}

pub(super) async fn show(seat: Seat) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ChangeDirectory)?;
    Ok(seat.show(&form(&seat, Faults::default())))
}

pub(super) async fn take(State(app): State<App>, seat: Seat, files: Files) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ChangeDirectory)?;
    let text = files.get("file").map(|bytes| String::from_utf8(bytes.to_vec()));
    let taken = match text {
        None => Err(ApiError::field("file", "missing")),
        Some(Err(_)) => Err(ErrorCode::BodyMalformed.into()),
        Some(Ok(text)) => {
            let user = &seat.actor.user;
            let importer = Importer { actor: format!("user:{}", user.id), scope: Some(user.scope.clone()) };
            imports::organisation(&app, seat.actor.org, importer, text).await
        }
    };
    match taken {
        Ok(done) => Ok(seat.show(&result(&seat, done))),
        Err(error) if error.code == ErrorCode::ImportRowsRefused => {
            // Nothing was taken: the same page, with the reasons that the error lists.
            let rows = error.details.get("rows").cloned().unwrap_or(json!([]));
            let refused: Vec<imports::Refused> = serde_json::from_value(rows)?;
            let refused_count =
                error.details.get("count").and_then(Value::as_u64).map_or(refused.len(), |n| n as usize);
            let done = Imported { refused_count, refused, ..Imported::default() };
            Ok(seat.show(&result(&seat, done)))
        }
        Err(error) => {
            let places = [(ErrorCode::BodyMalformed, "file"), (ErrorCode::BodyTooLarge, "file")];
            let faults = Faults::of(&seat.p, "import", &places, error)?;
            Ok(faults.show(&form(&seat, faults.clone())))
        }
    }
}

fn result(seat: &Seat, done: Imported) -> ImportedPage {
    let p = seat.p.clone();
    let line = |refused: &imports::Refused| Line {
        section: words::code(&p, "section", &refused.section),
        row: refused.row,
        id: refused.id.clone(),
        field: words::code(&p, "field", &refused.field),
        why: reason(&p, refused),
    };
    let refused: Vec<_> = done.refused.iter().take(SHOWN).map(line).collect();
    let not_shown = done.refused_count.saturating_sub(refused.len());
    ImportedPage { c: Chrome::new(seat, "directory"), refused, not_shown, done, p }
}

/// The fault in the page's language, with the file's own words behind it.
fn reason(p: &Page, refused: &imports::Refused) -> String {
    let known = words::code(p, "problem", &refused.code);
    if known == refused.code { refused.why.clone() } else { known }
}
