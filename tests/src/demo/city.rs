//! Steps 1 and 2: the server, the sample city, the plan, the draw, the dispatch.

use super::api::{Api, Failure};
use super::process::run;
use super::{Day, office};
use crate::proxy::Proxy;
use fieldproof_schema::data;
use fieldproof_schema::ids::{InspectionId, OfficerId};
use serde_json::{Value, json};

/// The login of the fictional administrator.
pub const ADMINISTRATOR: &str = "guanli";
/// The login of the fictional supervisor.
pub const SUPERVISOR: &str = "shenhe";
/// The password of both; the demo's data is fictional and its server listens on this machine only.
pub const PASSWORD: &str = "demo-yunze-2026";

/// One visit of the two officers that the day is about.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) inspection: InspectionId,
    pub(crate) entity: String,
    pub(crate) template: String,
    pub(crate) revision: String,
    pub(crate) team: Vec<(OfficerId, String)>,
}

/// A server on an empty folder, with one administrator and nothing else.
pub(crate) async fn found(day: &mut Day) -> Result<(), Failure> {
    init(day)?;
    serve(day).await
}

/// A new folder with a bureau of one administrator.
fn init(day: &Day) -> Result<(), Failure> {
    let program = day.program("fieldproof");
    let folder = server_folder(day)?;
    let init = ["admin", "init", "--data", &folder, "--code", "YZ", "--name"];
    let names = [
        "云泽市卫生健康委员会（虚构）",
        "--login",
        ADMINISTRATOR,
        "--administrator-name",
        "管理员甲（虚构）",
    ];
    let password = format!("{PASSWORD}\n");
    run(&program, &[&init[..], &names[..], &["--password-stdin"]].concat(), &password)?;
    Ok(())
}

/// Starts the server, with a link before it, and signs the administrator in.
async fn serve(day: &mut Day) -> Result<(), Failure> {
    day.start_server()?;
    let upstream = day.server_url.trim_start_matches("http://").parse()?;
    day.link = Some(Proxy::start(upstream).await?);
    day.administrator = Some(office::sign_in(&Api::new(&day.server_url)?, ADMINISTRATOR).await?);
    Ok(())
}

fn server_folder(day: &Day) -> Result<String, Failure> {
    let folder = day.data.join("server");
    Ok(folder.to_str().ok_or("the data folder's name is not UTF-8")?.to_owned())
}

/// Step 1: a server with everything that a bureau has.
pub(crate) async fn start(day: &mut Day) -> Result<String, Failure> {
    init(day)?;
    let (program, folder) = (day.program("fieldproof"), server_folder(day)?);
    run(&program, &["import", "organisation", "--sample", "--data", &folder], "")?;
    run(&program, &["import", "laws", "--bundled", "--data", &folder], "")?;
    run(&program, &["import", "checklists", "--bundled", "--data", &folder], "")?;
    serve(day).await?;

    let administrator = day.administrator()?.clone();
    let supervisor = json!({
        "login": SUPERVISOR, "name": "审核员乙（虚构）", "role": "supervisor", "unit": "ORG-C", "password": PASSWORD,
    });
    administrator.post("/api/v1/users", &supervisor).await?;
    day.supervisor = Some(office::sign_in(&Api::new(&day.server_url)?, SUPERVISOR).await?);
    let templates = administrator.get("/api/v1/templates").await?;
    let count = templates["rows"].as_array().map_or(0, Vec::len);
    if count != data::checklists().len() {
        return Err(format!("{count} checklists instead of {}", data::checklists().len()).into());
    }
    Ok(format!("{}; {count} checklists", day.server_url))
}

/// Step 2: row 003 of the published plan, copied to this year, drawn, one recusal, dispatched; and a district's own row.
pub(crate) async fn draw(day: &mut Day) -> Result<String, Failure> {
    let administrator = day.administrator()?;
    let year = year_of(&administrator.get("/healthz").await?);
    // The district first: what it visits is not visited again by the city this year.
    let district = commit(administrator, &district_row(year)?, None).await?;
    let mut tasks = dispatch(administrator, &district).await?;
    // The pool's checklist has most to measure.
    tasks.sort_by(|a, b| (&b.template, &a.entity).cmp(&(&a.template, &b.entity)));

    let mut row = published_row()?;
    row["population"]["choice"] = json!("combinedRule");
    row["unit"] = json!("ORG-C");
    let draw = commit(administrator, &row, Some(year)).await?;
    let shown = administrator.get(&format!("/api/v1/draws/{draw}")).await?;
    let first = &shown["outcome"]["picks"][0];
    let officer = first["team"]["assigned"][0].clone();
    let recusal = json!({"pick": first["pick"], "officer": officer, "kind": "kinship", "reason": "近亲属在该单位任职（虚构）"});
    administrator.post(&format!("/api/v1/draws/{draw}/recusals"), &recusal).await?;
    let file = day.data.join("draw.json");
    std::fs::write(&file, administrator.bytes(&format!("/api/v1/draws/{draw}/record")).await?)?;
    let verify = ["draw", "verify", file.to_str().ok_or("the data folder's name is not UTF-8")?];
    run(&day.program("fieldproof"), &verify, "")?;
    let picks = dispatch(administrator, &draw).await?.len();

    let task = tasks.first().ok_or("the district's draw has no task with a team")?;
    let team: Vec<&str> = task.team.iter().map(|(_, name)| name.as_str()).collect();
    let summary = format!(
        "{} eligible, {picks} drawn, 1 recusal redrawn, verified; {} more for {}: {} ({})",
        shown["outcome"]["eligible"],
        tasks.len(),
        team.join(", "),
        task.entity,
        task.template,
    );
    day.tasks = tasks;
    Ok(summary)
}

