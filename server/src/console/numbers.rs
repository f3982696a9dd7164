//! The ledger of document numbers: what every form of a unit has given out in a year, and one series number by number.

use super::{Chrome, Posted, Route, Seat, look, wording};
use crate::api::{self, check};
use crate::app::App;
use crate::db::Tx;
use crate::error::ApiError;
use crate::numbers::ledger::{self, Book, ROWS_MAX};
use crate::policy::Act;
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::ids::BlockId;
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::numbering::{Place, Series, Stand, UseState};

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/numbers", answer: || get(list) },
    Route { path: "/console/numbers/{unit}/{form}/{year}", answer: || get(show).post(take_back) },
];

/// Where a series' page is.
fn address(series: &Series) -> String {
    let Series { unit, form, year } = series;
    format!("/console/numbers/{unit}/{form}/{year}")
}

#[derive(Template)]
#[template(path = "console/numbers.html")]
struct NumbersPage {
    p: Page,
    c: Chrome,
    shelves: Vec<Choice>,
    unit: String,
    year: String,
    rows: Vec<Row>,
}

/// A form of the unit in the year.
struct Row {
    address: String,
    form: String,
    code: String,
    used: usize,
    void: usize,
    corrected: usize,
    twice: usize,
    free: usize,
    returned: usize,
    unexplained: usize,
}

fn row(p: &Page, book: &Book) -> Row {
    let count = |stand| book.ledger.count(stand);
    Row {
        address: address(&book.series),
        form: wording::form(p, &book.series.form),
        code: book.series.form.clone(),
        used: count(Stand::Used),
        void: count(Stand::Void),
        corrected: count(Stand::Corrected),
        twice: count(Stand::Twice),
        free: count(Stand::Free),
        returned: count(Stand::Returned),
        unexplained: count(Stand::Unexplained),
    }
}

async fn list(
    State(app): State<App>,
    seat: Seat,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let wanted = fields.filled("of").map(str::to_owned);
    let (org, asker) = (seat.actor.org, seat.actor.user.clone());
    let read = move |tx: &mut Tx<'_>| {
        let mut shelves = Vec::new();
        for (unit, name, years) in ledger::shelves(tx, org, &asker)? {
            shelves.extend(years.into_iter().map(|year| (unit.clone(), name.clone(), year)));
        }
        // The newest year of the first unit, unless another one was asked for.
        let asked =
            shelves.iter().find(|(unit, _, year)| wanted.as_deref() == Some(&format!("{year}/{unit}")));
        let shelf = asked.or(shelves.first()).cloned();
        let books = match &shelf {
            Some((unit, _, year)) => ledger::of_year(tx, org, &asker, (unit, *year))?,
            None => Vec::new(),
        };
        Ok::<_, ApiError>((shelves, shelf, books))
    };
    let (shelves, shelf, books) = app.db.read(read).await?;
    let p = &seat.p;
    let chosen = |unit: &str, year: u32| shelf.as_ref().is_some_and(|(of, _, at)| of == unit && *at == year);
    let options = shelves.iter().map(|(unit, name, year)| {
        let label = p.t2("console.numbers.shelf", "unit", name, "year", year);
        Choice::new(format!("{year}/{unit}"), label, chosen(unit, *year))
    });
    Ok(seat.show(&NumbersPage {
        c: Chrome::new(&seat, "numbers"),
        shelves: options.collect(),
        rows: books.iter().map(|book| row(p, book)).collect(),
        unit: shelf.as_ref().map(|(_, name, _)| name.clone()).unwrap_or_default(),
        year: shelf.map(|(_, _, year)| year.to_string()).unwrap_or_default(),
        p: p.clone(),
    }))
}

#[derive(Template)]
#[template(path = "console/number_series.html")]
struct SeriesPage {
    p: Page,
    c: Chrome,
    form: String,
    unit: String,
    year: u32,
    count: Row,
    blocks: Vec<Block>,
    uses: Vec<Used>,
    /// Numbers that nobody has used and nobody will, as ranges.
    gaps: Vec<String>,
    more: bool,
    may_take_back: bool,
    problem: Option<String>,
    done: bool,
}

struct Block {
    id: String,
    range: String,
    holder: String,
    officer: String,
    leased: String,
    used: u32,
    state: Html,
    note: String,
    is_open: bool,
}

struct Used {
    text: String,
    state: Html,
    page: String,
    entity: String,
    officer: String,
    device: String,
    when: String,
    typed: bool,
}

