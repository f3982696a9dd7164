//! Who may enter, and whose forms are taken.
//!
//! A session is a cookie that only our own host reads (`__Host-`). A form is taken when the browser says that it comes
//! from a page of ours and it carries the session's token. One that comes from a page of ours without a session, or with
//! the token of an earlier one, waits on the sign-in page, or for one more click: nothing typed is lost.

use super::chrome::Waiting;
use super::look::{self, Visitor, cookie, path_within};
use super::session::{self, Held};
use super::{packages, upload};
use crate::app::App;
use crate::auth::UserActor;
use crate::db::DbError;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store;
use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fieldproof_presentation::fields::{Fields, query};
use fieldproof_presentation::page::{Page, answer, is_partial};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;

/// The cookie of a session.
pub(super) const SESSION: &str = "__Host-fp-session";
/// The name of a form's token.
pub(super) const TOKEN: &str = "token";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// What htmx says and hears: the page that asks, where to go, what to replace and how.
const CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");
const REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
const RETARGET: HeaderName = HeaderName::from_static("hx-retarget");
const RESWAP: HeaderName = HeaderName::from_static("hx-reswap");

/// Somebody signed in who looks at a page.
#[derive(Clone)]
pub(crate) struct Seat {
    /// Who, with scope and organisation.
    pub(crate) actor: UserActor,
    /// What every page has.
    pub(crate) p: Page,
    /// The address with its query.
    pub(crate) here: String,
    /// What every form carries.
    pub(crate) token: String,
    /// What waits in the user's scope.
    pub(crate) waits: Waiting,
}

impl Seat {
    /// Whether a form carries the token of this session. Compared by their hashes, so that the time it takes tells nothing.
    fn is_own_form(&self, fields: &Fields) -> bool {
        Digest::of(fields.get(TOKEN).as_bytes()) == Digest::of(self.token.as_bytes())
    }

    /// Answers with a page or a part of one.
    pub(crate) fn show(&self, page: &impl Template) -> Response {
        answer(StatusCode::OK, page)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Seat {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| ErrorCode::SignInRequired.into())
    }
}

/// What a form posted, once it is known to be ours.
pub(crate) struct Posted(pub(crate) Fields);

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, _) = request.into_parts();
        let fields = parts.extensions.get::<Fields>().cloned();
        fields.map(Self).ok_or_else(|| ErrorCode::ForeignOrigin.into())
    }
}

/// The token of a session's forms: nobody can make it without the session's cookie.
pub(super) fn token(session: &str) -> String {
    hex::encode(Digest::of(format!("fieldproof form\0{session}").as_bytes()).value)
}

