//! An officer's whole inspection through the pages: begun without a server, interrupted by a dead battery, settled with
//! the colleague, sealed by both, returned and supplemented.

use crate::browser::{open_terminal, unlock};
use fieldproof_tests::browser::{Album, Browser, Look};
use fieldproof_tests::photo;
use fieldproof_tests::stage::{self, Stage};
use serde_json::{Value, json};
use std::fs;

const NOTE: &str = "未公示卫生信誉度等级，<b>责令</b>立即改正。";
const REASON: &str = "当场复核公示栏，判定不合格。";
const RETURNED: &str = "请补充公示栏整改情况。";
const REMARK: &str = "照片看不清，请补拍。";
const SUPPLEMENT: &str = "已补拍，公示栏已按要求公示。";
const PARTY: &str = "负责人丙（虚构）";
const NARRATIVE: &str = "上午九时检查现场，核对证照、公示和消毒记录。";

/// The parts of an item's card that one answers with, as the page shows them.
const CONTROLS: &str = r#"
return [...document.querySelectorAll('article.fp-item')].map(card => ({
    id: card.dataset.place.replace(/^item-/, ''),
    number: card.querySelector('input[name=value]') !== null,
    option: card.querySelector('input[name=option]') !== null,
    text: card.querySelector('form.fp-field textarea[name=text]') !== null,
    date: card.querySelector('input[name=date]') !== null,
    segments: [...card.querySelectorAll('button[name=result]')].map(button => button.value),
    photo: card.querySelector('.fp-needed') !== null,
}))
"#;

/// Answers every item of the section that is shown; returns how many were answered by hand.
async fn answer_section(browser: &Browser, failed: &str, picture: &std::path::Path) -> usize {
    let cards = browser.script(CONTROLS, Vec::new()).await;
    let cards = cards.as_array().expect("cards").clone();
    for card in &cards {
        let id = card["id"].as_str().expect("an id");
        let at = |inner: &str| format!("[data-place='item-{id}'] {inner}");
        if card["photo"] == true {
            browser.give(&at("input[type=file]:not([capture])"), picture).await;
            browser.see(&at(".fp-shot")).await;
        }
        if card["number"] == true {
            browser.fill(&at("input[name=value]"), "１２").await;
            browser.leave(&at("input[name=value]")).await;
        }
        if card["option"] == true {
            browser.click(&at("label:has(input[name=option])")).await;
        }
        if card["text"] == true {
            browser.fill(&at("form.fp-field textarea[name=text]"), "见现场记录").await;
            browser.leave(&at("form.fp-field textarea[name=text]")).await;
        }
        if card["date"] == true {
            browser.set_value(&at("input[name=date]"), "2026-11-20").await;
        }
        let asks = |name: &str| card[name] == true;
        let by_value = asks("number") || asks("option") || asks("text") || asks("date");
        if by_value {
            browser.see(&at(".fp-answer:not([data-verdict=open])")).await;
        } else if let Some(result) =
            card["segments"].as_array().and_then(|all| all.first()).and_then(Value::as_str)
        {
            let result = if id == failed { "fail" } else { result };
            browser.click(&at(&format!("button[name=result][value={result}]"))).await;
            browser.see(&at(&format!(".fp-answer[data-verdict={result}]"))).await;
        }
    }
    cards.len()
}

