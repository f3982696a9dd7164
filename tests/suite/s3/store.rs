//! An S3-compatible store in this process, spoken to over HTTP, that fails as stores do when it is told to.
//!
//! Names, signatures, parts and conditions are the work of a library for such stores; it knows nothing of the faults.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::suite::Digest;
use fieldproof_server::blobs::bucket::{Bucket, BucketError};
use fieldproof_tests::proxy::Proxy;
use http_body_util::BodyExt;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The bucket that is there.
pub(super) const ADDRESS: &str = "s3://evidence/city";
const FOLDER: &str = "evidence/city/blobs";
const KEY: &str = "inspection";
const SECRET: &str = "not a real secret";

/// What the store does wrong until it is calm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It can do nothing now.
    Busy,
    /// It takes what is written, and has nothing when it is read.
    Forgets,
    /// A byte of what is read is another one.
    Spoils,
    /// It takes no part of what comes in parts.
    LosesParts,
    /// What is written waits.
    Stalls,
}

/// What it is told, and how many writes wait.
struct Mood {
    fault: watch::Sender<Option<Fault>>,
    waiting: watch::Sender<usize>,
}

/// The store.
pub(super) struct Store {
    folder: TempDir,
    /// Where servers connect to; the store is down while it is closed.
    pub(super) door: Proxy,
    mood: &'static Mood,
    serving: JoinHandle<()>,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Store {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("evidence")).unwrap();
        let mut store = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        store.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let store = store.build();
        // As long as the process: requests may outlive the test.
        let mood =
            Box::leak(Box::new(Mood { fault: watch::Sender::default(), waiting: watch::Sender::default() }));
        let mood: &'static Mood = mood;
        let router = Router::new().fallback(move |request: Request| answer(store.clone(), mood, request));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { folder, door, mood, serving }
    }

    /// The variables of a server that uses this store.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://{}", self.door.addr());
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// The bucket at an address here, with other values of some variables.
    pub(super) fn bucket_at(&self, address: &str, others: &[(&str, &str)]) -> Result<Bucket, BucketError> {
        let others = others.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Bucket::at(address, self.variables().into_iter().chain(others))
    }

    /// The bucket that is there.
    pub(super) fn bucket(&self) -> Bucket {
        self.bucket_at(ADDRESS, &[]).unwrap()
    }

    /// Goes wrong until [`Self::calm`].
    pub(super) fn fail(&self, fault: Fault) {
        self.mood.fault.send_replace(Some(fault));
    }

    /// All is well again.
    pub(super) fn calm(&self) {
        self.mood.fault.send_replace(None);
    }

    /// Waits until so many writes wait.
    pub(super) async fn waits_for(&self, writes: usize) {
        self.mood.waiting.subscribe().wait_for(|waiting| *waiting >= writes).await.unwrap();
    }

    /// The file of an original.
    pub(super) fn file(&self, org: OrgId, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.folder.path().join(FOLDER).join(org.to_string()).join(&name[4..6]).join(&name)
    }

    /// Every object, by its name below the originals.
    pub(super) fn objects(&self) -> Vec<String> {
        let root = self.folder.path().join(FOLDER);
        let (mut open, mut found) = (vec![root.clone()], Vec::new());
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => open.push(path),
                    false => found.push(path.strip_prefix(&root).unwrap().display().to_string()),
                }
            }
        }
        found.sort();
        found
    }

    /// What the store still has of uploads in parts.
    pub(super) fn parts(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.contains("upload")).collect()
    }
}

async fn answer(store: S3Service, mood: &'static Mood, request: Request) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let names_object = Path::new(request.uri().path()).components().count() > 2;
    let is_part = request.uri().query().is_some_and(|query| query.contains("partNumber"));
    let fault = *mood.fault.borrow();
    match fault {
        Some(Fault::Busy) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Fault::LosesParts) if is_part => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Fault::Forgets) if reads && names_object => return StatusCode::NOT_FOUND.into_response(),
        Some(Fault::Stalls) if request.method() == Method::PUT => {
            mood.waiting.send_modify(|waiting| *waiting += 1);
            mood.fault.subscribe().wait_for(Option::is_none).await.unwrap();
            mood.waiting.send_modify(|waiting| *waiting -= 1);
        }
        Some(_) | None => {}
    }
    let spoils = fault == Some(Fault::Spoils) && reads && names_object;
    let answer = match store.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(answer) => answer.map(Body::new),
        Err(error) => panic!("the store broke: {error:?}"),
    };
    if !spoils {
        return answer;
    }
    let (head, body) = answer.into_parts();
    let mut bytes = body.collect().await.unwrap().to_bytes().to_vec();
    if let Some(byte) = bytes.first_mut() {
        *byte ^= 1;
    }
    Response::from_parts(head, Body::from(bytes))
}
