//! A visit changes hands after the dispatch: who joins gets all of it, who leaves loses nothing of what was written, and
//! nobody else is held up.

use super::{change, listed, third};
use crate::support::{self, City};
use axum::http::StatusCode;
use fieldproof_client_core::{CaptureFacts, CaptureSource, ClientError, Obstacle};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::reference::{DecisionKind, InspectionState};
use fieldproof_schema::seal::Party;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{PASSWORD, Person};
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::device::{Device, PASSPHRASE};
use serde_json::{Value, json};

fn answered(device: &Device, visit: InspectionId, item: &str) -> bool {
    device.client().inspection(visit).unwrap().view.answers.contains_key(item)
}

async fn open_conflicts(world: &World, person: &Person) -> Vec<Value> {
    let all = person.get(world, "/api/v1/conflicts").await["conflicts"].as_array().unwrap().clone();
    all.into_iter().filter(|conflict| conflict["kind"] == "assignment").collect()
}

fn party() -> Party {
    Party::Signed { name: "王芳".into() }
}

#[tokio::test]
async fn a_visit_changes_hands_while_its_officer_is_offline_and_nothing_is_lost() {
    let world = World::start(611, None).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let joiner = third(&world, &administrator, &task).await;
    let three = administrator.terminal(&world, joiner, "three").await;
    three.sync().await;
    assert!(!listed(&three, visit));
    let early = support::answer_one(&two, visit);
    two.sync().await;
    one.sync().await;

    // The first officer is in a cellar and goes on.
    one.link.down();
    let late: Vec<String> = (0..2).map(|_| support::answer_one(&one, visit)).collect();
    let bytes = photo::jpeg(5, None, 64, 64);
    let facts = CaptureFacts { caption: "水质检测仪", ..CaptureFacts::PHOTO };
    let record = one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    change(&world, &administrator, visit, joiner, "joins", "原执法人员抽调").await;
    change(&world, &administrator, visit, task.team[0], "leaves", "抽调支援").await;

    // Who joined has all of it, and is told that the team changed.
    three.sync().await;
    let detail = three.client().inspection(visit).unwrap();
    assert!(listed(&three, visit) && detail.editable && answered(&three, visit, &early));
    assert!(detail.entity.is_some() && detail.template.is_some());
    assert_eq!(detail.team.len(), 2);
    assert!(detail.team.contains(&joiner) && !detail.team.contains(&task.team[0]));
    assert!(detail.members().all(|member| !member.name.is_empty()), "{:?}", detail.people);
    assert!(detail.task.unwrap().team.iter().any(|member| member.officer == joiner));
    let told = detail.row.unwrap().decisions;
    assert!(told.iter().any(|d| d.kind == DecisionKind::Resolved && d.comment.contains("抽调支援")));
    let (own, answer) = support::plain_items(&three, visit).pop().unwrap();
    three.client().answer(visit, &own, &answer).unwrap();
    three.sync().await;
    two.sync().await;
    assert!(answered(&two, visit, &own), "the colleague works on");

    // Still in the cellar everything can be read.
    assert!(listed(&one, visit) && one.client().inspection(visit).unwrap().editable);
    one.link.up();
    one.sync().await;
    assert!(one.client().status().unwrap().unsent.is_empty(), "everything has its receipt");
    assert!(!listed(&one, visit) && one.client().inspection(visit).is_err());
    let rows = administrator.get(&world, "/api/v1/quarantine").await["rows"].as_array().unwrap().clone();
    assert!(rows.len() > 2 && rows.iter().all(|row| row["code"] == "change_out_of_scope"), "{rows:?}");
    assert_eq!(open_conflicts(&world, &administrator).await.len(), 1);
    assert!(late.iter().all(|item| !answered(&two, visit, item) && !answered(&three, visit, item)));
    one.sync().await;

    // It is let in: the union of all three, the original with it.
    let conflict = open_conflicts(&world, &administrator).await.remove(0);
    let path = format!("/api/v1/conflicts/{}/decision", conflict["id"].as_str().unwrap());
    administrator.post(&world, &path, json!({"choice": "accept", "reason": "当时仍在现场"})).await;
    for device in [&two, &three] {
        device.sync().await;
        for item in late.iter().chain([&early, &own]) {
            assert!(answered(device, visit, item), "{item}");
        }
    }
    let known = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    let evidence = known["row"]["evidence"].as_array().unwrap();
    let held = evidence.iter().find(|capture| capture["record"] == json!(record));
    assert_eq!(held.expect("the capture belongs to the visit")["held"], true);
    one.sync().await;
    assert!(!listed(&one, visit));

    // The present team seals; who left has no part in it.
    support::seal(&two, &three, visit, &party(), None).await;
    assert_eq!(support::state(&two, visit), InspectionState::Sealed);
    let sealed = two.client().inspection(visit).unwrap().seals.pop().unwrap();
    assert!(sealed.complete && !sealed.statement.team.contains(&task.team[0]));
}

