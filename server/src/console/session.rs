//! Signing in and out, also in the middle of something: what was typed waits and goes on.

use super::gate::{Posted, SESSION, TOKEN, token};
use super::look::{self, Visitor, cookie, path_within};
use super::{Route, fault::Said};
use crate::accounts::{self, SignedIn};
use crate::app::App;
use crate::error::ApiError;
use crate::store::users;
use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, OriginalUri, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_presentation::texts::has;
use fieldproof_schema::suite::Digest;
use std::net::SocketAddr;

pub(super) const OUTSIDE: &[Route] = &[
    Route { path: "/console/login", answer: || get(show).post(sign_in) },
    Route { path: "/console/logout", answer: || post(sign_out) },
];

/// What stands before the names of fields that wait on the sign-in page.
const WAITING: &str = "waiting.";

/// Says on the sign-in page that something waits, even a form without fields.
const POSTED: &str = "posted";

/// Where somebody was going, and what was posted on the way.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    then: String,
    posted: bool,
    fields: Vec<(String, String)>,
}

impl Held {
    /// A form that cannot be taken yet. Its token is of an earlier session and stays behind.
    pub(super) fn of(then: &str, fields: &Fields) -> Self {
        let fields = fields.iter().filter(|(name, _)| *name != TOKEN);
        Self {
            then: path_within(then).to_owned(),
            posted: true,
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    /// What the sign-in page posted.
    fn from_page(fields: &Fields) -> Self {
        let waiting = fields.iter().filter_map(|(name, value)| Some((name.strip_prefix(WAITING)?, value)));
        Self {
            then: path_within(fields.find("then").unwrap_or("/console")).to_owned(),
            posted: fields.find(POSTED).is_some(),
            fields: waiting.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    /// What was typed, with the name of each field in words; what was only chosen or counted stays out.
    fn typed(&self, p: &Page) -> Vec<(String, String)> {
        let said = self.fields.iter().filter(|(_, value)| !value.trim().is_empty());
        said.map(|(name, value)| (label(p, name), value.clone())).collect()
    }
}

/// A field in words; its own name where there are none.
fn label(p: &Page, name: &str) -> String {
    let (kind, of) = name.split_once('.').unwrap_or((name, ""));
    let key = format!("console.field.{kind}");
    match (has(&key), of) {
        (false, _) => name.to_owned(),
        (true, "") => p.t(key),
        (true, of) => format!("{} {of}", p.t(key)),
    }
}

#[derive(Template)]
#[template(path = "console/login.html")]
struct LoginPage {
    p: Page,
    login: String,
    waiting: Held,
    /// Just signed out.
    left: bool,
    fault: Option<Said>,
}

#[derive(Template)]
#[template(path = "console/confirm.html")]
struct ConfirmPage {
    p: Page,
    name: String,
    token: String,
    typed: Vec<(String, String)>,
    waiting: Held,
}

async fn show(visitor: Visitor, OriginalUri(uri): OriginalUri) -> Response {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let waiting = Held { fields: Vec::new(), posted: false, ..Held::from_page(&fields) };
    let left = fields.find("left").is_some();
    visitor.show(&LoginPage { p: visitor.p.clone(), login: String::new(), waiting, left, fault: None })
}

/// The sign-in page in the middle of something.
pub(super) fn ask_again(visitor: &Visitor, waiting: Held) -> Response {
    answer(
        StatusCode::UNAUTHORIZED,
        &LoginPage { p: visitor.p.clone(), login: String::new(), waiting, left: false, fault: None },
    )
}

/// What was typed under an earlier session, to be sent once more.
pub(super) fn confirm(visitor: &Visitor, name: &str, token: &str, waiting: Held) -> Response {
    visitor.show(&ConfirmPage {
        p: visitor.p.clone(),
        name: name.to_owned(),
        token: token.to_owned(),
        typed: waiting.typed(&visitor.p),
        waiting,
    })
}

async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Response {
    let waiting = Held::from_page(&fields);
    let peer = crate::api::device::peer(info.as_ref().map(|Extension(info)| info));
    let (login, password) = (fields.get("login").to_owned(), fields.get("password").to_owned());
    match accounts::sign_in(&app, &login, password, format!("console-{peer}")).await {
        Ok(SignedIn { token: session, user, .. }) => {
            // Whoever signs in again leaves no session behind.
            if let Err(error) = end(&app, &headers).await {
                tracing::warn!(%error, "an earlier session could not be ended");
            }
            let mut response = if waiting.posted {
                confirm(&visitor, &user.name, &token(&session), waiting)
            } else {
                look::go(&waiting.then)
            };
            set(&mut response, &session, None);
            response
        }
        Err(error) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::UNAUTHORIZED);
            let fault = Some(Said::new(&visitor.p, &error.body()));
            answer(status, &LoginPage { p: visitor.p.clone(), login, waiting, left: false, fault })
        }
    }
}

async fn sign_out(State(app): State<App>, headers: HeaderMap, _: Posted) -> Result<Response, ApiError> {
    end(&app, &headers).await?;
    let mut response = look::go("/console/login?left=1");
    set(&mut response, "", Some(0));
    Ok(response)
}

/// Ends the session of a browser, if it has one.
async fn end(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(session) = cookie(headers, SESSION) else { return Ok(()) };
    let (org, digest) = (app.org().await?, Digest::of(session.as_bytes()));
    Ok(app.db.write(move |tx| users::delete_session(tx, org, &digest)).await?)
}

/// Sets the session's cookie. Without an age it goes when the browser closes; the session ends by itself before that.
fn set(response: &mut Response, session: &str, age: Option<u32>) {
    let age = age.map(|age| format!("; Max-Age={age}")).unwrap_or_default();
    let cookie = format!("{SESSION}={session}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
