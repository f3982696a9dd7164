//! What the tests of this crate share: a server on a fresh SQLite file, with a clock of its own.

use crate::app::App;
use crate::blobs::Blobs;
use crate::db::{Db, DbUrl};
use crate::imports::{self, Importer};
use crate::setup::{self, Beginning};
use crate::store::users::Account;
use fieldproof_schema::data;
use fieldproof_schema::host::Host;
use fieldproof_schema::migrations;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::MemoryKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tempfile::TempDir;

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
    pub(crate) admin: Account,
    _dir: TempDir,
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
    let app = App::new(db, blobs, Box::new(MemoryKey::from_secret(&[7; 32])), host);
    let admin = setup::begin(
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
    World { app, clock, admin, _dir: dir }
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
