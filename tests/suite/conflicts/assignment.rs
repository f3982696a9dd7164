//! Who was on the task: a terminal outside the team, and one entity that was dispatched twice.

use super::*;
use crate::quarantine::take_off;
use crate::scope::{change, third};
use fieldproof_tests::world::desk::Desk;

/// A visit for which the first officer writes while she is taken off its team; what it says in each item.
async fn outside(world: &World) -> (City, Vec<String>) {
    let city = support::city(world).await;
    let visit = city.task.inspection;
    city.one.link.down();
    let items = (0..2).map(|_| support::answer_one(&city.one, visit)).collect();
    take_off(world, visit, city.task.team[0]).await;
    city.one.link.up();
    // What is in the wrong hands is taken all the same.
    city.one.sync().await;
    (city, items)
}

fn answered(device: &Device, visit: InspectionId) -> usize {
    device.client().inspection(visit).unwrap().view.answers.len()
}

#[tokio::test]
async fn what_a_terminal_outside_the_team_sent_is_kept_apart_and_then_accepted() {
    let world = World::start(521, None).await;
    let (City { administrator, supervisor, task, one, two }, items) = outside(&world).await;
    let visit = task.inspection;
    let (_, stranger) = administrators(&world, &administrator).await;
    let conflict = only(&world, &administrator, "assignment").await;
    assert_eq!(
        (&conflict["blocks"], &conflict["choices"]),
        (&json!(false), &json!(["accept", "reassign", "quarantine"]))
    );
    assert!(conflict["sides"][0]["officer"].is_string() && conflict["sides"][0]["device"].is_string());
    let accept = json!({"choice": "accept", "reason": "当天确在现场"});
    assert_eq!(refused(&world, &supervisor, &conflict, accept.clone()).await, "not_allowed");
    assert_eq!(refused(&world, &stranger, &conflict, accept.clone()).await, "not_found");
    assert_eq!(
        refused(&world, &administrator, &conflict, json!({"choice": "link", "reason": "x"})).await,
        "choice_unknown"
    );
    two.sync().await;
    let row = two.client().inspection(visit).unwrap().row.unwrap();
    assert_eq!(json!(row.conflicts[0].id), conflict["id"]);
    assert_eq!(answered(&two, visit), 0);

    decide(&world, &administrator, &conflict, json!({"choice": "quarantine", "reason": "先核实考勤"})).await;
    let apart = administrator.get(&world, "/api/v1/quarantine?state=decided").await;
    assert_eq!(apart["rows"].as_array().unwrap().len(), items.len());
    undo(&world, &administrator, &conflict, "考勤已核实").await;
    decide(&world, &administrator, &conflict, accept).await;
    two.sync().await;
    assert_eq!(answered(&two, visit), items.len());
    let body = undoing(&world, &administrator, &conflict, "再想想").await;
    let place = format!("{}/undo", path(&conflict));
    assert_eq!(administrator.refused(&world, &place, body).await, "decision_took_effect");
    assert_eq!(choices(&world, &administrator, &conflict).await, ["quarantine", "undo", "accept"]);

    // What comes after the decision is asked about again.
    support::answer_one(&one, visit);
    one.sync().await;
    let again = only(&world, &administrator, "assignment").await;
    assert_ne!(again["id"], conflict["id"]);
    assert_eq!(counted(&world, &administrator, visit).await, 1);
}

#[tokio::test]
async fn the_writer_is_put_on_the_team_and_what_was_held_apart_counts_on_sqlite() {
    the_writer_is_put_on_the_team(World::start(524, None).await).await;
}

#[tokio::test]
async fn the_writer_is_put_on_the_team_and_what_was_held_apart_counts_on_postgresql() {
    let url = fieldproof_tests::postgres::shared().create_database("reassigned");
    the_writer_is_put_on_the_team(World::start(524, Some(&url)).await).await;
}

