//! Sessions of the console.

use super::Json;
use crate::accounts::{self, SignedIn};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::policy::{Role, User};
use crate::store::users;
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::routing::post;
use fieldproof_schema::ids::UserId;
use fieldproof_schema::moment::Moment;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/session", post(open).get(show).delete(close))
}

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    login: String,
    password: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionUser {
    #[schema(value_type = String)]
    id: UserId,
    login: String,
    name: String,
    #[schema(value_type = String, example = "supervisor")]
    role: Role,
    /// The codes of the units whose records the user sees.
    scope: Vec<String>,
}

impl From<User> for SessionUser {
    fn from(user: User) -> Self {
        let User { id, login, name, role, scope } = user;
        Self { id, login, name, role, scope: scope.into_iter().collect() }
    }
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// To be sent as `Authorization: Bearer …`; only in the answer to signing in.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// When it ends at the latest; left alone it ends earlier.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Moment,
    user: SessionUser,
}

#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = SignIn, responses(
    (status = 200, description = "A session", body = Session), (status = 401, description = "sign_in_failed"),
    (status = 429, description = "too_many_tries; `retry_after_seconds`")))]
pub(crate) async fn open(
    State(app): State<App>,
    info: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    Json(body): Json<SignIn>,
) -> Result<axum::Json<Session>, ApiError> {
    let peer = format!("console-{}", super::device::peer(info.as_ref().map(|axum::Extension(info)| info)));
    let SignedIn { token, expires_at, user, .. } =
        accounts::sign_in(&app, &body.login, body.password, peer).await?;
    Ok(axum::Json(Session { token: Some(token), expires_at, user: user.into() }))
}

#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses(
    (status = 200, description = "The session without its token", body = Session),
    (status = 401, description = "sign_in_required")))]
pub(crate) async fn show(State(app): State<App>, actor: UserActor) -> Result<axum::Json<Session>, ApiError> {
    let expires_at = accounts::ends_at(&app, actor.org, actor.token).await?;
    Ok(axum::Json(Session { token: None, expires_at, user: actor.user.into() }))
}

#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses(
    (status = 204, description = "The session has ended")))]
pub(crate) async fn close(State(app): State<App>, actor: UserActor) -> Result<StatusCode, ApiError> {
    app.db.write(move |tx| users::delete_session(tx, actor.org, &actor.token)).await?;
    Ok(StatusCode::NO_CONTENT)
}
