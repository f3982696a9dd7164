//! The console's form: a file of ours only, read only once it is known whose it is; and the page of what became of it.

use super::{capture, shown};
use crate::packages::export;
use crate::support::{self, City};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use fieldproof_schema::limits::JSON_BODY_BYTES_MAX;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use http_body_util::BodyExt;
use std::fs;
use tower::ServiceExt;

const HOST: &str = "console.example.cn";

/// A form with a token and a file.
fn form(token: Option<&str>, file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    if let Some(token) = token {
        let head = "--cut\r\ncontent-disposition: form-data; name=\"token\"\r\n\r\n";
        body.extend([head, token, "\r\n"].concat().into_bytes());
    }
    body.extend(b"--cut\r\ncontent-disposition: form-data; name=\"file\"; filename=\"1.zip\"\r\n\r\n");
    body.extend(file);
    body.extend(b"\r\n--cut--\r\n");
    body
}

async fn submit(world: &World, session: &str, origin: &str, body: Vec<u8>) -> (StatusCode, String) {
    let request = Request::builder()
        .method("POST")
        .uri("/console/packages")
        .header(header::COOKIE, format!("__Host-fp-session={session}"))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut")
        .header(header::ACCEPT_LANGUAGE, "zh-CN")
        .header(header::HOST, HOST)
        .header(header::ORIGIN, origin)
        .body(Body::from(body))
        .unwrap();
    let answer = world.router().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn token(world: &World, person: &Person) -> String {
    let page = person.page(world, "/console/packages").await;
    page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_package_is_handed_in_by_a_form_of_ours_only() {
    let world = World::start(961, None).await;
    let City { administrator, supervisor, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    let bytes = photo::jpeg(1, None, 48, 48);
    capture(&one, visit, &bytes);
    let file = fs::read(export(&world, "1.zip", visit, &one)).unwrap();
    let own = format!("https://{HOST}");
    let (session, right) = (supervisor.token().to_owned(), token(&world, &supervisor).await);
    let wrong = token(&world, &administrator).await;
    let before = shown(&world, &supervisor, visit).await;

    let forged = submit(&world, &session, "https://evil.example", form(Some(&right), &file)).await;
    assert_eq!(forged.0, StatusCode::FORBIDDEN);
    for token in [None, Some(wrong.as_str())] {
        let (status, page) = submit(&world, &session, &own, form(token, &file)).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(!page.contains("导入的结果") && !page.contains("检查包处理结果"), "{page}");
    }
    let (_, page) = submit(&world, "nobody", &own, form(Some(&right), &file)).await;
    assert!(page.contains("name=\"password\""), "{page}");
    assert_eq!(shown(&world, &supervisor, visit).await, before);

    let (status, page) = submit(&world, &session, &own, form(Some(&right), b"rubbish")).await;
    assert_eq!(status.as_u16(), 422);
    assert!(page.contains("role=\"alert\"") && page.contains("不是检查包"), "{page}");
    let (status, page) = submit(&world, &session, &own, form(Some(&right), &file)).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    for said in ["检查包处理结果", "已全部导入", &format!("/console/inspections/{visit}"), "测试终端"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert_eq!(shown(&world, &supervisor, visit).await["view"]["narrative"], "甲");
    let (_, page) = submit(&world, &session, &own, form(Some(&right), &file)).await;
    assert!(page.contains("没有新内容"), "{page}");

    // The visit's page hands it out again.
    let page = supervisor.page(&world, &format!("/console/inspections/{visit}")).await;
    assert!(page.contains(&format!("action=\"/console/inspections/{visit}/package\"")), "{page}");
    let export = async |fields: String| {
        let asked = Request::builder()
            .method("POST")
            .uri(format!("/console/inspections/{visit}/package"))
            .header(header::COOKIE, format!("__Host-fp-session={session}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::HOST, HOST)
            .header(header::ORIGIN, &own)
            .body(Body::from(fields));
        world.router().oneshot(asked.unwrap()).await.unwrap()
    };
    let unasked = export("originals=1".into()).await;
    assert!(!unasked.headers().contains_key(header::CONTENT_DISPOSITION));
    let answer = export(format!("token={right}&originals=1")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let named = answer.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().to_owned();
    assert_eq!(named, format!("attachment; filename=\"fieldproof-{visit}.zip\""));
    let given = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(given.windows(bytes.len()).any(|window| window == bytes), "the original is in it");
}

/// Forms and JSON have a bound of some megabytes; a package has its own, and is not held in memory for it.
#[tokio::test]
async fn a_package_may_be_longer_than_any_other_form() {
    let world = World::start(962, None).await;
    let City { supervisor, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    let mut film = photo::jpeg(1, None, 48, 48);
    film.resize(JSON_BODY_BYTES_MAX + 1, 7);
    capture(&one, visit, &film);
    let file = fs::read(export(&world, "1.zip", visit, &one)).unwrap();
    let token = token(&world, &supervisor).await;
    let own = format!("https://{HOST}");
    let (status, page) = submit(&world, supervisor.token(), &own, form(Some(&token), &file)).await;
    assert!(status == StatusCode::OK && page.contains("已全部导入"), "{status} {page}");
    assert_eq!(shown(&world, &supervisor, visit).await["row"]["evidence"][0]["held"], true);
    let (status, answer) = world.send("POST", "/api/v1/packages", Some(supervisor.token()), file).await;
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer));
    // Elsewhere the bound stands.
    let request = Request::builder()
        .method("POST")
        .uri("/console/import")
        .header(header::COOKIE, format!("__Host-fp-session={}", supervisor.token()))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut")
        .header(header::HOST, HOST)
        .header(header::ORIGIN, &own)
        .body(Body::from(form(Some(&token), &film)))
        .unwrap();
    assert_eq!(world.router().oneshot(request).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    // A token that is longer than tokens are is no token.
    let long = "x".repeat(5000);
    let (status, _) = submit(&world, supervisor.token(), &own, form(Some(&long), b"")).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}
