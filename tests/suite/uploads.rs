//! Originals beside the records, over the terminal's own program and against the real server.

use crate::support::{self, City};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use fieldproof_client_core::{
    CaptureFacts, CaptureSource, Client, KeyCost, Options, Stage, SystemHost, Transport, UploadReport,
    UploadRules,
};
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::limits::EVIDENCE_LARGE_BYTES;
use fieldproof_terminal::app::App;
use fieldproof_terminal::guard::Guard;
use fieldproof_terminal::pages::Settings;
use fieldproof_terminal::{incoming, service};
use fieldproof_tests::photo;
use fieldproof_tests::store;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::{Device, PASSPHRASE};
use fieldproof_tests::world::gate::Gate;
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;

const AUTHORITY: &str = "127.0.0.1:4000";
const FILM_BYTES: usize = EVIDENCE_LARGE_BYTES as usize + 99;

/// An original of so many bytes, another with each number.
fn bytes(number: u64, size_bytes: usize) -> Vec<u8> {
    let mut bytes = photo::jpeg(number, None, 16, 16);
    bytes.resize(bytes.len().max(size_bytes), 7);
    bytes
}

fn capture(client: &Client, visit: InspectionId, number: u64, size_bytes: usize) -> RecordId {
    let bytes = bytes(number, size_bytes);
    client.capture(visit, CaptureSource::Bytes(&bytes), &CaptureFacts::PHOTO).unwrap()
}

/// A terminal's program, taken over from a device after a restart.
struct Terminal {
    app: App,
    router: Router,
}

