//! The first page: what needs me now.

use super::{Chrome, Route, Seat};
use askama::Template;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::page::Page;

pub(super) const ROUTES: &[Route] = &[Route { path: "/console", answer: || get(show) }];

#[derive(Template)]
#[template(path = "console/inbox.html")]
struct InboxPage {
    p: Page,
    c: Chrome,
}

async fn show(seat: Seat) -> Response {
    seat.show(&InboxPage { c: Chrome::new(&seat, "inbox"), p: seat.p.clone() })
}
