//! Syncing as it truly stands: what is here only, sent, held, by receipts; how the last try went; what needs a person.

mod faults;
mod told;
pub(super) mod uploads;

use super::fault::Said;
use super::paging::{self, Pager, ROWS};
use super::tasks::stage;
use super::{Ask, Posted, Route};
use crate::error::ApiError;
use crate::syncs::SyncView;
use askama::Template;
use axum::extract::OriginalUri;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use faults::fault_words;
use fieldproof_client_core::{
    ApartAs, ApartItem, Client, HeldBack, InspectionStanding, Overview, Stage, Verification,
};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::Page;
use fieldproof_presentation::texts;
use told::{Ended, code_words, ended, kind_words};
use uploads::{Uploads, Waiting};

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/sync", answer: || get(show).post(begin) },
    Route { path: "/sync/state", answer: || get(state) },
    Route { path: "/verify", answer: || get(ask_verify).post(verify) },
];

/// Items of each list that need a person; more than anybody reads.
const APART_MAX: u64 = 100;

/// The state of everything, and of the sync that runs.
struct State {
    o: Overview,
    running: Option<crate::syncs::Running>,
    next_at: Option<fieldproof_schema::moment::Moment>,
    last: Option<Ended>,
    uploads: Uploads,
}

impl State {
    fn new(ask: &Ask, o: Overview, held_back: HeldBack, syncs: SyncView) -> Self {
        let uploads = Uploads::new(ask, &syncs, o.unsent.evidence, held_back);
        let last = syncs.last.map(|last| ended(&ask.p, last));
        Self { o, running: syncs.running, next_at: syncs.next_at, last, uploads }
    }

    /// Whether something goes to the server or comes from it.
    fn is_busy(&self) -> bool {
        self.running.is_some() || self.uploads.running.is_some()
    }

    /// Records that the server does not hold.
    fn open(&self) -> u64 {
        self.o.records.here + self.o.records.sent
    }

    /// Whether everything has its receipt, accompanying entries included.
    fn is_held(&self) -> bool {
        self.o.records.is_held() && self.o.unsent.is_empty() && self.o.refused == 0
    }
}

#[derive(Template)]
#[template(path = "sync_state.html")]
struct StatePart {
    p: Page,
    state: State,
}

#[derive(Template)]
#[template(path = "sync.html")]
struct SyncPage {
    p: Page,
    state: State,
    rows: Vec<InspectionStanding>,
    pager: Pager,
    captures: Vec<Waiting>,
    apart: Vec<Apart>,
}

/// An item that was not simply accepted, in words.
struct Apart {
    item: ApartItem,
    kind: String,
    reason: String,
}

async fn show(ask: Ask, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let from = paging::from(&Fields::parse(uri.query().unwrap_or_default().as_bytes()));
    let rules = ask.app().uploads().rules();
    let (o, held_back, mut rows, captures, apart) = ask
        .app()
        .read(move |client| {
            let rows = client.standings(from, ROWS + 1)?;
            let captures = client.waiting_captures(0, ROWS)?.into_iter();
            let captures: Vec<_> = captures.map(|capture| Waiting::new(capture, &rules)).collect();
            let held_back = uploads::held_back(client, &rules)?;
            Ok((client.overview()?, held_back, rows, captures, client.apart(APART_MAX)?))
        })
        .await?;
    let more = rows.len() as u64 > ROWS;
    rows.truncate(ROWS as usize);
    let p = ask.p.clone();
    let apart = apart.into_iter().map(|item| Apart {
        kind: kind_words(&p, item.kind.as_deref()),
        reason: code_words(&p, &item.code),
        item,
    });
    Ok(ask.show(&SyncPage {
        apart: apart.collect(),
        state: State::new(&ask, o, held_back, ask.app().syncs()),
        pager: Pager::new("/sync", &[], from, more),
        p,
        rows,
        captures,
    }))
}

/// The state alone, while one looks. A page that saw a sync run is asked to come again when it has ended.
async fn state(ask: Ask, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let saw = uri.query().is_some_and(|query| query == "running");
    let rules = ask.app().uploads().rules();
    let read = move |client: &Client| Ok((client.overview()?, uploads::held_back(client, &rules)?));
    let (o, held_back) = ask.app().read(read).await?;
    let state = State::new(&ask, o, held_back, ask.app().syncs());
    let ended = saw && !state.is_busy();
    let mut response = ask.show(&StatePart { p: ask.p.clone(), state });
    if ended {
        let refresh = HeaderName::from_static("hx-refresh");
        response.headers_mut().insert(refresh, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Begins a sync; the page that follows shows how it goes.
async fn begin(ask: Ask, Posted(fields): Posted) -> Response {
    ask.app().begin_sync();
    ask.go(ask.face.path_within(fields.find("then").unwrap_or("/sync")))
}

#[derive(Template)]
#[template(path = "verify.html")]
struct VerifyPage {
    p: Page,
    found: Option<Verification>,
}

async fn ask_verify(ask: Ask) -> Response {
    ask.show(&VerifyPage { p: ask.p.clone(), found: None })
}

/// Checks everything that is kept here. It may take long, and other pages go on meanwhile.
async fn verify(ask: Ask) -> Result<Response, ApiError> {
    let found = ask.app().read(Client::verify).await?;
    Ok(ask.show(&VerifyPage { p: ask.p.clone(), found: Some(found) }))
}

/// How much was checked.
fn checked(p: &Page, found: &Verification) -> String {
    let counts = [found.entries, found.changes, found.evidence].map(|count| count.to_string());
    let [entries, changes, evidence] = counts.each_ref().map(String::as_str);
    let counts = [("entries", entries), ("changes", changes), ("evidence", evidence)];
    texts::text(p.language, "terminal.cli.verify.checked", &counts)
}

#[cfg(test)]
mod tests;
