//! The register of laws: what may be cited, how well each text is known, whether it is in force and released.

use super::{Chrome, Posted, Route, Seat, look};
use crate::api::{Args, check};
use crate::app::App;
use crate::error::ApiError;
use crate::imports;
use crate::laws::Laws;
use crate::policy::Act;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::query;
use fieldproof_presentation::page::Page;
use fieldproof_schema::law::{InForce, Law, LawRegister, Mark, Period, Provision, Standard};
use jiff::civil::Date;

/// Entries of one page.
const PAGE: usize = 100;

pub(super) const ROUTES: &[Route] = &[Route { path: "/console/laws", answer: || get(show).post(release) }];

#[derive(Template)]
#[template(path = "admin/laws.html")]
struct LawsPage {
    p: Page,
    c: Chrome,
    q: String,
    after: String,
    has_register: bool,
    warnings: Vec<String>,
    rows: Vec<Entry>,
    next: Option<String>,
    may_release: bool,
}

/// A provision or a standard.
struct Entry {
    key: String,
    title: String,
    /// The article of a provision, the number of a standard.
    place: String,
    summary: String,
    note: Option<String>,
    effective: String,
    mark: Mark,
    in_force: InForce,
    is_released: bool,
}

#[derive(serde::Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
}

async fn show(State(app): State<App>, seat: Seat, Args(wanted): Args<Wanted>) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ReadDirectory)?;
    let q = check::optional_text("q", &wanted.q, 100)?;
    let after = check::after(Some(wanted.after))?;
    let (org, reader) = (seat.actor.org, app.clone());
    let laws = app.db.read(move |tx| reader.laws.get(tx, org)).await?;
    let today = app.now().date_in_china();
    let (rows, next) = laws.as_ref().map(|laws| entries(laws, &q, &after, today)).unwrap_or_default();
    let next = next.map(|after| format!("/console/laws{}", query(&[("q", &q), ("after", &after)])));
    Ok(seat.show(&LawsPage {
        c: Chrome::new(&seat, "laws"),
        p: seat.p.clone(),
        has_register: laws.is_some(),
        warnings: laws.map(|laws| laws.register.warnings().to_vec()).unwrap_or_default(),
        q,
        after,
        rows,
        next,
        may_release: seat.actor.user.may(Act::ReleaseProvision).is_ok(),
    }))
}

/// A page of what fits the search, by reference, and where the next one begins.
fn entries(laws: &Laws, q: &str, after: &str, today: Date) -> (Vec<Entry>, Option<String>) {
    let register = &laws.register;
    let provisions = register.provisions().filter_map(|(key, provision)| {
        register.law(&provision.law).map(|law| of_provision(key, provision, law))
    });
    let standards = register.standards().map(|(key, standard)| of_standard(key, standard));
    let wanted = q.to_lowercase();
    let mut found: Vec<Entry> = provisions
        .chain(standards)
        .filter(|entry| entry.key.as_str() > after && entry.holds(&wanted))
        .collect();
    found.sort_by(|a, b| a.key.cmp(&b.key));
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    for entry in &mut found {
        stand(entry, register, laws, today);
    }
    let next = found.last().filter(|_| more).map(|entry| entry.key.clone());
    (found, next)
}

impl Entry {
    fn holds(&self, wanted: &str) -> bool {
        [&self.key, &self.title, &self.place, &self.summary]
            .iter()
            .any(|text| text.to_lowercase().contains(wanted))
    }
}

fn of_provision(key: &str, provision: &Provision, law: &Law) -> Entry {
    Entry {
        key: key.to_owned(),
        title: law.title.clone(),
        place: provision.article.clone().unwrap_or_default(),
        summary: provision.summary.clone(),
        note: provision.note.clone().or_else(|| law.note.clone()),
        effective: period(law.effective),
        mark: Mark::Unverified,
        in_force: InForce::Unknown,
        is_released: false,
    }
}

fn of_standard(key: &str, standard: &Standard) -> Entry {
    Entry {
        key: key.to_owned(),
        title: standard.title.clone(),
        place: standard.no.clone(),
        summary: String::new(),
        note: standard.note.clone(),
        effective: standard.effective.map(period).unwrap_or_default(),
        mark: Mark::Unverified,
        in_force: InForce::Unknown,
        is_released: false,
    }
}

/// As precisely as the register says it.
fn period(period: Period) -> String {
    let (first, last) = (period.first, period.last);
    match (first == last, first.month() == last.month()) {
        (true, _) => first.to_string(),
        (false, true) => format!("{}-{:02}", first.year(), first.month()),
        (false, false) => first.year().to_string(),
    }
}

fn stand(entry: &mut Entry, register: &LawRegister, laws: &Laws, today: Date) {
    let standing = register.standing(&entry.key, &laws.released, today);
    (entry.mark, entry.in_force, entry.is_released) = (standing.mark, standing.in_force, standing.released);
}

async fn release(State(app): State<App>, seat: Seat, Posted(fields): Posted) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ReleaseProvision)?;
    let reference = check::text("reference", fields.get("reference"), 200)?;
    let by = format!("user:{}", seat.actor.user.id);
    imports::release(&app, seat.actor.org, &by, reference).await?;
    Ok(look::go(fields.find("then").unwrap_or("/console/laws")))
}
