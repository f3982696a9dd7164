//! Nothing is replaced under the officer's hands: neither while she types nor while an input method composes.

use crate::browser::open_terminal;
use fieldproof_tests::browser::{Album, Browser, Look};
use fieldproof_tests::stage::Stage;
use serde_json::json;

/// Puts a mark on a field that a new one in its place would not have, and the cursor at its end.
const MARK: &str = "const field = document.querySelector(arguments[0]); field.fpMark = true; field.focus(); \
                    field.setSelectionRange?.(field.value.length, field.value.length)";
/// The value of the field that has the cursor, if it is the marked one.
const MARKED: &str =
    "const field = document.activeElement; return field.fpMark === true ? field.value : null";

#[tokio::test]
async fn a_sync_and_a_colleagues_answers_leave_the_field_that_is_written_in_alone() {
    let stage = Stage::open().await;
    let browser = Browser::open(Album::new("typing").unwrap(), Look::TERMINAL).await;
    let path = format!("/inspections/{}", stage.visit(0));
    open_terminal(&browser, &stage, 0).await;
    browser.goto(&format!("{}{path}/sections/1", stage.terminal(0))).await;
    let card = "article.fp-item:has(button[name=result][value=fail])";
    let id = browser.attributes(card, "data-place").await.remove(0).replace("item-", "");
    let field = format!("[data-place='item-{id}'] .fp-writing textarea");
    browser.open_details(&format!("[data-place='item-{id}'] .fp-panel")).await;
    browser.see(&field).await;

    // An input method composes; the text is not there yet.
    browser.script(MARK, vec![json!(field)]).await;
    let compose = |text: &str| {
        let end = text.chars().count();
        json!({"text": text, "selectionStart": end, "selectionEnd": end})
    };
    browser.devtools("Input.imeSetComposition", compose("gong")).await;

    // Meanwhile the colleague's work arrives, and the page's polls answer.
    let there = format!("/api/v1{path}");
    let answer = json!({"answer": {"type": "conformity", "result": "fail"}});
    stage.terminal_api(1).put(&format!("{there}/answers/{id}"), &answer).await.unwrap();
    stage.terminal_api(1).put(&format!("{there}/notes/{id}"), &json!({"text": "同事的记录"})).await.unwrap();
    stage.sync(1).await;
    stage.sync(0).await;
    let strip = browser.asked(&format!("{}/strip", stage.terminal(0))).await;
    browser.see("#fresh .fp-notice").await;
    browser.until_asked(&format!("{}/strip", stage.terminal(0)), strip + 1).await;
    assert_eq!(browser.script(MARKED, Vec::new()).await, "gong", "the composition goes on");
    browser.devtools("Input.imeSetComposition", compose("gongshi")).await;
    browser.devtools("Input.insertText", json!({"text": "公示"})).await;
    assert_eq!(browser.script(MARKED, Vec::new()).await, "公示");

    // What she writes while her own text is being saved is there, too.
    browser.type_on("栏空白").await;
    let saved = browser.asked(&format!("{}{path}/items/{id}/note", stage.terminal(0))).await;
    browser.until_asked(&format!("{}{path}/items/{id}/note", stage.terminal(0)), saved + 1).await;
    browser.see(&format!("[data-place='item-{id}'] .fp-writing .fp-status .fp-mark")).await;
    assert_eq!(browser.script(MARKED, Vec::new()).await, "公示栏空白");
    // Both officers' words stand.
    let note = stage.terminal_api(0).get(&there).await.unwrap()["view"]["notes"][&id].to_string();
    assert!(note.contains("公示栏空白") && note.contains("同事的记录"), "{note}");
    browser.kept_to_itself(&[&stage.terminal(0)]).await;
}

/// A word and a tap on something else, faster than the page saves by itself.
#[tokio::test]
async fn what_was_typed_a_moment_before_leaving_the_page_is_kept() {
    let stage = Stage::open().await;
    let browser = Browser::open(Album::new("leaving").unwrap(), Look::TERMINAL).await;
    let path = format!("/inspections/{}", stage.visit(0));
    let page = format!("{}{path}/narrative", stage.terminal(0));
    open_terminal(&browser, &stage, 0).await;
    browser.goto(&page).await;
    browser.fill("#t-narrative", "离开前的话").await;
    browser.goto(&format!("{}/tasks", stage.terminal(0))).await;
    let there = format!("/api/v1{path}");
    let kept = async || stage.terminal_api(0).get(&there).await.unwrap()["view"]["narrative"] == "离开前的话";
    browser.until_so("the text is kept", kept).await;
    browser.goto(&page).await;
    assert_eq!(browser.value("#t-narrative").await, "离开前的话");
    browser.kept_to_itself(&[&stage.terminal(0)]).await;
}
