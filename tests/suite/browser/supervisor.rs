//! A supervisor's and an administrator's decisions through the pages, what the public reads of them, and what happens to
//! typed text when the session or the server is gone in the middle.

use crate::browser::sign_in;
use fieldproof_tests::browser::{Album, Browser, Look};
use fieldproof_tests::demo::api::Api;
use fieldproof_tests::stage::{self, Stage};
use serde_json::Value;

const COMMENT: &str = "请补拍<i>公示栏</i>，说明整改情况。";
const REMARK: &str = "公示内容与许可证不一致。";
const REASON: &str = "复核照片：公示栏空白，判定不合格。";

/// What the server knows of a visit.
async fn case(api: &Api, visit: &str) -> Value {
    api.get(&format!("/api/v1/inspections/{visit}")).await.unwrap()["row"].take()
}

#[tokio::test]
async fn decisions_are_made_through_the_pages_and_the_public_reads_the_result_without_scripts() {
    let stage = Stage::after_the_day().await;
    let browser = Browser::open(Album::new("supervisor").unwrap(), Look::CONSOLE).await;
    let visit = stage.visit(1).to_string();
    let page = format!("/console/inspections/{visit}");

    // From the inbox to the case; a return with a remark about one item. The session ends before it is sent.
    sign_in(&browser, &stage, stage::SUPERVISOR).await;
    browser.follow(&format!("main a[href='{page}']")).await;
    browser.read("h1", stage.entity(1)).await;
    let item = "article:has(.fp-fail) details.fp-remark";
    browser.open_details(item).await;
    browser.fill(&format!("{item} textarea"), REMARK).await;
    browser.open_details("#decide").await;
    browser.fill("#comment", COMMENT).await;
    browser.forget_session().await;
    browser.follow("#review .fp-decide-choices button:not([formaction])").await;
    browser.see("[name=login]").await;
    browser.picture("expired").await;
    browser.fill("[name=login]", stage::SUPERVISOR).await;
    browser.fill("[name=password]", stage::PASSWORD).await;
    browser.follow("main form button").await;
    browser.read("main", COMMENT).await;
    browser.read("main", REMARK).await;
    browser.picture("confirm").await;
    browser.follow("main form .btn-primary").await;
    browser.see("[role=status].fp-pass").await;
    let known = case(stage.supervisor(), &visit).await;
    assert_eq!(known["state"], "returned", "{known}");
    let decision = known["decisions"].as_array().unwrap().last().unwrap();
    assert_eq!(decision["comment"], COMMENT);
    assert_eq!(decision["items"].as_object().unwrap().values().collect::<Vec<_>>(), [REMARK]);

    // The officers answer; it is accepted and disclosed.
    stage.supplement(1).await;
    browser.goto(&format!("{}{page}", stage.server())).await;
    browser.open_details("#decide").await;
    browser.follow("#review button[formaction$='/accept']").await;
    browser.see("[role=status].fp-pass").await;
    browser.follow(&format!("a[href='{page}/disclose']")).await;
    browser.follow("form.fp-decide button").await;
    assert_eq!(case(stage.supervisor(), &visit).await["state"], "disclosed");
    let result = browser.attributes("a[href^='/results/']", "href").await.remove(0);

    // An administrator decides the conflict, with a reason.
    browser.follow("form[action='/console/logout'] button").await;
    sign_in(&browser, &stage, stage::ADMINISTRATOR).await;
    browser.goto(&format!("{}/console/conflicts", stage.server())).await;
    browser.follow("main table a, main .fp-row-link").await;
    browser.click("input[type=radio][name=choice]").await;
    browser.fill("#reason", REASON).await;
    browser.picture("conflict").await;
    browser.follow(".fp-decide .btn-primary").await;
    browser.read("main", REASON).await;
    let open = stage.administrator().get("/api/v1/conflicts").await.unwrap();
    assert_eq!(open["conflicts"].as_array().unwrap().len(), 0);
    browser.kept_to_itself(&[&stage.server()]).await;

    // The public reads, without scripts and without a session.
    let public = Browser::open(Album::at(browser.album().folder()).unwrap(), Look::CONSOLE).await;
    public.scripts(false).await;
    public.goto(&format!("{}/", stage.server())).await;
    public.read("main", stage.entity(1)).await;
    public.fill("input[name=q]", stage.entity(1)).await;
    public.follow("main form[method=get] button").await;
    public.follow(&format!("main a[href='{result}']")).await;
    public.read("h1", stage.entity(1)).await;
    let shown = public.see("main").await;
    assert!(!shown.contains(COMMENT) && !shown.contains(REMARK), "{shown}");
    public.reload().await;
    public.read("h1", stage.entity(1)).await;
    public.picture("public").await;
    public.kept_to_itself(&[&stage.server()]).await;
}

#[tokio::test]
async fn typed_text_outlives_a_server_that_is_gone_for_a_while() {
    let mut stage = Stage::after_the_day().await;
    let browser = Browser::open(Album::new("gone").unwrap(), Look::CONSOLE).await;
    let visit = stage.visit(1).to_string();
    sign_in(&browser, &stage, stage::SUPERVISOR).await;
    browser.goto(&format!("{}/console/inspections/{visit}", stage.server())).await;
    browser.open_details("#decide").await;
    browser.fill("#comment", COMMENT).await;
    let send = "#review .fp-decide-choices button:not([formaction])";

    stage.stop_server().await;
    browser.click(send).await;
    browser.see("#fp-gone").await;
    assert_eq!(browser.value("#comment").await, COMMENT);
    browser.picture("gone").await;

    stage.start_server().await;
    browser.follow(send).await;
    browser.see("[role=status].fp-pass").await;
    browser.read("main", COMMENT).await;
    browser.kept_to_itself(&[&stage.server()]).await;
}
