//! What supervisors and administrators do.

use super::apart;
use super::faults::NEWEST;
use super::model::Deed;
use super::plan::{Event, Profile, Step};
use super::stage::{Sim, Who};
use fieldproof_schema::data;
use fieldproof_server::floor::{self, Wanted};
use serde_json::{Value, json};

const PEOPLE: Option<Profile> = Some(Profile::People);
const RESTORE: Option<Profile> = Some(Profile::Restore);

/// All of it.
pub const ALL: &[Event] = &[
    Event { name: "decide", weight: 4, profile: None, happen: |sim, step| Box::pin(decide(sim, step)) },
    Event { name: "review", weight: 3, profile: None, happen: |sim, step| Box::pin(review(sim, step)) },
    Event { name: "rule", weight: 2, profile: None, happen: |sim, step| Box::pin(rule(sim, step)) },
    Event { name: "apart", weight: 3, profile: None, happen: |sim, step| Box::pin(apart::rule(sim, step)) },
    Event { name: "reassign", weight: 5, profile: PEOPLE, happen: |sim, step| Box::pin(reassign(sim, step)) },
    Event { name: "revise", weight: 2, profile: PEOPLE, happen: |sim, step| Box::pin(revise(sim, step)) },
    Event { name: "raise", weight: 2, profile: RESTORE, happen: |sim, step| Box::pin(raise(sim, step)) },
    Event { name: "revoke", weight: 2, profile: PEOPLE, happen: |sim, step| Box::pin(revoke(sim, step)) },
];

/// Notes the decision that an answer names: whoever read it takes it for made.
fn decided(sim: &mut Sim, decision: &Value) {
    let id = serde_json::from_value(decision.clone());
    sim.model.said(Deed::Decision(id.expect("the answer names the decision")));
}

/// One of the rows that the console's API lists under a name.
async fn listed(sim: &mut Sim, path: &str, name: &str) -> Result<Vec<Value>, String> {
    let listed = sim.ask(Who::Administrator, "GET", path, Value::Null).await?;
    Ok(listed[name].as_array().cloned().unwrap_or_default())
}

/// The administrator decides a conflict of answers.
async fn decide(sim: &mut Sim, step: Step) -> String {
    let open = match listed(sim, "/api/v1/conflicts", "conflicts").await {
        Ok(open) => open,
        Err(code) => return code,
    };
    let answers: Vec<&Value> = open.iter().filter(|conflict| conflict["kind"] == "answer").collect();
    let Some(conflict) = answers.get(step.roll(1, answers.len())) else { return "nothing open".to_owned() };
    let sides = conflict["sides"].as_array().cloned().unwrap_or_default();
    let side = &sides[step.roll(2, sides.len())]["change"];
    let path = format!("/api/v1/conflicts/{}/decision", conflict["id"].as_str().unwrap_or_default());
    let body = json!({"side": side, "reason": "以照片为准"});
    match sim.ask(Who::Administrator, "POST", &path, body).await {
        Ok(answer) => decided(sim, &answer["decision"]),
        Err(code) => return code,
    }
    let mut said = "decided".to_owned();
    if step.roll(4, 3) == 0 {
        // Somebody else decides whose page still shows the conflict as open.
        let other = &sides[step.roll(3, sides.len())]["change"];
        let body = json!({"side": other, "reason": "以笔录为准"});
        match sim.ask(Who::Administrator, "POST", &path, body).await {
            Ok(_) => sim.breaks("I9", format!("{path} was decided twice")),
            Err(code) => said = format!("decided, and again: {code}"),
        }
    }
    // What the server wrote into the visit is on the terminals soon, and survives with them.
    if let Err(code) = sim.note_own().await {
        return code;
    }
    said
}

/// The supervisor gives a sealed visit back, or accepts it.
async fn review(sim: &mut Sim, step: Step) -> String {
    let visit = sim.visit(step);
    let (act, body) = match step.roll(1, 3) {
        0 => ("accept", json!({})),
        _ => ("return", json!({"comment": "请补充"})),
    };
    let path = format!("/api/v1/inspections/{visit}/{act}");
    match sim.ask(Who::Supervisor, "POST", &path, body).await {
        Ok(decision) => decided(sim, &decision["id"]),
        Err(code) => return code,
    }
    act.to_owned()
}

