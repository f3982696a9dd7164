//! Officers by code: who may inspect what, and until when the certificate counts.

use super::super::{Chrome, Seat, words};
use super::unit_name;
use crate::api::{Args, check};
use crate::app::App;
use crate::db::DbError;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::officers::Officer;
use crate::store::{officers, units};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use fieldproof_presentation::fields::query;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::Page;
use jiff::ToSpan;
use jiff::civil::Date;

/// Days before its end that a certificate is said to expire soon: a renewal takes about that long.
const SOON_DAYS: i64 = 90;

#[derive(Template)]
#[template(path = "admin/officers.html")]
struct OfficersPage {
    p: Page,
    c: Chrome,
    tab: &'static str,
    may_import: bool,
    may_enrol: bool,
    rows: Vec<Line>,
    is_start: bool,
    next: Option<String>,
}

struct Line {
    officer: Officer,
    unit: String,
    role: String,
    specialties: String,
    validity: Html,
}

#[derive(serde::Deserialize)]
pub(super) struct After {
    after: Option<String>,
}

pub(super) async fn show(
    State(app): State<App>,
    seat: Seat,
    Args(args): Args<After>,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ReadDirectory)?;
    let after = check::after(args.after)?;
    let is_start = after.is_empty();
    let (org, asker) = (seat.actor.org, seat.actor.user.id);
    let read = move |tx: &mut crate::db::Tx<'_>| {
        Ok::<_, DbError>((officers::list(tx, org, asker, &after)?, units::all(tx, org)?))
    };
    let (page, units) = app.db.read(read).await?;
    let (p, today) = (seat.p.clone(), app.now().date_in_china());
    let line = |officer: Officer| Line {
        unit: unit_name(&units, &officer.facts.org_code),
        role: words::code(&p, "role", &officer.facts.role),
        specialties: words::specialties(&p, &officer.facts.specialties),
        validity: validity(&p, &officer.facts.certificate_no, &officer.facts.certificate_expires, today),
        officer,
    };
    Ok(seat.show(&OfficersPage {
        rows: page.rows.into_iter().map(line).collect(),
        is_start,
        next: page.next.map(|after| format!("/console/officers{}", query(&[("after", &after)]))),
        tab: "officers",
        may_import: seat.actor.user.may(Act::ChangeDirectory).is_ok(),
        may_enrol: seat.actor.user.may(Act::ManageDevices).is_ok(),
        c: Chrome::new(&seat, "directory"),
        p,
    }))
}

/// Whether a certificate counts today.
fn validity(p: &Page, number: &str, expires: &str, today: Date) -> Html {
    let expires = expires.parse::<Date>().ok().filter(|_| !number.trim().is_empty());
    let (tone, icon, key) = match expires {
        None => ("none", "circle-minus", "admin.certificate.none"),
        Some(day) if day < today => ("warn", "alert-triangle", "admin.certificate.expired"),
        Some(day) if today.saturating_add(SOON_DAYS.days()) >= day => {
            ("warn", "hourglass", "admin.certificate.soon")
        }
        Some(_) => ("pass", "circle-check", "admin.certificate.valid"),
    };
    p.badge(tone, icon, &p.t(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_presentation::page::Theme;
    use fieldproof_presentation::texts::Language;

    #[test]
    fn a_certificate_counts_until_its_last_day_and_says_so_before() {
        let p = Page { language: Language::English, theme: Theme::Auto, root: String::new() };
        let said = |number: &str, expires: &str| {
            validity(&p, number, expires, "2026-10-08".parse().unwrap()).as_str().to_owned()
        };
        assert!(said("No. 1", "2026-10-07").contains("Expired"));
        assert!(said("No. 1", "2026-10-08").contains("Expires soon"));
        assert!(said("No. 1", "2027-01-06").contains("Expires soon"));
        assert!(said("No. 1", "2027-01-07").contains("Valid"));
        assert!(said(" ", "2027-01-07").contains("None"));
        assert!(said("No. 1", "unknown").contains("None"));
    }
}
