//! The pictures of the documentation, taken of what the day left behind.

use super::api::Failure;
use super::{Day, city, field};
use crate::browser::{Album, Browser, Look};
use std::path::Path;

/// Takes a picture of a visit under way on a terminal, and one of a case to be reviewed in the console.
pub(super) async fn take(day: &Day, folder: &Path) -> Result<(), Failure> {
    let browser = Browser::open(Album::at(folder)?, Look::TERMINAL).await;
    let [to_review, _, _, begun] = day.tasks.get(1..5).ok_or("the officers have too few visits")? else {
        return Err("not four visits".into());
    };
    let (address, secret) = field::terminals(day)?[0].address();
    let root = format!("{address}/{secret}");
    browser.goto(&root).await;
    browser.fill("[name=passphrase]", field::PASSPHRASE).await;
    browser.follow("main form button").await;
    browser.goto(&format!("{root}/inspections/{}/sections/1", begun.inspection)).await;
    browser.see("main article").await;
    browser.screen("terminal").await;

    browser.set(Look::CONSOLE).await;
    browser.goto(&format!("{}/console", day.server_url)).await;
    browser.fill("[name=login]", city::SUPERVISOR).await;
    browser.fill("[name=password]", city::PASSWORD).await;
    browser.follow("main form button").await;
    browser.goto(&format!("{}/console/inspections/{}", day.server_url, to_review.inspection)).await;
    browser.see("main h1").await;
    browser.screen("console").await;
    Ok(())
}
