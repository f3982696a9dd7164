//! Everybody's own password.

use super::super::faults::Faults;
use super::super::{Chrome, Posted, Seat, look};
use crate::accounts::{self, PASSWORD_CHARS_MIN};
use crate::app::App;
use crate::error::ApiError;
use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use fieldproof_presentation::page::Page;
use fieldproof_schema::wire::error::ErrorCode;

#[derive(Template)]
#[template(path = "admin/password.html")]
struct PasswordPage {
    p: Page,
    c: Chrome,
    faults: Faults,
    is_done: bool,
    shortest: usize,
}

fn page(seat: &Seat, faults: Faults, is_done: bool) -> PasswordPage {
    PasswordPage {
        c: Chrome::new(seat, "password"),
        p: seat.p.clone(),
        faults,
        is_done,
        shortest: PASSWORD_CHARS_MIN,
    }
}

pub(super) async fn show(seat: Seat, OriginalUri(uri): OriginalUri) -> Response {
    seat.show(&page(&seat, Faults::default(), uri.query() == Some("done")))
}

pub(super) async fn change(
    State(app): State<App>,
    seat: Seat,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    if fields.get("new") != fields.get("again") {
        let mut faults = Faults::default();
        faults.add(&seat.p, "password", "again");
        return Ok(faults.show(&page(&seat, faults.clone(), false)));
    }
    let [current, new] = ["current", "new"].map(|name| fields.get(name).to_owned());
    match accounts::change_password(&app, &seat.actor, current, new).await {
        Ok(()) => Ok(look::go("/console/password?done")),
        Err(error) => {
            let places = [
                (ErrorCode::SignInFailed, "current"),
                (ErrorCode::TooManyTries, "current"),
                (ErrorCode::PasswordTooShort, "new"),
            ];
            let faults = Faults::of(&seat.p, "password", &places, error)?;
            Ok(faults.show(&page(&seat, faults.clone(), false)))
        }
    }
}
