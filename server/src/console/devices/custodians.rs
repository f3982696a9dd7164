//! Custodians: who opens terminals whose passphrase is forgotten, two together; proposed by one administrator and confirmed by another.

use super::super::faults::Faults;
use super::super::{Chrome, Posted, Seat, look};
use crate::api::{parse, reason};
use crate::app::App;
use crate::custodians;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::custodians::{self as stored, Listed};
use crate::store::{officers, units};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::recovery::CUSTODIANS_MIN;
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::BTreeSet;

/// Officers that the choice offers, at most.
const OFFICERS_OFFERED: i64 = 2000;
const PLACE: &str = "/console/devices/custodians";

#[derive(Template)]
#[template(path = "admin/custodians.html")]
pub(super) struct CustodiansPage {
    p: Page,
    c: Chrome,
    rows: Vec<Line>,
    officers: Vec<Choice>,
    units: Vec<Choice>,
    /// How many can open terminals now.
    ready: usize,
    faults: Faults,
}

/// Who was chosen, for which unit.
type Chosen<'a> = (&'a str, &'a str);

/// Whose ending was refused, and why it was to be.
type Refused = Option<(OfficerId, String)>;

struct Line {
    listed: Listed,
    unit: String,
    /// Whether the reader is the one who may not confirm.
    is_own: bool,
    /// What the field is called that says why she is to be none any more, and what stands in it.
    field: String,
    reason: String,
}

impl CustodiansPage {
    fn is_enough(&self) -> bool {
        self.ready >= CUSTODIANS_MIN
    }
}

pub(super) async fn show(State(app): State<App>, seat: Seat) -> Result<Response, ApiError> {
    Ok(seat.show(&page(&app, &seat, Faults::default(), None, ("", "")).await?))
}

async fn page(
    app: &App,
    seat: &Seat,
    faults: Faults,
    refused: Refused,
    chosen: Chosen<'_>,
) -> Result<CustodiansPage, ApiError> {
    seat.actor.user.may(Act::NameCustodians)?;
    let (org, asker) = (seat.actor.org, seat.actor.user.id);
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let known = stored::list(tx, org, asker)?;
        let offered = officers::in_service(tx, org, asker, OFFICERS_OFFERED)?;
        Ok::<_, ApiError>((known, offered, units::list(tx, org, asker)?, units::all(tx, org)?))
    };
    let (known, offered, own, units) = app.db.read(read).await?;
    let taken: BTreeSet<_> = known.iter().map(|listed| listed.custodian.officer).collect();
    let unit = |code: &str| super::super::directory::unit_name(&units, code);
    let choice = |officer: officers::Named| {
        let label = format!("{} ({}) {}", officer.name, officer.code, unit(&officer.unit_code));
        let id = officer.id.to_string();
        let is_chosen = id == chosen.0;
        Choice::new(id, label, is_chosen)
    };
    let served = |own: units::Unit| {
        let label = format!("{} ({})", own.name, own.code);
        let is_chosen = own.code == chosen.1;
        Choice::new(own.code, label, is_chosen)
    };
    let offered = offered.into_iter().filter(|officer| !taken.contains(&officer.id));
    let ready = |listed: &&Listed| listed.custodian.confirmed_at.is_some() && listed.terminals > 0;
    Ok(CustodiansPage {
        p: seat.p.clone(),
        c: Chrome::new(seat, "devices"),
        ready: known.iter().filter(ready).count(),
        officers: offered.map(choice).collect(),
        units: own.into_iter().map(served).collect(),
        rows: known
            .into_iter()
            .map(|listed| Line {
                unit: unit(&listed.custodian.unit),
                is_own: listed.custodian.proposed_by == asker,
                field: format!("reason-{}", listed.custodian.officer),
                reason: refused
                    .as_ref()
                    .filter(|(officer, _)| *officer == listed.custodian.officer)
                    .map(|(_, reason)| reason.clone())
                    .unwrap_or_default(),
                listed,
            })
            .collect(),
        faults,
    })
}

pub(super) async fn propose(
    State(app): State<App>,
    seat: Seat,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let chosen = (fields.get("officer"), fields.get("unit"));
    let unit = fields.filled("unit").map(str::to_owned);
    let proposed = match parse("officer", chosen.0) {
        Ok(officer) => custodians::propose(&app, seat.actor.org, &seat.actor.user, officer, unit).await,
        Err(error) => Err(error),
    };
    match proposed {
        Ok(()) => Ok(look::go(PLACE)),
        Err(error) => {
            let places = [(ErrorCode::AlreadyDecided, "officer"), (ErrorCode::StateWrong, "officer")];
            let faults = Faults::of(&seat.p, "custodians", &places, error)?;
            Ok(faults.show(&page(&app, &seat, faults.clone(), None, chosen).await?))
        }
    }
}

pub(super) async fn confirm(
    State(app): State<App>,
    seat: Seat,
    Path(officer): Path<String>,
) -> Result<Response, ApiError> {
    let officer = parse("officer", &officer)?;
    match custodians::confirm(&app, seat.actor.org, &seat.actor.user, officer).await {
        Ok(()) => Ok(look::go(PLACE)),
        Err(error) => {
            let faults = Faults::of(&seat.p, "custodians", &[], error)?;
            Ok(faults.show(&page(&app, &seat, faults.clone(), None, ("", "")).await?))
        }
    }
}

pub(super) async fn end(
    State(app): State<App>,
    seat: Seat,
    Path(officer): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let officer: OfficerId = parse("officer", &officer)?;
    let ended = match reason(fields.get("reason")) {
        Ok(reason) => custodians::end(&app, seat.actor.org, &seat.actor.user, officer, reason).await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => Ok(look::go(PLACE)),
        Err(error) => {
            let field = format!("reason-{officer}");
            let faults = Faults::of(&seat.p, "custodians", &[(ErrorCode::ReasonMissing, &field)], error)?;
            let typed = Some((officer, fields.get("reason").to_owned()));
            Ok(faults.show(&page(&app, &seat, faults.clone(), typed, ("", "")).await?))
        }
    }
}
