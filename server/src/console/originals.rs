//! Originals that are not what they should be: which, since when, whose, and what to do.

use super::{Chrome, Route, Seat};
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::store::originals::{self, Fault, Finding};
use crate::store::{captures, inspections};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::limits::SCRUB_DAYS_MAX;

pub(super) const ROUTES: &[Route] = &[Route { path: "/console/originals", answer: || get(show) }];

/// Rows of the page; the others show once these are settled, and `fsck` names all.
const ROWS: i64 = 100;
/// Captures that a row names.
const CAPTURES: usize = 5;

#[derive(Template)]
#[template(path = "admin/originals.html")]
struct OriginalsPage {
    p: Page,
    c: Chrome,
    rows: Vec<Line>,
    /// Those that the page does not list.
    others: u64,
    days: i64,
    /// When the one was looked at that was looked at longest ago; empty where there are none.
    unseen_since: String,
}

/// An original with which something is the matter.
struct Line {
    /// Empty where it is of no visit that the reader may see: a hash that is known here is told to nobody else.
    digest: String,
    /// What, in a word.
    fault: Html,
    /// What that means, in a sentence.
    means: String,
    found: String,
    looked: String,
    /// Since when terminals are asked for it; empty where nobody asks.
    asked: String,
    captures: Vec<Whose>,
    /// Where no capture is named, why.
    elsewhere: String,
}

/// Whose it is, in a visit that the reader may see.
struct Whose {
    page: String,
    entity: String,
    officer: String,
    device: String,
}

/// What is the matter with an original, in a word.
pub(super) fn word(p: &Page, fault: Fault) -> String {
    p.t(format!("console.originals.fault.{}", fault.as_str()))
}

fn tone(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing | Fault::Altered => "fail",
        Fault::Unreadable => "warn",
    }
}

/// The captures with a finding's bytes in visits of the reader's scope.
fn whose(tx: &mut Tx<'_>, org: OrgId, user: &User, finding: &Finding) -> Result<Vec<Whose>, DbError> {
    let mut whose = Vec::new();
    for capture in captures::whose(tx, org, &finding.digest)? {
        let Some(visit) = inspections::find(tx, org, capture.inspection)? else { continue };
        if !user.scope.contains(&visit.unit_code) {
            continue;
        }
        whose.push(Whose {
            page: format!("/console/inspections/{}/evidence/{}", capture.inspection, capture.record),
            entity: visit.entity_name,
            officer: capture.officer,
            device: capture.device_name,
        });
        if whose.len() == CAPTURES {
            break;
        }
    }
    Ok(whose)
}

async fn show(State(app): State<App>, seat: Seat) -> Result<Response, ApiError> {
    let user = seat.actor.user.clone();
    user.may(Act::LookAfterOriginals)?;
    let org = seat.actor.org;
    let is_everybodys = user.scope.contains(&app.tenant().await?.code);
    let read = move |tx: &mut Tx<'_>| {
        let mut found = Vec::new();
        for finding in originals::findings(tx, org, ROWS)? {
            let whose = whose(tx, org, &user, &finding)?;
            found.push((finding, whose));
        }
        Ok::<_, DbError>((found, originals::standing(tx, org)?))
    };
    let (found, standing) = app.db.read(read).await?;
    let p = &seat.p;
    let listed = found.len() as u64;
    let moment = |at: Option<_>| at.map(|at| p.moment(&at)).unwrap_or_default();
    let elsewhere = match is_everybodys {
        true => p.t("console.originals.apart"),
        false => p.t("console.originals.elsewhere"),
    };
    let rows = found.into_iter().map(|(finding, captures)| Line {
        digest: match is_everybodys || !captures.is_empty() {
            true => finding.digest.to_string(),
            false => String::new(),
        },
        elsewhere: elsewhere.clone(),
        fault: p.badge(tone(finding.fault), "alert-triangle", &word(p, finding.fault)),
        means: p.t(format!("console.originals.means.{}", finding.fault.as_str())),
        found: moment(finding.found_at),
        looked: moment(Some(finding.looked_at)),
        asked: moment(finding.asked_at),
        captures,
    });
    Ok(seat.show(&OriginalsPage {
        c: Chrome::new(&seat, "originals"),
        rows: rows.collect(),
        others: standing.open().saturating_add(standing.asked_again).saturating_sub(listed),
        days: SCRUB_DAYS_MAX,
        unseen_since: moment(standing.unseen_since),
        p: p.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_presentation::texts;

    #[test]
    fn every_fault_is_named_and_explained() {
        for fault in Fault::ALL {
            for group in ["fault", "means"] {
                assert!(texts::has(&format!("console.originals.{group}.{}", fault.as_str())), "{fault:?}");
            }
        }
    }
}
