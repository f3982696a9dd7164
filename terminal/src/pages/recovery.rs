//! Recovery, from an open terminal: who could open this one, a key that has to be registered, and helping a colleague.

use super::fault::Said;
use super::recover::picture;
use super::scanned::{Scan, scanned};
use super::{Ask, Posted, Route};
use crate::error::ApiError;
use crate::qr::PHOTO_BYTES_MAX;
use askama::Template;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_client_core::{Client, Plea};
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_schema::wire::error::ErrorCode;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/recovery", answer: || get(show) },
    Route { path: "/recovery/key", answer: || post(register) },
    Route {
        path: "/recovery/plea",
        answer: || post(plea).layer(DefaultBodyLimit::max(PHOTO_BYTES_MAX + 64 * 1024)),
    },
    Route { path: "/recovery/help", answer: || post(help) },
];

/// Which form something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Key,
    Plea,
}

#[derive(Template)]
#[template(path = "recovery/show.html")]
struct RecoveryPage {
    p: Page,
    custodians: Vec<String>,
    /// False for a key that was made anew and that the server does not know.
    is_known: bool,
    code: String,
    /// What was pasted of a colleague's.
    typed: String,
    wrong: Option<(About, String)>,
}

impl RecoveryPage {
    fn about(&self, about: About) -> Option<&str> {
        self.wrong.as_ref().filter(|(known, _)| *known == about).map(|(_, words)| words.as_str())
    }
}

#[derive(Template)]
#[template(path = "recovery/plea.html")]
struct PleaPage {
    p: Page,
    plea: Plea,
    text: String,
    reason: String,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "recovery/answered.html")]
struct AnsweredPage {
    p: Page,
    plea: Plea,
    text: String,
    picture: Option<Html>,
}

async fn page(
    ask: &Ask,
    code: &str,
    typed: &str,
    wrong: Option<(About, String)>,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let shown = RecoveryPage {
        p: ask.p.clone(),
        custodians: ask.app().recovery().await?.custodians,
        is_known: ask.app().read(Client::is_officer_key_known).await?,
        code: code.to_owned(),
        typed: typed.to_owned(),
        wrong,
    };
    Ok(answer(status, &shown))
}

fn status(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    page(&ask, "", "", None, StatusCode::OK).await
}

async fn register(ask: Ask, Posted(fields): Posted) -> Result<Response, ApiError> {
    let code = fields.get("code").trim().to_owned();
    let done = ask.app().register_officer_key(code.clone(), fields.get("passphrase").to_owned()).await;
    match done {
        Ok(()) => Ok(ask.go("/recovery")),
        Err(error) => {
            let words = Said::new(&ask.p, &error.body()).sentence;
            page(&ask, &code, "", Some((About::Key, words)), status(&error)).await
        }
    }
}

async fn plea(ask: Ask, form: Result<Multipart, MultipartRejection>) -> Result<Response, ApiError> {
    let (fields, scan) = scanned(form).await;
    let text = match scan {
        Scan::None => fields.get("text").to_owned(),
        Scan::Text(text) => text,
        Scan::Unread(status, key) => {
            let wrong = Some((About::Plea, ask.p.t(key)));
            return page(&ask, "", fields.get("text"), wrong, status).await;
        }
    };
    let read = text.clone();
    match ask.app().read(move |client| client.read_plea(&read)).await {
        Ok(plea) => {
            let shown = PleaPage { p: ask.p.clone(), plea, text, reason: String::new(), fault: None };
            Ok(ask.show(&shown))
        }
        Err(error) => {
            let words = Said::new(&ask.p, &error.body()).sentence;
            page(&ask, "", &text, Some((About::Plea, words)), status(&error)).await
        }
    }
}

async fn help(ask: Ask, Posted(fields): Posted) -> Result<Response, ApiError> {
    let (text, reason) = (fields.get("text").to_owned(), fields.get("reason").to_owned());
    let read = text.clone();
    let plea = ask.app().read(move |client| client.read_plea(&read)).await?;
    let helped = ask.app().help(text.clone(), fields.get("passphrase").to_owned(), reason.clone()).await;
    match helped {
        Ok(text) => Ok(ask.show(&AnsweredPage { p: ask.p.clone(), plea, picture: picture(&text), text })),
        Err(error) => {
            let fault = match error.code() {
                ErrorCode::DeviceRevoked => ask.p.t("terminal.recovery.help.revoked"),
                ErrorCode::Offline => ask.p.t("terminal.recovery.help.offline"),
                _ => Said::new(&ask.p, &error.body()).sentence,
            };
            let status = status(&error);
            let shown = PleaPage { p: ask.p.clone(), plea, text, reason, fault: Some(fault) };
            Ok(answer(status, &shown))
        }
    }
}
