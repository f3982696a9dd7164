//! Enrolment: a one-time code, typed or photographed, and a passphrase make the terminal an officer's; then it fetches
//! her tasks.
//!
//! Whatever goes wrong is said beside the field that it is about, and nothing typed is lost but the passphrases, which no
//! page repeats.

use super::fault::Said;
use super::scanned::parts;
use super::{Ask, Posted, Route};
use crate::error::ApiError;
use crate::officers::Named;
use crate::qr::{self, PHOTO_BYTES_MAX};
use askama::Template;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fieldproof_client_core::{PASSPHRASE_CHARS_MIN, TaskQuery};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_schema::wire::error::ErrorCode;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/enrol", answer: || get(show).post(enrol) },
    Route {
        path: "/enrol/scan",
        // The fields beside the photo are few.
        answer: || post(scan).layer(DefaultBodyLimit::max(PHOTO_BYTES_MAX + 64 * 1024)),
    },
    Route { path: "/enrol/first", answer: || get(first).post(again) },
];

/// Characters of the longest name of a terminal.
const NAME_CHARS_MAX: usize = 64;

/// Which field something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Code,
    Name,
    Passphrase,
    Again,
    Picture,
    /// The network, or anything else that no field is to blame for.
    Whole,
}

#[derive(Template)]
#[template(path = "enrol.html")]
struct EnrolPage {
    p: Page,
    code: String,
    name: String,
    /// A picture was read and the code is out of it.
    scanned: bool,
    min: usize,
    wrong: Option<(About, String)>,
    /// Who else uses this terminal.
    others: Vec<Named>,
}

impl EnrolPage {
    fn new(ask: &Ask, fields: &Fields) -> Self {
        let name = fields
            .filled("device_name")
            .map_or_else(|| ask.p.t("terminal.enrol.name.default"), str::to_owned);
        Self {
            p: ask.p.clone(),
            code: fields.get("code").to_owned(),
            name,
            scanned: false,
            min: PASSPHRASE_CHARS_MIN,
            wrong: None,
            others: Vec::new(),
        }
    }

    /// With the way back to whoever else uses this terminal.
    async fn among(mut self, ask: &Ask) -> Self {
        self.others = ask.face.others().await;
        self
    }

    /// What is wrong with a field.
    fn about(&self, about: About) -> Option<&str> {
        self.wrong.as_ref().filter(|(known, _)| *known == about).map(|(_, words)| words.as_str())
    }

    fn refuse(mut self, status: StatusCode, about: About, words: String) -> Response {
        self.wrong = Some((about, words));
        answer(status, &self)
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    if ask.app().is_enrolled().await? {
        return Ok(ask.go("/"));
    }
    Ok(ask.show(&EnrolPage::new(&ask, &Fields::default()).among(&ask).await))
}

async fn enrol(ask: Ask, Posted(fields): Posted) -> Response {
    let page = EnrolPage::new(&ask, &fields).among(&ask).await;
    let passphrase = fields.get("passphrase").to_owned();
    let refused = |about, key: &str| (about, ask.p.t1(key, "n", PASSPHRASE_CHARS_MIN));
    let unfit = if fields.filled("code").is_none() {
        Some(refused(About::Code, "terminal.enrol.code.missing"))
    } else if fields.filled("device_name").is_none() {
        Some(refused(About::Name, "terminal.enrol.name.missing"))
    } else if page.name.chars().count() > NAME_CHARS_MAX {
        Some((About::Name, ask.p.t1("terminal.enrol.name.long", "n", NAME_CHARS_MAX)))
    } else if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
        Some(refused(About::Passphrase, "terminal.enrol.passphrase.short"))
    } else if passphrase != fields.get("again") {
        Some(refused(About::Again, "terminal.enrol.again.differs"))
    } else {
        None
    };
    if let Some((about, words)) = unfit {
        return page.refuse(StatusCode::UNPROCESSABLE_ENTITY, about, words);
    }
    match ask.app().enrol(page.code.clone(), page.name.clone(), passphrase).await {
        Ok(_) => {
            ask.face.touch();
            ask.app().begin_sync();
            ask.go("/enrol/first")
        }
        Err(error) => {
            let (about, words) = why(&ask.p, &error);
            let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::BAD_GATEWAY);
            page.refuse(status, about, words)
        }
    }
}

