//! What is held apart: it is looked at, kept or let in with a reason by the administrators of its unit, and the terminal
//! hears of it.

mod hostile;
mod scope;
mod whole;

use crate::support::{self, City};
use axum::http::StatusCode;
use fieldproof_schema::ids::{InspectionId, OfficerId};
use fieldproof_server::db::{DbError, Tx, Value as Sql};
use fieldproof_server::sync::judge;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{PASSWORD, Person};
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::device::Device;
use serde_json::{Value, json};

const LIST: &str = "/api/v1/quarantine";

/// Takes an officer off a visit's team, behind the server's back.
pub(crate) async fn take_off(world: &World, visit: InspectionId, officer: OfficerId) {
    let names = [visit.to_string(), officer.to_string()].map(Sql::Text);
    let statement = "DELETE FROM inspection_officers WHERE inspection = $1 AND officer = $2";
    let taken = move |tx: &mut Tx<'_>| tx.execute(statement, &names);
    assert_eq!(world.app.db.write::<u64, DbError, _>(taken).await.unwrap(), 1);
}

/// What waits for a decision, as an administrator sees it.
async fn open(world: &World, person: &Person) -> Vec<Value> {
    person.get(world, LIST).await["rows"].as_array().unwrap().clone()
}

/// Where the interface has one.
fn place(item: &Value) -> String {
    let part = |name: &str| item[name].as_str().unwrap().to_owned();
    format!("{}/{}/{}", part("inspection"), part("device"), part("digest"))
}

fn path(item: &Value) -> String {
    format!("{LIST}/{}", place(item))
}

fn page(item: &Value) -> String {
    format!("/console/quarantine/{}", place(item))
}

async fn decide(world: &World, person: &Person, item: &Value, body: Value) -> Value {
    person.post(world, &format!("{}/decision", path(item)), body).await
}

async fn refused(world: &World, person: &Person, item: &Value, body: Value) -> String {
    person.refused(world, &format!("{}/decision", path(item)), body).await
}

/// How many changes a terminal knows to be held apart, and how many of everything it lists as not simply accepted.
fn apart(device: &Device) -> (u64, usize) {
    (device.client().overview().unwrap().quarantined, device.client().apart(100).unwrap().len())
}

fn answered(device: &Device, visit: InspectionId, item: &str) -> bool {
    device.client().inspection(visit).unwrap().view.answers.contains_key(item)
}

