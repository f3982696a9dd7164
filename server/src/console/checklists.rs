//! Checklists: every revision, and one to be read with its limits and the certainty of what it rests on.

use super::faults::Faults;
use super::{Chrome, Posted, Route, Seat, look, words};
use crate::api::reason;
use crate::app::App;
use crate::error::ApiError;
use crate::laws::Laws;
use crate::policy::Act;
use crate::store::templates::{self, Listed};
use crate::withdrawal;
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::{self, Bounds, Item, ItemKind, Limit};
use fieldproof_schema::law::{Cited, InForce, Mark, Released};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use jiff::civil::Date;
use std::sync::Arc;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/checklists", answer: || get(list) },
    Route { path: "/console/checklists/{id}/{revision}", answer: || get(show).post(withdraw) },
];

#[derive(Template)]
#[template(path = "admin/checklists.html")]
struct ChecklistsPage {
    p: Page,
    c: Chrome,
    rows: Vec<Listed>,
}

async fn list(State(app): State<App>, seat: Seat) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ReadDirectory)?;
    let org = seat.actor.org;
    let rows = app.db.read(move |tx| templates::list(tx, org)).await?;
    Ok(seat.show(&ChecklistsPage { c: Chrome::new(&seat, "checklists"), p: seat.p.clone(), rows }))
}

#[derive(Template)]
#[template(path = "admin/checklist.html")]
struct ChecklistPage {
    p: Page,
    c: Chrome,
    template: Arc<checklist::Template>,
    hash: Digest,
    specialty: String,
    withdrawn: bool,
    may_withdraw: bool,
    faults: Faults,
    /// What was typed as the reason of a withdrawal.
    reason: String,
    /// What was done: how many visits are asked about.
    done: Option<String>,
    may_release: bool,
    sections: Vec<Section>,
    /// How many references are not known well enough to be relied on.
    doubtful: usize,
}

struct Section {
    title: String,
    lines: Vec<Line>,
}

struct Line {
    item: Item,
    kind: String,
    /// The limit, case by case.
    limit: Vec<String>,
    limit_mark: Option<Mark>,
    /// Whether the limit's number needs a release of its own, and has it.
    needs_release: bool,
    is_released: bool,
    limit_source: Option<String>,
    references: Vec<Reference>,
}

/// A provision or a standard that an item rests on.
struct Reference {
    key: String,
    title: String,
    article: String,
    mark: Mark,
    in_force: InForce,
    is_released: bool,
}

