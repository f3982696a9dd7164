//! Signing in and out, also in the middle of something: what was typed waits and goes on.

use super::gate::{Posted, SESSION, Seat, TOKEN, token};
use super::look::{self, Visitor, path_within};
use super::{Route, fault::Said};
use crate::accounts::{self, SignedIn};
use crate::app::App;
use crate::error::ApiError;
use crate::store::users;
use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, OriginalUri, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Page, answer};
use std::net::SocketAddr;

/// For everyone.
pub(super) const OUTSIDE: &[Route] = &[Route { path: "/console/login", answer: || get(show).post(sign_in) }];
/// For those who are in.
pub(super) const INSIDE: &[Route] = &[Route { path: "/console/logout", answer: || post(sign_out) }];

/// What stands before the names of fields that wait on the sign-in page.
const WAITING: &str = "waiting.";

/// Where somebody was going, and what was posted on the way.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    then: String,
    fields: Vec<(String, String)>,
}

impl Waiting {
    /// A form that cannot be taken yet. Its token is of an earlier session and stays behind.
    pub(super) fn of(then: &str, fields: &Fields) -> Self {
        let fields = fields.iter().filter(|(name, _)| *name != TOKEN);
        Self {
            then: path_within(then).to_owned(),
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    /// What the sign-in page posted.
    fn from_page(fields: &Fields) -> Self {
        let waiting = fields.iter().filter_map(|(name, value)| Some((name.strip_prefix(WAITING)?, value)));
        Self {
            then: path_within(fields.find("then").unwrap_or("/console")).to_owned(),
            fields: waiting.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "console/login.html")]
struct LoginPage {
    p: Page,
    login: String,
    waiting: Waiting,
    fault: Option<Said>,
}

#[derive(Template)]
#[template(path = "console/confirm.html")]
struct ConfirmPage {
    p: Page,
    name: String,
    token: String,
    waiting: Waiting,
}

async fn show(visitor: Visitor, OriginalUri(uri): OriginalUri) -> Response {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let waiting = Waiting { fields: Vec::new(), ..Waiting::from_page(&fields) };
    visitor.show(&LoginPage { p: visitor.p.clone(), login: String::new(), waiting, fault: None })
}

/// The sign-in page in the middle of something.
pub(super) fn ask_again(visitor: &Visitor, waiting: Waiting) -> Response {
    answer(
        StatusCode::UNAUTHORIZED,
        &LoginPage { p: visitor.p.clone(), login: String::new(), waiting, fault: None },
    )
}

/// What was typed under an earlier session, to be sent once more.
pub(super) fn confirm(visitor: &Visitor, name: &str, token: &str, waiting: Waiting) -> Response {
    visitor.show(&ConfirmPage {
        p: visitor.p.clone(),
        name: name.to_owned(),
        token: token.to_owned(),
        waiting,
    })
}

async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    Posted(fields): Posted,
) -> Response {
    let waiting = Waiting::from_page(&fields);
    let peer = crate::api::device::peer(info.as_ref().map(|Extension(info)| info));
    let (login, password) = (fields.get("login").to_owned(), fields.get("password").to_owned());
    match accounts::sign_in(&app, &login, password, format!("console-{peer}")).await {
        Ok(SignedIn { token: session, user, .. }) => {
            let mut response = if waiting.fields.is_empty() {
                look::go(&waiting.then)
            } else {
                confirm(&visitor, &user.name, &token(&session), waiting)
            };
            set(&mut response, &session, None);
            response
        }
        Err(error) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::UNAUTHORIZED);
            let fault = Some(Said::new(&visitor.p, &error.body()));
            answer(status, &LoginPage { p: visitor.p.clone(), login, waiting, fault })
        }
    }
}

async fn sign_out(State(app): State<App>, seat: Seat) -> Result<Response, ApiError> {
    let actor = seat.actor;
    app.db.write(move |tx| users::delete_session(tx, actor.org, &actor.token)).await?;
    let mut response = look::go("/console/login");
    set(&mut response, "", Some(0));
    Ok(response)
}

/// Sets the session's cookie. Without an age it goes when the browser closes; the session ends by itself before that.
fn set(response: &mut Response, session: &str, age: Option<u32>) {
    let age = age.map(|age| format!("; Max-Age={age}")).unwrap_or_default();
    let cookie = format!("{SESSION}={session}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
