//! What came after the seal: left beside it, attached as a supplement, or a reason to sign everything anew.

use super::*;
use fieldproof_schema::reference::{DecisionKind, InspectionState};
use fieldproof_schema::seal::Party;

fn party() -> Party {
    Party::Signed { name: "现场负责人（虚构）".into() }
}

/// A sealed visit, and what a terminal in the car wrote about one item without knowing of the seal.
async fn late(world: &World) -> (City, Device, String) {
    let city = support::city(world).await;
    let visit = city.task.inspection;
    let car = city.administrator.terminal(world, city.task.team[1], "car").await;
    for (item, answer) in support::plain_items(&city.one, visit) {
        city.one.client().answer(visit, &item, &answer).unwrap();
    }
    sync_all(&[&city.one, &city.two, &car]).await;
    car.link.down();
    support::seal(&city.one, &city.two, visit, &party(), None).await;
    let (item, _) = support::plain_items(&car, visit).remove(1);
    car.client().note(visit, &item, None, "定稿后才看到的积水").unwrap();
    car.link.up();
    assert!(car.sync().await.refused.is_empty(), "what comes late is taken");
    (city, car, item)
}

#[tokio::test]
async fn what_came_late_is_attached_as_a_supplement() {
    let world = World::start(511, None).await;
    let (City { administrator, supervisor, task, one, two }, car, item) = late(&world).await;
    let visit = task.inspection;
    let conflict = only(&world, &administrator, "late_change").await;
    assert_eq!(conflict["choices"], json!(["beside", "supplement", "reopen"]));
    let body = json!({"choice": "supplement", "reason": "与结论有关"});
    assert_eq!(refused(&world, &supervisor, &conflict, body.clone()).await, "not_allowed");
    assert_eq!(
        refused(&world, &administrator, &conflict, json!({"choice": "link", "reason": "x"})).await,
        "choice_unknown"
    );
    decide(&world, &administrator, &conflict, body).await;
    let body = undoing(&world, &administrator, &conflict, "再想想").await;
    let refused = administrator.refused(&world, &format!("{}/undo", path(&conflict)), body).await;
    assert_eq!(refused, "decision_took_effect");

    sync_all(&[&one, &two, &car]).await;
    for device in [&one, &two, &car] {
        let row = device.client().inspection(visit).unwrap().row.unwrap();
        assert_eq!(row.state, InspectionState::Returned);
        let returned = row.decisions.iter().find(|d| d.kind == DecisionKind::Returned).unwrap();
        assert!(returned.comment.contains("与结论有关"));
        assert_eq!(
            returned.items.keys().collect::<Vec<_>>(),
            [&item],
            "only what came late is to be checked"
        );
    }
    support::seal(&one, &two, visit, &party(), Some("已核对补充")).await;
    assert_eq!(support::state(&one, visit), InspectionState::Sealed);
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert!(shown["sealed"]["view"].to_string().contains("定稿后才看到的积水"));
    assert!(open(&world, &administrator, "late_change").await.is_empty());
    assert_eq!(counted(&world, &administrator, visit).await, 0);
    let accept = format!("/api/v1/inspections/{visit}/accept");
    supervisor.post(&world, &accept, json!({"comment": "同意"})).await;
}

#[tokio::test]
async fn what_came_late_is_a_reason_to_check_everything_again() {
    let world = World::start(512, None).await;
    let (City { administrator, task, one, two, .. }, car, _) = late(&world).await;
    let visit = task.inspection;
    let conflict = only(&world, &administrator, "late_change").await;
    decide(&world, &administrator, &conflict, json!({"choice": "reopen", "reason": "影响多项"})).await;
    sync_all(&[&one, &two, &car]).await;
    let detail = one.client().inspection(visit).unwrap();
    let row = detail.row.unwrap();
    let returned = row.decisions.iter().find(|d| d.kind == DecisionKind::Returned).unwrap();
    assert!(detail.editable && returned.items.is_empty() && returned.comment.contains("影响多项"));
    one.client().narrative(visit, None, "重新核对全部检查项。").unwrap();
    sync_all(&[&one, &two]).await;
    support::seal(&one, &two, visit, &party(), Some("重新签名")).await;
    assert_eq!(support::state(&two, visit), InspectionState::Sealed);
}

#[tokio::test]
async fn what_was_left_beside_is_asked_again_after_the_decision_is_taken_back() {
    let world = World::start(513, None).await;
    let (City { administrator, supervisor, task, one, two }, car, _) = late(&world).await;
    let visit = task.inspection;
    let conflict = only(&world, &administrator, "late_change").await;
    decide(&world, &administrator, &conflict, json!({"leave_beside": true, "reason": "不影响结论"})).await;
    assert_eq!(counted(&world, &administrator, visit).await, 0);
    undo(&world, &administrator, &conflict, "其实有影响").await;
    assert_eq!(counted(&world, &administrator, visit).await, 1);
    sync_all(&[&one, &two, &car]).await;
    assert_eq!(only(&world, &administrator, "late_change").await["id"], conflict["id"]);
    let accept = format!("/api/v1/inspections/{visit}/accept");
    assert_eq!(supervisor.refused(&world, &accept, json!({"comment": "同意"})).await, "conflicts_open");
    decide(&world, &administrator, &conflict, json!({"choice": "beside", "reason": "核实后不影响"})).await;
    assert_eq!(choices(&world, &administrator, &conflict).await, ["beside", "undo", "beside"]);
    supervisor.post(&world, &accept, json!({"comment": "同意"})).await;
    // What was accepted is not opened again by whoever decides conflicts.
    let body = undoing(&world, &administrator, &conflict, "太晚了").await;
    let refused = administrator.refused(&world, &format!("{}/undo", path(&conflict)), body).await;
    assert_eq!(refused, "decision_took_effect");
}
