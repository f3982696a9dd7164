//! Steps 7 to 9: the conflict is decided, the team seals, the supervisor reviews, the public reads.

use super::api::{Api, Failure};
use super::field::{PASSPHRASE, visit};
use super::{Day, city};
use fieldproof_schema::checklist::{Answer, Outcome};
use reqwest::Method;
use serde_json::{Value, json};

/// Signs in to the console.
pub(crate) async fn sign_in(api: &Api, login: &str) -> Result<Api, Failure> {
    let session = api.post("/api/v1/session", &json!({"login": login, "password": city::PASSWORD})).await?;
    Ok(api.with_token(session["token"].as_str().ok_or("no session token")?))
}

/// Step 7: an administrator decides with a reason, and both terminals show it.
pub(crate) async fn decide(day: &mut Day) -> Result<String, Failure> {
    let reason = "复核照片，池水浑浊，判定不合格";
    let open = day.administrator()?.get("/api/v1/conflicts").await?;
    let conflict = &open["conflicts"][0];
    let fail = Answer::Conformity { result: Outcome::Fail }.to_register();
    let sides = conflict["sides"].as_array().ok_or("the conflict has no sides")?;
    let side = sides.iter().find(|s| s["value"] == fail.as_str()).ok_or("nobody said what was said")?;
    let path = format!("/api/v1/conflicts/{}/decision", city::id(conflict)?);
    day.administrator()?.post(&path, &json!({"side": side["change"], "reason": reason})).await?;
    for terminal in &day.terminals {
        terminal.sync().await?;
        let detail = terminal.detail(day).await?;
        let stands = &detail["view"]["answers"][&day.shared.contested]["value"];
        let decided = detail["decisions"].as_array().and_then(|d| d.iter().find(|d| d["kind"] == "resolved"));
        if stands != fail.as_str() || decided.is_none_or(|d| d["comment"] != reason || !d["by"].is_string()) {
            return Err(format!("{}'s terminal does not show the decision", terminal.officer_name).into());
        }
    }
    Ok(format!("{}: {reason}", side["officer"].as_str().unwrap_or_default()))
}

/// Both sign: `first` draws up, the other signs the same.
pub(crate) async fn seal(day: &Day, visit: &str, first: usize, comment: Option<&str>) -> Result<(), Failure> {
    let (one, two) = (&day.terminals[first], &day.terminals[1 - first]);
    let party = json!({"outcome": "signed", "name": "现场负责人（虚构）"});
    let body = json!({"passphrase": PASSPHRASE, "party": party, "comment": comment});
    one.post(&format!("{visit}/seal"), &body).await?;
    one.sync().await?;
    two.sync().await?;
    two.post(&format!("{visit}/cosign"), &json!({"passphrase": PASSPHRASE})).await?;
    two.sync().await?;
    one.sync().await?;
    expect_state(day, visit, "sealed").await
}

/// What both terminals must show about a visit.
pub(crate) async fn expect_state(day: &Day, visit: &str, state: &str) -> Result<(), Failure> {
    for terminal in &day.terminals {
        let detail = terminal.api.get(visit).await?;
        if detail["summary"]["state"] != state {
            let found = &detail["summary"]["state"];
            return Err(format!("{} shows {found} instead of {state}", terminal.officer_name).into());
        }
    }
    Ok(())
}

/// Syncs both.
pub(crate) async fn sync_all(day: &Day) -> Result<(), Failure> {
    for terminal in &day.terminals {
        terminal.sync().await?;
    }
    Ok(())
}

/// Step 8: sealed, returned, answered with a supplement, sealed again, accepted.
pub(crate) async fn seal_and_review(day: &mut Day) -> Result<String, Failure> {
    let (server, comment) = (visit(day)?, "请补充浸脚池消毒情况");
    seal(day, &server, 0, None).await?;
    day.supervisor()?.post(&format!("{server}/return"), &json!({ "comment": comment })).await?;
    sync_all(day).await?;
    expect_state(day, &server, "returned").await?;
    let note = format!("{}/notes/{}", visit(day)?, day.shared.contested);
    day.terminals[1].put(&note, &json!({"text": "浸脚池已现场复测，补充记录。"})).await?;
    sync_all(day).await?;
    seal(day, &server, 1, Some("已补充")).await?;
    day.supervisor()?.post(&format!("{server}/accept"), &json!({"comment": "同意"})).await?;
    sync_all(day).await?;
    expect_state(day, &server, "accepted").await?;
    let seals = day.terminals[0].detail(day).await?;
    Ok(format!(
        "{} seals, each signed by both officers; accepted",
        seals["seals"].as_array().map_or(0, Vec::len)
    ))
}

/// Step 9: the result is public.
pub(crate) async fn disclose(day: &mut Day) -> Result<String, Failure> {
    let disclosed = day.supervisor()?.post(&format!("{}/disclose", visit(day)?), &json!({})).await?;
    let path = format!("/api/v1/public/results/{}", city::id(&disclosed)?);
    let public = Api::new(&day.server_url)?;
    let result: Value = public.get(&path).await?;
    if !result.to_string().contains(&day.task()?.entity) {
        return Err("the public result does not name the entity".into());
    }
    let inside = public.send(Method::GET, &visit(day)?, "", Vec::new()).await?;
    if inside.status.is_success() {
        return Err("the inspection itself can be read without signing in".into());
    }
    day.public_url = format!("{}{path}", day.server_url);
    Ok(day.public_url.clone())
}
