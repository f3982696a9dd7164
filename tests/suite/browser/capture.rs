//! Evidence as a hand takes it in the browser: sound and film recorded in the page, a signature drawn, where it was.

use crate::browser::open_terminal;
use fieldproof_tests::browser::{Album, Browser, Look};
use fieldproof_tests::stage::Stage;
use serde_json::json;

/// Draws a line on the pad with a finger.
async fn draw(browser: &Browser, points: &[(f64, f64)]) {
    let corner = "const pad = document.querySelector('canvas'); pad.scrollIntoView({block: 'center'}); const box = pad.getBoundingClientRect(); return [box.left, box.top]";
    let corner = browser.script(corner, Vec::new()).await;
    let (left, top) = (corner[0].as_f64().unwrap(), corner[1].as_f64().unwrap());
    let last = points.len() - 1;
    for (n, (x, y)) in points.iter().enumerate() {
        let at = |kind: &str, buttons: u8| json!({"type": kind, "x": left + x, "y": top + y, "button": "left", "buttons": buttons, "clickCount": 1});
        if n == 0 {
            browser.devtools("Input.dispatchMouseEvent", at("mousePressed", 1)).await;
        }
        browser.devtools("Input.dispatchMouseEvent", at("mouseMoved", 1)).await;
        if n == last {
            browser.devtools("Input.dispatchMouseEvent", at("mouseReleased", 0)).await;
        }
    }
}

#[tokio::test]
async fn an_officer_records_and_lets_sign_in_the_page() {
    let stage = Stage::open().await;
    let browser = Browser::open(Album::new("capture").unwrap(), Look::TERMINAL).await;
    let here = json!({"latitude": 30.274, "longitude": 120.155, "accuracy": 9});
    browser.devtools("Browser.grantPermissions", json!({"permissions": ["geolocation"]})).await;
    browser.devtools("Emulation.setGeolocationOverride", here).await;
    open_terminal(&browser, &stage, 0).await;
    let gallery = format!("{}/inspections/{}/evidence", stage.terminal(0), stage.visit(0));
    browser.goto(&gallery).await;

    let recordings = format!("{gallery}/").replace("/evidence/", "/recordings/");
    for (kind, player, parts) in [("audio", "audio", 2), ("video", "video", 6)] {
        browser.click(&format!("[data-record={kind}]")).await;
        browser.see("[data-running]:not([hidden])").await;
        browser.until_asked(&recordings, parts).await;
        let left = "return /\\d/.test(document.querySelector('[data-left]').textContent)";
        browser.until("minutes are left", left, Vec::new()).await;
        browser.picture(&format!("recording-{kind}")).await;
        browser.click("[data-stop]").await;
        browser.see(&format!("#e-0 .fp-shot .icon, #e-0 .fp-shot {player}")).await;
        browser.see("[data-idle]:not([hidden])").await;
    }
    assert_eq!(browser.count("#e-0 .fp-shot").await, 2);

    browser.open_details("#sign").await;
    browser.fill("#sign [name=caption]", "负责人丙（虚构）").await;
    let disabled = "return document.querySelector('[data-send]').disabled";
    assert_eq!(browser.script(disabled, Vec::new()).await, true);
    draw(&browser, &[(40.0, 60.0), (90.0, 40.0), (70.0, 120.0), (130.0, 90.0)]).await;
    draw(&browser, &[(160.0, 50.0), (165.0, 130.0)]).await;
    assert_eq!(browser.script(disabled, Vec::new()).await, false);
    browser.screen("pad").await;
    browser.click("#sign [data-send]").await;
    browser
        .until(
            "picture and strokes are there",
            "return document.querySelectorAll('#e-0 .fp-shot').length === 4",
            vec![],
        )
        .await;
    browser.goto(&gallery).await;
    browser.read("main", "北纬 30.27400°，东经 120.15500°，误差 9 米").await;
    browser.picture("gallery").await;
    let detail = stage.terminal_api(0).get(&format!("/api/v1/inspections/{}", stage.visit(0))).await.unwrap();
    let listed = detail["evidence"].as_array().unwrap().iter();
    let mut kinds: Vec<_> = listed.map(|capture| capture["register"]["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["audio", "signature", "signature", "video"], "{detail}");
    browser.kept_to_itself(&[&stage.terminal(0)]).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
