//! What is held apart: the list of what waits for a decision or was decided, and one change at a time.

mod one;

use super::{Chrome, Route, Seat, case, words};
use crate::api;
use crate::app::App;
use crate::error::ApiError;
use crate::policy::Act;
use crate::quarantine::{self, Which};
use crate::store::inbox::State as Became;
use crate::store::inspections;
use crate::store::quarantine::{Filter, Listed};
use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::{Fields, query};
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::server::SERVER;
use fieldproof_schema::wire::error::ErrorCode;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/quarantine", answer: || get(list) },
    Route {
        path: "/console/quarantine/{inspection}/{device}/{digest}",
        answer: || get(one::show).post(one::decide),
    },
    Route { path: "/console/quarantine/{inspection}/{device}/{digest}/export", answer: || get(one::export) },
];

/// Why changes are held apart.
pub(crate) const CODES: &[ErrorCode] = &[
    ErrorCode::ChangeOutOfScope,
    ErrorCode::ChangeUncovered,
    ErrorCode::ChangeUnjudgeable,
    ErrorCode::ChangeForeignActor,
    ErrorCode::ChangeUnreadable,
    ErrorCode::ChangeCompressed,
    ErrorCode::ChangeNotCanonical,
    ErrorCode::ChangeNotApplicable,
    ErrorCode::ChangeFrame,
    ErrorCode::ChangeNotReloadable,
    ErrorCode::AnswerUnknownItem,
    ErrorCode::AnswerUnfit,
];

/// The filters, as they stand in the address.
const FILTERS: &[&str] = &["state", "code", "inspection"];

/// A change that is held apart as lists show it.
pub(super) struct Row {
    pub(super) address: String,
    /// Why, in words.
    pub(super) why: String,
    /// None for a visit that is not known here.
    pub(super) entity: Option<String>,
    pub(super) officer: String,
    pub(super) device: String,
    pub(super) size: String,
    pub(super) received: String,
    /// What was decided, by whom and when; empty while nobody has.
    pub(super) decided: String,
    /// What became of it.
    pub(super) became: String,
    /// Whether it waits for a decision.
    pub(super) open: bool,
}

/// Why something is held apart, in words.
fn why(p: &Page, listed: &Listed) -> String {
    listed.code.as_deref().map(|code| words::code(p, "console.quarantine.code.", code)).unwrap_or_default()
}

/// What became of it, in words.
fn became(p: &Page, listed: &Listed) -> String {
    p.t(match listed.state {
        Became::Accepted => "console.quarantine.state.accepted",
        Became::Received => "console.quarantine.state.received",
        Became::Waiting => "console.quarantine.state.waiting",
        Became::Quarantined => "console.quarantine.state.quarantined",
    })
}

/// What the terminal is called that wrote it; this server, where it was itself.
pub(super) fn sender(p: &Page, listed: &Listed) -> String {
    match listed.name.device {
        SERVER => p.t("console.quarantine.server"),
        _ => listed.device_name.clone(),
    }
}

/// A change that is held apart as lists show it.
pub(super) fn row(p: &Page, listed: &Listed) -> Row {
    let decided = listed.decided.as_ref().map(|(decided, by)| {
        let word = p.t(format!("console.quarantine.decided.{}", decided.ruling.as_str()));
        format!("{word} · {by} · {}", p.moment(&decided.at))
    });
    let why = why(p, listed);
    Row {
        address: format!("/console/quarantine/{}", listed.name),
        // What went in has no reason any more, and a link needs its words.
        why: if why.is_empty() { became(p, listed) } else { why },
        entity: listed.entity_name.clone(),
        officer: listed.officer_name.clone(),
        device: sender(p, listed),
        size: p.size(&listed.size_bytes),
        received: p.moment(&listed.received_at),
        decided: decided.unwrap_or_default(),
        became: became(p, listed),
        open: listed.is_open(),
    }
}

#[derive(Template)]
#[template(path = "console/quarantine.html")]
struct QuarantinePage {
    p: Page,
    c: Chrome,
    open: bool,
    count: i64,
    codes: Vec<Choice>,
    /// The visit that the list is limited to, and its entity.
    inspection: Option<(InspectionId, String)>,
    apart: Vec<Row>,
    filtered: bool,
    first: Option<String>,
    next: Option<String>,
}

impl QuarantinePage {
    /// The same list of the other kind.
    fn tab(&self, state: &str) -> String {
        let inspection = self.inspection.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default();
        format!("/console/quarantine{}", query(&[("state", state), ("inspection", &inspection)]))
    }
}

async fn list(
    State(app): State<App>,
    seat: Seat,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let user = &seat.actor.user;
    user.may(Act::DecideQuarantine)?;
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let open = fields.get("state") != "decided";
    let inspection: Option<InspectionId> = fields.filled("inspection").map(case::find).transpose()?;
    let filter = Filter { code: fields.filled("code").map(str::to_owned), inspection };
    let filtered = filter.code.is_some() || inspection.is_some();
    let before = api::before(fields.filled("before"))?;
    let which = if open { Which::Open } else { Which::Decided };
    let page = quarantine::list(&app, seat.actor.org, user, which, filter, before).await?;
    let named = match inspection {
        Some(id) => {
            let (org, asker) = (seat.actor.org, user.clone());
            let known = app.db.read(move |tx| inspections::find(tx, org, id)).await?;
            // What is outside the scope has no name here.
            let known = known.filter(|known| asker.scope.contains(&known.unit_code));
            Some((id, known.map_or_else(|| id.to_string(), |known| known.entity_name)))
        }
        None => None,
    };
    let p = &seat.p;
    let address = |before: &str| {
        let mut pairs: Vec<_> = FILTERS.iter().map(|name| (*name, fields.get(name))).collect();
        pairs.push(("before", before));
        format!("/console/quarantine{}", query(&pairs))
    };
    let code = |code: &ErrorCode| {
        let name = code.as_str();
        let word = words::code(p, "console.quarantine.code.", name);
        Choice::new(name, word, fields.get("code") == name)
    };
    let all = Choice::new("", p.t("console.cases.all"), fields.get("code").is_empty());
    Ok(seat.show(&QuarantinePage {
        c: Chrome::new(&seat, "quarantine"),
        open,
        count: seat.waits.quarantine,
        codes: std::iter::once(all).chain(CODES.iter().map(code)).collect(),
        inspection: named,
        apart: page.rows.iter().map(|listed| row(p, listed)).collect(),
        filtered,
        first: fields.filled("before").map(|_| address("")),
        next: page.next.map(|next| address(&next)),
        p: p.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_presentation::texts;

    #[test]
    fn every_reason_is_named_and_explained() {
        for code in CODES {
            for group in ["code", "why"] {
                assert!(texts::has(&format!("console.quarantine.{group}.{}", code.as_str())), "{code:?}");
            }
        }
    }
}
