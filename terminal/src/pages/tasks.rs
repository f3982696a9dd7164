//! The officer's tasks, in groups by what is to be done about them: what is due first comes first.

use super::paging::{self, Pager, ROWS};
use super::{Ask, Route};
use crate::error::ApiError;
use askama::Template;
use axum::extract::OriginalUri;
use axum::response::Response;
use axum::routing::get;
use fieldproof_client_core::{InspectionSummary, Standing, TaskGroup, TaskQuery};
use fieldproof_presentation::fields::{Fields, query};
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::Page;

pub(super) const ROUTES: &[Route] =
    &[Route { path: "/", answer: || get(start) }, Route { path: "/tasks", answer: || get(show) }];

/// Characters of what is searched for; longer than any name that helps to find something.
pub(super) const WORDS_CHARS_MAX: usize = 100;

/// Where the officer was last.
async fn start(ask: Ask) -> Response {
    let place = ask.face.settings().place;
    ask.go(ask.face.path_within(&place))
}

/// What an officer searches for, as the address says.
pub(super) fn words(fields: &Fields) -> String {
    fields.filled("q").unwrap_or_default().chars().take(WORDS_CHARS_MAX).collect()
}

/// The icon and the word for how far records got; nothing where there are none.
pub(super) fn stage(p: &Page, standing: &Standing) -> Html {
    let (tone, icon, key) = match standing {
        Standing { here: 0, sent: 0, held: 0 } => return Html::default(),
        Standing { here: 0, sent: 0, .. } => ("pass", "shield-check", "terminal.stage.held"),
        Standing { here: 0, .. } => ("info", "arrow-up", "terminal.stage.sent"),
        _ => ("warn", "device-mobile", "terminal.stage.here"),
    };
    p.badge(tone, icon, &p.t(key))
}

struct Tab {
    address: String,
    word: String,
    count: u64,
    chosen: bool,
}

/// A task as its row shows it.
struct Row {
    task: InspectionSummary,
    standing: Standing,
    overdue: bool,
    today: bool,
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    p: Page,
    tabs: Vec<Tab>,
    group: TaskGroup,
    /// What was searched for.
    words: String,
    rows: Vec<Row>,
    pager: Pager,
    /// Tasks of all groups that fit the search.
    total: u64,
}

async fn show(ask: Ask, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let (group, words) = (TaskGroup::find(fields.get("show")), words(&fields));
    let from = paging::from(&fields);
    let today = ask.app().host().now().date_in_china().to_string();
    let asked = (words.clone(), today.clone());
    let found = ask
        .app()
        .read(move |client| {
            let (words, today) = (asked.0.as_str(), asked.1.as_str());
            client.tasks(&TaskQuery { group, words, today, from, limit: ROWS })
        })
        .await?;
    let tab = |(group, count): &(TaskGroup, u64)| Tab {
        address: format!("/tasks{}", query(&[("show", group.as_str()), ("q", &words)])),
        word: ask.p.t(format!("terminal.tasks.{}", group.as_str())),
        count: *count,
        chosen: *group == found.group,
    };
    let row = |(task, standing): (InspectionSummary, Standing)| {
        let due = task.due.as_deref().filter(|_| found.group != TaskGroup::Done);
        let (overdue, today) =
            (due.is_some_and(|due| due < today.as_str()), due.is_some_and(|due| due == today));
        Row { task, standing, overdue, today }
    };
    Ok(ask.show(&TasksPage {
        p: ask.p.clone(),
        tabs: found.counts.iter().map(tab).collect(),
        group: found.group,
        pager: Pager::new("/tasks", &[("show", found.group.as_str()), ("q", &words)], from, found.more),
        total: found.counts.iter().map(|(_, count)| count).sum(),
        rows: found.rows.into_iter().map(row).collect(),
        words,
    }))
}
