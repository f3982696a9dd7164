//! Correction proposals on the terminal: one tap from the entity's facts, told on the spot, and their fate.

use super::{Pages, pool};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use fieldproof_tests::world::World;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

fn path(pages: &Pages) -> String {
    format!("{}/proposals", pages.visit)
}

async fn propose(pages: &Pages, field: &str, value: &str) {
    let fields = [("act", "propose"), ("field", field), ("value", value), ("reason", "门牌<b>已换")];
    assert_eq!(pages.post(&path(pages), &fields).await.place(), format!("{}#proposed", path(pages)));
}

#[tokio::test]
async fn a_correction_is_proposed_changed_and_taken_back_on_the_terminals_page() {
    let world = World::start(31, None).await;
    let (administrator, supervisor, one, two) = pool(&world, |_| {}).await;
    // One tap from the visit, and from the entity's facts.
    let here = format!("href=\"/secret{}\"", path(&one));
    assert!(one.page("").await.text().contains(&here));
    let entity = one.client.inspection(one.id).unwrap().view.identity.entity.id;
    assert!(one.get(&format!("/entities/{entity}")).await.text().contains(&here));
    let page = one.page("/proposals").await;
    let before = one.client.proposals(one.id).unwrap().row;
    assert!(page.read().contains(&before.address) && page.read().contains("提出更正"));

    // What cannot be is said, and what was typed stays.
    for (field, value, reason, says) in [
        ("uscc", "92390121MA8P3MR10B", "证照", "统一社会信用代码不正确"),
        ("address", " ", "证照", "请填写应改为的内容"),
        ("address", "新路2号", " ", "请写明依据"),
        ("address", before.address.as_str(), "证照", "无需更正"),
    ] {
        let fields = [("act", "propose"), ("field", field), ("value", value), ("reason", reason)];
        let wrong = one.post(&path(&one), &fields).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        let kept = format!("value=\"{value}\"");
        assert!(wrong.text().contains(says) && wrong.text().contains(&kept), "{field}: {}", wrong.text());
    }
    assert_eq!(one.post(&path(&one), &[("act", "sing")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(one.client.proposals(one.id).unwrap().proposals.is_empty());

    propose(&one, "address", "新路2号").await;
    let text = one.page("/proposals").await.text();
    assert!(text.contains("<ins><bdi>新路2号</bdi></ins>") && text.contains("门牌&#60;b&#62;已换"), "{text}");
    assert!(text.contains("等待处理"));
    let record = one.client.proposals(one.id).unwrap().proposals[0].proposed.record.to_string();
    let change = [
        ("act", "propose"),
        ("field", "address"),
        ("record", record.as_str()),
        ("value", "新路3号"),
        ("reason", "看错了"),
    ];
    one.post(&path(&one), &change).await.place();
    let text = one.page("/proposals").await.text();
    assert!(text.contains("新路3号") && !text.contains("<bdi>新路2号</bdi>"), "{text}");

    // A colleague found something else: told on the spot as soon as both are here, before anybody decides.
    propose(&two, "address", "新路8号").await;
    for pages in [&one, &two, &one] {
        pages.sync().await;
    }
    let read = one.page("/proposals").await.read();
    assert!(read.contains("的建议不一致：新路8号"), "{read}");
    let theirs = two.client.proposals(two.id).unwrap();
    let own = theirs.proposals.iter().find(|line| line.proposed.proposal.value == "新路8号").unwrap();
    let record = own.proposed.record.to_string();
    two.post(&path(&two), &[("act", "take_back"), ("record", &record)]).await.place();
    for pages in [&two, &one] {
        pages.sync().await;
    }
    let read = one.page("/proposals").await.read();
    assert!(!read.contains("新路8号"), "{read}");

    // Its fate comes back, and it is not changed any more.
    let waiting = supervisor.get(&world, "/api/v1/proposals").await;
    let id = waiting["rows"][0]["id"].as_str().unwrap().to_owned();
    let ruling = json!({"decision": "edit", "value": "新路3号东侧", "reason": "按证照写全"});
    supervisor.post(&world, &format!("/api/v1/proposals/{id}/decision"), ruling).await;
    one.sync().await;
    let text = one.page("/proposals").await.text();
    assert!(
        text.contains("新路3号东侧") && text.contains("按证照写全") && text.contains("已更正为其他内容"),
        "{text}"
    );
    let late = one.post(&path(&one), &change).await;
    assert!(
        late.status == StatusCode::UNPROCESSABLE_ENTITY && late.text().contains("已经处理"),
        "{}",
        late.text()
    );
    assert!(administrator.get(&world, "/api/v1/conflicts").await["conflicts"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn the_service_of_the_terminal_proposes_as_its_page_does() {
    let world = World::start(32, None).await;
    let (_, _, one, _) = pool(&world, |_| {}).await;
    let path = format!("/api/v1/inspections/{}/proposals", one.id);
    let body = json!({"field": "phone", "value": "13800000000", "reason": "当事人提供"});
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
    let (status, made) = call("POST", &path, &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let strange = call("POST", &path, &json!({"field": "colour", "value": "x", "reason": "x"})).await;
    assert_eq!(strange.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, listed) = call("GET", &path, &Value::Null).await;
    assert_eq!(listed["proposals"][0]["proposal"]["value"], "13800000000");
    assert_eq!(listed["proposals"][0]["state"], "open");
    let back = format!("{path}/{}/take-back", made["record"].as_str().unwrap());
    assert_eq!(call("POST", &back, &json!({})).await.0, StatusCode::NO_CONTENT);
    let (_, listed) = call("GET", &path, &Value::Null).await;
    assert_eq!(listed["proposals"], json!([]));
}