#[tokio::test]
async fn an_officer_who_leaves_and_comes_back_finds_everything() {
    let world = World::start(612, None).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let joiner = third(&world, &administrator, &task).await;
    let before = support::answer_one(&one, visit);
    one.sync().await;
    one.link.down();
    let offline: Vec<String> = (0..2).map(|_| support::answer_one(&one, visit)).collect();
    change(&world, &administrator, visit, joiner, "joins", "支援").await;
    change(&world, &administrator, visit, task.team[0], "leaves", "请假").await;
    two.sync().await;
    let meanwhile = support::plain_items(&two, visit).pop().unwrap();
    two.client().answer(visit, &meanwhile.0, &meanwhile.1).unwrap();
    two.sync().await;
    one.link.up();
    one.sync().await;
    assert!(!listed(&one, visit));
    assert!(one.client().overview().unwrap().quarantined > 0);
    // People keep one of the two apart.
    let rows = administrator.get(&world, "/api/v1/quarantine").await["rows"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 2);
    let name = |row: &Value, part: &str| row[part].as_str().unwrap().to_owned();
    let mut last = None;
    for row in &rows {
        let place = format!(
            "/api/v1/quarantine/{}/{}/{}",
            name(row, "inspection"),
            name(row, "device"),
            name(row, "digest")
        );
        if administrator.get(&world, &place).await["builds_upon_apart"] == json!(1) {
            last = Some(place);
        }
    }
    let keep = json!({"decision": "keep", "reason": "先核实"});
    let decide = format!("{}/decision", last.unwrap());
    let kept = administrator.post(&world, &decide, keep).await;

    change(&world, &administrator, visit, task.team[0], "joins", "销假").await;
    assert!(open_conflicts(&world, &administrator).await.is_empty(), "nobody needs to be asked any more");
    for device in [&one, &two, &one] {
        device.sync().await;
    }
    for device in [&one, &two] {
        assert!(listed(device, visit) && answered(device, visit, &before));
        assert!(answered(device, visit, &offline[0]) && answered(device, visit, &meanwhile.0));
    }
    assert!(!answered(&two, visit, &offline[1]), "what people decided to keep apart stays so");
    assert_eq!(one.client().inspection(visit).unwrap().team.len(), 3);
    // What she writes on builds upon it, and waits for it; then all of it counts.
    let again = support::answer_one(&one, visit);
    one.sync().await;
    two.sync().await;
    assert!(!answered(&two, visit, &again));
    let accept = json!({"decision": "accept", "reason": "已核实", "replaces": kept["decision"]["id"]});
    administrator.post(&world, &decide, accept).await;
    two.sync().await;
    assert!(answered(&two, visit, &again) && answered(&two, visit, &offline[1]));
    one.sync().await;
    assert_eq!(one.client().overview().unwrap().quarantined, 0);
}

