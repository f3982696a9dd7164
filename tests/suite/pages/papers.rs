//! Paper forms on the terminal: registered with a number, made void, told on the spot where a number conflicts.

use super::{Pages, pool};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use fieldproof_tests::world::World;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

fn path(pages: &Pages) -> String {
    format!("{}/papers", pages.visit)
}

async fn register(pages: &Pages, fields: &[(&str, &str)]) -> String {
    let all = [&[("act", "register")], fields].concat();
    pages.post(&path(pages), &all).await.place().to_owned()
}

#[tokio::test]
async fn a_paper_form_is_numbered_and_made_void_on_the_terminals_page() {
    let world = World::start(33, None).await;
    let (administrator, _, one, _) = pool(&world, |_| {}).await;
    let here = format!("href=\"/secret{}\"", path(&one));
    assert!(one.page("").await.text().contains(&here));
    let page = one.page("/papers").await.read();
    assert!(
        page.contains("卫生监督意见书（本机余 20 个号）") && page.contains("现场笔录（不编号）"),
        "{page}"
    );
    assert!(!page.contains("案件移送书"), "{page}");

    // What cannot be is said, and what was typed stays.
    for (fields, says) in [
        (vec![("form", "DOC-35"), ("note", "留住我")], "请选择"),
        (vec![("form", ""), ("note", "留住我")], "请选择要登记的文书"),
        (vec![("form", "DOC-03"), ("serial", "七"), ("note", "留住我")], "序号应为 1 到 999999"),
        (vec![("form", "DOC-01"), ("serial", "7"), ("note", "留住我")], "不编号的文书不填"),
    ] {
        let all = [vec![("act", "register")], fields].concat();
        let wrong = one.post(&path(&one), &all).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{all:?}");
        assert!(wrong.text().contains(says) && wrong.text().contains("value=\"留住我\""), "{}", wrong.text());
    }
    assert_eq!(one.post(&path(&one), &[("act", "sing")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(one.client.papers(one.id).unwrap().papers.is_empty());

    let place = register(&one, &[("form", "DOC-03"), ("note", "张贴<b>门口")]).await;
    let record = one.client.papers(one.id).unwrap().papers[0].registered.record.to_string();
    assert_eq!(place, format!("{}#paper-{record}", path(&one)));
    register(&one, &[("form", "DOC-35"), ("category", "公")]).await;
    let text = one.page("/papers").await.text();
    let number = one.client.papers(one.id).unwrap().papers[0].number().unwrap().text.clone();
    assert!(
        text.contains(&number) && text.contains("张贴&#60;b&#62;门口") && text.contains("公改〔2026〕"),
        "{text}"
    );
    // What the matter is about is offered again.
    assert!(text.contains("<option value=\"公\" selected>"), "{text}");
    assert!(one.page("").await.read().contains("文书登记 2"), "{}", one.page("").await.read());
    let silent = one.post(&path(&one), &[("act", "void"), ("record", &record), ("reason", " ")]).await;
    assert!(silent.status == StatusCode::UNPROCESSABLE_ENTITY && silent.text().contains("请写明作废原因"));
    let void = [("act", "void"), ("record", record.as_str()), ("reason", "写错名称")];
    one.post(&path(&one), &void).await.place();
    let text = one.page("/papers").await.read();
    assert!(text.contains("已作废") && text.contains("写错名称"), "{text}");
    let again = one.post(&path(&one), &void).await;
    assert!(again.status == StatusCode::UNPROCESSABLE_ENTITY && again.text().contains("已经作废"));

    // A number of somebody's own choice is told on the spot, and what was decided about it comes back.
    register(&one, &[("form", "DOC-03"), ("serial", "4711")]).await;
    let text = one.page("/papers").await.read();
    assert!(text.contains("不在本机号段内，由业务管理员裁决") && text.contains("号码待核定"), "{text}");
    one.sync().await;
    let open = administrator.get(&world, "/api/v1/conflicts").await;
    let conflict = &open["conflicts"][0];
    let decision = format!("/api/v1/conflicts/{}/decision", conflict["id"].as_str().unwrap());
    let renumber = json!({"renumber": conflict["sides"][0]["change"], "reason": "不在号段内"});
    administrator.post(&world, &decision, renumber).await;
    one.sync().await;
    let text = one.page("/papers").await.text();
    assert!(text.contains("<del><bdi>2026-4711</bdi></del>") && text.contains("不在号段内"), "{text}");
    let history = one.page("/history?show=journal").await.read();
    assert!(!history.contains("terminal.journal.numbered"), "{history}");
}

#[tokio::test]
async fn the_service_of_the_terminal_registers_as_its_page_does() {
    let world = World::start(34, None).await;
    let (_, _, one, _) = pool(&world, |_| {}).await;
    let path = format!("/api/v1/inspections/{}/papers", one.id);
    let call = async |method: &str, path: &str, body: &Value| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", super::AUTHORITY)
            .header("authorization", "Bearer secret")
            .header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = one.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    let (status, made) = call("POST", &path, &json!({"form": "DOC-03"})).await;
    assert_eq!((status, made["number"]["serial"].clone()), (StatusCode::CREATED, json!(1)), "{made}");
    let strange = call("POST", &path, &json!({"form": "DOC-99"})).await;
    assert_eq!(strange.0, StatusCode::UNPROCESSABLE_ENTITY);
    for _ in 1..20 {
        call("POST", &path, &json!({"form": "DOC-03"})).await;
    }
    let (status, refused) = call("POST", &path, &json!({"form": "DOC-03"})).await;
    assert_eq!(
        (status, refused["code"].clone()),
        (StatusCode::CONFLICT, json!("numbers_used_up")),
        "{refused}"
    );
    let void = format!("{path}/{}/void", made["record"].as_str().unwrap());
    assert_eq!(call("POST", &void, &json!({"reason": "写错"})).await.0, StatusCode::NO_CONTENT);
    let (_, listed) = call("GET", &path, &Value::Null).await;
    let states: Vec<_> =
        listed["papers"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
    assert_eq!((states.len(), &states[0], &states[1]), (20, &json!("void"), &json!("standing")));
    assert_eq!(listed["forms"].as_array().unwrap().len(), 24);
}