/// Which field an error is about, and what to say.
fn why(p: &Page, error: &ApiError) -> (About, String) {
    let said = Said::new(p, &error.body()).sentence;
    match error.code() {
        ErrorCode::EnrolmentCodeUnknown | ErrorCode::EnrolmentCodeUsed | ErrorCode::EnrolmentCodeExpired => {
            (About::Code, said)
        }
        ErrorCode::PassphraseTooShort | ErrorCode::TooManyTries => (About::Passphrase, said),
        // A key was made by an earlier try whose answer was lost.
        ErrorCode::PassphraseWrong => (About::Passphrase, p.t("terminal.enrol.passphrase.earlier")),
        ErrorCode::Offline => (About::Whole, p.t("terminal.enrol.offline")),
        _ => (About::Whole, said),
    }
}

/// A photo of the code; the form comes back with the code in it.
async fn scan(ask: Ask, photo: Result<Multipart, MultipartRejection>) -> Response {
    let posted = match photo {
        Ok(photo) => parts(photo).await,
        Err(_) => Err(StatusCode::BAD_REQUEST),
    };
    let (fields, photo) = match posted {
        Ok(posted) => posted,
        Err(status) => {
            let (key, about) = match status {
                StatusCode::PAYLOAD_TOO_LARGE => ("terminal.enrol.picture.large", About::Picture),
                _ => ("terminal.enrol.picture.none", About::Picture),
            };
            return EnrolPage::new(&ask, &Fields::default()).refuse(status, about, ask.p.t(key));
        }
    };
    let mut page = EnrolPage::new(&ask, &fields).among(&ask).await;
    // Unpacking and looking take long; other pages go on meanwhile.
    let read = tokio::task::spawn_blocking(move || qr::read(&photo)).await;
    let key = match read {
        Ok(qr::Read::Code(code)) => {
            (page.code, page.scanned) = (code, true);
            return ask.show(&page);
        }
        Ok(qr::Read::Other) => "terminal.enrol.picture.other",
        Ok(qr::Read::Nothing) => "terminal.enrol.picture.nothing",
        Ok(qr::Read::NoPhoto) | Err(_) => "terminal.enrol.picture.none",
    };
    page.refuse(StatusCode::UNPROCESSABLE_ENTITY, About::Picture, ask.p.t(key))
}

#[derive(Template)]
#[template(path = "enrol_first.html")]
struct FirstPage {
    p: Page,
    state: First,
}

#[derive(Template)]
#[template(path = "enrol_first_part.html")]
struct FirstPart {
    p: Page,
    state: First,
}

/// How the first sync goes.
enum First {
    /// So many tasks came until now.
    Running { tasks: u64 },
    /// It ended, and why.
    Failed { sentence: String },
}

/// Fetching the tasks: looked at until they are here.
async fn first(ask: Ask) -> Result<Response, ApiError> {
    if !ask.face.is_open() {
        return Ok(ask.go("/"));
    }
    let syncs = ask.app().syncs();
    let state = match (syncs.running, syncs.last) {
        (None, Some(last)) => match last.result {
            Ok(_) => return arrived(&ask),
            Err(error) => First::Failed { sentence: Said::new(&ask.p, &error).sentence },
        },
        (None, None) | (Some(_), _) => {
            let query = TaskQuery { group: None, words: "", today: "", from: 0, limit: 0 };
            let found = ask.app().read(move |client| client.tasks(&query)).await?;
            First::Running { tasks: found.counts.iter().map(|(_, count)| count).sum() }
        }
    };
    if ask.partial {
        return Ok(ask.show(&FirstPart { p: ask.p.clone(), state }));
    }
    Ok(ask.show(&FirstPage { p: ask.p.clone(), state }))
}

fn arrived(ask: &Ask) -> Result<Response, ApiError> {
    if !ask.partial {
        return Ok(ask.go("/tasks"));
    }
    let tasks = HeaderValue::try_from(ask.face.url("/tasks")).map_err(ApiError::malformed)?;
    Ok((StatusCode::OK, [(HeaderName::from_static("hx-redirect"), tasks)]).into_response())
}

/// Tries again.
async fn again(ask: Ask) -> Response {
    if ask.face.is_open() {
        ask.app().begin_sync();
    }
    ask.go("/enrol/first")
}

#[cfg(test)]
mod tests;
