//! The way to the next item that waits for an answer.

use super::super::Ask;
use super::place;
use super::visit::Visit;
use crate::api::Path;
use crate::error::ApiError;
use axum::response::Response;

/// Leads to the next open item after the place where the officer is, or to the overview when all are answered.
pub(super) async fn go(ask: Ask, Path(id): Path<String>) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    let here = place::item(&ask, &visit.path());
    let section = place::section(&ask, &visit.path());
    // On a page of a section without a place on it, the section itself comes first.
    let after = here.or_else(|| {
        let first = visit.items().find(|known| Some(visit.section_of(&known.item.id)) == section)?;
        let before = visit.items().nth(first.n.checked_sub(2)?)?;
        Some(before.item.id.clone())
    });
    Ok(match visit.next_open(after.as_deref()) {
        Some(known) => ask.go(&visit.item_place(&known.item.id)),
        None => ask.go(&format!("{}?all=answered", visit.path())),
    })
}