#[tokio::test]
async fn an_officer_inspects_without_a_server_through_a_dead_battery_to_the_sealed_supplement() {
    let mut stage = Stage::open().await;
    let browser = Browser::open(Album::new("officer").unwrap(), Look::TERMINAL).await;
    let visit = stage.visit(0);
    let path = format!("/inspections/{visit}");
    let picture = stage.folder().join("公示栏.jpg");
    fs::write(&picture, photo::jpeg(3, Some("notice"), 800, 600)).unwrap();
    stage.stop_server().await;

    // Tasks, the visit, its sections.
    open_terminal(&browser, &stage, 0).await;
    browser.follow(&format!("a[href$='{path}']")).await;
    browser.read("h1", stage.entity(0)).await;
    let sections = browser.attributes("main a.fp-section", "href").await;
    assert!(sections.len() > 2, "{sections:?}");
    browser.follow(&format!("main a.btn-primary[href$='{path}/next']")).await;
    let first = browser.script(CONTROLS, Vec::new()).await;
    let plain = |card: &&Value| {
        card["segments"].as_array().is_some_and(|all| all.len() > 1) && card["number"] == false
    };
    let failed = first.as_array().unwrap().iter().find(plain).expect("a plain item")["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let origin = stage.terminal(0).rsplit_once('/').unwrap().0.to_owned();
    let mut cards = 0;
    for section in &sections {
        browser.goto(&format!("{origin}{section}")).await;
        cards += answer_section(&browser, &failed, &picture).await;
    }
    assert!(cards > 20, "{cards} items");

    // What fails is written about, with a phrase, and photographed.
    browser.goto(&format!("{origin}{}", sections[0])).await;
    let item = |inner: &str| format!("[data-place='item-{failed}'] {inner}");
    browser.see(&item(".fp-answer[data-verdict=fail]")).await;
    browser.open_details(&item(".fp-panel")).await;
    browser.write(&item(".fp-writing textarea"), NOTE).await;
    browser.give(&item("input[type=file]:not([capture])"), &picture).await;
    browser.see(&item(".fp-shot")).await;
    browser.picture("answered").await;

    // The narrative; and power is gone.
    browser.goto(&format!("{}{path}/narrative", stage.terminal(0))).await;
    browser.write("#t-narrative", NARRATIVE).await;
    let before = stage.terminal_api(0).get(&format!("/api/v1{path}")).await.unwrap();
    stage.cut_power(0);
    browser.goto(&stage.terminal(0)).await;
    browser.read("main", "仍是加密的").await;
    browser.picture("started").await;
    unlock(&browser).await;
    assert!(browser.address().await.contains(&format!("{path}/narrative")), "{}", browser.address().await);
    assert_eq!(browser.value("#t-narrative").await, NARRATIVE);
    let after = stage.terminal_api(0).get(&format!("/api/v1{path}")).await.unwrap();
    for part in ["view", "evidence", "items"] {
        assert_eq!(after[part], before[part], "{part}");
    }
    assert_eq!(after["view"]["notes"][&failed], NOTE);

    // The colleague sees one item differently, on her terminal, which has no server either.
    open_terminal(&browser, &stage, 1).await;
    let section = sections[0].split_once(&path).expect("sections are the visit's").1;
    browser.goto(&format!("{}{path}{section}", stage.terminal(1))).await;
    browser.click(&item("button[name=result][value=pass]")).await;
    browser.see(&item(".fp-answer[data-verdict=pass]")).await;

    // The server is back; the page syncs, shows where they differ, and the difference is settled with a reason.
    stage.start_server().await;
    stage.sync(1).await;
    browser.goto(&format!("{}/sync", stage.terminal(0))).await;
    browser.follow("main form[action$='/sync'] .btn-primary").await;
    browser.see("#sync-state .fp-big.fp-pass").await;
    stage.sync(1).await;
    stage.sync(0).await;
    browser.goto(&format!("{}{path}", stage.terminal(0))).await;
    browser.follow(&format!("main .fp-notice a[href$='{path}/team']")).await;
    browser.see(".fp-difference").await;
    browser.picture("difference").await;
    let sides = browser.count(".fp-difference .fp-side-choice").await;
    assert_eq!(sides, 2);
    browser.click(".fp-difference .fp-side-choice:has(.fp-mark.fp-info) input[name=side]").await;
    browser.fill(".fp-difference textarea[name=reason]", REASON).await;
    browser.follow(".fp-difference .btn-primary").await;
    browser.see("[role=status].fp-pass").await;
    assert_eq!(browser.count(".fp-difference").await, 0);
    let settled = stage.terminal_api(0).get(&format!("/api/v1{path}")).await.unwrap();
    assert_eq!(settled["conflicts"], json!([]));
    assert!(settled["view"]["resolutions"].to_string().contains(REASON), "{}", settled["view"]);
    meet(&stage).await;

    // Both sign what they have read; a wrong passphrase costs nothing.
    seal(&browser, &stage, &path, None).await;
    let sealed = stage.supervisor().get(&format!("/api/v1{path}")).await.unwrap();
    assert_eq!(sealed["info"]["state"], "sealed");

    // It comes back with a remark about one item, and goes out again with a supplement.
    let remarks = json!({"comment": RETURNED, "items": {failed.clone(): REMARK}});
    stage.supervisor().post(&format!("/api/v1{path}/return"), &remarks).await.unwrap();
    meet(&stage).await;
    browser.goto(&format!("{}{path}", stage.terminal(0))).await;
    browser.read("main", RETURNED).await;
    browser.picture("returned").await;
    browser.follow(&format!("main .fp-notice a[href*='item-{failed}']")).await;
    browser.read(&item(""), REMARK).await;
    browser.open_details(&item(".fp-panel")).await;
    browser.write(&item(".fp-writing textarea"), SUPPLEMENT).await;
    meet(&stage).await;
    seal(&browser, &stage, &path, Some("已补拍公示栏。")).await;
    let again = stage.supervisor().get(&format!("/api/v1{path}")).await.unwrap();
    let seals = again["row"]["seals"].as_array().map(Vec::len);
    assert_eq!((&again["info"]["state"], seals), (&json!("sealed"), Some(2)));
    let here = stage.terminal_api(1).get(&format!("/api/v1{path}")).await.unwrap();
    assert_eq!(here["view"]["notes"][&failed], SUPPLEMENT);

    let earlier = format!("{origin}/");
    browser.kept_to_itself(&[&stage.terminal(0), &stage.terminal(1), &earlier]).await;
}

/// Syncs both terminals until each has what the other did.
async fn meet(stage: &Stage) {
    for which in [0, 1, 0, 1] {
        stage.sync(which).await;
    }
}

/// The first officer draws up and signs after a slip, the second reads and signs the same.
async fn seal(browser: &Browser, stage: &Stage, path: &str, comment: Option<&str>) {
    browser.goto(&format!("{}{path}/seal", stage.terminal(0))).await;
    browser.fill("#name", PARTY).await;
    if let Some(comment) = comment {
        browser.fill("#comment", comment).await;
    }
    browser.fill("#passphrase", "wrong-passphrase").await;
    browser.follow(".fp-seal-form .btn-primary").await;
    browser.see("main [role=alert]").await;
    assert_eq!(browser.value("#name").await, PARTY);
    browser.fill("#passphrase", stage::PASSPHRASE).await;
    browser.follow(".fp-seal-form .btn-primary").await;
    browser.see("#statement").await;
    stage.sync(0).await;
    stage.sync(1).await;
    browser.goto(&format!("{}{path}/seal", stage.terminal(1))).await;
    browser.read("main", PARTY).await;
    browser.picture("cosign").await;
    browser.fill("#passphrase", stage::PASSPHRASE).await;
    browser.follow("form[action$='/cosign'] .btn-primary").await;
    meet_back(stage).await;
}

/// The second signature travels to the server and to the first officer.
async fn meet_back(stage: &Stage) {
    stage.sync(1).await;
    stage.sync(0).await;
}
