//! A working day, from the draw to the disclosed result, told on both engines.

use crate::support::{self, City};
use fieldproof_client_core::{CaptureFacts, CaptureSource, Choice, Stage};
use fieldproof_schema::checklist::{Answer, Outcome, Verdict};
use fieldproof_schema::reference::{DecisionKind, InspectionState};
use fieldproof_schema::seal::Party;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::PASSPHRASE;
use serde_json::{Value, json};

#[tokio::test]
async fn a_working_day_ends_with_a_disclosed_result_on_sqlite() {
    working_day(&World::start(1, None).await).await;
}

#[tokio::test]
async fn a_working_day_ends_with_a_disclosed_result_on_postgresql() {
    let url = fieldproof_tests::postgres::shared().create_database("working_day");
    working_day(&World::start(1, Some(&url)).await).await;
}

/// The whole day; what remains is the city in the evening.
pub(crate) async fn working_day(world: &World) -> City {
    let City { administrator, supervisor, task, mut one, two } = support::city(world).await;
    let visit = task.inspection;

    // Both terminals hold everything that a cellar needs.
    for device in [&one, &two] {
        let detail = device.client().inspection(visit).unwrap();
        assert_eq!(detail.row.as_ref().unwrap().state, InspectionState::Dispatched);
        assert!(detail.entity.is_some() && detail.task.is_some() && detail.editable);
        assert!(!detail.template.as_ref().unwrap().items.is_empty());
        assert!(device.client().laws().unwrap().is_some());
    }

    // The link goes; the officers share the checklist, and both answer one item.
    one.link.down();
    two.link.down();
    let items = support::plain_items(&one, visit);
    let (contested, rest) = items.split_first().unwrap();
    let (first, second) = rest.split_at(rest.len() / 2);
    for (item, answer) in first {
        one.client().answer(visit, item, answer).unwrap();
    }
    for (item, answer) in second {
        two.client().answer(visit, item, answer).unwrap();
    }
    one.client().narrative(visit, None, "上午检查更衣室与泳池。").unwrap();
    two.client().narrative(visit, None, "下午检查水处理机房。").unwrap();
    let pass = Answer::Conformity { result: Outcome::Pass };
    let fail = Answer::Conformity { result: Outcome::Fail };
    assert_eq!(one.client().answer(visit, &contested.0, &pass).unwrap().verdict, Verdict::Pass);
    assert_eq!(two.client().answer(visit, &contested.0, &fail).unwrap().verdict, Verdict::Fail);
    for (seed, caption) in [(1, "池水全景"), (2, "余氯检测仪读数")] {
        let bytes = photo::jpeg(seed, Some(caption), 640, 480);
        let facts = CaptureFacts { item: Some(&contested.0), caption, ..CaptureFacts::PHOTO };
        one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    }

    // The battery dies between two acts. Everything committed is there.
    let before = one.client().inspection(visit).unwrap();
    one.die();
    one.switch_on();
    let after = one.client().inspection(visit).unwrap();
    assert_eq!(after.view, before.view);
    assert!(!after.evidence.is_empty() && after.evidence.iter().all(|e| e.stage == Stage::Here));
    assert!(one.try_sync().await.is_err(), "the link is down");

    // The link is back: both see the same, and nobody lost a word.
    one.link.up();
    two.link.up();
    for device in [&one, &two, &one, &two] {
        device.sync().await;
    }
    let (here, there) = (one.client().inspection(visit).unwrap(), two.client().inspection(visit).unwrap());
    assert_eq!(here.view, there.view);
    assert_eq!(here.heads, there.heads);
    assert_eq!(here.view.answers.len(), items.len());
    assert!(here.view.narrative.contains("上午检查更衣室与泳池。"));
    assert!(here.view.narrative.contains("下午检查水处理机房。"));
    assert!(here.evidence.iter().all(|e| e.stage == Stage::Held), "{:?}", here.evidence);
    assert!(one.client().status().unwrap().unsent.is_empty());
    assert_eq!(here.conflicts, there.conflicts);
    assert_eq!(here.conflicts.len(), 1);

    // The server sees the same conflict; an administrator decides it, and both terminals are told why.
    let open = administrator.get(world, "/api/v1/conflicts").await;
    let conflict = &open["conflicts"][0];
    assert_eq!(conflict["id"], json!(here.conflicts[0].id));
    assert!(conflict["sides"][0]["officer"].is_string());
    let side = conflict["sides"].as_array().unwrap().iter();
    let side = side.clone().find(|s| s["value"] == json!(fail.to_register())).unwrap();
    let path = format!("/api/v1/conflicts/{}/decision", here.conflicts[0].id);
    let decision = json!({"side": side["change"], "reason": "现场照片显示池水浑浊"});
    assert_eq!(supervisor.refused(world, &path, decision.clone()).await, "not_allowed");
    let blank = json!({"side": side["change"], "reason": " "});
    assert_eq!(administrator.refused(world, &path, blank).await, "reason_missing");
    administrator.post(world, &path, decision.clone()).await;
    assert_eq!(administrator.refused(world, &path, decision).await, "already_decided");
    for device in [&one, &two] {
        device.sync().await;
        let detail = device.client().inspection(visit).unwrap();
        assert!(detail.conflicts.is_empty());
        assert_eq!(detail.view.answers[&contested.0].standing.value, fail.to_register());
        let resolution = detail.view.resolutions.values().next().unwrap();
        assert!(resolution.standing.value.contains("现场照片显示池水浑浊"));
        assert!(detail.row.unwrap().decisions.iter().any(|d| d.kind == DecisionKind::Resolved));
    }

    // Sealed by both, returned, supplemented, sealed again, accepted, disclosed.
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    support::seal(&one, &two, visit, &party, None).await;
    assert_eq!(support::state(&one, visit), InspectionState::Sealed);
    assert!(one.client().narrative(visit, None, "定稿后").is_err(), "what is sealed is not edited");
    let path = format!("/api/v1/inspections/{visit}/return");
    supervisor.post(world, &path, json!({"comment": "请补充消毒记录检查情况"})).await;
    for device in [&one, &two] {
        device.sync().await;
        assert_eq!(support::state(device, visit), InspectionState::Returned);
    }
    two.client().note(visit, &contested.0, None, "已补充：消毒记录缺三日").unwrap();
    two.sync().await;
    one.sync().await;
    support::seal(&two, &one, visit, &party, Some("已按意见补充")).await;
    assert_eq!(support::state(&two, visit), InspectionState::Sealed);
    let early = format!("/api/v1/inspections/{visit}/disclose");
    assert_eq!(supervisor.refused(world, &early, json!({})).await, "state_wrong");
    let path = format!("/api/v1/inspections/{visit}/accept");
    supervisor.post(world, &path, json!({"comment": "同意"})).await;
    assert_ne!(supervisor.refused(world, &path, json!({"comment": "同意"})).await, "internal");
    let disclosed = supervisor.post(world, &early, json!({})).await;
    let id = disclosed["id"].as_str().unwrap();
    let public: Value = world.expect("GET", &format!("/api/v1/public/results/{id}"), None, Value::Null).await;
    let text = public.to_string();
    assert!(text.contains(&here.view.identity.entity.name), "{text}");
    for member in &here.view.identity.team {
        assert!(!text.contains(&member.certificate), "the public result names no certificate");
    }
    one.sync().await;
    assert_eq!(support::state(&one, visit), InspectionState::Disclosed);
    assert!(one.client().verify().unwrap().faults.is_empty());
    City { administrator, supervisor, task, one, two }
}

#[tokio::test]
async fn the_team_settles_a_conflict_on_the_spot() {
    let world = World::start(2, None).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let (item, _) = support::plain_items(&one, visit).remove(0);
    one.client().answer(visit, &item, &Answer::Conformity { result: Outcome::Pass }).unwrap();
    two.client().answer(visit, &item, &Answer::Conformity { result: Outcome::Fail }).unwrap();
    for device in [&one, &two, &one] {
        device.sync().await;
    }
    let conflict = one.client().conflicts(visit).unwrap().remove(0);
    let party = Party::Refused { witness: "见证人（虚构）".into(), reason: "未说明".into() };
    let blocked = one.client().seal(visit, PASSPHRASE, &party, None).unwrap_err();
    assert_eq!(blocked.code().as_str(), "conflicts_open");
    let side = conflict.sides[0].clone();
    one.client().settle(visit, conflict.id, &Choice::Side(side.change), "两人复看后一致").unwrap();
    one.sync().await;
    two.sync().await;
    let detail = two.client().inspection(visit).unwrap();
    assert!(detail.conflicts.is_empty());
    assert_eq!(detail.view.answers[&item].standing.value, side.value);
    assert!(detail.row.unwrap().conflicts.is_empty(), "the server sees it settled, too");
}
