//! The terminal's pages against the real server: an officer's day without scripts.

use crate::support::{self, City};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use fieldproof_client_core::{CaptureFacts, CaptureSource, Client, KeyCost, Options, SystemHost};
use fieldproof_presentation::fields::query;
use fieldproof_schema::checklist::{Answer, Outcome};
use fieldproof_server::floor::{self, Wanted};
use fieldproof_terminal::app::App;
use fieldproof_terminal::guard::Guard;
use fieldproof_terminal::pages::Settings;
use fieldproof_terminal::{incoming, service};
use fieldproof_tests::photo;
use fieldproof_tests::store;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::{Device, PASSPHRASE};
use fieldproof_tests::world::link::Link;
use http_body_util::BodyExt;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tower::ServiceExt;

const AUTHORITY: &str = "127.0.0.1:4000";
const HOSTILE: &str = "上午检查<script>alert(1)</script>\u{202E}泳池";

/// A terminal that is looked at through its pages.
struct Terminal {
    router: Router,
    app: App,
    link: Link,
}

/// A page that came back.
struct Page {
    status: StatusCode,
    location: String,
    text: String,
}

impl Page {
    fn shows(&self, words: &str) -> bool {
        self.text.contains(words)
    }
}

impl Terminal {
    /// Takes a device over as its app does after a restart.
    fn of(mut device: Device) -> Self {
        device.die();
        Self::at(device.folder(), device.link.clone())
    }

    fn at(folder: &Path, link: Link) -> Self {
        let host = Arc::new(SystemHost::new());
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let client = Client::open(folder, host.clone(), options, store::unlock()).unwrap();
        let uploads = incoming::prepare(folder).unwrap();
        let app = App::new(Arc::new(client), Arc::new(link.clone()), host, uploads);
        let guard = Guard::new(AUTHORITY.parse().unwrap(), "secret");
        Self { router: service::router(app.clone(), guard, Settings::open(folder)), app, link }
    }

