//! Deciding: return, accept, publish, and conflicts; who decides second, and what was typed.

use super::scene::Scene;
use axum::http::StatusCode;
use fieldproof_schema::reference::{DecisionKind, InspectionState};
use fieldproof_schema::seal::Party;
use serde_json::Value;

#[tokio::test]
async fn a_return_reaches_the_officers_item_by_item_and_their_answer_comes_back() {
    let scene = Scene::open(91).await;
    let (world, visit) = (&scene.world, &scene.review);
    let desk = scene.desk("shenhe").await;
    let (page, item) = (visit.page(), format!("item.{}", visit.items[0]));
    let silent = desk.post(world, &format!("{page}/return"), &[]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(silent.text.contains("role=\"alert\""));
    let fields = [("phrase", "evidence"), ("comment", "见单项意见"), (item.as_str(), "请补拍许可证")];
    let seen = desk.post(world, &format!("{page}/return"), &fields).await;
    assert_eq!(seen.leads_to(), format!("{page}?done=returned"));
    visit.one.sync().await;
    let row = visit.one.client().inspection(visit.id).unwrap().row.unwrap();
    assert_eq!(row.state, InspectionState::Returned);
    let decision = row.decisions.last().unwrap();
    assert_eq!(decision.comment, "请补充与不合格项对应的现场照片或录像。\n见单项意见");
    assert_eq!(decision.items[&visit.items[0]], "请补拍许可证");

    visit.one.client().note(visit.id, &visit.items[0], None, "已补拍").unwrap();
    let shown = desk.get(world, &format!("{page}?done=returned")).await.text;
    assert!(shown.contains("请补拍许可证"));
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    crate::support::seal(&visit.one, &visit.two, visit.id, &party, Some("已按意见补拍")).await;
    let inbox = desk.get(world, "/console").await.text;
    assert!(inbox.contains("id=\"part-answered\""));
    let compare = desk.get(world, &format!("{page}/compare?a=1&b=2")).await.text;
    assert!(compare.contains("<ins>") && compare.contains("已补拍"), "{compare}");
    assert_eq!(desk.get(world, &format!("{page}/compare?a=1&b=7")).await.status, StatusCode::NOT_FOUND);
    let text = desk.get(world, &page).await.text;
    assert!(text.contains("已按意见补拍") && text.contains("定稿第 2 版"));
}

#[tokio::test]
async fn what_cannot_be_accepted_as_it_is_says_why_and_keeps_every_word() {
    let scene = Scene::open(92).await;
    let (world, desk) = (&scene.world, scene.desk("shenhe").await);
    let page = scene.incomplete.page();
    let item = format!("item.{}", scene.incomplete.items[0]);
    // Remarks on items would be lost with an acceptance.
    let seen = desk.post(world, &format!("{page}/accept"), &[("comment", "同意"), (&item, "请补拍")]).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.text.contains("请补拍</textarea>") && seen.text.contains(">同意</textarea>"));
    // Evidence is missing, and nobody has said why that may be.
    let seen = desk.post(world, &format!("{page}/accept"), &[("comment", "同意")]).await;
    assert_eq!(seen.status, StatusCode::CONFLICT);
    assert!(seen.text.contains(">同意</textarea>") && seen.text.contains("name=\"gap\""));
    let long = "长".repeat(2001);
    let seen = desk.post(world, &format!("{page}/accept"), &[("comment", long.as_str())]).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.text.contains(&long));
    let seen = desk.post(world, &format!("{page}/accept"), &[("comment", "同意"), ("gap", "终端损坏")]).await;
    assert_eq!(seen.leads_to(), format!("{page}?done=accepted"));
    let shown = scene.administrator.get(world, &format!("/api/v1/inspections/{}", scene.incomplete.id)).await;
    assert!(shown["row"]["decisions"][0]["comment"].as_str().unwrap().contains("终端损坏"));
}

