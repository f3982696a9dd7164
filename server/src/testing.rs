//! What the tests of this crate share: a server on a fresh SQLite file, with a clock of its own.

use crate::app::App;
use crate::blobs::Blobs;
use crate::db::{Db, DbUrl};
use crate::imports::{self, Importer};
use crate::routes;
use crate::setup::{self, Beginning};
use crate::sync::judge::Judging;
use axum::body::Body;
use axum::http::Request;
use fieldproof_schema::data;
use fieldproof_schema::host::Host;
use fieldproof_schema::migrations;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::MemoryKey;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tempfile::TempDir;
use tower::ServiceExt;

/// The organisation's code.
pub(crate) const CODE: &str = "YUN";
/// The administrator's password.
pub(crate) const PASSWORD: &str = "a long password";

/// A clock that tests move.
pub(crate) struct Clock {
    micros: AtomicI64,
    drawn: AtomicU64,
}

impl Clock {
    pub(crate) fn advance_seconds(&self, seconds: i64) {
        self.micros.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Host for Clock {
    fn now(&self) -> Moment {
        // Each look is a little later, as with a real clock.
        Moment::from_micros(self.micros.fetch_add(1, Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        self.now().as_millis()
    }

    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let n = self.drawn.fetch_add(1, Ordering::SeqCst);
            let mixed = fieldproof_schema::suite::Digest::of(&n.to_be_bytes()).value;
            chunk.copy_from_slice(&mixed[..chunk.len()]);
        }
    }
}

/// A server and what keeps it alive.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) clock: Arc<Clock>,
    _dir: TempDir,
}

impl World {
    /// Asks the API and returns status and JSON.
    pub(crate) async fn call(&self, method: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::from(body)).unwrap();
        let answer = routes::router(self.app.clone()).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Asks the API for something that must succeed.
    pub(crate) async fn ok(&self, method: &str, path: &str, token: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, path, token, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Asks the API for something that must be refused; returns the error's code.
    pub(crate) async fn refused(&self, method: &str, path: &str, token: &str, body: Value) -> String {
        let (status, answer) = self.call(method, path, token, body).await;
        assert!(status >= 400, "{method} {path}: {status} {answer}");
        answer["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Signs in; everybody has the same password.
    pub(crate) async fn sign_in(&self, login: &str) -> String {
        let body = json!({"login": login, "password": PASSWORD});
        self.ok("POST", "/api/v1/session", "", body).await["token"].as_str().unwrap().to_owned()
    }

    /// A user of `unit`, signed in.
    pub(crate) async fn user(&self, admin: &str, login: &str, role: &str, unit: &str) -> String {
        let body = json!({"login": login, "name": "某人", "role": role, "unit": unit, "password": PASSWORD});
        self.ok("POST", "/api/v1/users", admin, body).await;
        self.sign_in(login).await
    }

    /// The swimming pools and all other public places of the sample city, drawn: the draw's id.
    pub(crate) async fn drawn(&self, admin: &str) -> String {
        let plans: Value = serde_json::from_str(data::draw_plan_beidaihe_2020()).unwrap();
        let mut row = plans["plans"][2].clone();
        row["population"]["choice"] = json!("combinedRule");
        row["unit"] = json!("ORG-C");
        let plan = self.ok("POST", "/api/v1/plans", admin, row).await;
        let copy = format!("/api/v1/plans/{}/copy", plan["id"].as_str().unwrap());
        let plan = self.ok("POST", &copy, admin, json!({"year": 2026})).await;
        let draws = format!("/api/v1/plans/{}/draws", plan["id"].as_str().unwrap());
        let draw = self.ok("POST", &draws, admin, json!({})).await["id"].as_str().unwrap().to_owned();
        assert_eq!(self.refused("POST", &draws, admin, json!({})).await, "state_wrong");
        let reveal = format!("/api/v1/draws/{draw}/reveal");
        assert_eq!(
            self.refused("POST", &reveal, admin, json!({"entropy": " "})).await,
            "draw_entropy_invalid"
        );
        self.ok("POST", &reveal, admin, json!({"entropy": "31415926"})).await;
        draw
    }
}

/// A server with an organisation and its administrator `admin`.
pub(crate) async fn world() -> World {
    let dir = TempDir::new().unwrap();
    let url = DbUrl::Sqlite(dir.path().join("server.db"));
    let db = Db::open(&url, migrations::SERVER).await.unwrap();
    let blobs = Blobs::open(dir.path().to_owned()).await.unwrap();
    let start = "2026-10-08T01:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let clock = Arc::new(Clock { micros: AtomicI64::new(start), drawn: AtomicU64::new(0) });
    let host: Arc<dyn Host> = clock.clone();
    let app = App::new(db, blobs, Box::new(MemoryKey::from_secret(&[7; 32])), host, Judging::new(None));
    setup::begin(
        &app,
        Beginning {
            code: CODE.into(),
            name: "云海省卫生监督（虚构）".into(),
            login: "admin".into(),
            administrator: "管理员".into(),
            password: PASSWORD.into(),
        },
    )
    .await
    .unwrap();
    World { app, clock, _dir: dir }
}

/// A server with the sample city, all checklists and the register of laws.
pub(crate) async fn city() -> World {
    let world = world().await;
    let app = &world.app;
    let org = app.org().await.unwrap();
    let importer = Importer { actor: "system".into(), scope: None };
    imports::organisation(app, org, importer, data::sample_org().to_owned()).await.unwrap();
    for (_, text) in data::checklists() {
        imports::checklist(app, org, "system", (*text).to_owned()).await.unwrap();
    }
    imports::law_register(app, org, "system", data::legal_basis().to_owned()).await.unwrap();
    world
}
