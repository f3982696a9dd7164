//! Every page of both faces and the public site, looked at in every size, language and appearance, and heard by axe.

use crate::browser::crawl::{Face, Walked};
use crate::browser::{open_terminal, sign_in, unlock};
use fieldproof_presentation::texts::Language;
use fieldproof_tests::browser::{Album, Browser, Look, Size};
use fieldproof_tests::stage::{self, Stage};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;

/// Addresses of the terminal that answer with a part of a page, a file, nothing or another address.
const TERMINAL_PARTS: &[&str] = &[
    "/",
    "/assets/{version}/{name}",
    "/enrol",
    "/inspections/{id}/evidence/{record}/file",
    "/inspections/{id}/fresh",
    "/inspections/{id}/items/{item}/judge",
    "/inspections/{id}/next",
    "/ping",
    "/recover/request.txt",
    "/strip",
    "/sync/state",
];
/// The same of the console.
const CONSOLE_PARTS: &[&str] = &[
    "/console/cases.csv",
    "/console/draws/{id}/record",
    "/console/evidence/{digest}",
    "/console/evidence/{digest}/preview",
    "/console/quarantine/{inspection}/{device}/{digest}/export",
];

#[tokio::test]
async fn every_page_of_the_terminal_is_looked_at() {
    let mut stage = Stage::after_the_day().await;
    stage.propose(0, 4, "address", "云泽市滨河新区（虚构）学府路 18 号 2 栋").await;
    stage.propose(1, 4, "address", "云泽市滨河新区（虚构）学府路 8 号").await;
    stage.register(0, 4, "DOC-03", None).await;
    stage.register(0, 4, "DOC-35", None).await;
    stage.register(0, 4, "DOC-03", Some(321)).await;
    stage.sync(0).await;
    let unsynced = stage.unsynced_terminal().await;
    let browser = Browser::open(Album::new("terminal").unwrap(), Look::TERMINAL).await;
    let face = Face {
        root: stage.terminal(0),
        addresses: fieldproof_terminal::pages::addresses().collect(),
        no_pages: TERMINAL_PARTS,
        sizes: &Size::TERMINAL,
        outdoors: true,
        starts: &["/tasks", "/settings", "/sync", "/law", "/recover"],
        each: 2,
    };
    let mut walked = Walked::default();
    face.look_alone(&browser, "/unlock", &mut walked).await;
    open_terminal(&browser, &stage, 0).await;
    face.walk(&browser, &mut walked).await;
    let proposed = format!("/inspections/{}/proposals", stage.visit(4));
    face.look(&browser, &proposed, "proposals-differ", &mut walked).await;
    let papers = format!("/inspections/{}/papers", stage.visit(4));
    face.look(&browser, &papers, "papers-disputed", &mut walked).await;
    let contested_seal = format!("/inspections/{}/seal", stage.visit(2));
    face.look(&browser, &contested_seal, "seal-contested", &mut walked).await;
    let [sealed, contested, returned] = [1, 2, 3].map(|which| format!("/inspections/{}", stage.visit(which)));
    face.look(&browser, &sealed, "sealed", &mut walked).await;
    face.look(&browser, &format!("{contested}/team"), "contested", &mut walked).await;
    face.look(&browser, &returned, "returned", &mut walked).await;
    face.look(&browser, &format!("{returned}/seal"), "supplement", &mut walked).await;
    face.look(&browser, "/nowhere", "error", &mut walked).await;
    let other = Face { root: unsynced, ..face };
    browser.goto(&other.root).await;
    unlock(&browser).await;
    other.look_alone(&browser, "/enrol/first", &mut walked).await;
    let face = Face { root: stage.terminal(0), ..other };
    // In other hands, and revoked.
    stage.reassign_half_sent(0, 4).await;
    face.look(&browser, &format!("/inspections/{}", stage.visit(4)), "reassigned", &mut walked).await;
    hold_originals_back(&face, &browser, &stage, &mut walked).await;
    stage.mend_link().await;
    stage.revoke(0).await;
    face.look(&browser, "/sync", "revoked", &mut walked).await;
    face.look(&browser, "/tasks", "revoked-tasks", &mut walked).await;
    browser.kept_to_itself(&[&face.root, &stage.terminal(2)]).await;
    println!("{}", browser.album().index().unwrap().display());
    face.verdict(&browser, &walked).await;
}

