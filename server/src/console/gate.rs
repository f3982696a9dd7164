//! Who may enter, and whose forms are taken.
//!
//! A session is a cookie that only our own host reads (`__Host-`). A form is taken when the browser says that it comes
//! from a page of ours and it carries the session's token. One that comes from a page of ours without a session, or with
//! the token of an earlier one, waits on the sign-in page, or for one more click: nothing typed is lost.

use super::look::{self, Visitor, cookie};
use super::session::{self, Waiting};
use super::upload;
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::store;
use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fieldproof_presentation::fields::{Fields, query};
use fieldproof_presentation::page::{Page, answer};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;

/// The cookie of a session.
pub(super) const SESSION: &str = "__Host-fp-session";
/// The name of a form's token.
pub(super) const TOKEN: &str = "token";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

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
}

impl Seat {
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

/// Lets those in who are signed in.
pub(super) async fn keep(
    State(app): State<App>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let session = cookie(request.headers(), SESSION).map(str::to_owned);
    let actor = match &session {
        Some(session) => who(&app, session).await?,
        None => None,
    };
    if reads(request.method()) {
        let (Some(actor), Some(session)) = (actor, session) else {
            return Ok(look::go(&format!("/console/login{}", query(&[("then", &visitor.here)]))));
        };
        return Ok(next.run(seated(request, actor, &session, visitor)).await);
    }
    if !is_own(request.headers()) {
        return Err(ErrorCode::ForeignOrigin.into());
    }
    let (request, fields) = with_fields(request).await?;
    let (Some(actor), Some(session)) = (actor, session) else {
        return Ok(session::ask_again(&visitor, Waiting::of(&visitor.here, &fields)));
    };
    if Digest::of(fields.get(TOKEN).as_bytes()) != Digest::of(token(&session).as_bytes()) {
        return Ok(session::confirm(
            &visitor,
            &actor.user.name,
            &token(&session),
            Waiting::of(&visitor.here, &fields),
        ));
    }
    Ok(next.run(seated(request, actor, &session, visitor)).await)
}

fn seated(mut request: Request, actor: UserActor, session: &str, visitor: Visitor) -> Request {
    let Visitor { p, here } = visitor;
    request.extensions_mut().insert(Seat { actor, p, here, token: token(session) });
    request
}

/// The user of a session that has not ended.
async fn who(app: &App, session: &str) -> Result<Option<UserActor>, ApiError> {
    let (org, now, token) = (app.org().await?, app.now(), Digest::of(session.as_bytes()));
    let Some(user) = app.db.read(move |tx| store::users::by_token(tx, org, &token, now)).await? else {
        return Ok(None);
    };
    app.db.write(move |tx| store::users::touch(tx, org, &token, now)).await?;
    Ok(Some(UserActor { user, org, token }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

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
