//! A plan is added from a published row: first one is chosen, then what the row leaves open is said.

use super::super::faults::Faults;
use super::super::{Chrome, Posted, Seat, look, words};
use super::say;
use crate::api::Args;
use crate::app::App;
use crate::error::ApiError;
use crate::plans::{self, PlanRow, PopulationChoice, to_year};
use crate::policy::Act;
use crate::store::units;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::data;
use fieldproof_schema::draw::Frequency;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::Value;

/// The published plan that rows are taken from.
struct Published {
    title: String,
    source: String,
    rows: Vec<PlanRow>,
}

fn published() -> Result<Published, ApiError> {
    let mut file: Value = serde_json::from_str(data::draw_plan_beidaihe_2020())?;
    let text = |file: &Value, name: &str| file[name].as_str().unwrap_or_default().to_owned();
    let (title, source) = (text(&file, "title"), text(&file, "certainty"));
    Ok(Published { title, source, rows: serde_json::from_value(file["plans"].take())? })
}

#[derive(Template)]
#[template(path = "admin/plan_new.html")]
struct NewPage {
    p: Page,
    c: Chrome,
    title: String,
    source: String,
    lines: Vec<Line>,
    form: Option<Form>,
    faults: Faults,
}

struct Line {
    at: usize,
    row: PlanRow,
    ratio: String,
    specialty: String,
    is_chosen: bool,
}

/// What the chosen row leaves open.
struct Form {
    at: usize,
    row: PlanRow,
    typed: Fields,
    units: Vec<Choice>,
    /// The two population rules, where there are two.
    rules: Option<[Html; 2]>,
    chosen: String,
}

#[derive(serde::Deserialize)]
pub(super) struct Wanted {
    row: Option<usize>,
}

pub(super) async fn show(
    State(app): State<App>,
    seat: Seat,
    Args(wanted): Args<Wanted>,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Draw)?;
    let published = published()?;
    let typed = wanted.row.and_then(|at| published.rows.get(at)).map(|row| beginning(&app, row));
    Ok(seat.show(&page(&app, &seat, published, wanted.row, typed, Faults::default()).await?))
}

/// What the form holds before anybody typed.
fn beginning(app: &App, row: &PlanRow) -> Fields {
    let frequency = row.frequency();
    let per_year = frequency.per_year_max.map(|n| n.to_string()).unwrap_or_default();
    let team_size = row.team_size.unwrap_or(2);
    [
        ("year", app.now().date_in_china().year().to_string()),
        ("planNo", row.plan_no.clone()),
        ("taskNo", row.task_no.clone()),
        ("ratioText", say::ratio(row)),
        ("team", team_size.to_string()),
        ("per_year", per_year),
        ("rest_days", frequency.rest_days.to_string()),
    ]
    .into_iter()
    .collect()
}

async fn page(
    app: &App,
    seat: &Seat,
    published: Published,
    at: Option<usize>,
    typed: Option<Fields>,
    faults: Faults,
) -> Result<NewPage, ApiError> {
    let p = seat.p.clone();
    let form = match (at, typed) {
        (Some(at), Some(typed)) => match published.rows.get(at) {
            Some(row) => Some(form(app, seat, at, row, typed).await?),
            None => None,
        },
        _ => None,
    };
    let line = |(number, row): (usize, &PlanRow)| Line {
        at: number,
        ratio: say::ratio(row),
        specialty: words::specialty(&p, &row.specialty),
        is_chosen: at == Some(number),
        row: row.clone(),
    };
    Ok(NewPage {
        c: Chrome::new(seat, "plans"),
        lines: published.rows.iter().enumerate().map(line).collect(),
        title: published.title,
        source: published.source,
        form,
        faults,
        p,
    })
}

async fn form(app: &App, seat: &Seat, at: usize, row: &PlanRow, typed: Fields) -> Result<Form, ApiError> {
    let (org, asker) = (seat.actor.org, seat.actor.user.id);
    let known = app.db.read(move |tx| units::list(tx, org, asker)).await?;
    let chosen = typed.get("unit").to_owned();
    // Entities belong to regions; a draw covers a region and everything below it.
    let drawn_from = known.into_iter().filter(|unit| matches!(unit.kind.as_str(), "region" | "label"));
    let unit = |unit: units::Unit| Choice::new(unit.code.clone(), unit.name, unit.code == chosen);
    let combined = row.population.combined_rule.as_ref();
    let rules = combined.map(|both| [words::rule(&seat.p, &row.population.rule), words::rule(&seat.p, both)]);
    let choice = typed.get("choice").to_owned();
    Ok(Form { at, row: row.clone(), units: drawn_from.map(unit).collect(), rules, chosen: choice, typed })
}

pub(super) async fn take(
    State(app): State<App>,
    seat: Seat,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Draw)?;
    let published = published()?;
    let at: Option<usize> = fields.get("row").parse().ok().filter(|at| *at < published.rows.len());
    let Some(at) = at else { return Ok(look::go("/console/plans/new")) };
    let kept = match read(&published.rows[at], &fields) {
        Ok(row) => {
            let unit = fields.get("unit").to_owned();
            plans::keep(&app, seat.actor.org, &seat.actor.user, unit, row, None).await
        }
        Err(error) => Err(error),
    };
    match kept {
        Ok(plan) => Ok(look::go(&format!("/console/plans/{}", plan.id))),
        Err(error) => {
            let places = [(ErrorCode::StateWrong, "year"), (ErrorCode::PlanInvalid, "team")];
            let faults = Faults::of(&seat.p, "plan", &places, error)?;
            Ok(faults.show(&page(&app, &seat, published, Some(at), Some(fields), faults.clone()).await?))
        }
    }
}

/// The published row with what the form says.
fn read(row: &PlanRow, fields: &Fields) -> Result<PlanRow, ApiError> {
    let year = super::year(fields)?;
    let number = |field: &str| -> Result<u32, ApiError> {
        fields.get(field).trim().parse().map_err(|_| ApiError::field(field, "not a number"))
    };
    let mut row = if year == row.year { row.clone() } else { to_year(row, year) };
    row.plan_no = fields.get("planNo").trim().to_owned();
    row.task_no = fields.get("taskNo").trim().to_owned();
    if fields.get("ratioText").trim() != say::ratio(&row) {
        row.ratio = None;
        row.ratio_text = Some(fields.get("ratioText").trim().to_owned());
    }
    row.population.choice = match fields.get("choice") {
        "rule" => Some(PopulationChoice::Rule),
        "combinedRule" => Some(PopulationChoice::CombinedRule),
        _ => None,
    };
    row.team_size = Some(number("team")?);
    let per_year_max = fields.filled("per_year").map(|_| number("per_year")).transpose()?;
    let rest_days =
        u16::try_from(number("rest_days")?).map_err(|_| ApiError::field("rest_days", "too many"))?;
    row.frequency = Some(Frequency { per_year_max, rest_days });
    Ok(row)
}
