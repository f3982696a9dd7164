//! Terminals: where they stand, what they said that they had not sent, a code for a new one, revocation.

mod custodians;
mod enrol;
mod floor;

#[cfg(test)]
pub(super) use enrol::tests as enrol_tests;

use super::faults::Faults;
use super::{Chrome, Posted, Route, Seat, look, words};
use crate::api::{Args, before, parse, reason};
use crate::app::App;
use crate::db::DbError;
use crate::devices;
use crate::error::ApiError;
use crate::policy::Act;
use crate::quota::{Filled, Kind};
use crate::store::devices::{self as terminals, Device};
use crate::store::{floors, officers, units, usage};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_presentation::fields::query;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::DeviceId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::floor::Floor;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/devices", answer: || get(list) },
    Route { path: "/console/devices/enrol", answer: || get(enrol::show).post(enrol::issue) },
    Route { path: "/console/devices/floor", answer: || get(floor::show).post(floor::raise) },
    Route { path: "/console/devices/custodians", answer: || get(custodians::show).post(custodians::propose) },
    Route { path: "/console/devices/custodians/{officer}/confirm", answer: || post(custodians::confirm) },
    Route { path: "/console/devices/custodians/{officer}/end", answer: || post(custodians::end) },
    Route { path: "/console/devices/{id}", answer: || get(show) },
    Route { path: "/console/devices/{id}/revoke", answer: || post(revoke) },
];

#[derive(Template)]
#[template(path = "admin/devices.html")]
struct DevicesPage {
    p: Page,
    c: Chrome,
    rows: Vec<Line>,
    next: Option<String>,
    is_start: bool,
}

/// A terminal with its officer, in words.
struct Line {
    device: Device,
    /// Whether it is below the floor.
    is_below: bool,
    officer: String,
    unit: String,
    seen: Seen,
    /// How full its shares are.
    shares: [Filled; 5],
}

impl Line {
    /// Of the share that is fullest, in percent.
    fn fullest(&self) -> u64 {
        self.shares.iter().map(|share| share.percent).max().unwrap_or(0)
    }

    fn is_near(&self) -> bool {
        self.shares.iter().any(Filled::is_near)
    }
}

/// What a share is called, and how much of it is used.
fn share(p: &Page, share: &Filled) -> (String, String) {
    let (name, held) = match share.kind {
        Kind::Backlog => ("admin.device.backlog", "admin.device.backlog.held"),
        Kind::Entries => ("admin.device.share.entries", "admin.device.share.entries.held"),
        Kind::Today => ("admin.device.share.today", "admin.device.share.today.held"),
        Kind::EvidenceToday => ("admin.device.share.evidence_today", ""),
        Kind::EvidenceApart => ("admin.device.share.evidence_apart", ""),
    };
    let size = p.size(&share.amount.bytes);
    let held = if held.is_empty() { size } else { p.t2(held, "n", share.amount.items, "size", size) };
    (p.t(name), held)
}

/// When a terminal was seen last, and what it said then.
struct Seen {
    at: Option<(Moment, String)>,
    /// Changes, captures, bytes; none from terminals that do not say.
    unsent: Option<(u64, u64, u64)>,
}

impl Seen {
    fn of(p: &Page, device: &Device, now: Moment) -> Self {
        Self {
            at: device.seen_at.map(|at| (at, words::ago(p, now, at))),
            unsent: device.unsent.map(|said| (said.changes, said.evidence, said.evidence_bytes)),
        }
    }

    fn has_all_sent(&self) -> bool {
        self.unsent.is_some_and(|(changes, evidence, _)| changes == 0 && evidence == 0)
    }
}

/// Whether a terminal is too old to be given rows, as far as it has said what it is.
fn is_below(floor: Option<&Floor>, device: &Device) -> bool {
    let said = device.protocol.filter(|_| device.revoked_at.is_none());
    floor.zip(said).is_some_and(|(floor, protocol)| !floor.admits(protocol, device.program))
}

#[derive(serde::Deserialize)]
struct Wanted {
    before: Option<String>,
}

