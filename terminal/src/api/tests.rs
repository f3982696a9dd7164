//! The router as pages meet it: a real store, no socket.

use crate::testing::{AUTHORITY, SECRET, Terminal};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use fieldproof_schema::limits::JSON_BODY_BYTES_MAX;

const INSPECTION: &str = "019ab000-0000-7000-8000-000000000001";

/// Every address that needs an enrolled terminal, with a body that it would accept.
fn work() -> Vec<(Method, String, &'static str)> {
    let (get, put, post) = (Method::GET, Method::PUT, Method::POST);
    let of = |rest: &str| format!("/api/v1/inspections/{INSPECTION}{rest}");
    let digest = format!("std-{}", "0".repeat(64));
    vec![
        (get.clone(), "/api/v1/inspections".into(), ""),
        (get.clone(), of(""), ""),
        (put.clone(), of("/answers/A"), r#"{"answer":{"type":"text","text":"x"}}"#),
        (put.clone(), of("/notes/A"), r#"{"text":"x"}"#),
        (put.clone(), of("/narrative"), r#"{"text":"x"}"#),
        (put, of("/statement"), r#"{"text":"x"}"#),
        (post.clone(), of("/findings"), r#"{"register":{}}"#),
        (post.clone(), of("/measurements"), r#"{"register":{}}"#),
        (post.clone(), of("/evidence?kind=photo&caption=x"), "bytes"),
        (get.clone(), of(&format!("/evidence/{INSPECTION}/file")), ""),
        (post.clone(), of(&format!("/conflicts/{digest}/settle")), r#"{"register":{},"reason":"x"}"#),
        (get.clone(), of("/seal?outcome=signed&name=x"), ""),
        (
            post.clone(),
            of("/seal"),
            r#"{"passphrase":"x","party":{"outcome":"refused","witness":"x","reason":"y"}}"#,
        ),
        (post, of("/cosign"), r#"{"passphrase":"x"}"#),
        (get.clone(), of("/history"), ""),
        (get.clone(), "/api/v1/templates/a/1".into(), ""),
        (get, "/api/v1/provisions/GGTL-14".into(), ""),
    ]
}

#[tokio::test]
async fn a_terminal_that_belongs_to_nobody_says_so_everywhere() {
    let terminal = Terminal::new();
    for (method, path, body) in work() {
        let reply = terminal.ask(method, &path, body).await;
        assert_eq!(reply.status, StatusCode::CONFLICT, "{path}");
        assert_eq!(reply.code(), "not_enrolled", "{path}");
    }
    let sync = terminal.ask(Method::POST, "/api/v1/sync", "").await;
    assert_eq!(sync.code(), "not_enrolled");
    assert_eq!(terminal.app.sync_failures(), 0);
}

#[tokio::test]
async fn no_address_but_health_answers_without_the_secret() {
    let terminal = Terminal::new();
    let mut addresses = work();
    for (method, path) in [
        (Method::GET, "/api/v1/status"),
        (Method::POST, "/api/v1/enrol"),
        (Method::POST, "/api/v1/sync"),
        (Method::GET, "/api/v1/verify"),
        (Method::GET, "/api/v1/network"),
        (Method::PUT, "/api/v1/network"),
        (Method::GET, "/"),
        (Method::GET, "/nowhere"),
        (Method::OPTIONS, "/api/v1/status"),
    ] {
        addresses.push((method, path.into(), ""));
    }
    for (method, path, _) in addresses {
        let request = |authority: &str, secret: Option<&str>, origin: Option<&str>| {
            let mut request = Request::builder().method(&method).uri(&path).header("host", authority);
            for (name, value) in [("authorization", secret), ("origin", origin)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            request.body(Body::empty()).unwrap()
        };
        let bearer = format!("Bearer {SECRET}");
        for (request, code) in [
            (request(AUTHORITY, None, None), "foreign_origin"),
            (request("evil.example:4000", Some(&bearer), None), "foreign_origin"),
            (request(AUTHORITY, Some(&bearer), Some("http://evil.example")), "foreign_origin"),
        ] {
            let reply = terminal.send(request).await;
            assert_eq!(reply.code(), code, "{method} {path}");
            assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
        }
    }
    let health = Request::builder().uri("/api/v1/healthz").header("host", AUTHORITY);
    let reply = terminal.send(health.body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, reply.json), (StatusCode::OK, serde_json::json!({"ok": true})));
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_envelope() {
    let terminal = Terminal::new();
    for path in ["/", "/api/v1/nowhere", "/api/v1/inspections/x/nowhere"] {
        let reply = terminal.ask(Method::GET, path, "").await;
        assert_eq!((reply.status, reply.code()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
    let reply = terminal.ask(Method::DELETE, "/api/v1/status", "").await;
    assert_eq!(reply.code(), "method_not_allowed");
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let terminal = Terminal::new();
    for body in ["", "{", "[]", r#"{"code":"c"}"#, r#"{"code":"c","device_name":"n","passphrase":"p","x":1}"#]
    {
        let reply = terminal.ask(Method::POST, "/api/v1/enrol", body).await;
        assert_eq!(reply.code(), "body_malformed", "{body}");
    }
    let reply = terminal.ask(Method::POST, "/api/v1/enrol", &" ".repeat(JSON_BODY_BYTES_MAX + 1)).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
}

#[tokio::test]
async fn enrolling_without_a_network_is_offline_and_can_be_tried_again() {
    let terminal = Terminal::new();
    let short = r#"{"code":"c","device_name":"n","passphrase":"short"}"#;
    assert_eq!(terminal.ask(Method::POST, "/api/v1/enrol", short).await.code(), "passphrase_too_short");
    let good = r#"{"code":"c","device_name":"n","passphrase":"long enough"}"#;
    for _ in 0..2 {
        let reply = terminal.ask(Method::POST, "/api/v1/enrol", good).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::SERVICE_UNAVAILABLE, "offline"));
    }
}

#[tokio::test]
async fn the_state_and_the_check_of_a_new_terminal_are_empty() {
    let terminal = Terminal::new();
    let status = terminal.ask(Method::GET, "/api/v1/status", "").await;
    assert_eq!(status.status, StatusCode::OK);
    assert!(status.json["enrolled"].is_null());
    assert_eq!(status.json["unsent"]["entries"], 0);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(status.headers[name], value);
    }
    let check = terminal.ask(Method::GET, "/api/v1/verify", "").await;
    assert_eq!(check.json, serde_json::json!({"entries": 0, "changes": 0, "evidence": 0, "faults": []}));
}

#[tokio::test]
async fn a_terminal_that_closes_lets_nothing_wait_for_the_network() {
    let terminal = Terminal::new();
    terminal.app.close();
    terminal.app.closed().await;
    crate::sync_loop::run(terminal.app.clone()).await;
}

#[tokio::test]
async fn an_enrolled_terminal_knows_nothing_of_inspections_that_never_arrived() {
    let terminal = Terminal::enrolled().await;
    let list = terminal.ask(Method::GET, "/api/v1/inspections", "").await;
    assert_eq!((list.status, list.json), (StatusCode::OK, serde_json::json!({"inspections": []})));
    for (method, path, body) in work().into_iter().skip(1) {
        let reply = terminal.ask(method, &path, body).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
    let left = std::fs::read_dir(terminal.app.incoming()).unwrap().count();
    assert_eq!(left, 0, "a refused upload leaves nothing");
    let again = r#"{"code":"good","device_name":"n","passphrase":"long enough"}"#;
    assert_eq!(terminal.ask(Method::POST, "/api/v1/enrol", again).await.code(), "already_enrolled");
}

#[tokio::test]
async fn names_and_fields_that_cannot_be_are_pointed_at() {
    let terminal = Terminal::enrolled().await;
    let of = |rest: &str| format!("/api/v1/inspections/{INSPECTION}{rest}");
    for (method, path, body, field) in [
        (Method::GET, "/api/v1/inspections/ENT-001".to_owned(), "", "inspection"),
        (Method::GET, "/api/v1/inspections/%ff".to_owned(), "", "path"),
        (Method::GET, of("/evidence/photo/file"), "", "record"),
        (Method::GET, of("/seal"), "", "query"),
        (Method::GET, of("/seal?outcome=vanished"), "", "query"),
        (Method::POST, of("/evidence"), "bytes", "query"),
        (Method::POST, of("/conflicts/x/settle"), r#"{"register":{}}"#, "conflict"),
        (Method::POST, of(&format!("/conflicts/std-{}/settle", "0".repeat(64))), "{}", "choice"),
    ] {
        let reply = terminal.ask(method, &path, body).await;
        assert_eq!(reply.code(), "field_invalid", "{path}");
        assert_eq!(reply.json["details"]["field"], field, "{path}");
    }
}

#[tokio::test]
async fn a_sync_without_a_network_is_offline_and_counted_for_the_backoff() {
    let terminal = Terminal::enrolled().await;
    for failures in 1..3 {
        let reply = terminal.ask(Method::POST, "/api/v1/sync", "").await;
        assert_eq!((reply.status, reply.code()), (StatusCode::SERVICE_UNAVAILABLE, "offline"));
        assert_eq!(terminal.app.sync_failures(), failures);
    }
    let status = terminal.ask(Method::GET, "/api/v1/status", "").await;
    assert_ne!(status.json["unsent"]["entries"], 0, "what was not sent is still here");
}