#[tokio::test]
async fn a_terminal_that_has_not_sent_everything_still_shows_what_was_lost_and_why() {
    let world = World::start(613, None).await;
    let City { administrator, task, mut one, .. } = support::city(&world).await;
    let visit = task.inspection;
    let joiner = third(&world, &administrator, &task).await;
    let item = support::answer_one(&one, visit);
    let bytes = photo::jpeg(5, None, 64, 64);
    let facts = CaptureFacts { caption: "池水", ..CaptureFacts::PHOTO };
    one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    change(&world, &administrator, visit, joiner, "joins", "支援").await;
    change(&world, &administrator, visit, task.team[0], "leaves", "请假").await;
    // The original does not get through for now.
    one.link.lose_evidence();
    one.try_sync().await.ok();
    let detail = one.client().inspection(visit).unwrap();
    assert!(detail.summary.lost && !detail.editable && !detail.summary.unsent.is_empty());
    assert!(listed(&one, visit) && detail.view.answers.contains_key(&item));
    let refused = one.client().narrative(visit, None, "还想写").unwrap_err();
    assert!(matches!(refused, ClientError::StateWrong { why: Obstacle::NotOnTeam }), "{refused:?}");
    one.link = world.link();
    one.sync().await;
    assert!(!listed(&one, visit));
    assert_eq!(open_conflicts(&world, &administrator).await.len(), 1);
}

#[tokio::test]
async fn a_seal_that_waits_is_signed_anew_by_the_new_team_and_a_complete_one_stays() {
    let world = World::start(614, None).await;
    let City { administrator, supervisor, task, one, two } = support::city(&world).await;
    let visit = task.inspection;
    let joiner = third(&world, &administrator, &task).await;
    let three = administrator.terminal(&world, joiner, "three").await;
    support::answer_one(&one, visit);
    one.client().seal(visit, PASSPHRASE, &party(), None).unwrap();
    one.sync().await;
    two.sync().await;
    // The second officer signs offline what the first drew up, and is taken off meanwhile.
    two.link.down();
    two.client().cosign(visit, PASSPHRASE).unwrap();
    change(&world, &administrator, visit, joiner, "joins", "替换").await;
    change(&world, &administrator, visit, task.team[1], "leaves", "回避").await;
    one.sync().await;
    let detail = one.client().inspection(visit).unwrap();
    assert!(detail.editable, "what another team was to sign waits for nobody");
    two.link.up();
    two.sync().await;
    assert!(!listed(&two, visit));
    one.sync().await;
    assert_eq!(support::state(&one, visit), InspectionState::InProgress);
    three.sync().await;
    support::seal(&one, &three, visit, &party(), None).await;
    assert_eq!(support::state(&three, visit), InspectionState::Sealed);

    // A later change of the team touches nothing of it; the supplement is the new team's.
    let fourth = {
        let officers = administrator.get(&world, "/api/v1/officers").await;
        let mut all = officers["rows"].as_array().unwrap().iter().filter(|row| row["active"] != false);
        let known = [task.team[0], task.team[1], joiner].map(|officer| json!(officer));
        serde_json::from_value(all.find(|row| !known.contains(&row["id"])).unwrap()["id"].clone()).unwrap()
    };
    change(&world, &administrator, visit, fourth, "joins", "复核").await;
    change(&world, &administrator, visit, joiner, "leaves", "调离").await;
    one.sync().await;
    let detail = one.client().inspection(visit).unwrap();
    let first = detail.seals.iter().find(|seal| seal.complete).unwrap().clone();
    assert_eq!(
        (detail.summary.state, first.statement.team.contains(&joiner)),
        (InspectionState::Sealed, true)
    );
    let back = json!({"comment": "请补充检测数据"});
    supervisor.post(&world, &format!("/api/v1/inspections/{visit}/return"), back).await;
    let four = administrator.terminal(&world, fourth, "four").await;
    four.sync().await;
    one.sync().await;
    one.client().narrative(visit, None, "补充说明").unwrap();
    support::seal(&one, &four, visit, &party(), Some("已补充")).await;
    let seals = four.client().inspection(visit).unwrap().seals;
    let complete: Vec<_> = seals.iter().filter(|seal| seal.complete).collect();
    assert_eq!(complete.len(), 2);
    assert_eq!(complete[0].text, first.text);
    assert!(complete[1].statement.team.contains(&fourth));
    // Accepted: the team is closed.
    let accept = json!({"comment": "同意"});
    supervisor.post(&world, &format!("/api/v1/inspections/{visit}/accept"), accept).await;
    let late = json!({"officer": joiner, "change": "joins", "reason": "太迟"});
    let path = format!("/api/v1/inspections/{visit}/team");
    assert_eq!(administrator.refused(&world, &path, late).await, "state_wrong");
}

