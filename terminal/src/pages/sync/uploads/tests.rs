//! Pausing originals, and what is known about the network, over the pages and the JSON interface.

use crate::testing::{AUTHORITY, PASSPHRASE, SECRET, Terminal};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use fieldproof_presentation::texts::{Language, text};
use serde_json::json;

fn said(key: &str) -> String {
    text(Language::Chinese, key, &[])
}

#[tokio::test]
async fn a_pause_is_shown_everywhere_and_survives_a_start() {
    let terminal = Terminal::unlocked().await;
    let paused = said("terminal.uploads.paused");
    assert!(!terminal.get("/tasks").await.text.contains(&paused));
    let answer = terminal.post("/sync/uploads", "paused=yes").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/sync"));
    for path in ["/tasks", "/settings", "/strip"] {
        assert!(terminal.get(path).await.text.contains(&paused), "{path}");
    }
    let sync = terminal.get("/sync").await.text;
    assert!(sync.contains(&said("terminal.uploads.resume")) && sync.contains(&said("terminal.sync.now")));

    let again = terminal.restarted();
    assert!(again.app.is_locked() && again.app.uploads().rules().paused, "also before it is unlocked");
    again.post("/unlock", &format!("passphrase={}", PASSPHRASE.replace(' ', "+"))).await;
    assert!(again.get("/tasks").await.text.contains(&paused));
    again.post("/sync/uploads", "paused=no").await;
    assert!(!again.get("/tasks").await.text.contains(&paused));
    assert!(!again.app.uploads().rules().paused);
    let odd = again.post("/sync/uploads", "paused=perhaps").await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_rule_for_metered_networks_is_a_setting() {
    let terminal = Terminal::unlocked().await;
    let form = "language=&theme=auto&lock_minutes=15";
    terminal.post("/settings", &format!("{form}&uploads=5")).await;
    assert_eq!(terminal.app.uploads().choices().metered_megabytes_max, Some(5));
    // What is none of the choices, or is not there, changes nothing.
    for rest in ["&uploads=6", ""] {
        terminal.post("/settings", &format!("{form}{rest}")).await;
        assert_eq!(terminal.app.uploads().choices().metered_megabytes_max, Some(5));
    }
    assert!(terminal.get("/settings").await.text.contains("value=\"5\" selected"));
    terminal.post("/settings", &format!("{form}&uploads=all")).await;
    assert_eq!(terminal.app.uploads().choices().metered_megabytes_max, None);
}

#[tokio::test]
async fn a_page_and_the_platform_say_what_the_network_is_like() {
    let terminal = Terminal::unlocked().await;
    let shown = async |key: &str| terminal.get("/sync").await.text.contains(&said(key));
    assert!(shown("terminal.uploads.network.unknown").await);
    let told = terminal.post("/network", "type=cellular&save_data=false").await;
    assert_eq!(told.status, StatusCode::NO_CONTENT);
    assert!(shown("terminal.uploads.network.metered").await);

    let put = async |body: &str| terminal.ask(Method::PUT, "/api/v1/network", body).await;
    let reply = put(r#"{"metered": false}"#).await;
    assert_eq!((reply.status, &reply.json["metered"]), (StatusCode::OK, &json!(false)));
    assert!(shown("terminal.uploads.network.unmetered").await, "the platform knows better");
    assert_eq!(put(r#"{"metered": "unknown"}"#).await.json["metered"], json!(true));
    for body in ["{}", r#"{"metered": "often"}"#, r#"{"metered": 1}"#, r#"{"metered": true, "x": 1}"#] {
        assert_eq!(put(body).await.code(), "body_malformed", "{body}");
    }
    let reply = terminal.ask(Method::GET, "/api/v1/network", "").await;
    let known = json!({"metered": true, "uploads_paused": false, "metered_megabytes_max": null});
    assert_eq!(reply.json, known);

    // Another page of this machine's browsers is not believed.
    let foreign = Request::builder().method(Method::POST).uri(format!("/{SECRET}/network"));
    let foreign = foreign.header("host", AUTHORITY).header("origin", "http://evil.example");
    let foreign = terminal.page(foreign.body(Body::from("type=wifi")).unwrap()).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert!(shown("terminal.uploads.network.metered").await);
}

#[tokio::test]
async fn a_word_about_the_network_is_no_sign_of_life() {
    let terminal = Terminal::unlocked().await;
    for _ in 0..3 {
        terminal.pass_seconds(6 * 60);
        assert_eq!(terminal.post("/network", "type=wifi").await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(terminal.get("/tasks").await.status, StatusCode::SEE_OTHER, "it locked itself");
}

#[tokio::test]
async fn only_what_waits_is_sent_at_once() {
    let terminal = Terminal::unlocked().await;
    let id = "019ab000-0000-7000-8000-000000000001";
    let answer = terminal.post("/sync/now", &format!("record={id}")).await;
    assert_eq!(answer.location(), "/sync");
    assert!(terminal.app.uploads().choices().regardless.is_empty());
    assert_eq!(terminal.post("/sync/now", "record=x").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}