async fn list(State(app): State<App>, seat: Seat, Args(wanted): Args<Wanted>) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ManageDevices)?;
    let before = before(wanted.before.as_deref())?;
    let (org, asker, now) = (seat.actor.org, seat.actor.user.id, app.now());
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let floor = floors::current(tx, org)?.map(|set| set.floor);
        let page = terminals::list(tx, org, asker, &before)?;
        let mut used = Vec::with_capacity(page.rows.len());
        for listed in &page.rows {
            used.push(usage::of(tx, org, listed.device.id, now)?);
        }
        Ok::<_, DbError>((page, used, units::all(tx, org)?, floor))
    };
    let (page, used, units, floor) = app.db.read(read).await?;
    let p = seat.p.clone();
    let line = |(listed, used): (terminals::Listed, usage::Usage)| Line {
        shares: app.quota.filled(&used),
        officer: listed.officer_name,
        unit: super::directory::unit_name(&units, &listed.unit_code),
        seen: Seen::of(&p, &listed.device, now),
        is_below: is_below(floor.as_ref(), &listed.device),
        device: listed.device,
    };
    Ok(seat.show(&DevicesPage {
        c: Chrome::new(&seat, "devices"),
        rows: page.rows.into_iter().zip(used).map(line).collect(),
        next: page.next.map(|before| format!("/console/devices{}", query(&[("before", &before)]))),
        is_start: wanted.before.is_none(),
        p,
    }))
}

#[derive(Template)]
#[template(path = "admin/device.html")]
struct DevicePage {
    p: Page,
    c: Chrome,
    line: Line,
    /// Its shares: the name, how much is used, and how full it is.
    shares: Vec<(String, String, Filled)>,
    faults: Faults,
    reason: String,
}

async fn show(State(app): State<App>, seat: Seat, Path(id): Path<String>) -> Result<Response, ApiError> {
    let page = page(&app, &seat, parse("id", &id)?, Faults::default(), String::new()).await?;
    Ok(seat.show(&page))
}

async fn page(
    app: &App,
    seat: &Seat,
    id: DeviceId,
    faults: Faults,
    reason: String,
) -> Result<DevicePage, ApiError> {
    let (org, asker, now) = (seat.actor.org, seat.actor.user.clone(), app.now());
    let read = move |tx: &mut crate::db::Tx<'_>| {
        asker.may(Act::ManageDevices)?;
        let device = terminals::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
        let officer = officers::find(tx, org, device.officer)?.ok_or(ErrorCode::NotFound)?;
        asker.may_on(Act::ManageDevices, &officer.facts.org_code)?;
        let floor = floors::current(tx, org)?.map(|set| set.floor);
        let used = usage::of(tx, org, id, now)?;
        Ok::<_, ApiError>((device, officer, units::all(tx, org)?, floor, used))
    };
    let (device, officer, units, floor, used) = app.db.read(read).await?;
    let line = Line {
        officer: officer.facts.name,
        unit: super::directory::unit_name(&units, &officer.facts.org_code),
        seen: Seen::of(&seat.p, &device, now),
        shares: app.quota.filled(&used),
        is_below: is_below(floor.as_ref(), &device),
        device,
    };
    Ok(DevicePage {
        c: Chrome::new(seat, "devices"),
        p: seat.p.clone(),
        shares: line
            .shares
            .iter()
            .map(|filled| {
                let (name, held) = share(&seat.p, filled);
                (name, held, *filled)
            })
            .collect(),
        line,
        faults,
        reason,
    })
}

async fn revoke(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ManageDevices)?;
    let id: DeviceId = parse("id", &id)?;
    let revoked = match reason(fields.get("reason")) {
        Ok(reason) => devices::revoke(&app, seat.actor.org, &seat.actor.user, id, reason).await,
        Err(error) => Err(error),
    };
    match revoked {
        Ok(()) => Ok(look::go(&format!("/console/devices/{id}"))),
        Err(error) => {
            let faults = Faults::of(&seat.p, "device", &[(ErrorCode::ReasonMissing, "reason")], error)?;
            let typed = fields.get("reason").to_owned();
            Ok(faults.show(&page(&app, &seat, id, faults.clone(), typed).await?))
        }
    }
}
