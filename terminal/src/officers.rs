//! A terminal that several officers share (换人使用): each has a folder of her own, with a store, keys, a journal and a passphrase, and
//! pages below a secret of her own. None of them reads what another wrote, and no form of one ends up in another's store.
//!
//! The first officer's folder is the data directory itself; the others' lie in `officers/` below it. Whoever unlocked since the start is synced,
//! whoever holds the terminal meanwhile.

use crate::app::{App, Store};
use crate::config::ServeSettings;
use crate::error::{ApiError, StartError};
use crate::guard::{self, Guard};
use crate::pages::Settings;
use crate::service;
use crate::{incoming, listen, sync_loop};
use axum::Router;
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use fieldproof_client_core::{Options, SystemHost, Transport};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// Below the data directory.
const FOLDER: &str = "officers";
/// Officers of one terminal, at most: a squad.
pub const OFFICERS_MAX: usize = 16;

/// The officers of a terminal.
#[derive(Clone)]
pub struct Officers(Arc<Shared>);

/// The same, for the pages of one of them.
#[derive(Clone)]
pub struct Others(Weak<Shared>);

struct Shared {
    address: SocketAddr,
    settings: ServeSettings,
    options: Options,
    host: Arc<SystemHost>,
    transport: Arc<dyn Transport>,
    all: Mutex<Vec<Holder>>,
    /// Where the pages of the officer begin who is at it.
    at: Mutex<Option<String>>,
    /// What syncs in the background.
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Held while somebody is added.
    adding: tokio::sync::Mutex<()>,
}

/// One officer's part of the terminal.
#[derive(Clone)]
struct Holder {
    /// Only hashes are compared, as the guard does: the secret in the addresses of pages, which the others' pages tell, and the one
    /// for programs, which they do not.
    secrets: [Digest; 2],
    root: String,
    app: App,
    router: Router,
}

/// An officer, as the pages of another one name her.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// As printed.
    pub name: String,
    /// Where her pages begin.
    pub root: String,
}

impl Officers {
    /// Opens the folders of all officers, as far as that needs no passphrase. The first one's must open; another one's that does not
    /// is left alone, and said.
    ///
    /// # Errors
    /// Whatever keeps the first folder from being opened.
    pub fn open(
        address: SocketAddr,
        settings: &ServeSettings,
        (options, transport): (Options, Arc<dyn Transport>),
        secrets: [&str; 2],
    ) -> Result<Self, StartError> {
        let shared = Shared {
            address,
            settings: settings.clone(),
            options,
            host: Arc::new(SystemHost::new()),
            transport,
            all: Mutex::default(),
            at: Mutex::default(),
            tasks: Mutex::default(),
            adding: tokio::sync::Mutex::default(),
        };
        let officers = Self(Arc::new(shared));
        let first = officers.holder(&settings.data, secrets)?;
        officers.all().push(first);
        let others = folders(&settings.data);
        for folder in others.map_err(|source| StartError::File { what: "looking for officers", source })? {
            match officers.next_holder(&folder) {
                Ok(holder) => officers.all().push(holder),
                Err(error) => {
                    let name = folder.file_name().unwrap_or_default().to_string_lossy();
                    tracing::error!(folder = %name, error.cause = %error, "an officer's folder does not open");
                }
            }
        }
        Ok(officers)
    }

    /// The first officer's part.
    pub fn first(&self) -> App {
        self.all()[0].app.clone()
    }

    /// The part whose pages begin there.
    pub fn app(&self, root: &str) -> Option<App> {
        self.all().iter().find(|holder| holder.root == root).map(|holder| holder.app.clone())
    }

    /// Begins to sync in the background.
    pub fn begin(&self) {
        let apps: Vec<App> = self.all().iter().map(|holder| holder.app.clone()).collect();
        apps.into_iter().for_each(|app| self.0.sync(app));
    }

    /// Cuts what talks to the server.
    pub fn close(&self) {
        self.all().iter().for_each(|holder| holder.app.close());
    }

    /// Closes, and waits until nothing runs in the background.
    pub async fn end(&self) {
        self.close();
        let tasks = std::mem::take(&mut *self.0.tasks());
        for task in tasks {
            // It ends by itself once the terminal closes; whether it broke before was said by the panic.
            let _ = task.await;
        }
    }

    /// Gives each request to the officer whose secret it bears; what bears none is refused by the first one's guard.
    pub fn router(&self) -> Router {
        let officers = self.clone();
        Router::new().fallback(move |request: Request| {
            let router = officers.whose(&request);
            async move { router.oneshot(request).await }
        })
    }

    fn whose(&self, request: &Request) -> Router {
        let in_address = request.uri().path().split('/').nth(1).unwrap_or_default();
        let in_header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let in_header = in_header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        let given = [in_address, in_header].map(|given| Digest::of(given.as_bytes()));
        let all = self.all();
        let bears = |holder: &&Holder| holder.secrets.iter().zip(&given).any(|(known, given)| known == given);
        let found = all.iter().find(bears);
        found.unwrap_or(&all[0]).router.clone()
    }

