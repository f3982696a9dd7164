//! A real terminal in a temporary directory, asked without a socket.

use crate::app::App;
use crate::guard::Guard;
use crate::pages::Settings;
use crate::{incoming, service};
use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use fieldproof_client_core::{
    Answering, Client, KeyCost, Options, SystemHost, Transport, TransportError, WireRequest, WireResponse,
};
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::device::{EnrolRequest, Enrolled};
use http_body_util::BodyExt;
use serde_json::Value;
use std::io;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

/// What the service under test calls itself.
pub(crate) const AUTHORITY: &str = "127.0.0.1:4000";
/// Its secret.
pub(crate) const SECRET: &str = "sesame";

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

/// A terminal that is not enrolled yet.
pub(crate) struct Terminal {
    pub(crate) router: Router,
    pub(crate) app: App,
    _data: TempDir,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let host = Arc::new(SystemHost::new());
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let client = Client::open(data.path(), host.clone(), options).unwrap();
        let incoming = incoming::prepare(data.path()).unwrap();
        let app = App::new(Arc::new(client), Arc::new(Frail), host, incoming);
        let router = service::router(
            app.clone(),
            Guard::new(AUTHORITY.parse().unwrap(), SECRET),
            Settings::open(data.path()),
        );
        Self { router, app, _data: data }
    }

    /// One that belongs to [`OFFICER`] and has not synced.
    pub(crate) async fn enrolled() -> Self {
        let terminal = Self::new();
        let body = r#"{"code":"good","device_name":"one","passphrase":"long enough"}"#;
        let reply = terminal.ask(Method::POST, "/api/v1/enrol", body).await;
        assert_eq!(reply.json["enrolled"]["officer_name"], OFFICER, "{reply:?}");
        terminal
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