async fn the_writer_is_put_on_the_team(world: World) {
    let (City { administrator, supervisor, task, one, two }, items) = outside(&world).await;
    let visit = task.inspection;
    let conflict = only(&world, &administrator, "assignment").await;
    let reassign = json!({"choice": "reassign", "reason": "当天由其实施检查"});
    assert_eq!(refused(&world, &supervisor, &conflict, reassign.clone()).await, "not_allowed");
    decide(&world, &administrator, &conflict, reassign.clone()).await;
    assert_eq!(refused(&world, &administrator, &conflict, reassign).await, "already_decided");
    sync_all(&[&one, &two]).await;
    for device in [&one, &two] {
        assert_eq!(answered(device, visit), items.len());
        let detail = device.client().inspection(visit).unwrap();
        assert!(detail.team.contains(&task.team[0]) && detail.row.unwrap().conflicts.is_empty());
    }
    assert!(one.client().inspection(visit).unwrap().editable);
    // What counts is part of the record: the officer stays.
    let body = undoing(&world, &administrator, &conflict, "再想想").await;
    let place = format!("{}/undo", path(&conflict));
    assert_eq!(administrator.refused(&world, &place, body).await, "decision_took_effect");
    assert_eq!(choices(&world, &administrator, &conflict).await, ["reassign"]);
    let audit = administrator.get(&world, "/api/v1/audit").await;
    let acts: Vec<_> = audit["rows"].as_array().unwrap().iter().map(|row| row["act"].clone()).collect();
    assert!(acts.contains(&json!("inspection.reassigned")), "{acts:?}");
}

#[tokio::test]
async fn who_joined_by_a_decision_leaves_again_while_nothing_of_theirs_counts() {
    let world = World::start(525, None).await;
    let (City { administrator, task, one, two, .. }, _) = outside(&world).await;
    let visit = task.inspection;
    // All that came stays apart by a decision of its own, and the terminal is asked about once more.
    let conflict = only(&world, &administrator, "assignment").await;
    decide(&world, &administrator, &conflict, json!({"choice": "quarantine", "reason": "不在现场"})).await;
    undo(&world, &administrator, &conflict, "再核实").await;
    let desk = Desk::sign_in(&world, "guanli").await;
    let page = format!("/console/conflicts/{}", conflict["id"].as_str().unwrap());
    assert!(desk.get(&world, &page).await.text.contains("改派"));
    let seen = desk.post(&world, &page, &[("choice", "reassign"), ("reason", "补派")]).await;
    assert_eq!(seen.leads_to(), format!("{page}?done=decided"), "{}", seen.text);
    sync_all(&[&one, &two]).await;
    // Decisions that something stays apart outlast it.
    assert_eq!(answered(&two, visit), 0);
    assert!(one.client().inspection(visit).unwrap().team.contains(&task.team[0]));
    // A team of one is none: somebody else joins first.
    let body = undoing(&world, &administrator, &conflict, "并未到场").await;
    let place = format!("{}/undo", path(&conflict));
    assert_eq!(administrator.refused(&world, &place, body).await, "team_size");
    let joiner = third(&world, &administrator, &task).await;
    change(&world, &administrator, visit, joiner, "joins", "补派").await;
    undo(&world, &administrator, &conflict, "并未到场").await;
    one.sync().await;
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert!(!shown["row"]["team"].as_array().unwrap().contains(&json!(task.team[0])), "{shown}");
    assert_eq!(only(&world, &administrator, "assignment").await["id"], conflict["id"]);
    assert_eq!(choices(&world, &administrator, &conflict).await, ["quarantine", "undo", "reassign", "undo"]);
}

