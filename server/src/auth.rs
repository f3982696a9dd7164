//! Who is asking: bearer tokens of console users and of devices, as axum extractors.

use crate::app::App;
use crate::error::ApiError;
use crate::policy::User;
use crate::store;
use crate::store::devices::Device;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use fieldproof_schema::ids::{DeviceId, OfficerId, OrgId};
use fieldproof_schema::suite::{Digest, PublicKey};
use fieldproof_schema::wire::error::ErrorCode;

/// A device with an open session.
#[derive(Debug, Clone)]
pub struct DeviceActor {
    /// Which device.
    pub id: DeviceId,
    /// Whose device.
    pub officer: OfficerId,
    /// Its key.
    pub key: PublicKey,
    /// The organisation.
    pub org: OrgId,
    /// In which session it speaks; none where somebody else brings its work, or people decide about it.
    pub session: Option<Digest>,
}

impl DeviceActor {
    /// A device that does not speak itself.
    pub fn of(device: &Device, org: OrgId) -> Self {
        Self { id: device.id, officer: device.officer, key: device.key, org, session: None }
    }
}

/// A console user with an open session.
#[derive(Debug, Clone)]
pub struct UserActor {
    /// Who, with role and scope.
    pub user: User,
    /// The organisation.
    pub org: OrgId,
    /// The hash of the token, for signing out.
    pub token: Digest,
}

fn bearer(parts: &Parts, prefix: &str) -> Result<Digest, ApiError> {
    let token = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "));
    match token {
        Some(token) if token.starts_with(prefix) && token.len() < 200 => Ok(Digest::of(token.as_bytes())),
        _ => Err(ErrorCode::SignInRequired.into()),
    }
}

/// The device behind a request's session, and whether it is in use.
async fn device(parts: &mut Parts, app: &App) -> Result<(DeviceActor, bool), ApiError> {
    let token = bearer(parts, "d_")?;
    let (org, now) = (app.org().await?, app.now());
    let device = app.db.read(move |tx| store::devices::by_token(tx, org, &token, now)).await?;
    let device = device.ok_or(ErrorCode::SignInRequired)?;
    let actor = DeviceActor { session: Some(token), ..DeviceActor::of(&device, org) };
    Ok((actor, device.revoked_at.is_none()))
}

impl FromRequestParts<App> for DeviceActor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let (actor, in_use) = device(parts, app).await?;
        if in_use { Ok(actor) } else { Err(ErrorCode::DeviceRevoked.into()) }
    }
}

/// A device that hands something over: one in use, or one that was revoked, whose scope gives it nothing.
#[derive(Debug, Clone)]
pub struct Sender(pub DeviceActor);

impl FromRequestParts<App> for Sender {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        Ok(Self(device(parts, app).await?.0))
    }
}

impl FromRequestParts<App> for UserActor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = bearer(parts, "u_")?;
        let (org, now) = (app.org().await?, app.now());
        let user = app.db.read(move |tx| store::users::by_token(tx, org, &token, now)).await?;
        let user = user.ok_or(ErrorCode::SignInRequired)?;
        app.db.write(move |tx| store::users::touch(tx, org, &token, now)).await?;
        Ok(Self { user, org, token })
    }
}

/// Someone who asks for evidence: a user of the console, or a device.
pub enum Asker {
    /// A user.
    User(Box<UserActor>),
    /// A device.
    Device(Box<DeviceActor>),
}

impl Asker {
    /// The organisation.
    pub fn org(&self) -> OrgId {
        match self {
            Self::User(actor) => actor.org,
            Self::Device(actor) => actor.org,
        }
    }
}

impl FromRequestParts<App> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if bearer(parts, "d_").is_ok() {
            return Ok(Self::Device(Box::new(DeviceActor::from_request_parts(parts, app).await?)));
        }
        Ok(Self::User(Box::new(UserActor::from_request_parts(parts, app).await?)))
    }
}
