//! The faces in a real browser, against the real programs.

mod attack;
mod capture;
pub(crate) mod crawl;
mod officer;
mod recovery;
mod supervisor;
mod typing;
mod walk;

use fieldproof_tests::browser::Browser;
use fieldproof_tests::stage::{self, Stage};

/// Unlocks a terminal; the browser is where the officer was last.
pub(crate) async fn open_terminal(browser: &Browser, stage: &Stage, which: usize) {
    browser.goto(&stage.terminal(which)).await;
    unlock(browser).await;
    browser.see("#strip").await;
}

/// Says the passphrase.
pub(crate) async fn unlock(browser: &Browser) {
    browser.fill("[name=passphrase]", stage::PASSPHRASE).await;
    browser.follow("main form .btn-primary").await;
}
/// Signs in to the console.
pub(crate) async fn sign_in(browser: &Browser, stage: &Stage, login: &str) {
    browser.goto(&format!("{}/console", stage.server())).await;
    browser.fill("[name=login]", login).await;
    browser.fill("[name=password]", stage::PASSWORD).await;
    browser.follow("main form button").await;
    browser.see("nav [aria-current]").await;
}
