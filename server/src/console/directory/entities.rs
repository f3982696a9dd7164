//! Entities by code, searched by name.

use super::super::{Chrome, Seat, words};
use super::unit_name;
use crate::api::{Args, check};
use crate::app::App;
use crate::db::DbError;
use crate::drawing;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::entities::Entity;
use crate::store::{entities, units};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use fieldproof_presentation::fields::query;
use fieldproof_presentation::page::Page;

#[derive(Template)]
#[template(path = "admin/entities.html")]
struct EntitiesPage {
    p: Page,
    c: Chrome,
    tab: &'static str,
    may_import: bool,
    wanted: Wanted,
    rows: Vec<Line>,
    next: Option<String>,
}

struct Line {
    entity: Entity,
    unit: String,
    specialties: String,
}

/// Which entities.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    after: String,
}

impl Wanted {
    fn is_filtered(&self) -> bool {
        !self.q.trim().is_empty() || !self.code.trim().is_empty()
    }
}

pub(super) async fn show(
    State(app): State<App>,
    seat: Seat,
    Args(wanted): Args<Wanted>,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ReadDirectory)?;
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let search = some(check::optional_text("q", &wanted.q, 100)?);
    let code = some(check::optional_text("code", &wanted.code, 200)?);
    let after = check::after(Some(wanted.after.clone()))?;
    let (org, asker) = (seat.actor.org, seat.actor.user.id);
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let page = entities::list(tx, org, asker, search.as_deref(), code.as_deref(), &after)?;
        Ok::<_, DbError>((page, units::all(tx, org)?))
    };
    let (page, units) = app.db.read(read).await?;
    let p = seat.p.clone();
    let line = |entity: Entity| Line {
        unit: unit_name(&units, &entity.unit_code),
        specialties: words::specialties(&p, &Vec::from_iter(drawing::specialties(&entity.row))),
        entity,
    };
    let rows = page.rows.into_iter().map(line).collect();
    let next = page.next.map(|after| {
        format!("/console/entities{}", query(&[("q", &wanted.q), ("code", &wanted.code), ("after", &after)]))
    });
    Ok(seat.show(&EntitiesPage {
        c: Chrome::new(&seat, "directory"),
        tab: "entities",
        may_import: seat.actor.user.may(Act::ChangeDirectory).is_ok(),
        wanted,
        rows,
        next,
        p,
    }))
}
