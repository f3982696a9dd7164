//! What the terminal's pages say once a visit is in other hands, or the terminal itself is revoked.

use super::Pages;
use crate::scope::{change, third};
use crate::support::{self, City};
use axum::http::StatusCode;
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use serde_json::json;

#[tokio::test]
async fn a_visit_that_was_reassigned_says_so_until_all_of_it_is_held() {
    let world = World::start(41, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let (visit, link) = (task.inspection, one.link.clone());
    let joiner = third(&world, &administrator, &task).await;
    let item = support::answer_one(&one, visit);
    let bytes = photo::jpeg(5, None, 64, 64);
    let facts = CaptureFacts { caption: "许可证", ..CaptureFacts::PHOTO };
    one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    change(&world, &administrator, visit, joiner, "joins", "原执法人员抽调").await;
    change(&world, &administrator, visit, task.team[0], "leaves", "抽调支援").await;

    // The rows arrive, the original does not go up: the visit stays until it has.
    let pages = Pages::of(one, visit).await;
    link.lose_evidence();
    let _ = pages.app.sync().await;
    for path in ["", "/sections/1", "/papers", "/proposals", "/seal"] {
        let page = pages.page(path).await;
        let says = page.read().contains("本次检查已改派") || path == "/seal";
        assert!(says && !page.text().contains("name=\"passphrase\""), "{path}: {}", page.read());
        assert!(!page.text().contains("name=\"reason\""), "{path}");
    }
    let overview = pages.page("").await.read();
    assert!(overview.contains("1 件证据") && overview.contains("全部送达后"), "{overview}");
    let mut listed = String::new();
    for group in ["today", "later"] {
        listed += &pages.get(&format!("/tasks?show={group}")).await.read();
    }
    assert!(listed.contains("已改派"), "{listed}");
    let refused = pages.post(&pages.item(&item, "answer"), &[("result", "fail")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let fields = [("act", "propose"), ("field", "phone"), ("value", "13800000000"), ("reason", "改派之后")];
    let refused = pages.post(&format!("{}/proposals", pages.visit), &fields).await;
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text());
    assert!(pages.client.proposals(visit).unwrap().proposals.is_empty());

    link.up();
    pages.sync().await;
    assert_eq!(pages.get(&pages.visit).await.status, StatusCode::NOT_FOUND);
    assert!(!pages.get("/tasks").await.text().contains(&pages.visit));
}

#[tokio::test]
async fn a_revoked_terminal_says_so_and_what_to_do() {
    let world = World::start(42, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let device = one.client().status().unwrap().enrolled.unwrap().device;
    let pages = Pages::of(one, task.inspection).await;
    assert!(!pages.get("/sync").await.read().contains("被吊销"));
    let path = format!("/api/v1/devices/{device}/revoke");
    let (status, _) =
        world.call("POST", &path, Some(administrator.token()), &json!({"reason": "终端遗失"})).await;
    assert!(status.is_success());
    pages.sync().await;
    let page = pages.get("/sync").await.read();
    assert!(page.contains("被吊销") && page.contains("交给管理员"), "{page}");
    // It stands at the bottom of every page, and nothing that is here is gone.
    for path in ["/tasks", &pages.visit, "/settings"] {
        let page = pages.get(path).await;
        assert!(page.status.is_success() && page.read().contains("已吊销"), "{path}: {}", page.read());
    }
}
