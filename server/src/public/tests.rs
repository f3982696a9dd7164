//! The public pages, read by a citizen without scripts.

use crate::routes;
use crate::store::disclosures::{self, Disclosure};
use crate::testing::{self, World};
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use fieldproof_schema::ids::{DisclosureId, InspectionId};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

async fn read(world: &World, path: &str, language: &str) -> (u16, HeaderMap, String) {
    let request = Request::builder()
        .uri(path)
        .header(header::ACCEPT, "text/html,*/*;q=0.8")
        .header(header::ACCEPT_LANGUAGE, language)
        .body(Body::empty());
    let answer = routes::router(world.app.clone()).oneshot(request.unwrap()).await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, headers, String::from_utf8(bytes.to_vec()).unwrap())
}

async fn publish(world: &World, name: &str, conclusion: &str) -> DisclosureId {
    let (org, at) = (world.app.org().await.unwrap(), world.app.now());
    let body = json!({
        "entity": {"name": name, "uscc": "92390121MA8P3MR10A", "address": "棠阴巷 1 号"},
        "plan_no": "2026001", "task_no": "003", "item": "公共场所", "authority": "云海省卫生监督（虚构）",
        "unit": "城东区", "checklist": {"id": "public-swimming", "revision": "2026.1", "title": "游泳场所检查表"},
        "inspected_on": "2026-10-08", "conclusion": conclusion,
        "result": {"passed": 20, "failed": 1, "not_applicable": 2, "recorded": 3, "undecided": 4,
                   "failed_items": [{"item": "x", "text": "池水浑浊度<超标>", "key": true}]},
    });
    let id = DisclosureId::new(at, world.app.random());
    let row = Disclosure { id, entity_name: name.into(), published_at: at, body };
    let inspection = InspectionId::new(at, world.app.random());
    let insert = move |tx: &mut crate::db::Tx<'_>| disclosures::insert(tx, org, inspection, &row);
    assert!(world.app.db.write(insert).await.unwrap());
    id
}

#[tokio::test]
async fn a_result_is_a_page_that_caches_may_keep_and_that_sets_no_cookie() {
    let world = testing::world().await;
    let id = publish(&world, "听雨<b>宾馆\u{202E}", "problems_found").await;
    for path in ["/".to_owned(), format!("/results/{id}")] {
        for (asked, language, conclusion) in [("zh-CN", "zh-CN", "发现问题"), ("en", "en", "Problems found")]
        {
            let (status, headers, page) = read(&world, &path, asked).await;
            assert_eq!(status, 200, "{page}");
            assert!(
                page.contains(&format!("<html lang=\"{language}\"")) && page.contains(conclusion),
                "{page}"
            );
            assert!(page.contains("听雨&#60;b&#62;宾馆") && page.contains("U+202E"), "{page}");
            assert!(!page.contains("<b>") && !page.contains("<script") && !page.contains("style="), "{page}");
            assert!(!page.contains("public.") && !page.contains("kit."), "{page}");
            assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=60");
            assert_eq!(headers[header::VARY], "Accept-Language");
            assert!(
                headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("default-src 'none'")
            );
            assert!(!headers.contains_key(header::SET_COOKIE), "{path}");
        }
        let (_, _, page) = read(&world, &format!("{path}?lang=en"), "zh-CN").await;
        assert!(page.contains("<html lang=\"en\"") && page.contains("lang=zh-CN"), "{page}");
    }
    let (_, _, page) = read(&world, &format!("/results/{id}"), "en").await;
    for part in [
        "92390121MA8P3MR10A",
        "棠阴巷 1 号",
        "2026-10-08 Thu",
        "003",
        "池水浑浊度&#60;超标&#62;",
        "Key item",
        "/api/v1/public/results/",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.contains(&format!("<link rel=\"canonical\" href=\"/results/{id}\">")), "{page}");
}

#[tokio::test]
async fn results_are_searched_and_paged() {
    let world = testing::world().await;
    for n in 0..=100 {
        publish(&world, &format!("宾馆{n:03}"), "no_problem_found").await;
    }
    publish(&world, "游泳馆", "undecided").await;
    let (_, _, first) = read(&world, "/", "en").await;
    assert!(first.contains("游泳馆") && !first.contains("宾馆000"), "{first}");
    let next = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let (_, _, second) = read(&world, &next.replace("&#38;", "&"), "en").await;
    assert!(
        second.contains("宾馆000") && second.contains("宾馆001") && !second.contains("宾馆002"),
        "{second}"
    );
    assert!(second.contains("noindex"), "pages of the list are not for search engines");
    let (_, _, found) = read(&world, "/?q=%E6%B8%B8%20%E6%B3%B3", "en").await;
    assert!(found.contains("游泳馆") && !found.contains("宾馆"), "{found}");
    let (_, _, none) = read(&world, "/?q=%22%3E%3Cscript%3E&lang=en", "zh-CN").await;
    assert!(none.contains("No result for") && !none.contains("<script"), "{none}");
    assert_eq!(read(&world, "/?before=nonsense", "en").await.0, 422);
}

#[tokio::test]
async fn what_is_not_there_is_said_on_a_page() {
    let world = testing::world().await;
    let nowhere = DisclosureId::from_bytes([1; 16]);
    for path in [format!("/results/{nowhere}"), "/results/nonsense".to_owned(), "/result".to_owned()] {
        let (status, headers, page) = read(&world, &path, "en").await;
        assert_eq!(status, 404, "{path}");
        assert!(page.contains("<h1>There is no such page</h1>") && page.contains("href=\"/\""), "{page}");
        assert!(page.contains("noindex") && headers[header::CACHE_CONTROL] == "no-store", "{path}");
    }
    let (status, headers, _) = read(&world, "/api/v1/nothing", "en").await;
    assert_eq!((status, headers[header::CONTENT_TYPE].to_str().unwrap()), (404, "application/json"));
    let (status, _, robots) = read(&world, "/robots.txt", "en").await;
    assert!(status == 200 && robots.contains("Disallow: /console"));
    let (_, _, empty) = read(&world, "/", "en").await;
    assert!(empty.contains("No result has been published yet"), "{empty}");
}
