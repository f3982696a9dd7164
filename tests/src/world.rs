//! A server and devices in one process: one seed, one clock, real stores on disk, links that tests control.
//!
//! Everything above the link is the product itself: the router, the database of the chosen engine, the blob folder, the
//! terminals' own stores. A test reads as a story about the people in it.

pub mod backup;
pub mod console;
pub mod desk;
pub mod device;
pub mod forge;
pub mod gate;
pub mod host;
pub mod link;
pub mod node;
pub mod rogue;

use crate::faults::{Disk, Tear};
use crate::postgres::{self, Database};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use fieldproof_schema::host::random;
use fieldproof_schema::migrations;
use fieldproof_schema::suite::MemoryKey;
use fieldproof_schema::wire::evidence::OFFSET_HEADER;
use fieldproof_server::admission::{self, queue::Limits};
use fieldproof_server::app::App;
use fieldproof_server::blobs::Blobs;
use fieldproof_server::blobs::bucket::Bucket;
use fieldproof_server::db::{Db, DbUrl};
use fieldproof_server::routes;
use fieldproof_server::sync::judge::Judging;
use fieldproof_server::workers::Gate;
use host::{Clock, SimHost};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tower::ServiceExt;

/// The world.
pub struct World {
    /// The clock that everyone's clock follows.
    pub clock: Clock,
    /// The server.
    pub app: App,
    /// What links lead to: the server as it runs now.
    router: link::Reach,
    seed: u64,
    /// Where the server's key comes from.
    key_seed: u64,
    folder: TempDir,
    url: DbUrl,
    manner: Manner,
    starts: u64,
    /// What the server's database lies on, where that can fail.
    disk: Option<Disk>,
    /// Its database, where that is PostgreSQL's and nobody else's. Goes after everything that is connected to it.
    _database: Option<Database>,
}

/// How a server works.
#[derive(Debug, Clone)]
struct Manner {
    /// How long rounds wait for judgements; none: to the end.
    patience: Option<Duration>,
    /// What is let in at a time.
    limits: Limits,
    /// Where it judges.
    gate: Gate,
    /// Whether it does one thing after another where it could do some at once, so that each has its place.
    one_by_one: bool,
    /// Where its originals are; none: in its folder.
    bucket: Option<Bucket>,
}

impl Manner {
    fn new(patience: Option<Duration>, gate: Gate) -> Self {
        Self { patience, limits: admission::LIMITS, gate, one_by_one: false, bucket: None }
    }

    /// The server on what it stored. Its key is the same at every start, its randomness is not.
    async fn serve(&self, url: &DbUrl, folder: &Path, seed: u64, host: SimHost) -> App {
        let key = key_of(seed);
        let judging = Judging::at(self.patience, self.gate.clone());
        let (judging, db) = if self.one_by_one {
            (judging.one_by_one(), Db::open_with(url, migrations::SERVER, 1).await)
        } else {
            (judging, Db::open(url, migrations::SERVER).await)
        };
        let db = db.expect("the database opens");
        let folder = folder.join("evidence");
        let blobs = match &self.bucket {
            Some(bucket) => Blobs::in_bucket(folder, bucket).await,
            None => Blobs::open(folder).await,
        };
        let blobs = blobs.expect("the blobs open");
        App::with_limits(db, blobs, Box::new(key), Arc::new(host), judging, self.limits)
    }
}

impl World {
    /// Starts a server on the database at `url`; without one, on SQLite in the world's own folder. Whatever a round
    /// brings is judged before it is answered.
    pub async fn start(seed: u64, url: Option<&str>) -> Self {
        Self::start_with(seed, url, None).await
    }

    /// Starts a server that lets in no more than `limits` at a time.
    pub async fn start_narrow(seed: u64, limits: Limits) -> Self {
        let mut world = Self::start(seed, None).await;
        world.manner.limits = limits;
        world.restart().await;
        world
    }

    /// Starts a server with its originals in a bucket.
    pub async fn start_in(seed: u64, url: Option<&str>, bucket: Bucket) -> Self {
        let mut world = Self::start(seed, url).await;
        world.manner.bucket = Some(bucket);
        world.restart().await;
        world
    }

    /// Starts a server whose rounds wait for judgements no longer than `patience`.
    pub async fn start_with(seed: u64, url: Option<&str>, patience: Option<Duration>) -> Self {
        Self::start_at(seed, url, patience, Gate::InProcess).await
    }

