//! Proposals and their conflicts on the pages of the console, and all of their statements in one play.

use super::*;
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_tests::world::desk::Desk;

#[tokio::test]
async fn the_console_decides_proposals_and_their_conflicts() {
    let world = sqlite(554).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    propose(&one, visit, "云泽市新路2号");
    one.sync().await;
    let (desk, reader) = (Desk::sign_in(&world, "shenhe").await, Desk::sign_in(&world, "guanli").await);
    let inbox = desk.get(&world, "/console").await.text;
    assert!(inbox.contains("id=\"part-proposals\"") && inbox.contains("云泽市新路2号"), "{inbox}");
    let supervisor = Person::sign_in(&world, "shenhe").await;
    let id = waiting(&world, &supervisor).await[0]["id"].as_str().unwrap().to_owned();
    let page = format!("/console/proposals/{id}");
    let shown = desk.get(&world, &page).await.text;
    assert!(
        shown.contains("现场核对门牌") && shown.contains(&format!("/console/inspections/{visit}")),
        "{shown}"
    );
    assert!(!reader.get(&world, &page).await.text.contains("name=\"decision\""));
    assert_eq!(
        reader.post(&world, &page, &[("decision", "accept"), ("reason", "x")]).await.status.as_u16(),
        403
    );
    for fields in [
        vec![("reason", "只有理由")],
        vec![("decision", "accept")],
        vec![("decision", "edit"), ("reason", "只有理由")],
        vec![("decision", "edit"), ("value", "一\u{7}"), ("reason", "只有理由")],
    ] {
        let silent = desk.post(&world, &page, &fields).await;
        assert_eq!(silent.status.as_u16(), 422, "{fields:?}");
        let kept =
            fields.iter().filter(|(name, _)| *name == "reason").all(|(_, said)| silent.text.contains(said));
        assert!(kept && silent.text.contains("role=\"alert\""), "{}", silent.text);
    }

    // What shows it stands beside it.
    let photo = fieldproof_tests::photo::jpeg(3, Some("plate"), 320, 240);
    let facts = CaptureFacts { caption: "门牌", ..CaptureFacts::PHOTO };
    let record = one.client().capture(visit, CaptureSource::Bytes(&photo), &facts).unwrap();
    let phone = Correction {
        field: EntityField::Phone,
        value: "0335-0000000".into(),
        reason: "门牌所示".into(),
        evidence: vec![record],
    };
    one.client().propose(visit, None, &phone).unwrap();
    one.sync().await;
    let listed = waiting(&world, &supervisor).await;
    let shown = listed.iter().find(|row| row["field"] == "phone").unwrap();
    assert_eq!(shown["evidence"], json!([record]));
    let with_photo = desk.get(&world, &format!("/console/proposals/{}", shown["id"].as_str().unwrap())).await;
    assert!(with_photo.text.contains(&format!("/console/inspections/{visit}/evidence/{record}")));

    // A second proposal makes it a conflict, which an administrator decides on its page.
    propose(&two, visit, "云泽市新路6号");
    two.sync().await;
    let conflict = only(&world, &administrator, "entity").await;
    let dispute = format!("/console/conflicts/{}", conflict["id"].as_str().unwrap());
    let shown = desk.get(&world, &page).await.text;
    assert!(shown.contains(&dispute) && !shown.contains("name=\"decision\""), "{shown}");
    let late = desk.post(&world, &page, &[("decision", "accept"), ("reason", "照片为证")]).await;
    assert_eq!(late.status.as_u16(), 409);
    let list = reader.get(&world, "/console/conflicts").await.text;
    assert!(list.contains("名录信息") && list.contains(&dispute), "{list}");
    let shown = reader.get(&world, &dispute).await.text;
    assert!(
        shown.contains("现场核对门牌") && shown.contains("均不采纳") && shown.contains("name=\"value\""),
        "{shown}"
    );
    let unfit =
        reader.post(&world, &dispute, &[("choice", "value"), ("value", " "), ("reason", "未写")]).await;
    assert!(unfit.status.as_u16() == 422 && unfit.text.contains("未写"), "{}", unfit.text);
    let write = [("choice", "value"), ("value", "云泽市新路7号"), ("reason", "实地复核")];
    let seen = reader.post(&world, &dispute, &write).await;
    assert_eq!(seen.leads_to(), format!("{dispute}?done=decided"), "{}", seen.text);
    let decision = reader.get(&world, &dispute).await.field("undo").unwrap();
    let seen = reader.post(&world, &dispute, &[("undo", &decision), ("reason", "看错了")]).await;
    assert_eq!(seen.leads_to(), format!("{dispute}?done=undone"));
    let seen = reader.post(&world, &dispute, &[("choice", "reject"), ("reason", "均不属实")]).await;
    assert_eq!(seen.leads_to(), format!("{dispute}?done=decided"));
    let ended = desk.get(&world, "/console/proposals?state=ended").await.text;
    assert!(ended.contains(&page) && ended.contains("未采纳"), "{ended}");
    assert!(desk.get(&world, &page).await.text.contains("均不属实"));
}

/// Proposals of another visit, decided alone and in conflict, taken back by people and by officers.
pub(crate) async fn play(world: &World, city: &City) {
    let City { administrator, supervisor, task, one, .. } = city;
    let visit = other_visit(one, task.inspection);
    propose(one, visit, "云泽市新路2号");
    one.sync().await;
    let proposal = waiting(world, supervisor).await.remove(0);
    assert_eq!(supervisor.get(world, &proposal_path(&proposal)).await["state"], "open");
    let desk = Desk::sign_in(world, "shenhe").await;
    assert!(desk.get(world, "/console/proposals").await.text.contains("云泽市新路2号"));
    rule(world, supervisor, &proposal, json!({"decision": "accept", "reason": "核对证照"})).await;
    one.sync().await;
    for value in ["云泽市新路3号", "云泽市新路4号"] {
        propose(one, visit, value);
    }
    one.sync().await;
    let conflict = only(world, administrator, "entity").await;
    let side = json!({"side": conflict["sides"][0]["change"], "reason": "以证照为准"});
    decide(world, administrator, &conflict, side).await;
    undo(world, administrator, &conflict, "再核实").await;
    decide(world, administrator, &conflict, json!({"choice": "reject", "reason": "均不属实"})).await;
    let taken = propose(one, visit, "云泽市新路5号");
    one.sync().await;
    one.client().take_back(visit, taken).unwrap();
    one.sync().await;
    assert!(waiting(world, supervisor).await.is_empty());
    assert!(desk.get(world, "/console/proposals?state=ended").await.text.contains("云泽市新路5号"));
}
