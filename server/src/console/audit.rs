//! The audit trail: who did what to what, newest first.

use super::{Chrome, Route, Seat};
use crate::api::{Args, before, check};
use crate::app::App;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::audit::{self, Filter, Listed};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::query;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_presentation::texts;
use fieldproof_schema::moment::Moment;

pub(super) const ROUTES: &[Route] = &[Route { path: "/console/audit", answer: || get(show) }];

/// Every act that is recorded, as the choice offers them.
pub(crate) const ACTS: &[&str] = &[
    "inspection.returned",
    "inspection.accepted",
    "inspection.disclosed",
    "conflict.decided",
    "conflict.undone",
    "proposal.decided",
    "inspection.reassigned",
    "quarantine.decided",
    "plan.added",
    "draw.committed",
    "draw.revealed",
    "draw.recused",
    "draw.dispatched",
    "directory.corrected",
    "directory.imported",
    "template.imported",
    "template.withdrawn",
    "laws.imported",
    "provision.released",
    "enrolment_code.issued",
    "device.enrolled",
    "device.known_again",
    "device.revoked",
    "device.recovery_helped",
    "officer_key.registered",
    "custodian.proposed",
    "custodian.confirmed",
    "custodian.ended",
    "user.added",
    "user.deactivated",
    "user.reactivated",
    "user.password_changed",
    "organisation.made",
    "floor.raised",
    "floor.learned",
    "server.restored",
    "evidence.asked_again",
    "snapshot.rebuilt",
];

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditPage {
    p: Page,
    c: Chrome,
    wanted: Wanted,
    acts: Vec<Choice>,
    rows: Vec<Line>,
    next: Option<String>,
}

struct Line {
    at: Moment,
    actor: String,
    actor_name: String,
    act: String,
    act_name: String,
    subject: String,
    subject_kind: String,
    link: Option<String>,
    details: Option<String>,
}

/// Which records.
#[derive(Debug, Clone, Default, serde::Deserialize)]
struct Wanted {
    #[serde(default)]
    act: String,
    #[serde(default)]
    actor: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    before: String,
}

impl Wanted {
    fn is_filtered(&self) -> bool {
        [&self.act, &self.actor, &self.subject].iter().any(|text| !text.trim().is_empty())
    }
}

async fn show(State(app): State<App>, seat: Seat, Args(wanted): Args<Wanted>) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ReadAudit)?;
    let some = |field: &str, text: &str| -> Result<Option<String>, ApiError> {
        Ok(Some(check::optional_text(field, text, 400)?).filter(|text| !text.is_empty()))
    };
    let filter = Filter {
        act: some("act", &wanted.act)?,
        actor: some("actor", &wanted.actor)?,
        subject: some("subject", &wanted.subject)?,
    };
    let before = before(Some(wanted.before.as_str()).filter(|text| !text.is_empty()))?;
    let org = seat.actor.org;
    let page = app.db.read(move |tx| audit::list(tx, org, &filter, &before)).await?;
    let p = seat.p.clone();
    let next = page.next.map(|before| {
        let fields = [
            ("act", &wanted.act),
            ("actor", &wanted.actor),
            ("subject", &wanted.subject),
            ("before", &before),
        ];
        format!("/console/audit{}", query(&fields.map(|(name, value)| (name, value.as_str()))))
    });
    let act = |act: &&str| Choice::new(*act, act_name(&p, act), wanted.act == *act);
    Ok(seat.show(&AuditPage {
        c: Chrome::new(&seat, "audit"),
        acts: ACTS.iter().map(act).collect(),
        rows: page.rows.into_iter().map(|listed| line(&p, listed)).collect(),
        next,
        wanted,
        p,
    }))
}

fn line(p: &Page, listed: Listed) -> Line {
    let record = listed.record;
    let (kind, id) = record.subject.split_once(':').unwrap_or((record.subject.as_str(), ""));
    Line {
        at: record.at,
        actor_name: listed.actor_name.unwrap_or_else(|| match record.actor.as_str() {
            "system" => p.t("admin.audit.system"),
            other => other.to_owned(),
        }),
        actor: record.actor,
        act_name: act_name(p, &record.act),
        act: record.act,
        subject_kind: super::words::code(p, "admin.subject.", kind),
        link: link(kind, id),
        details: (!record.details.is_null())
            .then(|| serde_json::to_string_pretty(&record.details).unwrap_or_default()),
        subject: record.subject,
    }
}

/// The act in words; its own name where a later version recorded it.
fn act_name(p: &Page, act: &str) -> String {
    let key = format!("admin.act.{act}");
    if texts::has(&key) { p.t(key) } else { act.to_owned() }
}

/// Where the subject of a record is shown.
fn link(kind: &str, id: &str) -> Option<String> {
    Some(match kind {
        "inspection" => format!("/console/inspections/{id}"),
        "quarantine" => format!("/console/quarantine/{id}"),
        "plan" => format!("/console/plans/{id}"),
        "draw" => format!("/console/draws/{id}"),
        "device" => format!("/console/devices/{id}"),
        "user" => format!("/console/users/{id}"),
        "provision" => format!("/console/laws{}", query(&[("q", id)])),
        "template" => {
            let (name, revision) = id.split_once('@')?;
            format!("/console/checklists/{name}/{revision}")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_has_a_name_in_both_languages() {
        for act in ACTS {
            assert!(texts::has(&format!("admin.act.{act}")), "{act}");
        }
    }
}
