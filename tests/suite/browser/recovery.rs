//! A forgotten passphrase, on three screens: the locked terminal asks, two custodians answer, and it opens.

use crate::browser::{open_terminal, unlock};
use fieldproof_tests::browser::{Album, Browser, Look};
use fieldproof_tests::stage::Stage;

const NEW: &str = "新的口令共八个字";

/// Shows a custodian what a terminal asks, and takes her answer.
async fn helped(browser: &Browser, terminal: &str, request: &str, number: &str, picture: &str) -> String {
    browser.goto(terminal).await;
    unlock(browser).await;
    browser.see("#strip").await;
    browser.goto(&format!("{terminal}/recovery")).await;
    browser.set_value("#text", request).await;
    browser.follow("form[action$='/recovery/plea'] .btn-primary").await;
    assert_eq!(browser.see(".fp-check").await, number);
    browser.picture(&format!("{picture}-plea")).await;
    browser.fill("#reason", "本人当面，已查验执法证").await;
    browser.fill("#passphrase", fieldproof_tests::stage::PASSPHRASE).await;
    browser.follow("form[action$='/recovery/help'] .btn-primary").await;
    browser.see(".fp-qr").await;
    browser.picture(&format!("{picture}-answered")).await;
    browser.value("#answer").await
}

#[tokio::test]
async fn a_forgotten_passphrase_is_recovered_from_three_screens() {
    let mut stage = Stage::open().await;
    let custodians = stage.name_custodians().await;
    let browser = Browser::open(Album::new("recovery").unwrap(), Look::TERMINAL).await;
    // She signs in once more after they were named.
    stage.cut_power(0);
    open_terminal(&browser, &stage, 0).await;
    stage.sync(0).await;
    browser.goto(&format!("{}/recovery", stage.terminal(0))).await;
    browser.read("main", "任意两名保管人").await;
    browser.picture("own").await;

    stage.cut_power(0);
    let locked = stage.terminal(0);
    browser.goto(&locked).await;
    browser.picture("unlock").await;
    browser.follow("a[href$='/recover']").await;
    browser.picture("begin").await;
    browser.fill("#passphrase", NEW).await;
    browser.fill("#again", NEW).await;
    browser.follow("form[action$='/recover'] .btn-primary").await;
    let number = browser.see(".fp-check").await;
    browser.picture("asked").await;
    let request = browser.value("#request").await;

    for (place, which) in custodians.into_iter().enumerate() {
        let picture = format!("custodian-{place}");
        let answer = helped(&browser, &stage.terminal(which), &request, &number, &picture).await;
        browser.goto(&format!("{locked}/recover")).await;
        browser.set_value("#text", &answer).await;
        browser.follow("form[action$='/recover/answer'] .btn-primary").await;
        browser.picture(&format!("answers-{place}")).await;
    }
    browser.fill("#new", NEW).await;
    browser.follow("form[action$='/recover/finish'] .btn-primary").await;
    browser.read("main", "登记新的签名密钥").await;
    browser.picture("key").await;
    let code = stage.code_for(0).await;
    browser.fill("#code", &code).await;
    browser.fill("#passphrase", NEW).await;
    browser.follow("form[action$='/recovery/key'] .btn-primary").await;
    browser.read("main", "任意两名保管人").await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
}