/// A photo that a metered network holds back, and one that waits because the officer paused.
async fn hold_originals_back(face: &Face<'_>, browser: &Browser, stage: &Stage, walked: &mut Walked) {
    browser.goto(&format!("{}/settings", face.root)).await;
    browser.choose("#uploads", "0").await;
    browser.follow("main form .btn-primary").await;
    stage.terminal_api(0).put("/api/v1/network", &json!({"metered": true})).await.unwrap();
    face.look(browser, "/sync", "held-back", walked).await;
    face.look(browser, "/settings", "settings-metered", walked).await;
    browser.goto(&format!("{}/sync", face.root)).await;
    browser.follow("form[action$='/sync/uploads'] .btn").await;
    face.look(browser, "/sync", "paused", walked).await;
    browser.follow("form[action$='/sync/uploads'] .btn").await;
    stage.terminal_api(0).put("/api/v1/network", &json!({"metered": false})).await.unwrap();
}

#[tokio::test]
async fn every_page_of_the_console_is_looked_at() {
    let stage = Stage::after_the_day().await;
    stage.propose(0, 3, "phone", "0335-0000000").await;
    stage.propose(0, 3, "address", "云泽市滨河新区（虚构）学府路 18 号 2 栋").await;
    stage.propose(1, 3, "address", "云泽市滨河新区（虚构）学府路 8 号").await;
    stage.register(0, 3, "DOC-35", None).await;
    stage.register(0, 3, "DOC-03", Some(321)).await;
    stage.register(0, 3, "DOC-03", Some(321)).await;
    stage.leave_apart(4).await;
    let browser = Browser::open(Album::new("console").unwrap(), Look::CONSOLE).await;
    let face = Face {
        root: stage.server(),
        addresses: fieldproof_server::console::addresses().collect(),
        no_pages: CONSOLE_PARTS,
        sizes: &Size::CONSOLE,
        outdoors: false,
        starts: &["/console"],
        each: 1,
    };
    let mut walked = Walked::default();
    face.look_alone(&browser, "/console/login", &mut walked).await;
    sign_in(&browser, &stage, stage::ADMINISTRATOR).await;
    face.walk(&browser, &mut walked).await;
    // What only a case that got far leads to: two versions, and one that is accepted and not published yet.
    let (twice, accepted) = (stage.visit(0), stage.visit(1));
    face.look_alone(&browser, &format!("/console/inspections/{twice}/compare"), &mut walked).await;
    look_at_conflicts(&face, &browser, &stage, &mut walked).await;
    hand_packages_in(&face, &browser, &stage, &mut walked).await;
    browser.forget_session().await;
    sign_in(&browser, &stage, stage::SUPERVISOR).await;
    face.look(&browser, "/console", "supervisor", &mut walked).await;
    let waiting = stage.supervisor().get("/api/v1/proposals").await.unwrap();
    let phone = waiting["rows"].as_array().unwrap().iter().find(|row| row["field"] == "phone").unwrap();
    let proposal = format!("/console/proposals/{}", phone["id"].as_str().unwrap());
    face.look(&browser, &proposal, "supervisor-proposal", &mut walked).await;
    face.look(&browser, &format!("/console/inspections/{accepted}"), "supervisor-review", &mut walked).await;
    let accept = format!("/api/v1/inspections/{accepted}/accept");
    stage.supervisor().post(&accept, &json!({"comment": "同意"})).await.unwrap();
    face.look_alone(&browser, &format!("/console/inspections/{accepted}/disclose"), &mut walked).await;
    face.look(&browser, "/console/nowhere", "error", &mut walked).await;
    browser.kept_to_itself(&[&face.root]).await;
    println!("{}", browser.album().index().unwrap().display());
    face.verdict(&browser, &walked).await;
}

/// A package that brings something new, the same once more, one of a terminal that was revoked, and a file that is none.
async fn hand_packages_in(face: &Face<'_>, browser: &Browser, stage: &Stage, walked: &mut Walked) {
    let new = stage.export(0, 3, "补充检查情况：水箱已加盖。").await;
    let late = stage.export(1, 3, "复核人员补充：已拍照。").await;
    let none = stage.folder().join("none.zip");
    fs::write(&none, b"not a package").unwrap();
    let files = [("new", &new), ("known", &new), ("apart", &late), ("none", &none)];
    for (name, file) in files {
        if name == "apart" {
            stage.revoke_unheard(1).await;
        }
        browser.goto(&format!("{}/console/packages", face.root)).await;
        browser.give("#file", file).await;
        browser.follow("main form .btn-primary").await;
        face.look_at_shown(browser, &format!("package-{name}"), Language::Chinese, walked).await;
    }
}

