//! Numbers on the pages of the console, and all of their statements in one play.

use super::*;
use fieldproof_schema::ids::OfficerId;
use fieldproof_tests::world::desk::Desk;

#[tokio::test]
async fn the_console_shows_the_ledger_and_decides_about_numbers() {
    let world = sqlite(577).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    let (desk, reader) = (Desk::sign_in(&world, "guanli").await, Desk::sign_in(&world, "shenhe").await);
    let (_, given) = register(&one, visit, &opinion(None));
    let (typed, _) = register(&one, visit, &opinion(Some(given.serial)));
    let (_, ordered) = register(&one, visit, &order());
    sync_all(&[&one]).await;

    // Both uses, with whom and where, and what each choice leads to.
    let conflict = only(&world, &administrator, "number").await;
    let page = format!("/console/conflicts/{}", conflict["id"].as_str().unwrap());
    let list = desk.get(&world, "/console/conflicts").await.text;
    assert!(list.contains(&page) && list.contains("文书编号") && list.contains("卫生监督意见书"), "{list}");
    let shown = desk.get(&world, &page).await.text;
    // What was typed, not what the terminal gave out of its block.
    let sides = conflict["sides"].as_array().unwrap();
    let change =
        sides.iter().find(|side| side["record"] == json!(typed)).unwrap()["change"].as_str().unwrap();
    for part in [
        &given.text,
        &format!("/console/inspections/{visit}"),
        &format!("renumber:{change}"),
        &format!("void:{change}"),
    ] {
        assert!(shown.contains(part.as_str()), "{part}: {shown}");
    }
    assert!(!reader.get(&world, &page).await.text.contains("name=\"choice\""));
    let case = desk.get(&world, &format!("/console/inspections/{visit}")).await.text;
    assert!(case.contains(&page), "{case}");
    for fields in
        [vec![("choice", "void:x"), ("reason", "重号")], vec![("choice", "renumber:"), ("reason", "重号")]]
    {
        assert_eq!(desk.post(&world, &page, &fields).await.status.as_u16(), 422);
    }
    let choice = format!("renumber:{change}");
    let seen = desk.post(&world, &page, &[("choice", choice.as_str()), ("reason", "重号")]).await;
    assert_eq!(seen.leads_to(), format!("{page}?done=decided"), "{}", seen.text);
    let decision = desk.get(&world, &page).await.field("undo").unwrap();
    let seen = desk.post(&world, &page, &[("undo", &decision), ("reason", "看错了")]).await;
    assert_eq!(seen.leads_to(), format!("{page}?done=undone"));
    let choice = format!("void:{change}");
    desk.post(&world, &page, &[("choice", choice.as_str()), ("reason", "重号")]).await;
    assert!(desk.get(&world, &page).await.text.contains("作废此份文书"));

    // The ledger, as supervisors read it too.
    let ledger = reader.get(&world, "/console/numbers").await.text;
    let series = format!("/console/numbers/{}/DOC-03/2026", given.unit);
    assert!(ledger.contains(&series) && ledger.contains("责令改正通知书"), "{ledger}");
    let shown = reader.get(&world, &series).await.text;
    for part in [given.text.as_str(), "手写登记", "作废", "已更正", "测试终端", "1–20"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("name=\"block\""));
    let orders = reader.get(&world, &format!("/console/numbers/{}/DOC-35/2026", given.unit)).await.text;
    assert!(orders.contains(&ordered.text), "{orders}");
    for nowhere in ["/console/numbers/NOWHERE/DOC-03/2026", "/console/numbers/ORG-C/DOC-30/2026"] {
        assert_eq!(reader.get(&world, nowhere).await.status.as_u16(), 404, "{nowhere}");
    }
    assert_eq!(
        reader.get(&world, &format!("/console/numbers/{}/DOC-03/x", given.unit)).await.status.as_u16(),
        422
    );

    // A block is taken back with a reason; what the terminal gives of it meanwhile is asked about.
    let block = desk.get(&world, &series).await.field("block").unwrap();
    assert_eq!(
        reader.post(&world, &series, &[("block", &block), ("reason", "x")]).await.status.as_u16(),
        403
    );
    let silent = desk.post(&world, &series, &[("block", &block), ("reason", " ")]).await;
    assert!(silent.status.as_u16() == 422 && silent.text.contains("请写明收回的原因"), "{}", silent.text);
    let seen = desk.post(&world, &series, &[("block", &block), ("reason", "终端遗失")]).await;
    assert_eq!(seen.leads_to(), format!("{series}?done=taken_back"), "{}", seen.text);
    assert_eq!(
        desk.post(&world, &series, &[("block", &block), ("reason", "再收")]).await.status.as_u16(),
        409
    );
    let shown = reader.get(&world, &series).await.text;
    assert!(shown.contains("已收回") && shown.contains("终端遗失"), "{shown}");
    let (record, late) = register(&one, visit, &opinion(None));
    sync_all(&[&one]).await;
    let conflict = only(&world, &administrator, "number").await;
    assert_eq!(
        (&conflict["sides"][0]["value"], conflict["sides"].as_array().unwrap().len()),
        (&json!(late.text), 1)
    );
    let page = format!("/console/conflicts/{}", conflict["id"].as_str().unwrap());
    let seen = desk.post(&world, &page, &[("choice", "accept"), ("reason", "收回前已用")]).await;
    assert_eq!(seen.leads_to(), format!("{page}?done=decided"), "{}", seen.text);
    sync_all(&[&one]).await;
    assert!(line(&one, visit, record).fate.unwrap().allowed);
    let listed = administrator.get(&world, "/api/v1/numbers").await;
    let row = listed["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["form"] == "DOC-03" && row["unit"] == json!(given.unit));
    assert_eq!(row.unwrap()["counts"]["twice"], 0);
}

/// A visit of two officers with a disputed number: decided before the seal and beside it, taken back, and let stand; and a
/// block that is taken back.
pub(crate) async fn play(world: &World, city: &City) {
    let City { administrator, one, .. } = city;
    let visits = one.client().inspections().unwrap();
    // The last one: others write into the first.
    let visit = visits.iter().rev().map(|visit| visit.id).find(|visit| book(one, *visit).editable).unwrap();
    let (record, typed) = register(one, visit, &opinion(Some(7000)));
    one.sync().await;
    let conflict = only(world, administrator, "number").await;
    decide(
        world,
        administrator,
        &conflict,
        json!({"renumber": side(&conflict, record), "reason": "不在号段内"}),
    )
    .await;
    undo(world, administrator, &conflict, "再核实").await;
    one.sync().await;
    let shown = administrator.get(world, &format!("/api/v1/inspections/{visit}")).await;
    let me = one.client().inspection(visit).unwrap().me;
    let team: Vec<OfficerId> = serde_json::from_value(shown["row"]["team"].clone()).unwrap();
    let colleague = team.into_iter().find(|officer| *officer != me).unwrap();
    let two = administrator.terminal(world, colleague, "papers").await;
    sync_all(&[&two, one]).await;
    support::seal(one, &two, visit, &Party::Signed { name: "现场负责人（虚构）".into() }, None).await;
    decide(
        world,
        administrator,
        &conflict,
        json!({"renumber": side(&conflict, record), "reason": "不在号段内"}),
    )
    .await;
    undo(world, administrator, &conflict, "另有依据").await;
    decide(world, administrator, &conflict, json!({"choice": "accept", "reason": "旧号段留用"})).await;
    let path = format!("/api/v1/numbers/{}/DOC-03/2026", typed.unit);
    let series = administrator.get(world, &path).await;
    let block =
        series["blocks"].as_array().unwrap().iter().find(|block| block["closed_at"].is_null()).unwrap();
    let path = format!("/api/v1/number-blocks/{}/take-back", block["id"].as_str().unwrap());
    administrator.post(world, &path, json!({"reason": "终端更换"})).await;
    assert_eq!(administrator.refused(world, &path, json!({"reason": "再收"})).await, "state_wrong");
}