#[tokio::test]
async fn a_team_is_changed_in_the_console_by_administrators_of_the_unit_with_a_reason() {
    let world = World::start(615, None).await;
    let City { administrator, supervisor, task, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let (joiner, leaver) = (third(&world, &administrator, &task).await.to_string(), task.team[0].to_string());
    let page = format!("/console/inspections/{visit}/team");
    let desk = Desk::sign_in(&world, "guanli").await;
    let case = desk.get(&world, &format!("/console/inspections/{visit}")).await.text;
    assert!(case.contains(&format!("href=\"{page}\"")));
    let shown = desk.get(&world, &page).await.text;
    assert!(shown.contains(&format!("value=\"{joiner}\"")) && shown.contains(&format!("value=\"{leaver}\"")));
    let form = |officer: &str, step: &str, reason: &str| {
        [("officer", officer), ("change", step), ("reason", reason)].map(|(n, v)| (n, v.to_owned()))
    };
    let send = async |fields: [(&str, String); 3]| {
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        desk.post(&world, &page, &fields).await
    };
    let refused = send(form(&leaver, "leaves", "先退出再说")).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text.contains("先退出再说</textarea>") && refused.text.contains("不得少于两人"));
    let refused = send(form(&joiner, "joins", " ")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let refused = send(form("", "joins", "没有选人")).await;
    assert!(refused.text.contains("请选择执法人员") && refused.text.contains("没有选人</textarea>"));
    assert_eq!(send(form(&joiner, "joins", "支援")).await.leads_to(), page);
    assert_eq!(send(form(&joiner, "joins", "支援")).await.status, StatusCode::CONFLICT);
    assert_eq!(send(form(&leaver, "leaves", "请假")).await.leads_to(), page);
    let shown = desk.get(&world, &page).await.text;
    assert!(shown.contains("曾在小组"));
    let case = desk.get(&world, &format!("/console/inspections/{visit}")).await.text;
    assert!(case.contains("退出检查小组。请假") && case.contains("加入检查小组。支援"));
    let trail = administrator.get(&world, "/api/v1/audit").await;
    let acts = trail["rows"].as_array().unwrap().iter().filter(|row| row["act"] == "inspection.reassigned");
    assert_eq!(acts.count(), 2);
    two.sync().await;
    assert_eq!(two.client().inspection(visit).unwrap().row.unwrap().decisions.len(), 2);

    // Nobody else: not a supervisor, not an administrator of another unit.
    let body = json!({"officer": leaver, "change": "joins", "reason": "回来"});
    let path = format!("/api/v1/inspections/{visit}/team");
    assert_eq!(supervisor.refused(&world, &path, body.clone()).await, "not_allowed");
    let known = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    let unit = known["info"]["unit"].as_str().unwrap().to_owned();
    let elsewhere = ["ORG-D1-T1", "ORG-D2-T1"].into_iter().find(|other| *other != unit).unwrap();
    let user = json!({"login": "waidi", "name": "某人（虚构）", "role": "administrator", "unit": elsewhere, "password": PASSWORD});
    administrator.post(&world, "/api/v1/users", user).await;
    let outside = Person::sign_in(&world, "waidi").await;
    assert_eq!(outside.refused(&world, &path, body).await, "not_found");
    for (login, status) in [("shenhe", StatusCode::FORBIDDEN), ("waidi", StatusCode::NOT_FOUND)] {
        let desk = Desk::sign_in(&world, login).await;
        assert_eq!(desk.get(&world, &page).await.status, status, "{login}");
    }
}
