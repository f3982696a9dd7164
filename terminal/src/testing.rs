//! A real terminal in a temporary directory, asked without a socket.

use crate::app::{App, Store};
use crate::guard::Guard;
use crate::pages::Settings;
use crate::{incoming, service};
use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use fieldproof_client_core::{
    Answering, KeyCost, Options, SystemHost, Transport, TransportError, WireRequest, WireResponse,
};
use fieldproof_schema::host::Host;
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::device::{EnrolRequest, Enrolled};
use http_body_util::BodyExt;
use serde_json::Value;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tower::ServiceExt;

/// What the service under test calls itself.
pub(crate) const AUTHORITY: &str = "127.0.0.1:4000";
/// Its secret.
pub(crate) const SECRET: &str = "sesame";

/// The passphrase of that officer.
pub(crate) const PASSPHRASE: &str = "long enough";

/// The officer of the terminal under test, once it is enrolled.
pub(crate) const OFFICER: &str = "officer";

/// A network that carries enrolments with the code `good`, and breaks at everything else.
struct Frail;

impl Transport for Frail {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        let answer =
            serde_json::from_slice::<EnrolRequest>(&request.body).ok().filter(|asked| asked.code == "good");
        Box::pin(async move {
            let source = io::Error::from(io::ErrorKind::NetworkUnreachable).into();
            let asked = answer.ok_or(TransportError::Unreachable { source })?;
            let enrolled = Enrolled {
                device: asked.device,
                officer: OfficerId::from_bytes([1; 16]),
                officer_name: OFFICER.to_owned(),
                server_key: asked.device_key,
                epoch: Digest::of(b"epoch"),
                server_at: Moment::from_micros(1),
            };
            let body = serde_json::to_vec(&enrolled).unwrap().into();
            Ok(WireResponse { status: 200, headers: Vec::new(), body })
        })
    }
}

/// The machine's own clocks and randomness, and time that passes when told.
struct Hurried {
    machine: SystemHost,
    ahead_seconds: AtomicU64,
}

impl Host for Hurried {
    fn now(&self) -> Moment {
        let ahead = i64::try_from(self.ahead_seconds.load(Ordering::Relaxed)).unwrap();
        self.machine.now().plus_seconds(ahead)
    }

    fn monotonic_ms(&self) -> u64 {
        self.machine.monotonic_ms() + self.ahead_seconds.load(Ordering::Relaxed) * 1000
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.machine.fill(bytes);
    }
}

/// A terminal that is not enrolled yet.
pub(crate) struct Terminal {
    pub(crate) router: Router,
    pub(crate) app: App,
    host: Arc<Hurried>,
    data: TempDir,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap())
    }

    /// The program stops without a word and starts again, with the same secret.
    pub(crate) fn restarted(self) -> Self {
        let Self { router, app, data, .. } = self;
        drop((router, app));
        Self::on(data)
    }

    fn on(data: TempDir) -> Self {
        let host = Arc::new(Hurried { machine: SystemHost::new(), ahead_seconds: AtomicU64::new(0) });
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let store = Store::open(data.path(), host.clone(), options).unwrap();
        let incoming = incoming::prepare(data.path()).unwrap();
        let app = App::new(store, Arc::new(Frail), host.clone(), incoming);
        let router = service::router(
            app.clone(),
            Guard::new(AUTHORITY.parse().unwrap(), SECRET),
            Settings::open(data.path()),
        );
        Self { router, app, host, data }
    }

    /// Time passes.
    pub(crate) fn pass_seconds(&self, seconds: u64) {
        self.host.ahead_seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// One that belongs to [`OFFICER`] and has not synced.
    pub(crate) async fn enrolled() -> Self {
        let terminal = Self::new();
        let body = r#"{"code":"good","device_name":"one","passphrase":"long enough"}"#;
        let reply = terminal.ask(Method::POST, "/api/v1/enrol", body).await;
        assert_eq!(reply.json["enrolled"]["officer_name"], OFFICER, "{reply:?}");
        terminal
    }

    /// One that belongs to [`OFFICER`], who has just unlocked it.
    pub(crate) async fn unlocked() -> Self {
        let terminal = Self::enrolled().await;
        let answer = terminal.post("/unlock", &format!("passphrase={}", PASSPHRASE.replace(' ', "+"))).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        terminal
    }

    /// Looks at a page, whole.
    pub(crate) async fn get(&self, path: &str) -> Page {
        self.look(path, false).await
    }

    /// Looks at a page, or asks for a part of it as its script does.
    pub(crate) async fn look(&self, path: &str, partial: bool) -> Page {
        let mut request = Request::builder().uri(format!("/{SECRET}{path}")).header(HOST, AUTHORITY);
        if partial {
            request = request.header("hx-request", "true");
        }
        self.page(request.body(Body::empty()).unwrap()).await
    }

    /// Posts a form of a page.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Page {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/{SECRET}{path}"))
            .header(HOST, AUTHORITY)
            .header("origin", format!("http://{AUTHORITY}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.page(request).await
    }

    /// Sends a request for a page.
    pub(crate) async fn page(&self, request: Request<Body>) -> Page {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Page { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// Asks as the terminal's own page does.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &str) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, AUTHORITY)
            .header(AUTHORIZATION, format!("Bearer {SECRET}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Reply { status, headers, json: serde_json::from_slice(&bytes).unwrap_or_default() }
    }
}

/// A page that came back.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    /// Where the browser is sent, below the root.
    pub(crate) fn location(&self) -> &str {
        let location = self.headers["location"].to_str().unwrap();
        location.strip_prefix(&format!("/{SECRET}")).unwrap()
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Reply {
    /// The code of the envelope; panics where the envelope is not whole.
    pub(crate) fn code(&self) -> &str {
        for language in ["zh-CN", "en"] {
            assert!(self.json["message"][language].is_string(), "{self:?}");
        }
        self.json["code"].as_str().unwrap()
    }
}
