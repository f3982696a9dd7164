//! A revision of a checklist is withdrawn while visits are filled on it.

use super::*;
use fieldproof_schema::reference::{DecisionKind, InspectionState};
use fieldproof_tests::world::desk::Desk;

#[tokio::test]
async fn visits_on_a_withdrawn_revision_go_on_or_go_back_with_what_is_affected() {
    let world = World::start(541, None).await;
    let City { administrator, supervisor, task, one, two } = support::city(&world).await;
    let visit = task.inspection;
    let item = support::answer_one(&one, visit);
    one.sync().await;
    let listed = administrator.get(&world, "/api/v1/templates").await;
    let rows = listed["rows"].as_array().unwrap();
    let revision = rows.iter().find(|row| row["id"] == json!(task.template)).unwrap()["revision"].clone();
    let revision = revision.as_str().unwrap();
    let place = format!("/api/v1/templates/{}/{revision}/withdraw", task.template);
    let reason = json!({"reason": "限值已修订"});
    assert_eq!(supervisor.refused(&world, &place, reason.clone()).await, "not_allowed");
    assert_eq!(administrator.refused(&world, &place, json!({})).await, "reason_missing");
    let nowhere = format!("/api/v1/templates/{}/1999.1/withdraw", task.template);
    assert_eq!(administrator.refused(&world, &nowhere, reason.clone()).await, "not_found");
    let asked = administrator.post(&world, &place, reason.clone()).await["visits"].as_u64().unwrap();
    assert_eq!(administrator.refused(&world, &place, reason).await, "already_decided");

    let found = open(&world, &administrator, "template").await;
    assert_eq!(found.len() as u64, asked);
    let conflict = found.iter().find(|conflict| conflict["inspection"] == json!(visit)).unwrap();
    assert_eq!((&conflict["blocks"], &conflict["choices"]), (&json!(false), &json!(["accept", "return"])));
    assert_eq!(
        refused(&world, &supervisor, conflict, json!({"choice": "accept", "reason": "x"})).await,
        "not_allowed"
    );
    decide(&world, &administrator, conflict, json!({"choice": "accept", "reason": "修订不涉及本次检查"}))
        .await;
    undo(&world, &administrator, conflict, "涉及").await;
    // There is no newer revision: what was answered is what is affected.
    decide(&world, &administrator, conflict, json!({"choice": "return", "reason": "请按新限值"})).await;
    sync_all(&[&one, &two]).await;
    for device in [&one, &two] {
        let detail = device.client().inspection(visit).unwrap();
        let row = detail.row.unwrap();
        assert_eq!((row.state, detail.editable), (InspectionState::Returned, true));
        let returned = row.decisions.iter().find(|d| d.kind == DecisionKind::Returned).unwrap();
        assert_eq!(returned.items.keys().collect::<Vec<_>>(), [&item]);
        assert!(row.conflicts.is_empty());
    }
    assert_eq!(choices(&world, &administrator, conflict).await, ["accept", "undo", "return"]);
    let body = undoing(&world, &administrator, conflict, "再想想").await;
    let place = format!("{}/undo", path(conflict));
    assert_eq!(administrator.refused(&world, &place, body).await, "decision_took_effect");
    // The officers work on, and it can be sealed.
    support::answer_one(&two, visit);
    assert!(two.sync().await.refused.is_empty());
}

#[tokio::test]
async fn a_revision_is_withdrawn_in_the_console_with_a_reason() {
    let world = World::start(542, None).await;
    let City { administrator, task, .. } = support::city(&world).await;
    let listed = administrator.get(&world, "/api/v1/templates").await;
    let rows = listed["rows"].as_array().unwrap();
    let revision = rows.iter().find(|row| row["id"] == json!(task.template)).unwrap()["revision"].clone();
    let page = format!("/console/checklists/{}/{}", task.template, revision.as_str().unwrap());
    let reader = Desk::sign_in(&world, "shenhe").await;
    assert!(!reader.get(&world, &page).await.text.contains("停用本版本"));
    assert_eq!(reader.post(&world, &page, &[("reason", "x")]).await.status.as_u16(), 403);
    let desk = Desk::sign_in(&world, "guanli").await;
    assert!(desk.get(&world, &page).await.text.contains("停用本版本"));
    let silent = desk.post(&world, &page, &[("reason", " ")]).await;
    assert!(silent.status.is_client_error() && silent.text.contains("请写明停用理由"), "{}", silent.text);
    let seen = desk.post(&world, &page, &[("reason", "限值已修订")]).await;
    assert!(seen.leads_to().starts_with(&format!("{page}?asked=")), "{}", seen.text);
    assert!(desk.get(&world, seen.leads_to()).await.text.contains("已列为冲突"));
    assert!(desk.get(&world, "/console/conflicts").await.text.contains("检查表版本"));
}