async fn show(
    State(app): State<App>,
    seat: Seat,
    Path((id, revision)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let mut page = page(&app, &seat, id, revision).await?;
    page.done = query.filled("asked").filter(|n| n.parse::<u32>().is_ok()).map(str::to_owned);
    Ok(seat.show(&page))
}

/// Withdraws the revision.
async fn withdraw(
    State(app): State<App>,
    seat: Seat,
    Path((id, revision)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let user = &seat.actor.user;
    user.may(Act::ChangeDirectory)?;
    let withdrawn = match reason(fields.get("reason")) {
        Ok(reason) => {
            withdrawal::withdraw(&app, seat.actor.org, user, id.clone(), revision.clone(), reason).await
        }
        Err(error) => Err(error),
    };
    match withdrawn {
        Ok(visits) => Ok(look::go(&format!("/console/checklists/{id}/{revision}?asked={visits}"))),
        Err(error) => {
            let faults = Faults::of(&seat.p, "checklist", &[(ErrorCode::ReasonMissing, "reason")], error)?;
            let mut page = page(&app, &seat, id, revision).await?;
            page.faults = faults.clone();
            page.reason = fields.get("reason").to_owned();
            Ok(faults.show(&page))
        }
    }
}

async fn page(app: &App, seat: &Seat, id: String, revision: String) -> Result<ChecklistPage, ApiError> {
    seat.actor.user.may(Act::ReadDirectory)?;
    let (org, reader) = (seat.actor.org, app.clone());
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let known = templates::find(tx, org, &id, &revision)?.ok_or(ErrorCode::NotFound)?;
        let template = reader.templates.get(tx, org, &id, &revision)?;
        Ok::<_, ApiError>((known, template, reader.laws.get(tx, org)?))
    };
    let (known, template, laws) = app.db.read(read).await?;
    let (p, today) = (seat.p.clone(), app.now().date_in_china());
    let section = |section: &checklist::Section| Section {
        title: p.either(&section.title, &section.title_en).to_owned(),
        lines: template.items_of(section).map(|item| line(&p, item, laws.as_ref(), today)).collect(),
    };
    let sections: Vec<_> = template.sections.iter().map(section).collect();
    let references = sections.iter().flat_map(|section| &section.lines).flat_map(|line| &line.references);
    Ok(ChecklistPage {
        doubtful: references.filter(|reference| reference.mark >= Mark::Unverified).count(),
        c: Chrome::new(seat, "checklists"),
        hash: known.hash,
        specialty: words::specialty(&p, &template.specialty),
        withdrawn: known.withdrawn_at.is_some(),
        may_withdraw: seat.actor.user.may(Act::ChangeDirectory).is_ok(),
        faults: Faults::default(),
        reason: String::new(),
        done: None,
        may_release: seat.actor.user.may(Act::ReleaseProvision).is_ok(),
        sections,
        template,
        p,
    })
}

fn line(p: &Page, item: &Item, laws: Option<&Laws>, today: Date) -> Line {
    let limit = item.limit();
    let nothing = Released::default();
    let released = laws.map_or(&nothing, |laws| &laws.released);
    Line {
        kind: kind(p, &item.kind),
        limit: limit.map(|limit| bounds(p, item, limit)).unwrap_or_default(),
        limit_mark: limit.map(|limit| limit.source.mark),
        // A number that somebody has verified counts without a release of its own.
        needs_release: limit.is_some_and(|limit| limit.source.mark >= Mark::Unverified),
        is_released: released.contains(&item.id),
        limit_source: limit.and_then(|limit| limit.source.number.clone().or(limit.source.source.clone())),
        references: references(item, laws, today),
        item: item.clone(),
    }
}

fn references(item: &Item, laws: Option<&Laws>, today: Date) -> Vec<Reference> {
    let stated = item.provisions.iter().map(|reference| {
        let article = reference.article.clone().unwrap_or_default();
        (reference.provision.as_str(), reference.law.clone().unwrap_or_default(), article, reference.mark)
    });
    let standard = item.limit().and_then(|limit| {
        let source = &limit.source;
        Some((
            source.standard.as_deref()?,
            source.number.clone().unwrap_or_default(),
            String::new(),
            source.mark,
        ))
    });
    let reference = |(key, law, article, mark): (&str, String, String, Mark)| {
        let cited = laws.and_then(|laws| laws.register.resolve(key));
        let title = match cited {
            Some(Cited::Provision(_, law)) => law.title.clone(),
            Some(Cited::Standard(standard)) => format!("{} {}", standard.no, standard.title),
            None => law,
        };
        let standing = laws.map(|laws| laws.register.standing(key, &laws.released, today));
        Reference {
            key: key.to_owned(),
            title,
            article,
            // The register may know a text worse than the checklist says, for instance since it was amended.
            mark: standing.map_or(mark, |standing| standing.mark.max(mark)),
            in_force: standing.map_or(InForce::Unknown, |standing| standing.in_force),
            is_released: standing.is_some_and(|standing| standing.released),
        }
    };
    stated.chain(standard).map(reference).collect()
}

fn kind(p: &Page, kind: &ItemKind) -> String {
    match kind {
        ItemKind::Conformity { not_applicable: false } => p.t("admin.item.conformity"),
        ItemKind::Conformity { not_applicable: true } => p.t("admin.item.conformity_or_none"),
        ItemKind::Number(number) if number.unit.is_empty() => p.t("admin.item.number"),
        ItemKind::Number(number) => p.t1("admin.item.number_unit", "unit", &number.unit),
        ItemKind::Choice { options, multiple, .. } => {
            let key = if *multiple { "admin.item.choices" } else { "admin.item.choice" };
            p.t1(key, "options", options.join(&p.t("admin.list.comma")))
        }
        ItemKind::Text => p.t("admin.item.text"),
        ItemKind::Date => p.t("admin.item.date"),
        ItemKind::Photo { min } => p.t1("admin.item.photo", "n", min),
        ItemKind::Other(name) => p.t1("admin.item.other", "name", name),
    }
}

fn bounds(p: &Page, item: &Item, limit: &Limit) -> Vec<String> {
    let unit = match &item.kind {
        ItemKind::Number(number) if !number.unit.is_empty() => format!("\u{202F}{}", number.unit),
        _ => String::new(),
    };
    match &limit.cases {
        None => vec![one(p, &limit.bounds, &unit)],
        Some(cases) => {
            let case = |(name, bounds): &(String, Bounds)| {
                p.t2("admin.limit.case", "case", name, "limit", one(p, bounds, &unit))
            };
            cases.bounds.iter().map(case).collect()
        }
    }
}

fn one(p: &Page, bounds: &Bounds, unit: &str) -> String {
    let (least, most) = if bounds.inclusive { ("≥", "≤") } else { (">", "<") };
    let ends =
        [bounds.min.map(|n| format!("{least} {n}{unit}")), bounds.max.map(|n| format!("{most} {n}{unit}"))];
    let ends: Vec<_> = ends.into_iter().flatten().collect();
    ends.join(&p.t("admin.limit.and"))
}
