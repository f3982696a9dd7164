//! Registered paper forms (文书登记): what was written on paper at the visit, its number, and what became of it.

use super::super::{Ask, Posted, Route};
use super::place;
use super::section::Frame;
use super::visit::Visit;
use super::words::{self, By};
use crate::api::{Path, parse};
use crate::error::ApiError;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use fieldproof_client_core::{ClientError, FormChoice, NewPaper, PaperBook, PaperLine};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::{Choice, Page, answer};
use fieldproof_schema::conflict::Conflict;
use fieldproof_schema::form::FormRegister;
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::limits::SERIAL_MAX;
use fieldproof_schema::numbering::{Ended, UseState, used_at};

pub(in crate::pages) const ROUTES: &[Route] =
    &[Route { path: "/inspections/{id}/papers", answer: || get(show).post(act) }];

#[derive(Template)]
#[template(path = "inspection/papers.html")]
struct PapersPage {
    p: Page,
    frame: Frame,
    papers: Vec<Paper>,
    /// What can be registered; none where nothing can.
    form: Option<Form>,
    problem: Option<String>,
}

/// A registered paper form.
struct Paper {
    record: String,
    name: String,
    number: Option<String>,
    state: Html,
    note: String,
    /// Numbers that it had before, with who replaced them and why.
    former: Vec<(String, String, String)>,
    /// Why it is void, and who said so.
    void: Option<(String, String)>,
    /// What stands against its number.
    against: Vec<String>,
    by: Option<By>,
    stage: Option<Html>,
    /// Whether it can be made void here, and what was typed for that.
    voids: bool,
    open: bool,
    reason: String,
}

/// Registers another one.
struct Form {
    forms: Vec<Choice>,
    categories: Vec<Choice>,
    note: String,
    serial: String,
}

async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, ApiError> {
    let (visit, book) = load(&ask, &id).await?;
    place::visit(&ask, &format!("{}/papers", visit.path()));
    Ok(ask.show(&page(&ask.p, &visit, &book, &Fields::default(), None)))
}

async fn load(ask: &Ask, id: &str) -> Result<(Visit, PaperBook), ApiError> {
    let visit = Visit::load(ask, id).await?;
    let inspection = visit.id;
    let book = ask.app().read(move |client| client.papers(inspection)).await?;
    Ok((visit, book))
}

