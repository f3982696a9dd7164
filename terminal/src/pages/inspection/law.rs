//! The register of laws, offline: search, and one provision or standard with how well it is known and where it is cited.

use super::super::{Ask, Route};
use crate::api::Path;
use crate::error::ApiError;
use askama::Template;
use axum::extract::OriginalUri;
use axum::response::Response;
use axum::routing::get;
use fieldproof_client_core::{Client, ClientError};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::Template as Checklist;
use fieldproof_schema::law::{Cited, InForce, LawRegister, Mark, Period};
use serde_json::Value;
use std::sync::Arc;

pub(in crate::pages) const ROUTES: &[Route] = &[
    Route { path: "/law", answer: || get(search) },
    Route { path: "/law/{reference}", answer: || get(show) },
];

/// More than anybody reads; who wants less types more.
const FOUND_MAX: usize = 60;

/// A provision or standard in a list.
struct Found {
    reference: String,
    title: String,
    summary: String,
    mark: Mark,
}

#[derive(Template)]
#[template(path = "inspection/law_search.html")]
struct SearchPage {
    p: Page,
    q: String,
    found: Vec<Found>,
    more: usize,
    warnings: Vec<String>,
}

async fn search(ask: Ask, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let q = query.get("q").trim().to_owned();
    let laws = laws(&ask).await?;
    let p = ask.p.clone();
    let words: Vec<String> = q.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<Found> = all(&p, &laws).filter(|found| found.holds(&words)).collect();
    let more = found.len().saturating_sub(FOUND_MAX);
    found.truncate(FOUND_MAX);
    Ok(ask.show(&SearchPage { p, q, found, more, warnings: laws.warnings().to_vec() }))
}

impl Found {
    fn holds(&self, words: &[String]) -> bool {
        let text = format!("{} {} {}", self.reference, self.title, self.summary).to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    }
}

fn all<'a>(p: &'a Page, laws: &'a LawRegister) -> impl Iterator<Item = Found> + 'a {
    let mark = |reference: &str| laws.mark(reference).unwrap_or(Mark::Unverified);
    let provisions = laws.provisions().map(move |(reference, provision)| Found {
        title: super::words::citation(p, Some(laws), reference).unwrap_or_default(),
        summary: provision.summary.clone(),
        mark: mark(reference),
        reference: reference.to_owned(),
    });
    let standards = laws.standards().map(move |(reference, standard)| Found {
        title: super::words::citation(p, Some(laws), reference).unwrap_or_default(),
        summary: standard.note.clone().unwrap_or_default(),
        mark: mark(reference),
        reference: reference.to_owned(),
    });
    provisions.chain(standards)
}

async fn laws(ask: &Ask) -> Result<Arc<LawRegister>, ApiError> {
    ask.app().read(|client| client.laws()?.ok_or(ClientError::NotFound { what: "law register" })).await
}

/// What a provision or a standard says, for a page and for the sheet over one.
struct Text {
    reference: String,
    title: String,
    version: String,
    summary: String,
    note: Option<String>,
    kind: Option<&'static str>,
    mark: Mark,
    in_force: InForce,
    since: String,
    superseded: Option<(String, String)>,
    penalties: Vec<String>,
    fines: Vec<(&'static str, String)>,
    cited: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "inspection/law.html")]
struct LawPage {
    p: Page,
    text: Text,
}

#[derive(Template)]
#[template(path = "inspection/law_part.html")]
struct LawPart {
    p: Page,
    text: Text,
    sheet: bool,
}

async fn show(ask: Ask, Path(reference): Path<String>) -> Result<Response, ApiError> {
    let (p, today) = (ask.p.clone(), ask.app().host().now().date_in_china());
    let make = move |client: &Client| {
        let laws = client.laws()?.ok_or(ClientError::NotFound { what: "law register" })?;
        let text = Text::new(&p, &laws, &reference, laws.in_force_on(&reference, today));
        let mut text = text.ok_or(ClientError::NotFound { what: "provision" })?;
        text.cited = cited(&p, &client.checklists()?, &reference);
        Ok(text)
    };
    let (text, p) = (ask.app().read(make).await?, ask.p.clone());
    Ok(if ask.partial { ask.show(&LawPart { p, text, sheet: true }) } else { ask.show(&LawPage { p, text }) })
}