#[tokio::test]
async fn deciding_change_by_change_decides_about_the_terminal() {
    let world = World::start(522, None).await;
    let (City { administrator, task, .. }, items) = outside(&world).await;
    let conflict = only(&world, &administrator, "assignment").await;
    let rows = administrator.get(&world, "/api/v1/quarantine").await["rows"].as_array().unwrap().clone();
    assert_eq!(rows.len(), items.len());
    for (left, row) in rows.iter().enumerate().rev() {
        let part = |name: &str| row[name].as_str().unwrap().to_owned();
        let place = format!(
            "/api/v1/quarantine/{}/{}/{}/decision",
            part("inspection"),
            part("device"),
            part("digest")
        );
        administrator.post(&world, &place, json!({"decision": "keep", "reason": "不在现场"})).await;
        assert_eq!(open(&world, &administrator, "assignment").await.len(), usize::from(left > 0));
    }
    assert_eq!(choices(&world, &administrator, &conflict).await, ["quarantine"]);
    assert_eq!(counted(&world, &administrator, task.inspection).await, 0);
}

/// Dispatches an entity a second time, in a plan that is a copy; both visits to it, sorted.
pub(super) async fn twins(world: &World, administrator: &Person) -> [InspectionId; 2] {
    let plans = administrator.get(world, "/api/v1/plans").await;
    let copy = format!("/api/v1/plans/{}/copy", plans["rows"][0]["id"].as_str().unwrap());
    let plan = administrator.post(world, &copy, json!({"year": 2027})).await;
    let draws = format!("/api/v1/plans/{}/draws", plan["id"].as_str().unwrap());
    let draw = administrator.post(world, &draws, json!({})).await["id"].as_str().unwrap().to_owned();
    administrator.post(world, &format!("/api/v1/draws/{draw}/reveal"), json!({"entropy": "27182818"})).await;
    administrator.dispatch(world, &draw).await;
    let conflict = open(world, administrator, "assignment").await.remove(0);
    let read = |side: &Value| serde_json::from_value(side["inspection"].clone()).unwrap();
    let mut visits: Vec<InspectionId> = conflict["sides"].as_array().unwrap().iter().map(read).collect();
    visits.sort_by_key(ToString::to_string);
    visits.try_into().unwrap()
}

#[tokio::test]
async fn one_entity_dispatched_twice_is_linked_to_one_case_or_left_apart() {
    let world = World::start(523, None).await;
    let City { administrator, two, .. } = support::city(&world).await;
    assert!(open(&world, &administrator, "assignment").await.is_empty());
    let twins = twins(&world, &administrator).await;
    let conflict = open(&world, &administrator, "assignment").await.remove(0);
    assert_eq!((&conflict["blocks"], &conflict["choices"]), (&json!(false), &json!(["link", "separate"])));
    let visits: Vec<&str> = conflict["sides"]
        .as_array()
        .unwrap()
        .iter()
        .map(|side| side["inspection"].as_str().unwrap())
        .collect();
    assert!(twins.iter().all(|visit| visits.contains(&visit.to_string().as_str())), "{visits:?}");
    let desk = Desk::sign_in(&world, "guanli").await;
    let page = format!("/console/conflicts/{}", conflict["id"].as_str().unwrap());
    let shown = desk.get(&world, &page).await.text;
    assert!(visits.iter().all(|visit| shown.contains(&format!("/console/inspections/{visit}"))), "{shown}");
    let seen = desk.post(&world, &page, &[("choice", "link"), ("reason", "同一经营场所")]).await;
    assert_eq!(seen.leads_to(), format!("{page}?done=decided"));
    for (visit, other) in [(visits[0], visits[1]), (visits[1], visits[0])] {
        let case = desk.get(&world, &format!("/console/inspections/{visit}")).await.text;
        assert!(case.contains("并案检查") && case.contains(&format!("/console/inspections/{other}")));
    }
    undo(&world, &administrator, &conflict, "两处场所").await;
    let case = desk.get(&world, &format!("/console/inspections/{}", visits[0])).await.text;
    assert!(!case.contains("并案检查"));
    decide(&world, &administrator, &conflict, json!({"choice": "separate", "reason": "两处场所"})).await;
    assert_eq!(choices(&world, &administrator, &conflict).await, ["link", "undo", "separate"]);
    two.sync().await;
}
