use crate::testing::{AUTHORITY, OFFICER, SECRET, Terminal};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

const RIGHT: &str = "passphrase=long+enough";

#[tokio::test]
async fn a_terminal_that_starts_is_locked_and_leads_back_to_where_one_wanted() {
    let terminal = Terminal::enrolled().await;
    for path in ["/tasks?show=done", "/settings", "/inspections/x/history"] {
        let page = terminal.get(path).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER);
        let then = page.location().to_owned();
        assert!(then.starts_with("/unlock?then=%2F"), "{then}");
        let shown = terminal.get(&then).await;
        assert!(shown.text.contains("type=\"password\"") && !shown.text.contains("strip-poll"));
    }
    let page = terminal.post("/unlock", &format!("{RIGHT}&then=%2Ftasks%3Fshow%3Ddone")).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/tasks?show=done"));
    assert_eq!(terminal.get("/tasks").await.status, StatusCode::OK);
}

#[tokio::test]
async fn after_a_start_the_store_is_shut_until_somebody_knows_the_passphrase() {
    let terminal = Terminal::unlocked().await.restarted();
    let notice = "仍是加密的";
    let shown = terminal.get("/unlock").await;
    assert!(shown.text.contains(OFFICER) && shown.text.contains(notice), "{}", shown.text);
    for (method, path, body) in [(Method::GET, "/api/v1/status", ""), (Method::POST, "/api/v1/sync", "{}")] {
        let reply = terminal.ask(method, path, body).await;
        assert_eq!((reply.status.as_u16(), &reply.json["code"]), (423, &"store_locked".into()), "{path}");
    }
    for path in ["/tasks", "/enrol"] {
        assert_eq!(terminal.get(path).await.status, StatusCode::SEE_OTHER, "{path}");
    }
    let strip = terminal.look("/strip", true).await;
    assert!(strip.headers["hx-redirect"].to_str().unwrap().contains("/unlock"));

    let wrong = terminal.ask(Method::POST, "/api/v1/unlock", r#"{"passphrase":"long enougj"}"#).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    let right = terminal.ask(Method::POST, "/api/v1/unlock", r#"{"passphrase":"long enough"}"#).await;
    assert_eq!((right.status, &right.json["enrolled"]["officer_name"]), (StatusCode::OK, &OFFICER.into()));
    // The pages are opened by the officer at the terminal, not by a program.
    let shown = terminal.get("/unlock").await;
    assert!(shown.text.contains(OFFICER) && !shown.text.contains(notice));
    assert_eq!(terminal.get("/tasks").await.status, StatusCode::SEE_OTHER);
    assert_eq!(terminal.post("/unlock", RIGHT).await.status, StatusCode::SEE_OTHER);
    assert_eq!(terminal.get("/tasks").await.status, StatusCode::OK);
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_unlocking() {
    let terminal = Terminal::enrolled().await;
    for then in ["http://evil.example", "//evil.example", "/\\evil.example", "%0d%0ax", "evil"] {
        let page = terminal.post("/unlock", &format!("{RIGHT}&then={then}")).await;
        assert_eq!(page.location(), "/", "{then}");
    }
}

#[tokio::test]
async fn a_wrong_passphrase_destroys_nothing_and_slows_down() {
    let terminal = Terminal::enrolled().await;
    for _ in 0..5 {
        let page =
            terminal.post("/unlock", "passphrase=wrong+horse&then=%2Fsync&waiting.text=%E7%AC%94").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        // What waits and where to go on is still there; the passphrase is not.
        assert!(
            page.text.contains("name=\"waiting.text\" value=\"笔\"") && page.text.contains("value=\"/sync\"")
        );
        assert!(!page.text.contains("wrong horse"));
    }
    let page = terminal.post("/unlock", RIGHT).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = page.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(page.text.contains(&format!(" {wait} ")), "{}", page.text);
    assert!(!page.text.contains("details"));
    terminal.pass_seconds(wait + 1);
    assert_eq!(terminal.post("/unlock", RIGHT).await.status, StatusCode::SEE_OTHER);
    assert_eq!(terminal.get("/tasks").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_was_written_while_it_locked_goes_on_behind_the_passphrase() {
    let terminal = Terminal::enrolled().await;
    let page = terminal.post("/settings", "language=en&theme=dark&lock_minutes=5").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("name=\"waiting.theme\" value=\"dark\""));
    let form =
        format!("{RIGHT}&then=%2Fsettings&waiting.language=en&waiting.theme=dark&waiting.lock_minutes=5");
    let page = terminal.post("/unlock", &form).await;
    assert!(page.text.contains("name=\"theme\" value=\"dark\"") && page.text.contains("/settings\""));
    assert_eq!(
        terminal.post("/settings", "language=en&theme=dark&lock_minutes=5").await.location(),
        "/settings?saved"
    );
}

#[tokio::test]
async fn left_alone_it_locks_and_takes_the_page_with_it() {
    let terminal = Terminal::unlocked().await;
    terminal.pass_seconds(14 * 60);
    // Looking at a page keeps it open; what a page asks for by itself does not.
    assert_eq!(terminal.get("/tasks").await.status, StatusCode::OK);
    terminal.pass_seconds(10 * 60);
    assert_eq!(terminal.look("/strip", true).await.status, StatusCode::OK);
    assert_eq!(terminal.look("/sync/state", true).await.status, StatusCode::OK);
    terminal.pass_seconds(6 * 60);
    let asked = |path: &str, current: &str| {
        let request = Request::builder()
            .uri(format!("/{SECRET}{path}"))
            .header("host", AUTHORITY)
            .header("hx-request", "true")
            .header("hx-current-url", format!("http://{AUTHORITY}{current}"));
        request.body(Body::empty()).unwrap()
    };
    for path in ["/strip", "/sync/state"] {
        let answer = terminal.page(asked(path, &format!("/{SECRET}/tasks?show=done#x"))).await;
        assert_eq!(answer.headers["hx-redirect"], format!("/{SECRET}/unlock?then=%2Ftasks%3Fshow%3Ddone"));
        assert!(!answer.text.contains(OFFICER));
        let answer = terminal.page(asked(path, "/elsewhere")).await;
        assert_eq!(answer.headers["hx-redirect"], format!("/{SECRET}/unlock?then=%2F"));
    }
    assert!(terminal.get("/tasks").await.location().starts_with("/unlock"));
}

#[tokio::test]
async fn an_act_keeps_it_open_and_a_late_one_is_done_but_opens_nothing() {
    let terminal = Terminal::unlocked().await;
    let save = || terminal.post("/settings", "language=&theme=auto&lock_minutes=15");
    terminal.pass_seconds(14 * 60);
    assert_eq!(save().await.location(), "/settings?saved");
    terminal.pass_seconds(14 * 60);
    assert_eq!(terminal.get("/tasks").await.status, StatusCode::OK);
    terminal.pass_seconds(16 * 60);
    // What was written before it locked is taken.
    assert_eq!(save().await.location(), "/settings?saved");
    assert!(terminal.get("/settings").await.location().starts_with("/unlock"));
    // Locked by hand it takes nothing.
    assert_eq!(terminal.post("/lock", "").await.location(), "/unlock");
    assert!(save().await.text.contains("waiting.theme"));
}

#[tokio::test]
async fn a_restart_lands_where_one_was() {
    let terminal = Terminal::unlocked().await;
    terminal.get("/tasks?show=done&q=%E7%A2%A7").await;
    terminal.look("/sync/state", true).await;
    terminal.get("/entities/nobody").await;
    let terminal = terminal.restarted();
    let page = terminal.get("").await;
    assert!(page.location().starts_with("/unlock"));
    assert_eq!(terminal.post("/unlock", RIGHT).await.location(), "/");
    assert_eq!(terminal.get("").await.location(), "/tasks?show=done&q=%E7%A2%A7");
}
