//! The pages of a full terminal: how soon they are answered, seen, and how soon what is tapped is committed.

use super::times::Times;
use crate::browser::{Album, Browser, Look};
use crate::demo::api::{self, Failure};
use crate::demo::process::{Service, programs};
use crate::workspace;
use fieldproof_schema::ids::{EntityId, InspectionId};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Times that a page is asked for.
const ASKED: usize = 100;
/// Times that a page is looked at.
const LOOKED: usize = 15;
/// Answers that are tapped.
const TAPS: usize = 500;
/// Times that the terminal is started.
const STARTS: usize = 10;

/// A terminal that runs on a folder that is full.
pub(super) struct Full<'a> {
    pub(super) folder: &'a Path,
    pub(super) passphrase: &'a str,
    pub(super) visit: InspectionId,
    pub(super) entity: EntityId,
}

/// Starts the program as it is started on a terminal. The server is not there.
fn start(full: &Full<'_>) -> Result<Service, Failure> {
    let folder = full.folder.to_str().ok_or("the folder's name is not UTF-8")?;
    let arguments = [
        "serve",
        "--data",
        folder,
        "--server",
        "http://127.0.0.1:9",
        "--listen",
        "127.0.0.1:0",
        "--no-auto-sync",
    ];
    Ok(Service::start(&programs()?.join("fieldproof-terminal"), &arguments, &full.folder.join("log"))?)
}

/// Measures and prints.
pub(super) async fn measure(full: &Full<'_>, out: &mut dyn Write) -> Result<(), Failure> {
    let client = api::client(Duration::from_secs(60))?;
    cold_starts(full, &client).await?.line(out, "start of the program to its first page", None)?;
    let service = start(full)?;
    let root = service.says("open");
    let unlocked = post(&client, &format!("{root}/unlock"), &[("passphrase", full.passphrase)]).await?;
    if !unlocked.0.is_success() {
        return Err("the terminal is not unlocked".into());
    }
    for path in paths(full) {
        let address = format!("{root}{path}");
        let (status, body) = get(&client, &address).await?;
        let label = path.replace(&full.visit.to_string(), "…").replace(&full.entity.to_string(), "…");
        if !status.is_success() {
            return Err(format!("{label} is answered with {status}: {body}").into());
        }
        let mut times = Vec::with_capacity(ASKED);
        for _ in 0..ASKED {
            let began = Instant::now();
            get(&client, &address).await?;
            times.push(began.elapsed());
        }
        Times::taken(times).line(out, &format!("page {label}"), None)?;
    }
    seen(full, &root, &client, out).await?;
    super::memory::line(out, "resident memory of the terminal, full", &service)
}

/// What an officer looks at.
fn paths(full: &Full<'_>) -> Vec<String> {
    let (visit, entity) = (full.visit, full.entity);
    let fixed = ["/tasks", "/entities", "/law", "/sync", "/settings"];
    let within = ["", "/sections/1", "/sections/2", "/narrative", "/evidence", "/team"];
    let mut paths: Vec<String> = fixed.map(str::to_owned).into();
    paths.extend(within.map(|part| format!("/inspections/{visit}{part}")));
    paths.push(format!("/entities/{entity}"));
    paths
}

async fn cold_starts(full: &Full<'_>, client: &Client) -> Result<Times, Failure> {
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let began = Instant::now();
        let mut service = start(full)?;
        let (status, _) = get(client, &format!("{}/unlock", service.says("open"))).await?;
        times.push(began.elapsed());
        if !status.is_success() {
            return Err("the first page is not answered".into());
        }
        service.stop()?;
    }
    Ok(Times::taken(times))
}

/// In the browser: first paint, and taps as the page posts them.
async fn seen(full: &Full<'_>, root: &str, client: &Client, out: &mut dyn Write) -> Result<(), Failure> {
    let album = Album::at(&workspace::target(workspace::root())?.join("pictures").join("measured"))?;
    let browser = Browser::open(album, Look::TERMINAL).await;
    let section = format!("{root}/inspections/{}/sections/1", full.visit);
    for (path, label) in [(format!("{root}/tasks"), "/tasks"), (section.clone(), "a section")] {
        let mut times = Vec::with_capacity(LOOKED);
        for _ in 0..LOOKED {
            browser.goto(&path).await;
            browser.until("first paint", PAINTED, Vec::new()).await;
            let paint = browser.script(PAINTED, Vec::new()).await.as_f64().unwrap_or_default();
            times.push(Duration::from_secs_f64(paint / 1000.0));
        }
        Times::taken(times).line(out, &format!("first paint of {label}"), None)?;
    }
    browser.goto(&section).await;
    let form: Form = serde_json::from_value(browser.script(FORM, Vec::new()).await)?;
    drop(browser);
    let mut times = Vec::with_capacity(TAPS);
    for n in 0..TAPS {
        let result = form.results.get(n % 2).ok_or("the form has fewer than two answers")?;
        let mut fields: Vec<(&str, &str)> =
            form.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        fields.push(("result", result));
        let began = Instant::now();
        let (status, body) = post_partial(client, &form.action, &fields).await?;
        times.push(began.elapsed());
        if !status.is_success() {
            return Err(format!("an answer is refused with {status}: {body}").into());
        }
    }
    Ok(Times::taken(times).line(out, "tap to committed answer, the page's own form", None)?)
}

/// When something was seen first, in milliseconds since the page was asked for.
const PAINTED: &str = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null";

/// The first form that answers an item by one of several results, with what it posts besides.
const FORM: &str = r#"
const buttons = [...document.querySelectorAll('[name=result]')].filter(e => e.form)
const form = buttons[0].form
const own = buttons.filter(e => e.form === form).map(e => e.value)
const hidden = [...new FormData(form)].filter(([name]) => !['result', 'seen', 'reason'].includes(name))
return { action: form.action, fields: hidden, results: own }
"#;

#[derive(Deserialize)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
    results: Vec<String>,
}

async fn get(client: &Client, address: &str) -> Result<(StatusCode, String), Failure> {
    let answer = client.get(address).send().await?;
    Ok((answer.status(), answer.text().await?))
}

async fn post(
    client: &Client,
    address: &str,
    fields: &[(&str, &str)],
) -> Result<(StatusCode, String), Failure> {
    send(client.post(address), address, fields).await
}

/// As a script of the page posts it.
async fn post_partial(
    client: &Client,
    address: &str,
    fields: &[(&str, &str)],
) -> Result<(StatusCode, String), Failure> {
    send(client.post(address).header("hx-request", "true"), address, fields).await
}

async fn send(
    request: reqwest::RequestBuilder,
    address: &str,
    fields: &[(&str, &str)],
) -> Result<(StatusCode, String), Failure> {
    let origin = address.split('/').take(3).collect::<Vec<_>>().join("/");
    let body = fieldproof_presentation::fields::query(fields);
    let request = request
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("origin", origin)
        .header("sec-fetch-site", "same-origin")
        .body(body.trim_start_matches('?').to_owned());
    let answer = request.send().await?;
    Ok((answer.status(), answer.text().await?))
}

/// What the first page of the console weighs on the way, with all that it needs, asked for by a browser that has nothing.
pub(super) async fn weight(browser: &Browser) -> u64 {
    let script = "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]; \
                  return all.map(e => e.transferSize).reduce((a, b) => a + b, 0)";
    let weight: Value = browser.script(script, Vec::new()).await;
    weight.as_u64().unwrap_or_default()
}