    fn next_holder(&self, folder: &Path) -> Result<Holder, StartError> {
        let [secret, bearer] = [(); 2].map(|()| guard::draw_secret(&*self.0.host));
        self.holder(folder, [&secret, &bearer])
    }

    fn holder(&self, folder: &Path, [secret, bearer]: [&str; 2]) -> Result<Holder, StartError> {
        let shared = &*self.0;
        let store = Store::open(folder, shared.host.clone(), shared.options.clone())?;
        let incoming = incoming::prepare(folder);
        let incoming =
            incoming.map_err(|source| StartError::File { what: "preparing for uploads", source })?;
        let app = App::new(store, shared.transport.clone(), shared.host.clone(), incoming);
        let guard = Guard::with_bearer(shared.address, secret, bearer);
        let settings = Settings::open(folder);
        let (root, others) = (guard.root().to_owned(), Others(Arc::downgrade(&self.0)));
        let settings = settings.of_server(&shared.settings.server);
        let router = service::router_among(app.clone(), guard, settings, Some(others));
        let secrets = [secret, bearer].map(|secret| Digest::of(secret.as_bytes()));
        Ok(Holder { secrets, root, app, router })
    }

    fn all(&self) -> MutexGuard<'_, Vec<Holder>> {
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn tasks(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sync(&self, app: App) {
        if self.settings.auto_sync {
            let tasks = [tokio::spawn(sync_loop::run(app.clone())), tokio::spawn(listen::run(app))];
            self.tasks().extend(tasks);
        }
    }
}

impl Others {
    /// Whoever else has enrolled on this terminal.
    pub async fn named(&self, root: &str) -> Vec<Named> {
        let mut named = Vec::new();
        for (root, app) in self.holders(root) {
            // A part that belongs to nobody yet has no name.
            named.extend(app.officer_name().await.map(|name| Named { name, root }));
        }
        named
    }

    /// Somebody is at her pages, and nobody at the others' any more.
    pub fn take(&self, root: &str) {
        if let Some(shared) = self.0.upgrade() {
            let mut at = shared.at.lock().unwrap_or_else(PoisonError::into_inner);
            if at.as_deref() != Some(root) {
                *at = Some(root.to_owned());
            }
        }
    }

    /// Whether nobody took the terminal over since.
    pub fn is_at(&self, root: &str) -> bool {
        let at = |shared: Arc<Shared>| {
            let at = shared.at.lock().unwrap_or_else(PoisonError::into_inner);
            at.as_deref().is_none_or(|at| at == root)
        };
        self.0.upgrade().is_none_or(at)
    }

    /// Where somebody who is new on this terminal enrols: in a part that belongs to nobody.
    ///
    /// # Errors
    /// Those of the disk; [`ErrorCode::FieldInvalid`] where there are [`OFFICERS_MAX`] already.
    pub async fn add(&self) -> Result<String, ApiError> {
        let officers = Officers(self.0.upgrade().ok_or(ApiError::from(ErrorCode::Unavailable))?);
        let _turn = officers.0.adding.lock().await;
        let holders: Vec<(String, App)> =
            officers.all().iter().map(|holder| (holder.root.clone(), holder.app.clone())).collect();
        // One in which somebody has begun is hers: it stands under her passphrase.
        if let Some((root, _)) = holders.iter().find(|(_, app)| !app.has_begun()) {
            return Ok(root.clone());
        }
        if holders.len() >= OFFICERS_MAX {
            return Err(ApiError::field("officers", format!("at most {OFFICERS_MAX}")));
        }
        let made = officers.clone();
        let make = move || {
            let folder = free(&made.0.settings.data)?;
            made.next_holder(&folder)
        };
        let holder = tokio::task::spawn_blocking(make).await??;
        let (root, app) = (holder.root.clone(), holder.app.clone());
        officers.all().push(holder);
        officers.0.sync(app);
        Ok(root)
    }

    fn holders(&self, without: &str) -> Vec<(String, App)> {
        let Some(shared) = self.0.upgrade() else { return Vec::new() };
        let officers = Officers(shared);
        let all = officers.all();
        let others = all.iter().filter(|holder| holder.root != without);
        others.map(|holder| (holder.root.clone(), holder.app.clone())).collect()
    }
}

/// The folders of officers besides the first one, in the order in which they came.
fn folders(data: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(data.join(FOLDER)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
        found.extend(number.filter(|_| path.is_dir()).map(|number| (number, path)));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// A folder that nobody has.
fn free(data: &Path) -> Result<PathBuf, StartError> {
    let above = data.join(FOLDER);
    let failed = |source| StartError::File { what: "making an officer's folder", source };
    fs::create_dir_all(&above).map_err(failed)?;
    // The first officer is number one.
    let mut numbers = 2_u32..;
    loop {
        let folder = above.join(numbers.next().unwrap_or_default().to_string());
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder).map_err(failed),
        }
    }
}
