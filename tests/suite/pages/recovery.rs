//! A forgotten passphrase over the terminals' pages: the locked one, and those of two custodians.

use super::{AUTHORITY, Answer, FORM, Pages, form, multipart};
use crate::recovery::name_custodians;
use crate::support;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use fieldproof_client_core::{KeyCost, Options, SystemHost};
use fieldproof_terminal::app::{App, Store};
use fieldproof_terminal::guard::Guard;
use fieldproof_terminal::pages::Settings;
use fieldproof_terminal::{incoming, service};
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::{Device, PASSPHRASE};
use std::sync::Arc;

const NEW: &str = "新的口令共八个字";

/// A terminal whose store nobody has unlocked.
struct Locked(Router);

impl Locked {
    fn of(device: &mut Device) -> Self {
        device.die();
        let host = Arc::new(SystemHost::new());
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let store = Store::open(device.folder(), host.clone(), options).unwrap();
        let uploads = incoming::prepare(device.folder()).unwrap();
        let app = App::new(store, Arc::new(device.link.clone()), host, uploads);
        assert!(app.is_locked());
        let guard = Guard::new(AUTHORITY.parse().unwrap(), "secret");
        Self(service::router(app, guard, Settings::open(device.folder())))
    }

    async fn get(&self, path: &str) -> Answer {
        super::send(&self.0, Method::GET, path, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        super::send(&self.0, Method::POST, path, &[FORM], form(fields)).await
    }

    async fn answer(&self, text: &str) -> Answer {
        let (kind, body) = multipart(&[("text", text)], "", "application/octet-stream", b"");
        super::send(&self.0, Method::POST, "/recover/answer", &[("content-type", &kind)], body).await
    }
}

/// What stands in a field that is only read.
fn area(answer: &Answer, id: &str) -> String {
    let html = answer.text();
    let (_, rest) = html.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {html}"));
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split('<').next().unwrap().to_owned()
}

/// A custodian looks at a request and answers it.
async fn helped(pages: &Pages, request: &str, number: &str) -> String {
    let (kind, body) = multipart(&[("text", request)], "", "application/octet-stream", b"");
    let plea = pages.send(Method::POST, "/recovery/plea", &[("content-type", &kind)], body).await;
    assert_eq!(plea.status, StatusCode::OK, "{}", plea.text());
    assert!(plea.read().contains(number), "{}", plea.read());
    let text = plea.field("action=\"/secret/recovery/help\"", "text");
    let fields = [("text", text.as_str()), ("reason", "本人当面"), ("passphrase", "不是这个口令")];
    let refused = pages.post("/recovery/help", &fields).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text().contains("value=\"本人当面\""), "what was typed stays");
    let fields = [("text", text.as_str()), ("reason", "本人当面"), ("passphrase", PASSPHRASE)];
    let answered = pages.post("/recovery/help", &fields).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
    assert!(answered.text().contains("<svg class=\"fp-qr\""));
    area(&answered, "answer")
}

#[tokio::test]
async fn a_forgotten_passphrase_is_recovered_on_the_pages() {
    let world = World::start(603, None).await;
    let mut city = support::city(&world).await;
    let visit = city.task.inspection;
    let nobody = Locked::of(&mut city.two);
    assert!(nobody.get("/unlock").await.text().contains("href=\"/secret/recover\""));
    let page = nobody.get("/recover").await;
    assert!(
        page.read().contains("还没有恢复保管人") && !page.text().contains("name=\"again\""),
        "{}",
        page.read()
    );
    let fields = [("passphrase", NEW), ("again", NEW)];
    assert_eq!(nobody.post("/recover", &fields).await.status, StatusCode::CONFLICT);

    let mut custodians = name_custodians(&world, &mut city, 2).await;
    support::answer_one(&city.one, visit);
    let locked = Locked::of(&mut city.one);
    // Everything else stays shut.
    assert_eq!(locked.get("/recovery").await.place(), "/unlock?then=%2Frecovery");
    assert_eq!(locked.get("/recover/request.txt").await.status, StatusCode::NOT_FOUND);
    for fields in
        [[("passphrase", "短"), ("again", "短")], [("passphrase", NEW), ("again", "另一个口令八个字")]]
    {
        let refused = locked.post("/recover", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!refused.text().contains(NEW), "no page repeats a passphrase");
    }
    assert_eq!(locked.post("/recover", &fields).await.place(), "/recover");
    let asked = locked.get("/recover").await;
    assert!(
        asked.text().contains("<svg class=\"fp-qr\"") && asked.read().contains("还需要 2 名"),
        "{}",
        asked.read()
    );
    let request = area(&asked, "request");
    assert_eq!(locked.get("/recover/request.txt").await.text(), request);
    let number: String = asked.text().split_once("fp-check\">").unwrap().1.chars().take(14).collect();

    let other = locked.answer(&request).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(other.read().contains("不是对当前申请的答复"));
    for custodian in custodians.drain(..) {
        let pages = Pages::of(custodian, visit).await;
        let page = pages.get("/recovery").await;
        assert!(page.read().contains("协助同事恢复"), "{}", page.read());
        let answer = helped(&pages, &request, &number).await;
        assert_eq!(locked.answer(&answer).await.place(), "/recover");
    }
    let enough = locked.get("/recover").await;
    assert!(enough.read().contains("两名保管人已答复"), "{}", enough.read());
    let wrong = locked.post("/recover/finish", &[("passphrase", "不是这个口令")]).await;
    assert!(
        wrong.status == StatusCode::FORBIDDEN && wrong.read().contains("新口令不正确"),
        "{}",
        wrong.read()
    );
    assert_eq!(locked.post("/recover/finish", &[("passphrase", NEW)]).await.place(), "/recovery");

    // Open, with everything that was there, and a key that has to be registered.
    let page = locked.get("/recovery").await;
    assert!(page.read().contains("登记新的签名密钥"), "{}", page.read());
    assert_eq!(locked.get(&format!("/inspections/{visit}")).await.status, StatusCode::OK);
    let wrong = locked.post("/recovery/key", &[("code", "AAAA-AAAA"), ("passphrase", NEW)]).await;
    assert!(
        wrong.status == StatusCode::FORBIDDEN && wrong.text().contains("value=\"AAAA-AAAA\""),
        "{}",
        wrong.read()
    );
    let code = city.administrator.enrolment_code(&world, city.task.team[0]).await;
    let fields = [("code", code.as_str()), ("passphrase", NEW)];
    assert_eq!(locked.post("/recovery/key", &fields).await.place(), "/recovery");
    let page = locked.get("/recovery").await;
    assert!(
        !page.read().contains("登记新的签名密钥") && page.read().contains("任意两名保管人"),
        "{}",
        page.read()
    );
    // The old words open nothing; the new ones do.
    assert_eq!(locked.post("/lock", &[]).await.place(), "/unlock");
    let refused = locked.post("/unlock", &[("passphrase", PASSPHRASE)]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(locked.post("/unlock", &[("passphrase", NEW)]).await.place(), "/");
}