async fn show(
    State(app): State<App>,
    seat: Seat,
    Path((unit, form, year)): Path<(String, String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let series = Series { unit, form, year: api::parse("year", &year)? };
    let mut page = load(&app, &seat, series).await?;
    page.done = fields.get("done") == "taken_back";
    Ok(seat.show(&page))
}

async fn load(app: &App, seat: &Seat, series: Series) -> Result<SeriesPage, ApiError> {
    let (org, asker) = (seat.actor.org, seat.actor.user.clone());
    let book = app.db.read(move |tx| ledger::one(tx, org, &asker, &series)).await?;
    Ok(page(seat, &book))
}

/// Takes a block back.
async fn take_back(
    State(app): State<App>,
    seat: Seat,
    Path((unit, form, year)): Path<(String, String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ManageDevices)?;
    let series = Series { unit, form, year: api::parse("year", &year)? };
    let block: BlockId = api::parse("block", fields.get("block"))?;
    let reason = fields.get("reason").trim();
    if reason.is_empty() || check::text("reason", reason, REASON_CHARS_MAX).is_err() {
        let mut page = load(&app, &seat, series).await?;
        page.problem = Some(seat.p.t("console.numbers.problem.reason"));
        let status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(fieldproof_presentation::page::answer(status, &page));
    }
    ledger::take_back(&app, seat.actor.org, &seat.actor.user, block, reason.to_owned()).await?;
    Ok(look::go(&format!("{}?done=taken_back", address(&series))))
}

fn page(seat: &Seat, book: &Book) -> SeriesPage {
    let p = &seat.p;
    let blocks = book.leases.iter().rev().take(ROWS_MAX).map(|lease| {
        let block = &lease.leased.block;
        let holder = lease.leased.device.and_then(|device| book.holders.get(&device.to_string()));
        let (holder, officer) =
            holder.cloned().unwrap_or_else(|| (p.t("console.numbers.server"), String::new()));
        let is_open = lease.leased.closed_at.is_none() && lease.leased.device.is_some();
        let (tone, icon, key) = match (is_open, lease.closed_why.as_deref()) {
            (true, _) => ("pass", "circle-check", "open"),
            (false, Some("spent")) => ("none", "check", "spent"),
            (false, Some("lost_sight")) => ("warn", "alert-triangle", "lost_sight"),
            (false, Some("moved")) => ("none", "arrow-right", "moved"),
            (false, Some("revoked")) => ("none", "ban", "revoked"),
            (false, Some("taken_back")) => ("none", "arrow-back-up", "taken_back"),
            (false, Some("restored")) => ("warn", "database", "restored"),
            (false, _) => ("none", "gavel", "given"),
        };
        Block {
            id: block.id.to_string(),
            range: range(block.first, block.last),
            holder,
            officer,
            leased: p.moment(&lease.leased_at),
            used: lease.used,
            state: p.badge(tone, icon, &p.t(format!("console.numbers.block.{key}"))),
            note: lease.closed_note.clone().unwrap_or_default(),
            is_open,
        }
    });
    let uses = book.uses.iter().rev().take(ROWS_MAX).map(|known| {
        let used = &known.used;
        let (tone, icon) = match used.state {
            UseState::Standing => ("pass", "circle-check"),
            UseState::Void => ("none", "ban"),
            UseState::Corrected => ("info", "pencil"),
        };
        Used {
            text: used.text.clone(),
            state: p.badge(tone, icon, &p.t(format!("console.numbers.use.{}", used.state.as_str()))),
            page: format!("/console/inspections/{}", used.inspection),
            entity: book.entities.get(&used.inspection).cloned().unwrap_or_default(),
            officer: used.origin.officer_name.clone(),
            device: used.origin.device_name.clone(),
            when: used.origin.written.as_ref().map(|written| p.interval(written)).unwrap_or_default(),
            typed: used.block.is_none(),
        }
    });
    SeriesPage {
        c: Chrome::new(seat, "numbers"),
        form: wording::form(p, &book.series.form),
        unit: book.unit_name.clone(),
        year: book.series.year,
        count: row(p, book),
        blocks: blocks.collect(),
        uses: uses.collect(),
        gaps: gaps(&book.ledger.places),
        more: book.uses.len() > ROWS_MAX || book.leases.len() > ROWS_MAX,
        may_take_back: seat.actor.user.may(Act::ManageDevices).is_ok(),
        problem: None,
        done: false,
        p: p.clone(),
    }
}

fn range(first: u32, last: u32) -> String {
    if first == last { first.to_string() } else { format!("{first}–{last}") }
}

/// The numbers that were returned or that nothing explains, one after another as ranges.
fn gaps(places: &[Place]) -> Vec<String> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for place in places.iter().filter(|place| matches!(place.stand, Stand::Returned | Stand::Unexplained)) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == place.serial => *last = place.serial,
            _ => ranges.push((place.serial, place.serial)),
        }
    }
    ranges.into_iter().map(|(first, last)| range(first, last)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_as_ranges() {
        let place = |serial, stand| Place { serial, stand };
        let places = [
            place(1, Stand::Used),
            place(2, Stand::Returned),
            place(3, Stand::Returned),
            place(4, Stand::Free),
            place(5, Stand::Unexplained),
        ];
        assert_eq!(gaps(&places), ["2–3", "5"]);
        assert!(gaps(&[]).is_empty());
    }
}
