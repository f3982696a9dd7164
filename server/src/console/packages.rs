//! Packages at the console: one is handed in and what became of it is shown; a visit is handed out as one.

use super::chrome::Waiting;
use super::faults::Faults;
use super::upload::Files;
use super::{Chrome, Posted, Route, Seat, case};
use crate::api;
use crate::app::App;
use crate::error::ApiError;
use crate::packages::{self, Taken, Tally, Whose};
use crate::policy::Act;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_presentation::page::Page;
use fieldproof_presentation::texts;
use fieldproof_schema::server::SERVER;
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::BTreeMap;

/// Where a package is handed in.
pub(super) const ADDRESS: &str = "/console/packages";

pub(super) const ROUTES: &[Route] = &[
    Route { path: ADDRESS, answer: || get(show).post(take) },
    Route { path: "/console/inspections/{id}/package", answer: || post(give) },
];

/// What is wrong with the file rather than with the form.
const OF_THE_FILE: &[ErrorCode] = &[
    ErrorCode::BodyMalformed,
    ErrorCode::PackageInvalid,
    ErrorCode::PackageNewer,
    ErrorCode::PackageTooLarge,
    ErrorCode::PackageAltered,
    ErrorCode::PackageForeign,
    ErrorCode::PackageVisitUnknown,
];

#[derive(Template)]
#[template(path = "console/packages.html")]
struct PackagesPage {
    p: Page,
    c: Chrome,
    faults: Faults,
    bytes_max: u64,
}

#[derive(Template)]
#[template(path = "console/package_taken.html")]
struct TakenPage {
    p: Page,
    c: Chrome,
    entity: String,
    visit: String,
    quarantine: String,
    digest: String,
    made: String,
    /// Terminals and their officers.
    whose: Vec<(String, String)>,
    is_anything_new: bool,
    is_anything_apart: bool,
    is_anything_refused: bool,
    waiting: u64,
    server_missing: u64,
    kinds: Vec<Kind>,
}

/// What became of the things of one kind.
struct Kind {
    name: String,
    new: u64,
    known: u64,
    waiting: u64,
    apart: u64,
    refused: u64,
    /// Why things are held apart, and how many.
    apart_why: Vec<(String, u64)>,
    /// Why things were not taken, and how many.
    refused_why: Vec<(String, u64)>,
}

impl Kind {
    fn new(p: &Page, name: &str, tally: &Tally) -> Self {
        let why = |code: &String| why(p, code);
        let each = |of: &BTreeMap<String, u64>| of.iter().map(|(code, n)| (why(code), *n)).collect();
        Self {
            name: p.t(format!("console.package.kind.{name}")),
            new: tally.new,
            known: tally.known,
            waiting: tally.waiting,
            apart: tally.apart.values().sum(),
            refused: tally.refused.values().sum(),
            apart_why: each(&tally.apart),
            refused_why: each(&tally.refused),
        }
    }
}

/// Why something did not pass: in the words of this page, of quarantine, or of errors.
fn why(p: &Page, code: &str) -> String {
    let groups = ["console.package.code.", "console.quarantine.code.", "error."];
    let known = groups.iter().map(|group| format!("{group}{code}")).find(|key| texts::has(key));
    known.map_or_else(|| code.to_owned(), |key| p.t(key))
}

fn form(app: &App, seat: &Seat, faults: Faults) -> PackagesPage {
    PackagesPage {
        c: Chrome::new(seat, "packages"),
        p: seat.p.clone(),
        faults,
        bytes_max: app.quota.bounds().package,
    }
}

async fn show(State(app): State<App>, seat: Seat) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::HandInPackages)?;
    Ok(seat.show(&form(&app, &seat, Faults::default())))
}

async fn take(State(app): State<App>, mut seat: Seat, files: Files) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::HandInPackages)?;
    let taken = match files.into_spooled() {
        Some(Ok(handed)) => packages::take(&app, &seat.actor, handed).await,
        Some(Err(error)) => Err(error),
        None => Err(ApiError::field("file", "missing")),
    };
    match taken {
        Ok(taken) => {
            // Counted anew: what is held apart of it waits already.
            let (org, user, today) = (seat.actor.org, seat.actor.user.clone(), app.now().date_in_china());
            seat.waits = app.db.read(move |tx| Waiting::read(tx, org, &user, today)).await?;
            Ok(seat.show(&result(&seat, &taken)))
        }
        // Shown at the form although it is said as of something that is not there: what to do is to choose another file.
        Err(error) => {
            let places: Vec<_> = OF_THE_FILE.iter().map(|code| (*code, "file")).collect();
            let faults = Faults::of(&seat.p, "package", &places, error)?;
            Ok(faults.show(&form(&app, &seat, faults.clone())))
        }
    }
}

fn result(seat: &Seat, taken: &Taken) -> TakenPage {
    let p = &seat.p;
    let kinds = [("changes", &taken.changes), ("entries", &taken.entries), ("originals", &taken.originals)];
    let name = |one: &Whose| match one.device {
        SERVER => p.t("console.quarantine.server"),
        _ => one.device_name.clone(),
    };
    let whose = taken.whose.iter().map(|one| (name(one), one.officer_name.clone()));
    TakenPage {
        c: Chrome::new(seat, "packages"),
        entity: taken.entity_name.clone(),
        visit: case::address(taken.inspection),
        quarantine: format!("/console/quarantine?inspection={}", taken.inspection),
        digest: taken.digest.to_string(),
        made: p.moment(&taken.made_at),
        whose: whose.collect(),
        is_anything_new: taken.is_anything_new(),
        is_anything_apart: kinds.iter().any(|(_, tally)| !tally.apart.is_empty()),
        is_anything_refused: kinds.iter().any(|(_, tally)| !tally.refused.is_empty()),
        waiting: taken.changes.waiting,
        server_missing: taken.server_missing,
        kinds: kinds.iter().map(|(name, tally)| Kind::new(p, name, tally)).collect(),
        p: p.clone(),
    }
}

async fn give(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let originals = fields.filled("originals").is_some();
    api::packages::file(&app, &seat.actor, case::find(&id)?, originals).await
}