impl Terminal {
    fn of(mut device: Device, way: Arc<dyn Transport>) -> Self {
        device.die();
        let host = Arc::new(SystemHost::new());
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let client = Client::open(device.folder(), host.clone(), options, store::unlock()).unwrap();
        let app = App::new(Arc::new(client), way, host, incoming::prepare(device.folder()).unwrap());
        let guard = Guard::new(AUTHORITY.parse().unwrap(), "secret");
        let router = service::router(app.clone(), guard, Settings::open(device.folder()));
        Self { app, router }
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/secret{path}"))
            .header("host", AUTHORITY)
            .header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn post(&self, path: &str, form: &str) {
        let (status, page) = self.ask(Method::POST, path, form).await;
        assert!(status == StatusCode::SEE_OTHER || status == StatusCode::NO_CONTENT, "{path}: {page}");
    }

    async fn page(&self, path: &str) -> String {
        self.ask(Method::GET, path, "").await.1
    }

    async fn unlock(&self) {
        self.post("/unlock", &format!("passphrase={PASSPHRASE}")).await;
    }

    async fn left(&self) -> u64 {
        self.app.read(|client| Ok(client.status()?.unsent.evidence)).await.unwrap()
    }
}

#[tokio::test]
async fn an_answer_reaches_the_server_while_the_terminals_program_sends_a_film() {
    let world = World::start(361, None).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    capture(one.client(), visit, 1, FILM_BYTES);
    let (item, answer) = support::plain_items(&one, visit).swap_remove(0);
    let gate = Arc::new(Gate::before(Arc::new(one.link.clone())));
    let one = Terminal::of(one, gate.clone());
    let sending = {
        let app = one.app.clone();
        tokio::spawn(async move { app.sync().await })
    };
    gate.until_parts(1).await;
    assert!(one.app.syncs().uploading.is_some() && one.app.syncs().running.is_none());
    let written = item.clone();
    one.app.act(move |client| client.answer(visit, &written, &answer).map(drop)).await.unwrap();
    one.app.begin_sync();
    while one.app.syncs().running.is_some() {
        tokio::task::yield_now().await;
    }
    two.sync().await;
    assert!(two.client().inspection(visit).unwrap().view.answers.contains_key(&item));
    assert_eq!(one.left().await, 1, "the film is still on its way");
    gate.open();
    let report = sending.await.unwrap().unwrap();
    assert_eq!((report.evidence_completed, one.left().await), (1, 0));
}

#[tokio::test]
async fn a_film_goes_on_after_the_server_was_started_anew_in_the_middle() {
    let mut world = World::start(362, None).await;
    let City { task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    capture(one.client(), visit, 1, FILM_BYTES);
    for n in 2..6 {
        capture(one.client(), visit, n, 150_000);
    }
    one.client().exchange(&one.link).await.unwrap();
    let gate = Gate::before(Arc::new(one.link.clone()));
    let restart = async {
        // Photos and some parts of the film are there; others are under way.
        gate.let_on(8);
        gate.until_parts(9).await;
        world.restart().await;
        gate.open();
    };
    let mut report = UploadReport::default();
    let (sent, ()) = tokio::join!(one.client().upload(&gate, &UploadRules::default, &mut report), restart);
    sent.unwrap();
    assert_eq!(report.completed, 5);
    let shown = one.client().inspection(visit).unwrap().evidence;
    assert!(shown.iter().all(|item| item.stage == Stage::Held));
    assert_eq!(gate.bytes(), (FILM_BYTES + 4 * 150_000) as u64, "each byte once");
    assert_eq!(one.client().verify().unwrap().faults, []);
}

#[tokio::test]
async fn a_pause_holds_back_originals_and_nothing_else_also_after_a_start() {
    let world = World::start(363, None).await;
    let City { task, one, .. } = support::city(&world).await;
    let (visit, link) = (task.inspection, one.link.clone());
    capture(one.client(), visit, 1, 50_000);
    let folder = one.folder().to_owned();
    let (item, answer) = support::plain_items(&one, visit).swap_remove(0);
    let first = Terminal::of(one, Arc::new(link.clone()));
    first.unlock().await;
    first.post("/sync/uploads", "paused=yes").await;
    drop(first);

    let open = || {
        let host = Arc::new(SystemHost::new());
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let client = Client::open(&folder, host.clone(), options, store::unlock()).unwrap();
        let app =
            App::new(Arc::new(client), Arc::new(link.clone()), host, incoming::prepare(&folder).unwrap());
        let guard = Guard::new(AUTHORITY.parse().unwrap(), "secret");
        Terminal { router: service::router(app.clone(), guard, Settings::open(&folder)), app }
    };
    let again = open();
    again.unlock().await;
    again.app.act(move |client| client.answer(visit, &item, &answer).map(drop)).await.unwrap();
    let report = again.app.sync().await.unwrap();
    assert_eq!((report.changes_sent, report.evidence_completed), (2, 0), "answer and photo are written down");
    let unsent = again.app.read(|client| Ok(client.status()?.unsent)).await.unwrap();
    assert_eq!((unsent.entries, unsent.changes, unsent.evidence), (0, 0, 1));
    let page = again.page("/sync").await;
    assert!(page.contains("证据上传已暂停") && page.contains("1 件，共"), "{page}");
    again.post("/sync/uploads", "paused=no").await;
    assert_eq!(again.app.sync().await.unwrap().evidence_completed, 1);
    assert!(!again.page("/sync").await.contains("证据上传已暂停"));
}

#[tokio::test]
async fn a_metered_network_lets_the_small_pass_and_what_the_officer_sends_at_once() {
    let world = World::start(364, None).await;
    let City { task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    let small = capture(one.client(), visit, 1, 50_000);
    let [named, large] = [2, 3].map(|n| capture(one.client(), visit, n, 1_200_000));
    let way = Arc::new(one.link.clone());
    let one = Terminal::of(one, way);
    one.unlock().await;
    one.post("/settings", "language=zh-CN&theme=auto&lock_minutes=15&uploads=1").await;
    one.post("/network", "type=cellular&save_data=false").await;
    assert_eq!(one.app.sync().await.unwrap().evidence_completed, 1);
    let held = async || {
        let items = one.app.read(move |client| Ok(client.inspection(visit)?.evidence)).await.unwrap();
        items.into_iter().filter(|item| item.stage == Stage::Held).map(|item| item.record).collect::<Vec<_>>()
    };
    assert_eq!(held().await, [small]);
    let page = one.page("/sync").await;
    assert!(page.contains("当前网络按流量计费，2 件（2.4") && page.contains("暂不上传"), "{page}");
    assert_eq!(page.matches("action=\"/secret/sync/now\"").count(), 2);

    one.post("/sync/now", &format!("record={named}")).await;
    // The button began a sync; this one waits for it.
    one.app.sync().await.unwrap();
    let mut both = [small, named];
    both.sort_unstable();
    let mut now = held().await;
    now.sort_unstable();
    assert_eq!(now, both);
    one.post("/network", "type=wifi&save_data=false").await;
    assert_eq!(one.app.sync().await.unwrap().evidence_completed, 1);
    assert!(held().await.contains(&large));
}
