//! A forgotten passphrase: the custodians are asked, two answer, and the terminal opens with a new passphrase. It goes on from wherever it was
//! left, also after days, and needs no network.

use super::fault::Said;
use super::scanned::{Scan, scanned};
use super::{Ask, Posted, Route};
use crate::error::ApiError;
use crate::qr::PHOTO_BYTES_MAX;
use askama::Template;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fieldproof_client_core::PASSPHRASE_CHARS_MIN;
use fieldproof_client_core::recovery::{Asked, Recovery};
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_presentation::qr;
use fieldproof_schema::wire::error::ErrorCode;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/recover", answer: || get(show).post(ask) },
    Route { path: "/recover/request.txt", answer: || get(request) },
    Route {
        path: "/recover/answer",
        answer: || post(take).layer(DefaultBodyLimit::max(PHOTO_BYTES_MAX + 64 * 1024)),
    },
    Route { path: "/recover/finish", answer: || post(finish) },
];

/// Which field something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Passphrase,
    Again,
    Answer,
    Finish,
}

#[derive(Template)]
#[template(path = "recovery/recover.html")]
struct RecoverPage {
    p: Page,
    officer: String,
    recovery: Recovery,
    /// What is asked, as a picture; none where it is too long for one.
    picture: Option<Html>,
    min: usize,
    /// What was typed or pasted as an answer.
    typed: String,
    wrong: Option<(About, String)>,
}

impl RecoverPage {
    fn about(&self, about: About) -> Option<&str> {
        self.wrong.as_ref().filter(|(known, _)| *known == about).map(|(_, words)| words.as_str())
    }

    /// How many answers are missing.
    fn missing(&self, asked: &Asked) -> usize {
        fieldproof_schema::recovery::CUSTODIANS_MIN.saturating_sub(asked.answered.len())
    }
}

/// A text as a picture, where a camera would read it.
pub(super) fn picture(text: &str) -> Option<Html> {
    if text.len() <= qr::CHARS_MAX { qr::drawing(text) } else { None }
}

async fn page(
    ask: &Ask,
    typed: &str,
    wrong: Option<(About, String)>,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let recovery = ask.app().recovery().await?;
    let shown = RecoverPage {
        p: ask.p.clone(),
        officer: ask.app().officer_name().await.unwrap_or_default(),
        picture: recovery.asked.as_ref().and_then(|asked| picture(&asked.text)),
        recovery,
        min: PASSPHRASE_CHARS_MIN,
        typed: typed.to_owned(),
        wrong,
    };
    Ok(answer(status, &shown))
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    if !ask.app().is_enrolled().await? {
        return Ok(ask.go("/enrol"));
    }
    page(&ask, "", None, StatusCode::OK).await
}

async fn ask(ask: Ask, Posted(fields): Posted) -> Result<Response, ApiError> {
    let passphrase = fields.get("passphrase").to_owned();
    let unfit = |about, key: &str| Some((about, ask.p.t1(key, "n", PASSPHRASE_CHARS_MIN)));
    let wrong = if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
        unfit(About::Passphrase, "terminal.enrol.passphrase.short")
    } else if passphrase != fields.get("again") {
        unfit(About::Again, "terminal.enrol.again.differs")
    } else {
        None
    };
    if wrong.is_some() {
        return page(&ask, "", wrong, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    ask.app().ask_custodians(passphrase).await?;
    Ok(ask.go("/recover"))
}

/// What is asked, as a file.
async fn request(ask: Ask) -> Result<Response, ApiError> {
    let asked = ask.app().recovery().await?.asked.ok_or(ErrorCode::NotFound)?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"fieldproof-recovery-request.txt\""),
    ];
    Ok((headers, asked.text).into_response())
}

async fn take(ask: Ask, form: Result<Multipart, MultipartRejection>) -> Result<Response, ApiError> {
    let (fields, scan) = scanned(form).await;
    let text = match scan {
        Scan::None => fields.get("text").to_owned(),
        Scan::Text(text) => text,
        Scan::Unread(status, key) => {
            let wrong = Some((About::Answer, ask.p.t(key)));
            return page(&ask, fields.get("text"), wrong, status).await;
        }
    };
    match ask.app().take_answer(text.clone()).await {
        Ok(_) => Ok(ask.go("/recover")),
        Err(error) if error.code() == ErrorCode::RecoveryTextInvalid => {
            let wrong = Some((About::Answer, ask.p.t("terminal.recover.answer.other")));
            page(&ask, &text, wrong, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => Err(error),
    }
}

async fn finish(ask: Ask, Posted(fields): Posted) -> Result<Response, ApiError> {
    match ask.app().finish_recovery(fields.get("passphrase").to_owned()).await {
        Ok(()) => {
            ask.face.touch();
            ask.app().begin_sync();
            Ok(ask.go("/recovery"))
        }
        Err(error) => {
            let words = match error.code() {
                ErrorCode::PassphraseWrong => ask.p.t("terminal.recover.finish.wrong"),
                ErrorCode::RecoveryTextInvalid => ask.p.t("terminal.recover.finish.altered"),
                ErrorCode::TooManyTries => Said::new(&ask.p, &error.body()).sentence,
                _ => return Err(error),
            };
            let status =
                StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            page(&ask, "", Some((About::Finish, words)), status).await
        }
    }
}