#[tokio::test]
async fn what_an_officer_wrote_into_a_visit_she_lost_is_kept_and_then_let_in() {
    let world = World::start(201, None).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let desk = Desk::sign_in(&world, "guanli").await;
    assert!(desk.get(&world, "/console/quarantine").await.text.contains("没有待决定的隔离内容"));
    one.link.down();
    let items: Vec<String> = (0..3).map(|_| support::answer_one(&one, visit)).collect();
    take_off(&world, visit, task.team[0]).await;
    one.link.up();
    one.sync().await;
    let (held, listed) = apart(&one);
    assert!(held > 3 && listed > 3, "changes and the entries that vouch for them: {held} {listed}");

    let rows = open(&world, &administrator).await;
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["code"] == "change_out_of_scope" && row["may_be_accepted"] == true));
    // The list does not say which was written first; what each says does.
    let mut first = Value::Null;
    for row in &rows {
        let shown = administrator.get(&world, &path(row)).await;
        assert!(shown["header"]["actor"].is_string() && shown["entry"]["latest"].is_string(), "{shown}");
        assert_eq!((&shown["missing"], &shown["alike"]), (&json!([]), &json!(2)));
        let places = shown["places"].as_array().unwrap();
        let at = items.iter().position(|item| places[0]["path"] == format!("answers/{item}")).unwrap();
        assert_eq!((places.len(), &shown["builds_upon_apart"]), (1, &json!(at)), "{shown}");
        assert!(places[0]["before"].is_null() && places[0]["after"].as_str().unwrap().contains("pass"));
        if at == 0 {
            first = row.clone();
        }
    }

    // In the console: where it waits, what it says, what each choice leads to.
    assert!(desk.get(&world, "/console").await.text.contains("id=\"part-quarantine\""));
    let case = desk.get(&world, &format!("/console/inspections/{visit}")).await.text;
    let list = format!("/console/quarantine?inspection={visit}");
    assert!(case.contains(&format!("href=\"{list}\"")), "the case leads to what is held apart");
    assert!(desk.get(&world, &list).await.text.contains(&page(&first)));
    let shown = desk.get(&world, &page(&first)).await.text;
    for part in ["合格</ins>", "不在这次检查的小组内", "并入检查", "继续隔离", "name=\"reason\"", "另外 2 笔"]
    {
        assert!(shown.contains(part), "{part}");
    }

    // A reason is needed.
    for reason in ["", " ", "好"] {
        let body = json!({"decision": "keep", "reason": reason});
        assert_eq!(refused(&world, &administrator, &first, body).await, "reason_missing");
    }
    let long = json!({"decision": "keep", "reason": "长".repeat(2001)});
    assert_eq!(refused(&world, &administrator, &first, long).await, "reason_missing");
    let seen = desk.post(&world, &page(&first), &[("decision", "keep"), ("reason", "好")]).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.text.contains("好</textarea>") && seen.text.contains("value=\"keep\" checked"));
    let seen = desk.post(&world, &page(&first), &[("reason", "没有选择")]).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);

    // Kept: nothing changes but that somebody has decided.
    let kept = [("decision", "keep"), ("phrase", "evidence"), ("reason", "先核实")];
    let seen = desk.post(&world, &page(&first), &kept).await;
    assert_eq!(seen.leads_to(), format!("{}?done=decided", page(&first)));
    assert_eq!(open(&world, &administrator).await.len(), 2);
    let decided = administrator.get(&world, &format!("{LIST}?state=decided")).await;
    let decision = decided["rows"][0]["decision"].clone();
    assert_eq!(
        (&decision["decision"], &decided["rows"][0]["state"]),
        (&json!("keep"), &json!("quarantined"))
    );
    assert!(decision["reason"].as_str().unwrap().ends_with("\n先核实"));
    two.sync().await;
    assert!(!answered(&two, visit, &items[0]));

    // Decided again: it goes in, and so do the others, which built upon it.
    let body =
        json!({"decision": "accept", "reason": "经核实在场", "replaces": decision["id"], "together": true});
    let became = decide(&world, &administrator, &first, body).await;
    assert_eq!((&became["state"], &became["decision"]["decision"]), (&json!("accepted"), &json!("accept")));
    assert!(open(&world, &administrator).await.is_empty());
    one.sync().await;
    two.sync().await;
    for item in &items {
        assert!(answered(&one, visit, item) && answered(&two, visit, item), "{item}");
    }
    assert_eq!(apart(&one), (0, 0), "the author's terminal heard of it, change by change and entry by entry");
    let known = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(known["row"]["quarantined"], 0);

    // Every decision stays, with its reason.
    let subject = json!(format!("quarantine:{}", place(&first)));
    let trail = administrator.get(&world, "/api/v1/audit").await;
    let about = trail["rows"].as_array().unwrap().iter().filter(|row| row["subject"] == subject);
    let reasons: Vec<_> = about.map(|row| row["details"]["reason"].clone()).collect();
    assert_eq!((reasons.len(), &reasons[0]), (2, &json!("经核实在场")));
    let shown = desk.get(&world, &format!("{}?done=decided", page(&first))).await.text;
    for part in ["先核实", "经核实在场", "已并入检查", "管理员甲（虚构）"] {
        assert!(shown.contains(part), "{part}");
    }
    assert!(!shown.contains("name=\"decision\""), "what is part of the record is not taken out again");
    let body = json!({"decision": "keep", "reason": "改主意了", "replaces": became["decision"]["id"]});
    assert_eq!(refused(&world, &administrator, &first, body).await, "state_wrong");
}

#[tokio::test]
async fn one_that_is_let_in_before_what_it_builds_upon_waits_for_it() {
    let world = World::start(202, None).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    take_off(&world, visit, task.team[0]).await;
    let items: Vec<String> = (0..2).map(|_| support::answer_one(&one, visit)).collect();
    one.sync().await;
    let rows = open(&world, &administrator).await;
    let mut ordered = rows.clone();
    for row in rows {
        let upon = administrator.get(&world, &path(&row)).await["builds_upon_apart"].as_u64().unwrap();
        ordered[usize::try_from(upon).unwrap()] = row;
    }
    let body = json!({"decision": "accept", "reason": "经核实在场"});
    let later = decide(&world, &administrator, &ordered[1], body.clone()).await;
    assert_eq!((&later["state"], &later["code"]), (&json!("waiting"), &json!("change_waiting")));
    let decided = json!({"decision": "keep", "reason": "改主意了", "replaces": later["decision"]["id"]});
    assert_eq!(refused(&world, &administrator, &ordered[1], decided).await, "state_wrong");
    assert_eq!(decide(&world, &administrator, &ordered[0], body).await["state"], "accepted");
    two.sync().await;
    assert!(items.iter().all(|item| answered(&two, visit, item)));
    one.sync().await;
    assert_eq!(apart(&one), (0, 0));
}

