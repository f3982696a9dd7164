//! Users of the console.

use super::{Args, Json, Listed, PageAfter, check};
use crate::accounts::{self, NewUser};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::policy::{Act, Role};
use crate::store::users::{self, Account};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use fieldproof_schema::ids::UserId;
use fieldproof_schema::moment::Moment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/users", get(list).post(add))
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserRow {
    #[schema(value_type = String)]
    id: UserId,
    login: String,
    name: String,
    #[schema(value_type = String)]
    role: Role,
    unit: String,
    active: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
}

impl From<Account> for UserRow {
    fn from(account: Account) -> Self {
        let Account { id, login, name, role, unit_code, active, created_at } = account;
        Self { id, login, name, role, unit: unit_code, active, created_at }
    }
}

#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(PageAfter), responses(
    (status = 200, description = "Users of the asker's scope by login", body = Listed<UserRow>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: UserActor,
    Args(args): Args<PageAfter>,
) -> Result<axum::Json<Listed<UserRow>>, ApiError> {
    actor.user.may(Act::ManageUsers)?;
    let after = check::after(args.after)?;
    let (org, asker) = (actor.org, actor.user.id);
    let page = app.db.read(move |tx| users::list(tx, org, asker, &after)).await?;
    Ok(Listed::of(page, UserRow::from))
}

/// A user to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddUser {
    login: String,
    name: String,
    #[schema(value_type = String, example = "supervisor")]
    role: Role,
    /// The code of the unit whose records the user may see, with everything below it.
    unit: String,
    /// At least 12 characters.
    password: String,
}

#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = AddUser, responses(
    (status = 201, description = "The user", body = UserRow), (status = 409, description = "login_taken"),
    (status = 422, description = "field_invalid, password_too_short")))]
pub(crate) async fn add(
    State(app): State<App>,
    actor: UserActor,
    Json(body): Json<AddUser>,
) -> Result<(StatusCode, axum::Json<UserRow>), ApiError> {
    actor.user.may(Act::ManageUsers)?;
    if !actor.user.scope.contains(&body.unit) {
        return Err(ApiError::field("unit", "no such unit in your scope"));
    }
    let AddUser { login, name, role, unit, password } = body;
    let new = NewUser { login, name, role, unit_code: unit, password };
    let account = accounts::add(&app, actor.org, format!("user:{}", actor.user.id), new).await?;
    Ok((StatusCode::CREATED, axum::Json(account.into())))
}