/// One conflict of each kind that there is, open and decided: a checklist is withdrawn for it.
async fn look_at_conflicts(face: &Face<'_>, browser: &Browser, stage: &Stage, walked: &mut Walked) {
    let administrator = stage.administrator();
    let checklists = administrator.get("/api/v1/templates").await.unwrap();
    for row in checklists["rows"].as_array().unwrap() {
        let (id, revision) = (row["id"].as_str().unwrap(), row["revision"].as_str().unwrap());
        let withdraw = format!("/api/v1/templates/{id}/{revision}/withdraw");
        administrator.post(&withdraw, &json!({"reason": "限值已修订"})).await.unwrap();
    }
    let open = administrator.get("/api/v1/conflicts").await.unwrap();
    let mut seen = BTreeSet::new();
    for conflict in open["conflicts"].as_array().unwrap() {
        let (id, kind) = (conflict["id"].as_str().unwrap(), conflict["kind"].as_str().unwrap());
        if seen.insert(kind) {
            let page = format!("/console/conflicts/{id}");
            face.look(browser, &page, &format!("conflict-{kind}"), walked).await;
        }
        if kind == "template" {
            let accept = json!({"choice": "accept", "reason": "修订不涉及本次检查"});
            administrator.post(&format!("/api/v1/conflicts/{id}/decision"), &accept).await.unwrap();
            let page = format!("/console/conflicts/{id}");
            face.look(browser, &page, "conflict-decided", walked).await;
            break;
        }
    }
    assert!(["template", "entity", "number"].iter().all(|kind| seen.contains(kind)), "{seen:?}");
}

/// What anyone can read.
#[tokio::test]
async fn every_page_of_the_public_site_is_looked_at() {
    let stage = Stage::after_the_day().await;
    let browser = Browser::open(Album::new("public").unwrap(), Look::CONSOLE).await;
    let sizes = [Size::TERMINAL[0], Size::CONSOLE[0], Size::CONSOLE[1]];
    let face = Face {
        root: stage.server(),
        addresses: vec!["/", "/results/{id}"],
        no_pages: &[],
        sizes: &sizes,
        outdoors: false,
        starts: &["/"],
        each: 1,
    };
    let mut walked = Walked::default();
    face.walk(&browser, &mut walked).await;
    face.look(&browser, "/?q=%E6%B2%A1%E6%9C%89", "nothing-found", &mut walked).await;
    face.look(&browser, "/results/nowhere", "error", &mut walked).await;
    browser.kept_to_itself(&[&face.root]).await;
    println!("{}", browser.album().index().unwrap().display());
    face.verdict(&browser, &walked).await;
}

/// A bureau on its first day, and a terminal that is nobody's yet.
#[tokio::test]
async fn pages_that_have_nothing_to_show_say_so() {
    let mut stage = Stage::bare().await;
    let terminal = stage.blank_terminal();
    let browser = Browser::open(Album::new("empty").unwrap(), Look::CONSOLE).await;
    let console = Face {
        root: stage.server(),
        addresses: fieldproof_server::console::addresses().filter(|path| !path.contains('{')).collect(),
        no_pages: CONSOLE_PARTS,
        sizes: &Size::CONSOLE[..1],
        outdoors: false,
        starts: &["/console"],
        each: 1,
    };
    let mut walked = Walked::default();
    sign_in(&browser, &stage, stage::ADMINISTRATOR).await;
    console.walk(&browser, &mut walked).await;
    console.look(&browser, "/", "public", &mut walked).await;

    let face = Face { root: terminal, outdoors: true, sizes: &Size::TERMINAL[..2], ..console };
    face.look(&browser, "/enrol", "enrol", &mut walked).await;
    browser.set(Look::TERMINAL).await;
    browser.goto(&format!("{}/enrol", face.root)).await;
    browser.fill("#code", "ABCD-EFGH-JKMN").await;
    browser.fill("#device_name", "terminal").await;
    for field in ["#passphrase", "#again"] {
        browser.fill(field, stage::PASSPHRASE).await;
    }
    browser.follow("main form .btn-primary").await;
    browser.see("[role=alert]").await;
    face.look_at_shown(&browser, "enrol-refused", Language::Chinese, &mut walked).await;
    println!("{}", browser.album().index().unwrap().display());
    walked.verdict();
}
