//! The directories: units, officers, entities.

use super::{Args, Listed, PageAfter, check};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::{entities, officers, units};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::reference::EntityRow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/units", get(list_units))
        .route("/api/v1/officers", get(list_officers))
        .route("/api/v1/entities", get(list_entities))
}

/// A unit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnitRow {
    code: String,
    parent: Option<String>,
    level: String,
    kind: String,
    name: String,
}

#[utoipa::path(get, path = "/api/v1/units", tag = "directory", responses(
    (status = 200, description = "The units of the asker's scope by code", body = Listed<UnitRow>)))]
pub(crate) async fn list_units(
    State(app): State<App>,
    actor: UserActor,
) -> Result<axum::Json<Listed<UnitRow>>, ApiError> {
    actor.user.may(Act::ReadDirectory)?;
    let (org, asker) = (actor.org, actor.user.id);
    let found = app.db.read(move |tx| units::list(tx, org, asker)).await?;
    let row = |unit: units::Unit| {
        let units::Unit { code, parent_code, level, kind, name, .. } = unit;
        UnitRow { code, parent: parent_code, level, kind, name }
    };
    Ok(axum::Json(Listed { rows: found.into_iter().map(row).collect(), next: None }))
}

/// An officer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfficerListed {
    #[schema(value_type = String)]
    id: OfficerId,
    code: String,
    name: String,
    unit: String,
    role: String,
    specialties: Vec<String>,
    certificate: String,
    /// The last day on which the certificate is valid.
    certificate_expires: String,
    in_directory: bool,
    active: bool,
}

impl From<officers::Officer> for OfficerListed {
    fn from(officer: officers::Officer) -> Self {
        let facts = officer.facts;
        Self {
            id: officer.id,
            code: facts.code,
            name: facts.name,
            unit: facts.org_code,
            role: facts.role,
            specialties: facts.specialties,
            certificate: facts.certificate_no,
            certificate_expires: facts.certificate_expires,
            in_directory: facts.in_directory,
            active: facts.active,
        }
    }
}

#[utoipa::path(get, path = "/api/v1/officers", tag = "directory", params(PageAfter), responses(
    (status = 200, description = "Officers of the asker's scope by code", body = Listed<OfficerListed>)))]
pub(crate) async fn list_officers(
    State(app): State<App>,
    actor: UserActor,
    Args(args): Args<PageAfter>,
) -> Result<axum::Json<Listed<OfficerListed>>, ApiError> {
    actor.user.may(Act::ReadDirectory)?;
    let after = check::after(args.after)?;
    let (org, asker) = (actor.org, actor.user.id);
    let page = app.db.read(move |tx| officers::list(tx, org, asker, &after)).await?;
    Ok(Listed::of(page, OfficerListed::from))
}

/// An entity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntityListed {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    row: EntityRow,
    /// The unit that supervises it.
    unit: String,
}

/// Which entities, and where their list goes on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntitiesWanted {
    /// Part of a name; blanks and case do not count.
    search: Option<String>,
    /// A whole code.
    code: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/entities", tag = "directory", params(EntitiesWanted), responses(
    (status = 200, description = "Entities of the asker's scope by code", body = Listed<EntityListed>)))]
pub(crate) async fn list_entities(
    State(app): State<App>,
    actor: UserActor,
    Args(args): Args<EntitiesWanted>,
) -> Result<axum::Json<Listed<EntityListed>>, ApiError> {
    actor.user.may(Act::ReadDirectory)?;
    let after = check::after(args.after)?;
    let search = args.search.map(|text| check::text("search", &text, 100)).transpose()?;
    let code = args.code.map(|text| check::text("code", &text, 200)).transpose()?;
    let (org, asker) = (actor.org, actor.user.id);
    let list = move |tx: &mut crate::db::Tx<'_>| {
        entities::list(tx, org, asker, search.as_deref(), code.as_deref(), &after)
    };
    let page = app.db.read(list).await?;
    Ok(Listed::of(page, |entity| EntityListed { row: entity.row, unit: entity.unit_code }))
}
