//! One entity: everything that the directory says, and every visit.

use super::super::{Chrome, Seat, words};
use super::unit_name;
use crate::api::parse;
use crate::app::App;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::inspections::{self, Visit};
use crate::store::{entities, units};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::EntityId;
use fieldproof_schema::reference::EntityRow;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::{Map, Value};

/// Visits that the page lists; more than anybody reads, and an entity of many years has fewer.
const VISITS_SHOWN: i64 = 200;

#[derive(Template)]
#[template(path = "admin/entity.html")]
struct EntityPage {
    p: Page,
    c: Chrome,
    row: EntityRow,
    unit: String,
    facts: Vec<(String, String)>,
    attributes: Vec<(String, String)>,
    licences: Vec<Licence>,
    visits: Vec<Visit>,
}

struct Licence {
    kind: String,
    number: String,
    issued: String,
    expires: Option<String>,
    has_expired: bool,
}

pub(super) async fn show(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id: EntityId = parse("id", &id)?;
    let (org, asker) = (seat.actor.org, seat.actor.user.clone());
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let entity = entities::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
        asker.may_on(Act::ReadDirectory, &entity.unit_code)?;
        let visits = inspections::of_entity(tx, org, asker.id, id, VISITS_SHOWN)?;
        Ok::<_, ApiError>((entity, units::all(tx, org)?, visits))
    };
    let (entity, units, visits) = app.db.read(read).await?;
    let p = seat.p.clone();
    let (unit, row) = (unit_name(&units, &entity.unit_code), entity.row);
    let today = app.now().date_in_china().to_string();
    let own: Map<String, Value> = row
        .fields
        .iter()
        .filter(|(name, _)| !is_shown_apart(name))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    let attributes = row.fields.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default();
    Ok(seat.show(&EntityPage {
        c: Chrome::new(&seat, "directory"),
        facts: facts(&p, &own),
        attributes: facts(&p, &attributes),
        licences: licences(row.fields.get("licences"), &today),
        unit,
        row,
        visits,
        p,
    }))
}

/// Attributes and licences have places of their own; the file's note that an entity is made up says nothing more.
fn is_shown_apart(name: &str) -> bool {
    matches!(name, "attributes" | "licences" | "orgId" | "fictitious")
}

fn facts(p: &Page, fields: &Map<String, Value>) -> Vec<(String, String)> {
    let fact = |(name, value): (&String, &Value)| {
        let shown = match value {
            Value::Object(place) if place.contains_key("lon") => location(place),
            other => words::value(p, name, other),
        };
        (words::code(p, "field", name), shown)
    };
    fields.iter().map(fact).collect()
}

fn location(place: &Map<String, Value>) -> String {
    let part = |name: &str| place.get(name).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
    let [lon, lat, crs] = ["lon", "lat", "crs"].map(|name| part(name).unwrap_or_default());
    let accuracy = part("accuracyM").map(|metres| format!(" ±{metres} m")).unwrap_or_default();
    format!("{lat}, {lon} {crs}{accuracy}")
}

fn licences(value: Option<&Value>, today: &str) -> Vec<Licence> {
    let text = |licence: &Value, name: &str| licence.get(name).and_then(Value::as_str).map(str::to_owned);
    let listed = value.and_then(Value::as_array).into_iter().flatten();
    let licence = |licence: &Value| {
        let expires = text(licence, "expires");
        Licence {
            kind: text(licence, "type").unwrap_or_default(),
            number: text(licence, "no").unwrap_or_default(),
            issued: text(licence, "issued").unwrap_or_default(),
            // ISO dates sort as texts.
            has_expired: expires.as_deref().is_some_and(|day| day < today),
            expires,
        }
    };
    listed.map(licence).collect()
}