/// The items of this terminal's checklists that rest on a reference.
fn cited(p: &Page, checklists: &[Arc<Checklist>], reference: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for checklist in checklists {
        for (item, cited) in checklist.references() {
            let line = (
                p.either(&checklist.title, &checklist.title_en).to_owned(),
                p.either(&item.text, &item.text_en).to_owned(),
            );
            if cited == reference && !found.contains(&line) {
                found.push(line);
            }
        }
    }
    found
}

impl Text {
    fn new(p: &Page, laws: &LawRegister, reference: &str, in_force: InForce) -> Option<Self> {
        let title = super::words::citation(p, Some(laws), reference)?;
        let mut text = Self {
            reference: reference.to_owned(),
            title,
            version: String::new(),
            summary: String::new(),
            note: None,
            kind: None,
            mark: laws.mark(reference)?,
            in_force,
            since: String::new(),
            superseded: None,
            penalties: Vec::new(),
            fines: Vec::new(),
            cited: Vec::new(),
        };
        match laws.resolve(reference)? {
            Cited::Provision(provision, law) => {
                text.version.clone_from(&law.version);
                text.summary.clone_from(&provision.summary);
                text.note = provision.note.clone().or_else(|| law.note.clone());
                text.kind = kind(&provision.kind);
                text.since = period(&law.effective);
                text.superseded = law.superseded_by.as_ref().map(|by| {
                    let title = laws.law(by).map(|law| p.either(&law.title, &law.title_en).to_owned());
                    (
                        title.unwrap_or_else(|| by.clone()),
                        law.superseded_on.as_ref().map(period).unwrap_or_default(),
                    )
                });
                let penalty = provision.penalty.as_ref();
                text.penalties = penalty.map(kinds).unwrap_or_default();
                text.fines = penalty.map(|penalty| fines(p, penalty)).unwrap_or_default();
            }
            Cited::Standard(standard) => {
                text.summary.clone_from(&standard.title);
                text.note.clone_from(&standard.note);
                text.since = standard.effective.as_ref().map(period).unwrap_or_default();
            }
        }
        Some(text)
    }
}

fn kind(name: &str) -> Option<&'static str> {
    Some(match name {
        "duty" => "inspection.law.kind.duty",
        "penalty" => "inspection.law.kind.penalty",
        "authority" => "inspection.law.kind.authority",
        "discretion" => "inspection.law.kind.discretion",
        _ => return None,
    })
}

/// The period as precisely as the source gave it.
fn period(period: &Period) -> String {
    let (first, last) = (period.first, period.last);
    if first == last {
        first.to_string()
    } else if first.month() == last.month() {
        format!("{:04}-{:02}", first.year(), first.month())
    } else {
        format!("{:04}", first.year())
    }
}

fn kinds(penalty: &Value) -> Vec<String> {
    let kinds = penalty["kinds"].as_array().into_iter().flatten();
    kinds.filter_map(|kind| kind.as_str().map(str::to_owned)).collect()
}

/// The ranges of fines by the circumstances to which they belong.
fn fines(p: &Page, penalty: &Value) -> Vec<(&'static str, String)> {
    let circumstances = [
        ("base", "inspection.law.fine.base"),
        ("overdue", "inspection.law.fine.overdue"),
        ("aggravated", "inspection.law.fine.aggravated"),
        ("refusal", "inspection.law.fine.refusal"),
        ("multiple", "inspection.law.fine.multiple"),
    ];
    let fine = |(name, key)| {
        let fine = &penalty[name];
        let (min, max) = (fine["fineMin"].as_f64(), fine["fineMax"].as_f64());
        let said = match (min, max) {
            (Some(min), Some(max)) if min > 0.0 => p.t2("inspection.law.fine.range", "min", min, "max", max),
            (_, Some(max)) => p.t1("inspection.law.fine.most", "max", max),
            (Some(min), None) => p.t1("inspection.law.fine.least", "min", min),
            (None, None) => multiple(p, fine)?,
        };
        Some((key, said))
    };
    circumstances.into_iter().filter_map(fine).collect()
}

/// A fine that is a multiple of the unlawful gain; less than the floor counts as the floor.
fn multiple(p: &Page, fine: &Value) -> Option<String> {
    let (min, max, floor) = (fine["min"].as_f64()?, fine["max"].as_f64()?, fine["floorBase"].as_f64());
    let times = p.t2("inspection.law.fine.times", "min", min, "max", max);
    Some(match floor {
        Some(floor) => p.t2("inspection.law.fine.floor", "times", times, "floor", floor),
        None => times,
    })
}
