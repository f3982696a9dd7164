//! The first pages.

use fieldproof_tests::browser::{Album, Browser, Look};
use fieldproof_tests::stage::{self, Stage};

#[tokio::test]
async fn an_officer_unlocks_and_a_supervisor_signs_in() {
    let stage = Stage::open().await;
    let browser = Browser::open(Album::new("start").unwrap(), Look::TERMINAL).await;
    browser.goto(&stage.terminal(0)).await;
    browser.fill("[name=passphrase]", stage::PASSPHRASE).await;
    browser.follow("main form button").await;
    browser.read("main", stage.entity(0)).await;
    let found = browser.axe(true).await;
    assert!(found.is_empty(), "{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    browser.picture("tasks").await;
    browser.set(Look::CONSOLE).await;
    browser.goto(&format!("{}/console", stage.server())).await;
    browser.fill("[name=login]", stage::SUPERVISOR).await;
    browser.fill("[name=password]", stage::PASSWORD).await;
    browser.follow("main form button").await;
    browser.see("nav [aria-current]").await;
    browser.picture("inbox").await;
    browser.kept_to_itself(&[&stage.terminal(0), &stage.server()]).await;
    println!("{}", browser.album().index().unwrap().display());
}