async fn act(ask: Ask, Path(id): Path<String>, Posted(fields): Posted) -> Result<Response, ApiError> {
    let inspection = parse("inspection", &id)?;
    let record: Option<RecordId> =
        fields.filled("record").map(|record| parse("record", record)).transpose()?;
    let done = match (fields.get("act"), record) {
        ("void", Some(record)) => {
            let reason = fields.get("reason").to_owned();
            ask.app().act(move |client| client.void_paper(inspection, record, &reason)).await.map(|()| record)
        }
        ("register", _) => match new_paper(&fields) {
            Ok(new) => {
                let register = move |client: &fieldproof_client_core::Client| {
                    client.register_paper(inspection, &new).map(|(record, _)| record)
                };
                ask.app().act(register).await
            }
            Err(error) => Err(ApiError::Client(error)),
        },
        _ => return Err(ApiError::field("act", "neither register nor void")),
    };
    match done {
        Ok(record) => Ok(ask.go(&format!("/inspections/{inspection}/papers#paper-{record}"))),
        Err(ApiError::Client(error)) => {
            let Some(problem) = problem(&ask.p, &error) else { return Err(error.into()) };
            let (visit, book) = load(&ask, &id).await?;
            let page = page(&ask.p, &visit, &book, &fields, Some(problem));
            Ok(answer(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

fn new_paper(fields: &Fields) -> Result<NewPaper, ClientError> {
    let typed = fields.filled("serial").map(|serial| serial.trim().parse());
    let typed = typed.transpose().map_err(|_| ClientError::FieldInvalid { field: "serial" })?;
    Ok(NewPaper {
        form: fields.get("form").to_owned(),
        category: fields.get("category").to_owned(),
        note: fields.get("note").to_owned(),
        typed,
    })
}

/// What the officer can change about what was refused; none where a page of its own says it.
fn problem(p: &Page, error: &ClientError) -> Option<String> {
    Some(match error {
        ClientError::FieldInvalid { field: "serial" } => {
            p.t1("inspection.paper.problem.serial", "n", SERIAL_MAX)
        }
        ClientError::FieldInvalid { field: "category" } => p.t("inspection.paper.problem.category"),
        ClientError::FieldInvalid { field: "note" } => p.t("inspection.paper.problem.note"),
        ClientError::FieldInvalid { .. } => p.t("inspection.paper.problem.form"),
        ClientError::NumbersUsedUp => p.t("error.numbers_used_up"),
        ClientError::ReasonMissing => p.t("inspection.paper.problem.reason"),
        ClientError::StateWrong { why } => p.t(format!("terminal.obstacle.{}", why.as_str())),
        _ => return None,
    })
}

/// What a form is called.
pub(in crate::pages) fn name(p: &Page, code: &str) -> String {
    let known = FormRegister::shipped().find(code);
    known.map_or_else(|| code.to_owned(), |form| p.either(&form.name, &form.name_en).to_owned())
}

fn page(p: &Page, visit: &Visit, book: &PaperBook, typed: &Fields, problem: Option<String>) -> PapersPage {
    PapersPage {
        frame: Frame::new(p, visit, 0),
        // The newest first: its number is to be copied onto the paper.
        papers: book.papers.iter().rev().map(|line| paper(p, visit, book, line, typed)).collect(),
        form: book.editable.then(|| form(p, book, typed)),
        problem,
        p: p.clone(),
    }
}

fn form(p: &Page, book: &PaperBook, typed: &Fields) -> Form {
    let typing = typed.get("act") == "register";
    let said = |name: &str| if typing { typed.get(name).to_owned() } else { String::new() };
    let option = |choice: &FormChoice| {
        let called = p.either(&choice.form.name, &choice.form.name_en);
        let label = match choice.free {
            None => p.t1("inspection.paper.unnumbered_form", "form", called),
            Some(free) => p.t2("inspection.paper.free", "form", called, "n", free),
        };
        Choice::new(&choice.form.code, label, said("form") == choice.form.code)
    };
    let choose = Choice::new("", p.t("inspection.paper.choose"), said("form").is_empty());
    // A visit is about one matter: what the last document said is offered again.
    let last = book.papers.iter().rev().filter_map(|line| line.number());
    let last = last.map(|issued| issued.category.clone()).find(|category| !category.is_empty());
    let category = if typing { said("category") } else { last.unwrap_or_default() };
    let none = Choice::new("", p.t("inspection.paper.no_category"), category.is_empty());
    let words = FormRegister::shipped().categories.iter().map(|known| {
        let label = format!("{} · {}", known.word, p.either(&known.name, &known.name_en));
        Choice::new(&known.word, label, category == known.word)
    });
    Form {
        forms: std::iter::once(choose).chain(book.forms.iter().map(option)).collect(),
        categories: std::iter::once(none).chain(words).collect(),
        note: said("note"),
        serial: said("serial"),
    }
}

/// Who said so and when.
fn said_by(p: &Page, ended: &Ended) -> String {
    format!("{} · {}", ended.by, p.moment(&ended.at))
}

fn paper(p: &Page, visit: &Visit, book: &PaperBook, line: &PaperLine, typed: &Fields) -> Paper {
    let registered = &line.registered;
    let record = registered.record.to_string();
    let state = line.state();
    let (tone, icon, key) = match state {
        UseState::Void => ("none", "ban", "void"),
        _ if line.disputed => ("warn", "arrows-diff", "disputed"),
        UseState::Corrected => ("info", "pencil", "corrected"),
        UseState::Standing if !line.former().is_empty() => ("info", "pencil", "corrected"),
        UseState::Standing if line.number().is_none() => ("pass", "file-text", "unnumbered"),
        UseState::Standing => ("pass", "circle-check", "standing"),
    };
    let here = (visit.id, registered.record);
    let is_side = |conflict: &&Conflict| conflict.sides.iter().any(|side| used_at(side) == Some(here));
    let mut against: Vec<String> = book.conflicts.iter().filter(is_side).map(|c| opposed(p, c)).collect();
    if against.is_empty() && line.disputed {
        against.push(p.t("inspection.paper.against.elsewhere"));
    }
    let open = typed.get("act") == "void" && typed.get("record") == record;
    let stage = line.author.as_ref().map(|author| words::stage(author.stage));
    let former = line.former().into_iter();
    Paper {
        name: name(p, &registered.paper.form),
        number: line.number().map(|issued| issued.text.clone()),
        state: p.badge(tone, icon, &p.t(format!("inspection.paper.state.{key}"))),
        note: registered.paper.note.clone(),
        former: former.map(|(n, why)| (n.text.clone(), said_by(p, why), why.reason.clone())).collect(),
        void: line.void().map(|void| (said_by(p, void), void.reason.clone())),
        against,
        by: line.author.as_ref().map(|author| words::author_of(p, author)),
        stage: stage.map(|(tone, icon, key)| p.badge(tone, icon, &p.t(key))),
        voids: book.editable && state != UseState::Void,
        reason: if open { typed.get("reason").to_owned() } else { String::new() },
        open,
        record,
    }
}

/// What a conflict says about a number.
fn opposed(p: &Page, conflict: &Conflict) -> String {
    match conflict.sides.len() {
        1 => p.t("inspection.paper.against.lease"),
        n => p.t1("inspection.paper.against.twice", "n", n),
    }
}