    /// Starts a server whose rounds wait for judgements no longer than `patience`, and that judges at `gate`.
    pub async fn start_at(seed: u64, url: Option<&str>, patience: Option<Duration>, gate: Gate) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the world");
        let url = match url {
            Some(url) => url.to_owned(),
            None => format!("sqlite:{}", folder.path().join("server.db").display()),
        };
        let url: DbUrl = url.parse().expect("the address of a database");
        let manner = Manner::new(patience, gate);
        let clock = Clock::default();
        let app = manner.serve(&url, folder.path(), seed, SimHost::new(&clock, seed, 0)).await;
        let router = link::Reach::new(routes::router(app.clone()));
        let (key_seed, starts, disk, database) = (seed, 1, None, None);
        Self { router, clock, app, seed, key_seed, folder, url, manner, starts, disk, _database: database }
    }

    /// Goes on with the files of another world, whose seed was `key_seed`, some seconds after its beginning, on a disk that
    /// can fail; or with its evidence in the folder, and its database in PostgreSQL. The server does one thing after another.
    pub async fn resume(
        (seed, key_seed): (u64, u64),
        folder: TempDir,
        database: Option<Database>,
        later_seconds: i64,
    ) -> Self {
        let under = || Disk::under(folder.path()).expect("the world's folder is there");
        let disk = database.is_none().then(under);
        let url = match &database {
            Some(database) => postgres::shared().url(database.name()),
            None => format!("sqlite:{}", folder.path().join("server.db").display()),
        };
        let url: DbUrl = url.parse().expect("a url");
        let manner = Manner { one_by_one: true, ..Manner::new(None, Gate::InProcess) };
        let clock = Clock::default();
        clock.advance_seconds(later_seconds);
        let app = manner.serve(&url, folder.path(), key_seed, SimHost::new(&clock, seed, 0)).await;
        let router = link::Reach::new(routes::router(app.clone()));
        Self { router, clock, app, seed, key_seed, folder, url, manner, starts: 1, disk, _database: database }
    }

    /// What the server's database lies on, where that can fail.
    pub fn disk(&self) -> Option<&Disk> {
        self.disk.as_ref()
    }

    /// The server has power again after a cut, and starts on what that left.
    pub async fn recover(&mut self, tear: Tear) {
        let disk = self.disk.take().expect("a world whose server can lose power");
        self.restart_upon(|| disk.recover(tear).expect("the server's files are closed")).await;
        self.disk = Some(disk);
    }

    /// The server's disk works again, and the server is started anew.
    pub async fn restart_calm(&mut self) {
        if let Some(disk) = &self.disk {
            disk.calm();
        }
        self.restart().await;
    }

    /// Stops the server and starts it again on what it stored. Links lead to it again.
    pub async fn restart(&mut self) {
        self.restart_upon(|| {}).await;
    }

    /// Starts the server again with another patience.
    pub async fn restart_with(&mut self, patience: Option<Duration>) {
        self.manner.patience = patience;
        self.restart().await;
    }

    /// Stops the server, does something to what it stored, and starts it again.
    async fn restart_upon(&mut self, act: impl FnOnce()) {
        self.app.db.clone().close().await;
        act();
        self.starts += 1;
        let host = SimHost::new(&self.clock, self.seed_of(&format!("start {}", self.starts)), 0);
        self.app = self.manner.serve(&self.url, self.folder.path(), self.key_seed, host).await;
        self.router.turn_to(routes::router(self.app.clone()));
    }

    /// Where the world's files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A number that is the same in every run with the same seed.
    pub fn seed_of(&self, name: &str) -> u64 {
        name.bytes().fold(self.seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()))
    }

    /// The server's router, to be served on a socket.
    pub fn router(&self) -> Router {
        self.router.now()
    }

    /// A fresh link to the server.
    pub fn link(&self) -> link::Link {
        link::Link::new(self.router.clone())
    }

    /// Sends a request to the server and returns status and body.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: impl Into<Body>,
    ) -> (StatusCode, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.answer(request.body(body.into()).expect("a request")).await
    }

    /// Asks for a page of the console, or sends a form of it, in a browser that holds this session; what is read.
    pub async fn browse(&self, path: &str, session: &str, form: Option<String>) -> (StatusCode, String) {
        let request = Request::builder()
            .method(if form.is_some() { "POST" } else { "GET" })
            .uri(path)
            .header(header::COOKIE, format!("__Host-fp-session={session}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::HOST, "console.example.cn")
            .header(header::ORIGIN, "https://console.example.cn")
            .header("sec-fetch-site", "same-origin");
        let body = Body::from(form.unwrap_or_default());
        let (status, body) = self.answer(request.body(body).expect("a request")).await;
        (status, String::from_utf8(body).expect("a page is text"))
    }

    /// Sends a part of a piece of evidence and returns status and JSON.
    pub async fn patch(&self, path: &str, token: &str, offset: u64, part: Vec<u8>) -> (StatusCode, Value) {
        let request = Request::builder().method("PATCH").uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.header(OFFSET_HEADER, offset.to_string()).body(Body::from(part));
        let answer = self.answer(request.expect("a request")).await;
        (answer.0, serde_json::from_slice(&answer.1).unwrap_or(Value::Null))
    }

    async fn answer(&self, request: Request<Body>) -> (StatusCode, Vec<u8>) {
        let answer = self.router.now().oneshot(request).await.unwrap_or_else(|never| match never {});
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, body.to_vec())
    }

    /// Sends JSON and returns status and JSON.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> (StatusCode, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, bytes) = self.send(method, path, token, body).await;
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Sends JSON, expects success and reads the answer.
    pub async fn expect<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> T {
        let (status, answer) = self.call(method, path, token, &body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        serde_json::from_value(answer).expect("the answer's form")
    }
}

/// The key of the server of a world with this seed.
pub(crate) fn key_of(seed: u64) -> MemoryKey {
    MemoryKey::from_secret(&random(&SimHost::new(&Clock::default(), !seed, 0)))
}