/// The supervisor takes a correction into the directory, or not.
async fn rule(sim: &mut Sim, step: Step) -> String {
    let waiting = match listed(sim, "/api/v1/proposals", "rows").await {
        Ok(waiting) => waiting,
        Err(code) => return code,
    };
    let Some(proposal) = waiting.get(step.roll(1, waiting.len())) else { return "nothing waits".to_owned() };
    let path = format!("/api/v1/proposals/{}/decision", proposal["id"].as_str().unwrap_or_default());
    let decision = ["accept", "reject"][step.roll(2, 2)];
    let body = json!({"decision": decision, "reason": "已核对"});
    let answer = sim.ask(Who::Administrator, "POST", &path, body).await;
    answer.map_or_else(|code| code, |_| decision.to_owned())
}

/// Somebody joins a team, or leaves it.
async fn reassign(sim: &mut Sim, step: Step) -> String {
    let visit = sim.visit(step);
    let (officer, change) = match step.roll(1, 4) {
        0 => (sim.officers[2], "joins"),
        1 => (sim.officers[step.among(2)], "leaves"),
        2 => (sim.officers[step.among(2)], "joins"),
        _ => (sim.officers[2], "leaves"),
    };
    let path = format!("/api/v1/inspections/{visit}/team");
    let body = json!({"officer": officer, "change": change, "reason": "抽调支援"});
    match sim.ask(Who::Administrator, "POST", &path, body).await {
        Ok(decision) => {
            sim.reassigned = true;
            decided(sim, &decision["id"]);
            change.to_owned()
        }
        Err(code) => code,
    }
}

/// A new revision of a visit's checklist comes, in which the items have other names. Visits under way keep theirs.
async fn revise(sim: &mut Sim, step: Step) -> String {
    let visit = sim.visit(step);
    let known = sim.in_use().into_iter().find_map(|hand| {
        let detail = sim.hands[hand].device.client().inspection(visit).ok()?;
        detail.template.filter(|_| !sim.hands[hand].disk.struck())
    });
    let Some(template) = known else { return "no checklist".to_owned() };
    let is_it = |text: &&str| {
        let read: Value = serde_json::from_str(text).unwrap_or_default();
        read["id"] == template.id.as_str()
    };
    let Some(text) = data::checklists().iter().map(|(_, text)| *text).find(is_it) else {
        return "no such checklist".to_owned();
    };
    let mut text = text.to_owned();
    for item in &template.items {
        text = text.replace(&format!("\"{}\"", item.id), &format!("\"{}N\"", item.id));
    }
    let mut next: Value = serde_json::from_str(&text).unwrap_or_default();
    next["version"] = format!("2027.{}", step.roll(1, 9) + 1).into();
    let answer = sim.ask(Who::Administrator, "POST", "/api/v1/import/checklists", next).await;
    answer.map_or_else(|code| code, |_| "imported".to_owned())
}

/// Terminals have to be as new as this from now on, which all are unless an older program was installed.
async fn raise(sim: &mut Sim, step: Step) -> String {
    let program = (step.roll(2, 2) == 0).then(|| NEWEST.parse().ok()).flatten();
    let wanted = Wanted { protocol: step.roll(1, 2) as u16 + 1, program };
    match floor::raise(&sim.world.app, "system", wanted, "旧版有缺陷").await {
        Ok(set) => format!("{}", set.floor.version),
        Err(error) => error.code.as_str().to_owned(),
    }
}

/// A terminal is revoked; two are left at least.
async fn revoke(sim: &mut Sim, step: Step) -> String {
    let in_use = sim.in_use();
    let trusted = in_use.iter().filter(|hand| !sim.revoked.contains_key(&sim.hands[**hand].id));
    if trusted.count() < 3 {
        return "too few".to_owned();
    }
    let device = sim.hands[sim.hand(step)].id;
    // What a failing disk does is another matter.
    let has = sim.server_has().await;
    let path = format!("/api/v1/devices/{device}/revoke");
    match sim.ask(Who::Administrator, "POST", &path, json!({"reason": "终端遗失"})).await {
        Ok(_) => {
            sim.revoked.entry(device).or_insert(has);
            "revoked".to_owned()
        }
        Err(code) => code,
    }
}
