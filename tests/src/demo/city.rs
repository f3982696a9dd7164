//! Steps 1 and 2: the server, the sample city, the plan, the draw, the dispatch.

use super::api::{Api, Failure};
use super::process::{Service, run};
use super::{Day, office};
use crate::proxy::Proxy;
use fieldproof_schema::data;
use fieldproof_schema::ids::{InspectionId, OfficerId};
use serde_json::{Value, json};

/// The login of the fictional administrator.
pub(crate) const ADMINISTRATOR: &str = "guanli";
/// The login of the fictional supervisor.
pub(crate) const SUPERVISOR: &str = "shenhe";
/// The password of both; the demo's data is fictional and its server listens on this machine only.
pub(crate) const PASSWORD: &str = "demo-yunze-2026";

/// The task that the day is about.
pub(crate) struct Task {
    pub(crate) inspection: InspectionId,
    pub(crate) entity: String,
    pub(crate) template: String,
    pub(crate) revision: String,
    pub(crate) team: Vec<(OfficerId, String)>,
}

/// Step 1: a new server on an empty folder, and everything that a bureau has.
pub(crate) async fn start(day: &mut Day) -> Result<String, Failure> {
    let program = day.program("fieldproof");
    let folder = day.data.join("server");
    let folder = folder.to_str().ok_or("the data folder's name is not UTF-8")?.to_owned();
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
    run(&program, &["import", "organisation", "--sample", "--data", &folder], "")?;
    run(&program, &["import", "laws", "--bundled", "--data", &folder], "")?;
    run(&program, &["import", "checklists", "--bundled", "--data", &folder], "")?;

    let serve = ["serve", "--data", &folder, "--listen", "127.0.0.1:0"];
    let server = Service::start(&program, &serve, &day.data.join("server.log"))?;
    day.server_url = server.says("listening");
    day.server = Some(server);
    let upstream = day.server_url.trim_start_matches("http://").parse()?;
    day.link = Some(Proxy::start(upstream).await?);

    let api = Api::new(&day.server_url)?;
    let administrator = office::sign_in(&api, ADMINISTRATOR).await?;
    let supervisor = json!({
        "login": SUPERVISOR, "name": "审核员乙（虚构）", "role": "supervisor", "unit": "ORG-C", "password": PASSWORD,
    });
    administrator.post("/api/v1/users", &supervisor).await?;
    day.supervisor = Some(office::sign_in(&api, SUPERVISOR).await?);
    let templates = administrator.get("/api/v1/templates").await?;
    let count = templates["rows"].as_array().map_or(0, Vec::len);
    if count != data::checklists().len() {
        return Err(format!("{count} checklists instead of {}", data::checklists().len()).into());
    }
    day.administrator = Some(administrator);
    Ok(format!("{}; {count} checklists", day.server_url))
}

/// Step 2: row 003 of the published plan, copied to this year, drawn, one recusal, dispatched.
pub(crate) async fn draw(day: &mut Day) -> Result<String, Failure> {
    let administrator = day.administrator()?;
    let year = year_of(&administrator.get("/healthz").await?);
    let plans: Value = serde_json::from_str(data::draw_plan_beidaihe_2020())?;
    let row = plans["plans"].as_array().and_then(|rows| rows.iter().find(|r| r["taskNo"] == "003号"));
    let mut row = row.ok_or("the plan has no row 003")?.clone();
    row["population"]["choice"] = json!("combinedRule");
    row["unit"] = json!("ORG-C");
    let plan = administrator.post("/api/v1/plans", &row).await?;
    let copy = format!("/api/v1/plans/{}/copy", id(&plan)?);
    let plan = administrator.post(&copy, &json!({ "year": year })).await?;
    let committed = administrator.post(&format!("/api/v1/plans/{}/draws", id(&plan)?), &json!({})).await?;
    let draw = id(&committed)?.to_owned();
    administrator.post(&format!("/api/v1/draws/{draw}/reveal"), &json!({"entropy": "27182818"})).await?;

    let shown = administrator.get(&format!("/api/v1/draws/{draw}")).await?;
    let first = &shown["outcome"]["picks"][0];
    let officer = first["team"]["assigned"][0].clone();
    let recusal = json!({"pick": first["pick"], "officer": officer, "kind": "kinship", "reason": "近亲属在该单位任职（虚构）"});
    administrator.post(&format!("/api/v1/draws/{draw}/recusals"), &recusal).await?;
    let file = day.data.join("draw.json");
    std::fs::write(&file, administrator.bytes(&format!("/api/v1/draws/{draw}/record")).await?)?;
    let verify = ["draw", "verify", file.to_str().ok_or("the data folder's name is not UTF-8")?];
    run(&day.program("fieldproof"), &verify, "")?;

    let dispatched = administrator.post(&format!("/api/v1/draws/{draw}/dispatch"), &json!({})).await?;
    let tasks = dispatched["tasks"].as_array().ok_or("nothing was dispatched")?;
    // The pool's checklist has most to measure; without a pool any other will do.
    let best = tasks.iter().max_by_key(|t| t["template"]["id"].as_str().map(str::to_owned));
    let task = read_task(best.ok_or("nothing was dispatched")?)?;
    let (eligible, picks) = (&shown["outcome"]["eligible"], tasks.len());
    let summary = format!(
        "{eligible} eligible, {picks} drawn, 1 recusal redrawn, verified; {} ({}): {}",
        task.entity,
        task.template,
        task.team.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
    );
    day.task = Some(task);
    Ok(summary)
}

fn year_of(health: &Value) -> i64 {
    let at = health["server_at"].as_str().unwrap_or_default();
    at.get(..4).and_then(|year| year.parse().ok()).unwrap_or(2026)
}

/// The id of a record.
pub(crate) fn id(value: &Value) -> Result<&str, Failure> {
    value["id"].as_str().ok_or_else(|| format!("no id in {value}").into())
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
