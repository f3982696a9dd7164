//! Hostile text wherever it can show, and pages that say everything in words.

use super::{Pages, pool};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use fieldproof_tests::world::World;
use serde_json::json;

const MARKUP: &str = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&";
const BIDI: &str = "合格\u{202E}格合不\u{2066}x\u{200B}";

/// Every page of the inspection and of the law.
fn pages(pages: &Pages) -> Vec<String> {
    let of = |rest: &str| format!("{}{rest}", pages.visit);
    let mut all: Vec<String> = (1..=5).map(|n| of(&format!("/sections/{n}"))).collect();
    all.extend(["", "/evidence", "/narrative", "/party", "/team"].map(of));
    all.extend(
        [
            "/law",
            "/law?q=%E5%85%AC%E5%85%B1",
            "/law?q=%00nothing",
            "/law/GGXZ-37-1",
            "/law/GGTL-14",
            "/law/GB37488",
        ]
        .map(str::to_owned),
    );
    all
}

/// What stands where a key of the catalogue has no text.
fn raw_keys(read: &str) -> Vec<&str> {
    let words = read.split(|c: char| !(c.is_ascii_alphanumeric() || ".-_".contains(c)));
    let areas = ["inspection.", "kit.", "law.", "error.", "terminal."];
    words.filter(|word| areas.iter().any(|area| word.len() > area.len() && word.starts_with(area))).collect()
}

#[tokio::test]
async fn hostile_text_is_shown_as_text_on_every_page() {
    let world = World::start(31, None).await;
    let name: String =
        format!("{MARKUP}{BIDI}{}", "长".repeat(300 - MARKUP.chars().count() - BIDI.chars().count()));
    let (_, _, one, _two) = pool(&world, |city| {
        for entity in city["entities"].as_array_mut().unwrap() {
            entity["name"] = json!(name);
        }
    })
    .await;
    let entity = one.client.inspection(one.id).unwrap().view.identity.entity.name.clone();
    assert_eq!(entity.chars().count(), 300, "the name came through whole");
    let text = format!("{MARKUP}{BIDI}\n=1+1\n{}", "长".repeat(300_000));
    for (path, fields) in [
        (one.item("PP-SWIM-001", "note"), vec![("base", ""), ("text", text.as_str())]),
        (
            format!("{}/narrative", one.visit),
            vec![("of", "narrative"), ("base", ""), ("text", text.as_str())],
        ),
        (
            format!("{}/narrative", one.visit),
            vec![("of", "statement"), ("base", ""), ("text", text.as_str())],
        ),
        (one.item("X-TEXT", "answer"), vec![("text", text.as_str())]),
        (one.item("PP-SWIM-002", "answer"), vec![("result", "na"), ("reason", MARKUP)]),
    ] {
        one.post(&path, &fields).await.place();
    }
    assert_eq!(one.note("PP-SWIM-001"), text, "what was typed is stored as it was typed");
    for path in pages(&one) {
        let answer = one.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let html = answer.text();
        assert!(!html.contains("<script>") && !html.contains("<img src=x"), "{path}");
        assert!(!html.contains(" style=") && !html.contains(" onerror=alert(1)>"), "{path}");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}");
    }
    // Reordering characters are seen where text is read, and kept where it is written on.
    let section = one.page("/sections/1").await;
    assert!(section.text().contains("fp-control\">U+202E"));
    // The field gives back what was stored: saving it again changes nothing.
    let heads = one.client.inspection(one.id).unwrap().heads;
    one.post(&one.item("PP-SWIM-001", "note"), &[("base", &text), ("text", &text)]).await.place();
    assert_eq!(one.client.inspection(one.id).unwrap().heads, heads);
}

#[tokio::test]
async fn no_page_shows_a_key_for_a_text_and_strange_addresses_are_explained() {
    let world = World::start(32, None).await;
    let (_, _, one, two) = pool(&world, |_| {}).await;
    for (pages, result) in [(&one, "pass"), (&two, "fail")] {
        pages.post(&pages.item("PP-SWIM-001", "answer"), &[("result", result)]).await.place();
        pages.post(&pages.item("PP-SWIM-012", "answer"), &[("value", "50")]).await.place();
    }
    two.post(&two.item("PP-SWIM-003", "answer"), &[("result", "fail")]).await.place();
    for pages in [&one, &two, &one] {
        pages.sync().await;
    }
    for language in ["zh-CN", "en"] {
        one.post("/settings", &[("language", language), ("theme", "auto"), ("lock_minutes", "0")])
            .await
            .place();
        for path in pages(&one) {
            let answer = one.get(&path).await;
            let read = answer.read();
            assert_eq!(raw_keys(&read), Vec::<&str>::new(), "{path} in {language}");
            assert_eq!(answer.text().matches("<h1").count(), 1, "{path}");
        }
    }
    for (path, status) in [
        ("/inspections/x", StatusCode::UNPROCESSABLE_ENTITY),
        ("/inspections/01a215b9-52a8-7af8-bf43-08363d0b02cd", StatusCode::NOT_FOUND),
        (&format!("{}/sections/0", one.visit), StatusCode::NOT_FOUND),
        (&format!("{}/sections/99", one.visit), StatusCode::NOT_FOUND),
        (&format!("{}/sections/x", one.visit), StatusCode::UNPROCESSABLE_ENTITY),
        (&format!("{}/fresh?heads=zz", one.visit), StatusCode::UNPROCESSABLE_ENTITY),
        ("/law/NOPE", StatusCode::NOT_FOUND),
    ] {
        let answer = one.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(
            answer.text().starts_with("<!doctype html>") && raw_keys(&answer.read()).is_empty(),
            "{path}"
        );
    }
    let unknown = one.post(&one.item("NOPE", "answer"), &[("result", "pass")]).await;
    assert!(unknown.status.is_client_error());
    let sheet = one.send(Method::GET, "/law/GGXZ-37-1", &[("hx-request", "true")], Body::empty()).await;
    assert!(sheet.text().starts_with("<h2") && sheet.text().contains("data-close"));
}