    async fn send(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Page {
        let request = Request::builder()
            .method(method)
            .uri(format!("/secret{path}"))
            .header("host", AUTHORITY)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(query(form).trim_start_matches('?').to_owned()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let location = location.unwrap_or_default().trim_start_matches("/secret").to_owned();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Page { status, location, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str) -> Page {
        let page = self.send(Method::GET, path, &[]).await;
        assert!(!page.shows("<script>alert"), "{path}");
        page
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        self.send(Method::POST, path, form).await
    }

    async fn unlock(&self) {
        let page = self.post("/unlock", &[("passphrase", PASSPHRASE)]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER);
    }

    /// Presses the button, and waits until what it began has ended.
    async fn sync(&self) {
        let page = self.post("/sync", &[]).await;
        assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/sync"));
        self.app.sync().await.unwrap();
    }
}

/// The number beside a word of the strip at the foot of a page.
fn strip(page: &Page, word: &str) -> u64 {
    let (_, strip) = page.text.split_once("id=\"strip\"").expect("a strip");
    let (_, behind) = strip.split_once(word).expect("the word");
    let number = behind.trim_start().trim_start_matches("<b>");
    number[..number.find('<').unwrap()].parse().expect("a number")
}

#[tokio::test]
async fn the_strip_and_the_sync_page_say_what_receipts_say() {
    let world = World::start(51, None).await;
    let City { task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    for (item, answer) in support::plain_items(&one, visit).iter().take(3) {
        one.client().answer(visit, item, answer).unwrap();
    }
    let facts = CaptureFacts::PHOTO;
    one.client().capture(visit, CaptureSource::Bytes(&photo::jpeg(1, None, 64, 48)), &facts).unwrap();
    let entity = one.client().inspection(visit).unwrap().summary.entity_name;
    let one = Terminal::of(one);
    one.unlock().await;
    one.link.down();

    let tasks = one.get("/tasks").await;
    assert!(tasks.shows(&entity) && tasks.shows("仅在本机"), "{}", tasks.text);
    assert_eq!((strip(&tasks, "仅在本机"), strip(&tasks, "服务器已存证")), (5, 0));
    one.post("/sync", &[]).await;
    // The page shows how it went once it has ended.
    while one.app.syncs().running.is_some() {
        one.get("/strip").await;
    }
    let sync = one.get("/sync").await;
    assert!(sync.shows("cloud-off") && sync.shows("没有连接上服务器") && sync.shows(&entity));
    assert_eq!(strip(&sync, "仅在本机"), 5);

    one.link.up();
    one.sync().await;
    let sync = one.get("/sync").await;
    assert!(sync.shows("服务器已全部存证（5 条）") && !sync.shows("cloud-off"), "{}", sync.text);
    assert_eq!((strip(&sync, "仅在本机"), strip(&sync, "服务器已存证")), (0, 5));
    let checked = one.post("/verify", &[]).await;
    assert!(checked.shows("全部与记录时一致"));
    let settings = one.get("/settings").await;
    assert!(settings.shows("测试终端"));
}

#[tokio::test]
async fn an_entity_shows_its_facts_and_what_was_found_there() {
    let world = World::start(52, None).await;
    let City { task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    let (item, _) = support::plain_items(&one, visit).remove(0);
    one.client().answer(visit, &item, &Answer::Conformity { result: Outcome::Fail }).unwrap();
    let detail = one.client().inspection(visit).unwrap();
    let (id, name) = (detail.view.identity.entity.id, detail.summary.entity_name);
    let one = Terminal::of(one);
    one.unlock().await;
    let found = one.get(&format!("/entities{}", query(&[("q", &name)]))).await;
    assert!(found.shows(&format!("/entities/{id}")) && found.shows("共 1 家"));
    let profile = one.get(&format!("/entities/{id}")).await;
    for words in [name.as_str(), "法定代表人", "不合格 1 项", item.as_str(), "风险等级"] {
        assert!(profile.shows(words), "{words}");
    }
    let nobody = one.get("/entities/019ab000-0000-7000-8000-000000000001").await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    assert_eq!(one.get("/entities/x").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_fresh_terminal_enrols_and_finds_its_tasks() {
    let world = World::start(53, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let entity = one.client().inspection(task.inspection).unwrap().summary.entity_name;
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    let folder = tempfile::tempdir().unwrap();
    let fresh = Terminal::at(folder.path(), world.link());
    assert_eq!(fresh.get("/tasks").await.location, "/enrol");
    let form = |code: &'static str| {
        [("code", code), ("device_name", "新终端"), ("passphrase", PASSPHRASE), ("again", PASSPHRASE)]
    };
    let page = fresh.post("/enrol", &form("AAAA-AAAA")).await;
    assert!(page.status.is_client_error() && page.shows("登记码不存在") && page.shows("value=\"新终端\""));
    assert!(!page.shows(PASSPHRASE));
    // As it is read aloud: in lower case, with spaces.
    let spoken = code.to_lowercase().replace('-', " ");
    let mut right = form("");
    right[0].1 = &spoken;
    let page = fresh.post("/enrol", &right).await;
    assert_eq!(page.location, "/enrol/first", "{}", page.text);
    fresh.app.sync().await.unwrap();
    // The sync that the enrolment began by itself may still be at it.
    let mut first = fresh.get("/enrol/first").await;
    while first.shows("hx-trigger=\"every 1s\"") {
        first = fresh.get("/enrol/first").await;
    }
    assert_eq!(first.location, "/tasks");
    assert!(fresh.get("/tasks").await.shows(&entity));
    // The code is used up.
    let other = tempfile::tempdir().unwrap();
    let other = Terminal::at(other.path(), world.link());
    let page = other.post("/enrol", &right).await;
    assert!(page.shows("登记码已被另一台终端使用") && page.shows("aria-invalid"), "{}", page.text);
}

#[tokio::test]
async fn two_officers_seal_over_pages_and_answer_the_return() {
    let world = World::start(54, None).await;
    let City { supervisor, task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let items = support::plain_items(&one, visit);
    let (contested, pass) = &items[0];
    one.client().answer(visit, contested, pass).unwrap();
    two.client().answer(visit, contested, &Answer::Conformity { result: Outcome::Fail }).unwrap();
    one.client().narrative(visit, None, HOSTILE).unwrap();
    let facts = CaptureFacts { caption: "<b>池</b>", ..CaptureFacts::PHOTO };
    one.client().capture(visit, CaptureSource::Bytes(&photo::jpeg(1, None, 64, 48)), &facts).unwrap();
    let (seal, history) = (format!("/inspections/{visit}/seal"), format!("/inspections/{visit}/history"));
    let (one, two) = (Terminal::of(one), Terminal::of(two));
    one.unlock().await;
    two.unlock().await;

    // Nothing of the colleague is here yet, and that is said.
    let draft = one.get(&seal).await;
    assert!(draft.shows("还没有收到这些同事的内容") && draft.shows("未填写") && draft.shows("&#60;b&#62;池"));
    assert!(draft.shows("U+202E") && draft.shows("&#60;script&#62;"));
    two.sync().await;
    one.sync().await;
    // An open conflict stands in the way, with the way out.
    let blocked = one.get(&seal).await;
    assert!(blocked.shows("1 处两人填写不一致") && blocked.shows(&format!("/inspections/{visit}/team")));
    // It is signed with a reason only.
    assert!(blocked.shows("name=\"despite\""));
    let refused = one.post(&seal, &[("party", "signed"), ("name", "陈"), ("passphrase", PASSPHRASE)]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let conflict = one.app.read(move |client| client.conflicts(visit)).await.unwrap().remove(0);
    let choice = fieldproof_client_core::Choice::Side(conflict.sides[0].change);
    one.app.act(move |client| client.settle(visit, conflict.id, &choice, "当场复核")).await.unwrap();

    // What is missing, too long or wrong keeps everything else.
    let form = |passphrase: &'static str, reason: &'static str| {
        [("party", "refused"), ("witness", "居委会<王>"), ("reason", reason), ("passphrase", passphrase)]
    };
    let missing = one.post(&seal, &form(PASSPHRASE, "")).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(missing.shows("居委会&#60;王&#62;") && missing.shows("请写明原因") && !missing.shows(PASSPHRASE));
    let wrong = one.post(&seal, &form("not this one", "未说明")).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(
        wrong.shows("口令不正确")
            && wrong.shows(">未说明</textarea>")
            && wrong.shows("value=\"refused\" checked")
    );
    let signed = one.post(&seal, &form(PASSPHRASE, "未说明")).await;
    assert_eq!((signed.status, signed.location.as_str()), (StatusCode::SEE_OTHER, seal.as_str()));
    let waits = one.get(&seal).await;
    assert!(waits.shows("等待同事签名") && waits.shows("拒签") && waits.shows("待签名"), "{}", waits.text);
    // Signed once is enough.
    let again = one.post(&seal, &form(PASSPHRASE, "未说明")).await;
    assert_eq!(again.status, StatusCode::CONFLICT);

    // The colleague reads the same and signs it.
    one.sync().await;
    two.sync().await;
    let cosign = two.get(&seal).await;
    assert!(
        cosign.shows("请核对并签名")
            && cosign.shows("&#60;script&#62;")
            && cosign.shows("居委会&#60;王&#62;")
    );
    assert!(cosign.shows(&format!("/inspections/{visit}/cosign")));
    let sign = format!("/inspections/{visit}/cosign");
    let wrong = two.post(&sign, &[("passphrase", "not this one")]).await;
    assert!(
        wrong.status == StatusCode::FORBIDDEN && wrong.shows("口令不正确") && wrong.shows("请核对并签名")
    );
    assert_eq!(two.post(&sign, &[("passphrase", PASSPHRASE)]).await.status, StatusCode::SEE_OTHER);
    two.sync().await;
    one.sync().await;
    assert!(one.get(&seal).await.shows("定稿已完成，等待审核"));
    assert!(one.get("/tasks?show=done").await.shows(&format!("/inspections/{visit}")));

    // Returned with words about one item; sealing again answers it.
    let items = json!({contested.as_str(): "请补拍<照片>"});
    let back = json!({"comment": "请补充消毒记录", "items": items});
    supervisor.post(&world, &format!("/api/v1/inspections/{visit}/return"), back).await;
    one.sync().await;
    two.sync().await;
    assert!(one.get("/tasks?show=returned").await.shows(&format!("/inspections/{visit}")));
    let returned = one.get(&seal).await;
    for words in [
        "请补充消毒记录",
        "请补拍&#60;照片&#62;",
        "第 2 版",
        "name=\"comment\"",
        &format!("#item-{contested}"),
    ] {
        assert!(returned.shows(words), "{words}: {}", returned.text);
    }
    let answer = [("party", "signed"), ("name", "陈经理"), ("comment", "已补拍"), ("passphrase", PASSPHRASE)];
    assert_eq!(one.post(&seal, &answer).await.status, StatusCode::SEE_OTHER);
    one.sync().await;
    two.sync().await;
    assert!(two.get(&seal).await.shows("已补拍"));
    assert_eq!(two.post(&sign, &[("passphrase", PASSPHRASE)]).await.status, StatusCode::SEE_OTHER);
    let known = two.app.read(move |client| client.inspection(visit)).await.unwrap();
    let versions: Vec<_> = known.seals.iter().map(|seal| (seal.statement.version, seal.complete)).collect();
    assert_eq!(versions, [(1, true), (2, true)]);
    assert_eq!(known.seals[1].statement.supplements, Some(known.seals[0].digest));

    // The history tells all of it.
    let changes = one.get(&history).await;
    assert!(changes.shows("检查情况") && changes.shows(contested.as_str()) && changes.shows("本机"));
    let decided = one.get(&format!("{history}?show=decisions")).await;
    for words in ["退回", "请补拍&#60;照片&#62;", "签名（第 1 版）", "签名（第 2 版）", "居委会&#60;王&#62;"]
    {
        assert!(decided.shows(words), "{words}");
    }
    let journal = one.get(&format!("{history}?show=journal")).await;
    assert!(journal.shows("采集证据") && journal.shows("签名定稿"));
}

#[tokio::test]
async fn a_seal_that_leaves_something_out_is_not_signed_and_says_why() {
    let world = World::start(55, None).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let items = support::plain_items(&one, visit);
    one.client().answer(visit, &items[0].0, &items[0].1).unwrap();
    let seal = format!("/inspections/{visit}/seal");
    let (one, two) = (Terminal::of(one), Terminal::of(two));
    one.unlock().await;
    two.unlock().await;
    let form = [("party", "signed"), ("name", "陈经理"), ("passphrase", PASSPHRASE)];
    assert_eq!(one.post(&seal, &form).await.status, StatusCode::SEE_OTHER);
    // The colleague wrote something that the one who drew up the seal had not.
    let (item, answer) = items[1].clone();
    two.app.act(move |client| client.answer(visit, &item, &answer)).await.unwrap();
    one.sync().await;
    two.sync().await;
    let page = two.get(&seal).await;
    assert!(
        page.shows("没有包含在内")
            && page.shows(&format!("{seal}?anew"))
            && !page.shows("name=\"passphrase\"")
    );
    let sign = format!("/inspections/{visit}/cosign");
    let refused = two.post(&sign, &[("passphrase", PASSPHRASE)]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.shows("没有包含在内"));
    // Drawn up anew by the one whose work was left out, it is the colleague's turn.
    let anew = two.get(&format!("{seal}?anew")).await;
    assert!(anew.shows("name=\"passphrase\"") && anew.shows("name=\"witness\""));
    assert_eq!(two.post(&seal, &form).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_terminal_that_is_too_old_says_so_and_what_to_do() {
    let world = World::start(75, None).await;
    let City { one, mut two, .. } = support::city(&world).await;
    two.update_to("0.2.0");
    two.sync().await;
    let wanted = Wanted { protocol: 1, program: "0.2.0".parse().ok() };
    floor::raise(&world.app, "system", wanted, "修复了签名缺陷").await.unwrap();
    one.sync().await;
    two.sync().await;
    let terminal = Terminal::of(one);
    terminal.unlock().await;
    let page = terminal.get("/sync").await;
    assert!(page.shows("本机程序版本过低，收不到新任务和数据"), "{}", page.text);
    assert!(page.shows("需要 0.2.0 或更高版本") && page.shows("请联系管理员更新本机程序"));
    assert!(terminal.get("/tasks").await.shows("需要更新程序"), "the strip is on every page");
    let terminal = Terminal::of(two);
    terminal.unlock().await;
    assert!(terminal.get("/sync").await.shows("需要 0.2.0"), "the page's own program is the one that counts");
}
