//! Originals on the page about syncing: what is sent, what waits and why, pausing, and sending one at once.

use super::super::{Ask, Posted, Route};
use super::Said;
use crate::error::ApiError;
use crate::syncs::{LastUpload, Running, SyncView};
use crate::uploads::Network;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use fieldproof_client_core::{Client, ClientError, HeldBack, UploadRules, WaitingCapture};
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::RecordId;
use std::collections::BTreeSet;

pub(in crate::pages) const ROUTES: &[Route] = &[
    Route { path: "/sync/uploads", answer: || post(pause) },
    Route { path: "/sync/now", answer: || post(now) },
    Route { path: "/network", answer: || post(tell) },
];

/// How originals stand.
pub(super) struct Uploads {
    pub(super) paused: bool,
    pub(super) running: Option<Running>,
    /// What may not go over the network as it is.
    pub(super) held_back: HeldBack,
    /// What is known about the network, in words.
    pub(super) network: String,
    /// The last ones that were sent.
    pub(super) last: Option<LastUpload>,
    /// Why they were not all sent.
    pub(super) failed: Option<String>,
}

impl Uploads {
    /// Of so many that wait.
    pub(super) fn new(ask: &Ask, syncs: &SyncView, waiting: u64, held_back: HeldBack) -> Self {
        let (p, uploads) = (&ask.p, ask.app().uploads());
        let last = syncs.last_upload.clone();
        // Where nothing may go, what once failed is no news.
        let can_go = held_back.captures < waiting;
        let failed = last.as_ref().and_then(|last| last.failed.as_ref()).filter(|_| can_go);
        Self {
            paused: uploads.choices().paused,
            running: syncs.uploading,
            held_back,
            network: network_words(p, uploads.network()),
            failed: failed.map(|error| Said::new(p, error).sentence),
            last,
        }
    }
}

/// What is known about the network.
pub(in crate::pages) fn network_words(p: &Page, network: Network) -> String {
    p.t(match network {
        Network::Unknown => "terminal.uploads.network.unknown",
        Network::Metered => "terminal.uploads.network.metered",
        Network::Unmetered => "terminal.uploads.network.unmetered",
    })
}

/// How much the network as it is holds back; a pause is said by itself.
pub(super) fn held_back(client: &Client, rules: &UploadRules) -> Result<HeldBack, ClientError> {
    client.held_back(&UploadRules { paused: false, ..rules.clone() })
}

/// A capture that waits, and whether it may go.
pub(super) struct Waiting {
    pub(super) capture: WaitingCapture,
    /// A rule holds it back; it can be sent at once all the same.
    pub(super) held_back: bool,
    /// The officer had it sent at once.
    pub(super) chosen: bool,
}

impl Waiting {
    pub(super) fn new(capture: WaitingCapture, rules: &UploadRules) -> Self {
        let can_go = capture.problem.is_none();
        let held_back = can_go && !rules.let_go(capture.record, capture.size_bytes);
        Self { held_back, chosen: can_go && rules.regardless.contains(&capture.record), capture }
    }
}

/// Pauses originals, or lets them go on.
async fn pause(ask: Ask, Posted(fields): Posted) -> Result<Response, ApiError> {
    let paused = match fields.get("paused") {
        "yes" => true,
        "no" => false,
        other => return Err(ApiError::field("paused", other)),
    };
    ask.app().choose_uploads(|choices| choices.paused = paused)?;
    Ok(ask.go("/sync"))
}

/// Has one original sent at once, whatever the rules say.
async fn now(ask: Ask, Posted(fields): Posted) -> Result<Response, ApiError> {
    let record: RecordId =
        fields.get("record").parse().map_err(|_| ApiError::field("record", "is no record"))?;
    let waiting = ask.app().read(|client| client.waiting_captures(0, u64::from(u32::MAX))).await?;
    let waiting: BTreeSet<RecordId> = waiting.into_iter().map(|capture| capture.record).collect();
    ask.app().choose_uploads(|choices| {
        // What was sent meanwhile needs no word any more.
        choices.regardless.retain(|chosen| waiting.contains(chosen));
        choices.regardless.extend(waiting.get(&record));
    })?;
    ask.app().begin_sync();
    Ok(ask.go("/sync"))
}

/// A page says what its browser knows about the network.
async fn tell(ask: Ask, Posted(fields): Posted) -> StatusCode {
    let network = Network::of_browser(fields.get("type"), fields.get("save_data") == "true");
    ask.app().tell_network(network, false);
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests;