#[tokio::test]
async fn two_administrators_decide_and_the_second_is_shown_the_first() {
    let world = World::start(203, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let colleague = json!({"login": "guanli2", "name": "管理员丙（虚构）", "role": "administrator", "unit": "ORG-C", "password": PASSWORD});
    administrator.post(&world, "/api/v1/users", colleague).await;
    take_off(&world, task.inspection, task.team[0]).await;
    support::answer_one(&one, task.inspection);
    one.sync().await;
    let item = open(&world, &administrator).await.remove(0);
    let (first, second) = (Desk::sign_in(&world, "guanli").await, Desk::sign_in(&world, "guanli2").await);
    for desk in [&first, &second] {
        assert_eq!(desk.get(&world, &page(&item)).await.field("replaces").as_deref(), Some(""));
    }
    let keep = [("decision", "keep"), ("replaces", ""), ("reason", "先放一放")];
    assert_eq!(first.post(&world, &page(&item), &keep).await.status, StatusCode::SEE_OTHER);
    let accept = [("decision", "accept"), ("replaces", ""), ("reason", "我写了很久的理由")];
    let late = second.post(&world, &page(&item), &accept).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    for part in ["already_decided", "先放一放", "管理员甲（虚构）", "我写了很久的理由</textarea>"]
    {
        assert!(late.text.contains(part), "{part}");
    }
    // Having seen it, the second may replace it; the first, who has not, may not.
    let replaces = late.field("replaces").unwrap();
    let accept = [("decision", "accept"), ("replaces", replaces.as_str()), ("reason", "已经核实")];
    assert_eq!(second.post(&world, &page(&item), &accept).await.status, StatusCode::SEE_OTHER);
    let stale = json!({"decision": "keep", "reason": "先放一放", "replaces": replaces});
    assert_eq!(refused(&world, &administrator, &item, stale).await, "already_decided");
}

#[tokio::test]
async fn one_that_made_judging_fail_is_judged_again_and_holds_nobody_back() {
    let world = World::start(204, None).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    // Whatever came first of this visit cannot be taken in.
    let infect = |tx: &mut Tx<'_>| {
        tx.execute("CREATE TABLE sick (item BYTEA)", &[])?;
        tx.execute(
            "CREATE TRIGGER infect AFTER INSERT ON inbox WHEN (SELECT COUNT(*) FROM sick) = 0
             BEGIN INSERT INTO sick (item) VALUES (new.item); END",
            &[],
        )?;
        tx.execute(
            "CREATE TRIGGER fail BEFORE UPDATE ON inbox
             WHEN new.state = 'accepted' AND new.item IN (SELECT item FROM sick)
             BEGIN SELECT RAISE(ABORT, 'it is sick'); END",
            &[],
        )
    };
    world.app.db.write::<u64, DbError, _>(infect).await.unwrap();
    let items: Vec<String> = (0..2).map(|_| support::answer_one(&one, visit)).collect();
    one.sync().await;
    for seconds in [5, 60] {
        world.clock.advance_seconds(seconds);
        judge::sweep(&world.app).await.unwrap();
    }
    let item = open(&world, &administrator).await.remove(0);
    assert_eq!((&item["code"], &item["may_be_accepted"]), (&json!("change_unjudgeable"), &json!(true)));

    // Still sick: apart again at once, open again, and the decision stays in the history.
    let body = json!({"decision": "accept", "reason": "再试一次"});
    let became = decide(&world, &administrator, &item, body).await;
    assert_eq!((&became["state"], &became["code"]), (&json!("quarantined"), &json!("change_unjudgeable")));
    assert_eq!(open(&world, &administrator).await.len(), 1);
    let health: Value = world.expect("GET", "/healthz", None, Value::Null).await;
    assert_eq!(health["unjudged"]["failing"], 0);

    let mend = |tx: &mut Tx<'_>| tx.execute("DROP TRIGGER fail", &[]);
    world.app.db.write::<u64, DbError, _>(mend).await.unwrap();
    let body = json!({"decision": "accept", "reason": "已经修复", "replaces": became["decision"]["id"]});
    assert_eq!(decide(&world, &administrator, &item, body).await["state"], "accepted");
    let shown = administrator.get(&world, &path(&item)).await;
    assert_eq!(shown["decisions"].as_array().unwrap().len(), 2);
    one.sync().await;
    two.sync().await;
    assert!(items.iter().all(|item| answered(&two, visit, item)), "what waited for it went in, too");
    assert_eq!(apart(&one), (0, 0));
}
