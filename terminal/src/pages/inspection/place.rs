//! Where the officer is, so that the terminal opens there again, whatever ended it.

use super::super::{Ask, Posted, Route};
use axum::http::StatusCode;
use axum::routing::post;

/// Longer ones are no places of ours.
const PLACE_BYTES_MAX: usize = 512;

pub(in crate::pages) const ROUTES: &[Route] = &[Route { path: "/place", answer: || post(note) }];

async fn note(ask: Ask, Posted(fields): Posted) -> StatusCode {
    remember(&ask, fields.get("path"));
    StatusCode::NO_CONTENT
}

/// Keeps a place among the pages of inspections; anything else is none. A place that cannot be kept costs no act.
pub(super) fn remember(ask: &Ask, path: &str) {
    if !path.starts_with("/inspections/")
        || path.len() > PLACE_BYTES_MAX
        || ask.face.path_within(path) != path
        || ask.face.settings().place == path
    {
        return;
    }
    if let Err(error) = ask.face.set(|settings| path.clone_into(&mut settings.place)) {
        tracing::warn!(error.cause = %error, "the officer's place cannot be kept");
    }
}

/// Keeps the page itself as the place, unless the place is on it already.
pub(super) fn visit(ask: &Ask, path: &str) {
    let place = ask.face.settings().place;
    if place.split('#').next() != Some(path) {
        remember(ask, path);
    }
}

/// The item that the place names, when it is one of this inspection.
pub(super) fn item(ask: &Ask, inspection: &str) -> Option<String> {
    let place = ask.face.settings().place;
    let (page, anchor) = place.split_once('#')?;
    page.starts_with(inspection).then_some(())?;
    anchor.strip_prefix("item-").map(str::to_owned)
}

/// The section that the place names, when it is one of this inspection.
pub(super) fn section(ask: &Ask, inspection: &str) -> Option<usize> {
    let place = ask.face.settings().place;
    let rest = place.strip_prefix(inspection)?.strip_prefix("/sections/")?;
    rest.split(['#', '?']).next()?.parse().ok()
}