fn published_row() -> Result<Value, Failure> {
    let plans: Value = serde_json::from_str(data::draw_plan_beidaihe_2020())?;
    let row = plans["plans"].as_array().and_then(|rows| rows.iter().find(|row| row["taskNo"] == "003号"));
    row.cloned().ok_or_else(|| "the plan has no row 003".into())
}

/// Every public place of one district, whose brigade has just two officers: all its visits are theirs together.
pub(crate) fn district_row(year: i64) -> Result<Value, Failure> {
    let mut row = published_row()?;
    let words = "区内全部公共场所";
    row["id"] = json!(format!("{year}-ORG-D2-01"));
    row["planNo"] = json!(format!("{year}D2"));
    row["name"] = json!("公共场所卫生监督全覆盖抽查");
    row["taskNo"] = json!("区01号");
    row["taskName"] = json!("公共场所卫生监督全覆盖抽查");
    row["unit"] = json!("ORG-D2");
    row["ratio"] = json!(1);
    row["ratioText"] = json!("100%");
    row["year"] = json!(year);
    row["population"] =
        json!({"text": words, "rule": {"field": "specialty", "op": "==", "value": "publicPlace"}});
    row["frequency"] = json!({"per_year_max": 2, "rest_days": 0});
    Ok(row)
}

/// Stores a row, draws from it, and reveals; returns the draw.
async fn commit(administrator: &Api, row: &Value, copy_to: Option<i64>) -> Result<String, Failure> {
    let mut plan = administrator.post("/api/v1/plans", row).await?;
    if let Some(year) = copy_to {
        let copy = format!("/api/v1/plans/{}/copy", id(&plan)?);
        plan = administrator.post(&copy, &json!({ "year": year })).await?;
    }
    let committed = administrator.post(&format!("/api/v1/plans/{}/draws", id(&plan)?), &json!({})).await?;
    let draw = id(&committed)?.to_owned();
    administrator.post(&format!("/api/v1/draws/{draw}/reveal"), &json!({"entropy": "27182818"})).await?;
    Ok(draw)
}

/// Dispatches a draw: one task per pick that has a team.
async fn dispatch(administrator: &Api, draw: &str) -> Result<Vec<Task>, Failure> {
    let dispatched = administrator.post(&format!("/api/v1/draws/{draw}/dispatch"), &json!({})).await?;
    let tasks = dispatched["tasks"].as_array().ok_or("nothing was dispatched")?;
    tasks.iter().map(read_task).collect()
}

fn year_of(health: &Value) -> i64 {
    let at = health["server_at"].as_str().unwrap_or_default();
    at.get(..4).and_then(|year| year.parse().ok()).unwrap_or(2026)
}

/// The id of a record.
pub(crate) fn id(value: &Value) -> Result<&str, Failure> {
    value["id"].as_str().ok_or_else(|| format!("no id in {value}").into())
}

impl Task {
    /// The visit's address in both JSON interfaces.
    pub(crate) fn path(&self) -> String {
        format!("/api/v1/inspections/{}", self.inspection)
    }
}

fn read_task(task: &Value) -> Result<Task, Failure> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let members = task["team"].as_array().ok_or("the task has no team")?;
    let team = members
        .iter()
        .map(|m| Ok((serde_json::from_value(m["officer"].clone())?, text(&m["name"]))))
        .collect::<Result<Vec<_>, Failure>>()?;
    if team.len() < 2 {
        return Err("a team has fewer than two officers".into());
    }
    Ok(Task {
        inspection: serde_json::from_value(task["inspection"].clone())?,
        entity: text(&task["entity_name"]),
        template: text(&task["template"]["id"]),
        revision: text(&task["template"]["revision"]),
        team,
    })
}
