//! The faces in a real browser, against the real programs.

mod attack;

use fieldproof_tests::browser::Browser;
use fieldproof_tests::stage::{self, Stage};

/// Unlocks a terminal; the browser is where the officer was last.
pub(crate) async fn open_terminal(browser: &Browser, stage: &Stage, which: usize) {
    browser.goto(&stage.terminal(which)).await;
    browser.fill("[name=passphrase]", stage::PASSPHRASE).await;
    browser.follow("main form button").await;
    browser.see("#strip").await;
}