/// Whether the browser says that a request comes from a page of this very host. A browser that says nothing is too old to
/// be trusted with a session.
fn is_own(headers: &HeaderMap) -> bool {
    let one = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = one(&FETCH_SITE);
    let origin = one(&ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let same_site = site.is_none_or(|site| site == "same-origin");
    let same_host = match (origin, one(&HOST)) {
        (Some(origin), Some(host)) => origin == host,
        (None, _) => site == Some("same-origin"),
        (Some(_), None) => false,
    };
    same_site && same_host
}

fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Takes no form from elsewhere; for pages that need nobody signed in.
pub(super) async fn own_forms_only(mut request: Request, next: Next) -> Response {
    if !reads(request.method()) {
        if !is_own(request.headers()) {
            return ApiError::from(ErrorCode::ForeignOrigin).into_response();
        }
        request = match with_fields(request).await {
            Ok((request, _)) => request,
            Err(error) => return error.into_response(),
        };
    }
    next.run(request).await
}

/// Reads a form and hands it on beside the request.
async fn with_fields(request: Request) -> Result<(Request, Fields), ApiError> {
    let (mut parts, body) = request.into_parts();
    // With the parts, since they say how large a body may be.
    let whole = Request::from_parts(parts.clone(), body);
    if upload::is_upload(&parts.headers) {
        let (fields, files) = upload::read(whole).await?;
        parts.extensions.insert(fields.clone());
        parts.extensions.insert(files);
        return Ok((Request::from_parts(parts, Body::empty()), fields));
    }
    let body = Bytes::from_request(whole, &()).await.map_err(crate::api::body_error)?;
    let fields = Fields::parse(&body);
    parts.extensions.insert(fields.clone());
    Ok((Request::from_parts(parts, body.into()), fields))
}

/// The same for a form with a package. Nothing of the file is kept before it is known that whoever is signed in sends it, and
/// may.
async fn with_package(
    app: &App,
    request: Request,
    seat: Option<&Seat>,
) -> Result<(Request, Fields), ApiError> {
    let (mut parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let may = |seat: &Seat| seat.actor.user.may(Act::HandInPackages).is_ok();
    let is_ours = |fields: &Fields| seat.is_some_and(|seat| seat.is_own_form(fields) && may(seat));
    let (fields, files) = upload::spool(app, whole, is_ours).await?;
    parts.extensions.insert(fields.clone());
    parts.extensions.insert(files);
    Ok((Request::from_parts(parts, Body::empty()), fields))
}

/// Lets those in who are signed in.
pub(super) async fn keep(
    State(app): State<App>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let partial = is_partial(request.headers());
    let session = cookie(request.headers(), SESSION).map(str::to_owned);
    let seat = match session {
        Some(session) => seat(&app, &session, &visitor, shows_places(request.headers())).await?,
        None => None,
    };
    if reads(request.method()) {
        return Ok(match seat {
            Some(seat) => next.run(seated(request, seat)).await,
            None => away(request.headers(), &visitor.here, partial),
        });
    }
    if !is_own(request.headers()) {
        return Err(ErrorCode::ForeignOrigin.into());
    }
    let is_package = request.uri().path() == packages::ADDRESS && upload::is_upload(request.headers());
    let (request, fields) = if is_package {
        with_package(&app, request, seat.as_ref()).await?
    } else {
        with_fields(request).await?
    };
    let waiting = || Held::of(&visitor.here, &fields);
    let asked = match seat {
        None => session::ask_again(&visitor, waiting()),
        Some(seat) if !seat.is_own_form(&fields) => {
            session::confirm(&visitor, &seat.actor.user.name, &seat.token, waiting())
        }
        Some(seat) => return Ok(next.run(seated(request, seat)).await),
    };
    Ok(if partial { as_whole_page(asked) } else { asked })
}

fn seated(mut request: Request, seat: Seat) -> Request {
    request.extensions_mut().insert(seat);
    request
}

/// To the sign-in page and back. A part of a page leads the whole page there.
fn away(headers: &HeaderMap, here: &str, partial: bool) -> Response {
    let login = |then: &str| format!("/console/login{}", query(&[("then", then)]));
    if !partial {
        return look::go(&login(here));
    }
    let page = headers.get(CURRENT_URL).and_then(|url| url.to_str().ok());
    let page = page.and_then(|url| url.parse::<axum::http::Uri>().ok());
    let page = page.and_then(|url| url.path_and_query().map(ToString::to_string)).unwrap_or_default();
    let mut response = StatusCode::UNAUTHORIZED.into_response();
    if let Ok(login) = HeaderValue::try_from(login(path_within(&page))) {
        response.headers_mut().insert(REDIRECT, login);
    }
    response
}

/// What was posted for a part of a page is answered with a page: it takes the place of the whole one.
fn as_whole_page(mut response: Response) -> Response {
    response.headers_mut().insert(RETARGET, HeaderValue::from_static("body"));
    response.headers_mut().insert(RESWAP, HeaderValue::from_static("innerHTML"));
    response
}

/// Whether the answer can have a navigation, with counts in it: not a part of a page, no picture and no film.
fn shows_places(headers: &HeaderMap) -> bool {
    let asked = headers.get(FETCH_DEST).and_then(|asked| asked.to_str().ok());
    !is_partial(headers) && !matches!(asked, Some("image" | "video" | "audio"))
}

/// Whoever is signed in with a session that has not ended.
async fn seat(app: &App, session: &str, visitor: &Visitor, counted: bool) -> Result<Option<Seat>, ApiError> {
    let (org, now, digest) = (app.org().await?, app.now(), Digest::of(session.as_bytes()));
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let Some(user) = store::users::by_token(tx, org, &digest, now)? else { return Ok(None) };
        let today = now.date_in_china();
        let waits = if counted { Waiting::read(tx, org, &user, today)? } else { Waiting::default() };
        Ok::<_, DbError>(Some((user, waits)))
    };
    let Some((user, waits)) = app.db.read(read).await? else { return Ok(None) };
    app.db.write(move |tx| store::users::touch(tx, org, &digest, now)).await?;
    Ok(Some(Seat {
        actor: UserActor { user, org, token: digest },
        p: visitor.p.clone(),
        here: visitor.here.clone(),
        token: token(session),
        waits,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_this_host_is_our_own() {
        let own = |headers: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            is_own(&map)
        };
        let host = ("host", "fieldproof.example.cn");
        assert!(own(&[host, ("origin", "https://fieldproof.example.cn"), ("sec-fetch-site", "same-origin")]));
        assert!(own(&[host, ("origin", "https://fieldproof.example.cn")]));
        assert!(own(&[host, ("sec-fetch-site", "same-origin")]));
        for foreign in [
            &[host] as &[_],
            &[host, ("origin", "null")],
            &[host, ("origin", "https://evil.example")],
            &[host, ("origin", "https://fieldproof.example.cn.evil.example")],
            &[host, ("origin", "https://fieldproof.example.cn"), ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "none")],
        ] {
            assert!(!own(foreign), "{foreign:?}");
        }
    }
}