#[tokio::test]
async fn the_second_decision_about_a_visit_is_shown_the_first() {
    let scene = Scene::open(93).await;
    let (world, page) = (&scene.world, scene.review.page());
    let (first, second) = (scene.desk("shenhe").await, scene.desk("shenhe").await);
    let done = first.post(world, &format!("{page}/accept"), &[("comment", "同意定稿")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let late = second.post(world, &format!("{page}/return"), &[("comment", "我写了很久的意见")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(
        late.text.contains("id=\"decided\"") && late.text.contains("同意定稿"),
        "the first decision is shown"
    );
    assert!(late.text.contains("审核员乙（虚构）"));
    assert!(late.text.contains("我写了很久的意见</textarea>"), "nothing typed is lost");
}

#[tokio::test]
async fn what_is_previewed_is_what_is_published() {
    let scene = Scene::open(94).await;
    let (world, page) = (&scene.world, scene.review.page());
    let desk = scene.desk("shenhe").await;
    let path = format!("{page}/disclose");
    assert_eq!(desk.get(world, &path).await.leads_to(), page, "nothing is accepted yet");
    desk.post(world, &format!("{page}/accept"), &[]).await;
    let preview = desk.get(world, &path).await.text;
    assert_eq!(desk.post(world, &path, &[]).await.leads_to(), format!("{page}?done=disclosed"));
    let results: Value = world.expect("GET", "/api/v1/public/results", None, Value::Null).await;
    let id = results["rows"][0]["id"].as_str().unwrap().to_owned();
    let public: Value = world.expect("GET", &format!("/api/v1/public/results/{id}"), None, Value::Null).await;
    let body = &public["body"];
    for text in ["/entity/uscc", "/entity/address", "/inspected_on", "/authority", "/item"] {
        let text = body.pointer(text).and_then(Value::as_str).unwrap_or_default();
        assert!(preview.contains(text), "{text}");
    }
    for item in body["result"]["failed_items"].as_array().unwrap() {
        assert!(preview.contains(item["text"].as_str().unwrap()));
    }
    assert!(!preview.contains("现场负责人") && !preview.contains("上午检查泳池"));
    let again = desk.post(world, &path, &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text.contains("id=\"decided\""));
    let refused = scene.desk("guanli").await.post(world, &path, &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn two_administrators_decide_one_conflict_and_the_first_counts() {
    let scene = Scene::open(95).await;
    let (world, page) = (&scene.world, scene.conflict().await);
    let (first, second) = (scene.desk("guanli").await, scene.desk("guanli2").await);
    let shown = first.get(world, &page).await;
    for consequence in ["的记录成为检查结果", "之前没有填写", "name=\"reason\""] {
        assert!(shown.text.contains(consequence), "{consequence}");
    }
    let sides: Vec<String> = shown
        .text
        .split("value=\"side:")
        .skip(1)
        .map(|s| format!("side:{}", s.split('"').next().unwrap()))
        .collect();
    assert_eq!(sides.len(), 2);
    for (fields, status) in [
        (vec![("reason", "看照片")], StatusCode::UNPROCESSABLE_ENTITY),
        (vec![("choice", sides[0].as_str())], StatusCode::UNPROCESSABLE_ENTITY),
        (vec![("choice", "value"), ("reason", "看照片")], StatusCode::UNPROCESSABLE_ENTITY),
        (vec![("choice", "side:00"), ("reason", "看照片")], StatusCode::UNPROCESSABLE_ENTITY),
        (vec![("choice", "beside"), ("reason", "看照片")], StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let seen = first.post(world, &page, &fields).await;
        assert_eq!(seen.status, status, "{fields:?}");
        if let Some((_, reason)) = fields.iter().find(|(name, _)| *name == "reason") {
            assert!(seen.text.contains(&format!("{reason}</textarea>")), "{fields:?}");
        }
    }
    let done =
        first.post(world, &page, &[("choice", &sides[0]), ("phrase", "photo"), ("reason", "两人在场")]).await;
    assert_eq!(done.leads_to(), format!("{page}?done=decided"));
    let late = second.post(world, &page, &[("choice", &sides[1]), ("reason", "我的长篇理由")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    for part in ["以现场照片为准。\n两人在场", "管理员甲（虚构）", "我的长篇理由</textarea>"]
    {
        assert!(late.text.contains(part), "{part}");
    }
    scene.disputed.two.sync().await;
    let row = scene.disputed.two.client().inspection(scene.disputed.id).unwrap().row.unwrap();
    assert_eq!(row.decisions.last().unwrap().kind, DecisionKind::Resolved);
    let ended = first.get(world, "/console/conflicts?state=ended").await.text;
    assert!(ended.contains(&page) && ended.contains("管理员甲（虚构）"));
}

#[tokio::test]
async fn an_administrator_may_write_another_value_and_nobody_else_decides() {
    let scene = Scene::open(96).await;
    let (world, page) = (&scene.world, scene.conflict().await);
    for login in ["shenhe", "duchang"] {
        let desk = scene.desk(login).await;
        assert!(!desk.get(world, &page).await.text.contains("name=\"choice\""), "{login} only reads");
        let seen = desk.post(world, &page, &[("choice", "value"), ("answer", "fail"), ("reason", "x")]).await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN);
    }
    let desk = scene.desk("guanli").await;
    let fields = [("choice", "value"), ("answer", "fail"), ("reason", "现场复看")];
    assert_eq!(desk.post(world, &page, &fields).await.status, StatusCode::SEE_OTHER);
    let shown = scene.administrator.get(world, &format!("/api/v1/inspections/{}", scene.disputed.id)).await;
    let answer = shown["view"]["answers"][&scene.disputed.items[0]]["value"].as_str().unwrap();
    assert!(answer.contains("\"fail\""), "{answer}");
}

#[tokio::test]
async fn what_was_written_after_the_seal_stays_beside_it() {
    let scene = Scene::open(97).await;
    let world = &scene.world;
    let team = scene.review.one.client().inspection(scene.review.id).unwrap().view.identity.team.clone();
    let team: Vec<_> = team.iter().map(|member| member.officer).collect();
    scene.write_late(scene.review.id, &team).await;
    let desk = scene.desk("guanli").await;
    let case = desk.get(world, &scene.review.page()).await.text;
    assert!(case.contains("上午检查泳池与更衣室。") && case.contains("定稿之后补写"));
    let open = scene.administrator.get(world, "/api/v1/conflicts").await;
    let late = open["conflicts"].as_array().unwrap().iter().find(|c| c["kind"] == "late_change").unwrap();
    let page = format!("/console/conflicts/{}", late["id"].as_str().unwrap());
    let shown = desk.get(world, &page).await.text;
    assert!(shown.contains("<ins>") && shown.contains("value=\"beside\""), "{shown}");
    let fields = [("choice", "beside"), ("phrase", "clerical")];
    assert_eq!(desk.post(world, &page, &fields).await.status, StatusCode::SEE_OTHER);
    let decided = desk.get(world, &page).await.text;
    assert!(decided.contains("定稿内容不变") && decided.contains("属录入笔误。"));
}
