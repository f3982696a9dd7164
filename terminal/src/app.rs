//! What every request needs: the open store, the way to the server, and whose turn it is to sync.

mod recovery;
mod syncing;

use crate::error::ApiError;
use crate::syncs::{SyncView, Syncs};
use crate::uploads::Uploads;
use fieldproof_client_core::{
    Client, ClientError, Enrolment, Folder, KeyCost, Options, Status, Transport, Unlock, Wake,
};
use fieldproof_schema::host::Host;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::ErrorCode;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify, watch};

/// The running terminal, shared by all requests.
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    /// Open from the first unlocking on.
    client: OnceLock<Arc<Client>>,
    /// What is still locked; taken up while it is unlocked.
    locked: Mutex<Option<Locked>>,
    /// The data directory, and what guessing its passphrase costs.
    place: (PathBuf, KeyCost),
    /// Held while a recovery goes a step on.
    recovering: Mutex<()>,
    transport: Arc<dyn Transport>,
    host: Arc<dyn Host>,
    incoming: PathBuf,
    enrolled: AtomicBool,
    /// Held while records are exchanged.
    turn: Mutex<()>,
    /// Held while originals are sent, beside the records: a film of hours holds up no answer.
    sending: Mutex<()>,
    /// Exchanges that failed one after another.
    failures: AtomicU32,
    syncs: Syncs,
    uploads: Uploads,
    /// Something may have become due of the originals.
    due: Notify,
    acted: Notify,
    /// The server's last word that rows wait.
    wake: std::sync::Mutex<Option<Wake>>,
    woken: Notify,
    /// A sync went well, or somebody enrolled.
    reached: Notify,
    closing: watch::Sender<bool>,
}

/// A store that is encrypted and has not been unlocked since the program started.
pub struct Locked {
    /// The data directory, which nobody else gets meanwhile.
    pub folder: Folder,
    /// How the terminal is run.
    pub options: Options,
}

/// The store of a terminal.
pub enum Store {
    /// Open.
    Open(Arc<Client>),
    /// Locked until somebody gives the passphrase.
    Locked(Locked),
}

impl From<Arc<Client>> for Store {
    fn from(client: Arc<Client>) -> Self {
        Self::Open(client)
    }
}

impl Store {
    /// Opens a data directory as far as that needs no passphrase.
    ///
    /// # Errors
    /// Whatever keeps it from being opened but that.
    pub fn open(data: &Path, host: Arc<dyn Host>, options: Options) -> Result<Self, ClientError> {
        let folder = Folder::hold(data)?;
        match Client::open_in(folder.clone(), host, options.clone(), Unlock::Nothing) {
            Ok(client) => Ok(Self::Open(Arc::new(client))),
            Err(ClientError::StoreLocked) => Ok(Self::Locked(Locked { folder, options })),
            Err(error) => Err(error),
        }
    }
}

impl App {
    /// Puts the parts together. Uploads are received into `incoming`, which must exist.
    pub fn new(
        store: impl Into<Store>,
        transport: Arc<dyn Transport>,
        host: Arc<dyn Host>,
        incoming: PathBuf,
    ) -> Self {
        let store = store.into();
        let place = match &store {
            Store::Open(client) => (client.folder().to_owned(), client.options().key_cost),
            Store::Locked(locked) => (locked.folder.path().to_owned(), locked.options.key_cost),
        };
        let uploads = Uploads::open(&place.0);
        let (client, locked) = match store {
            Store::Open(client) => (OnceLock::from(client), None),
            Store::Locked(locked) => (OnceLock::new(), Some(locked)),
        };
        Self(Arc::new(Parts {
            client,
            locked: Mutex::new(locked),
            place,
            recovering: Mutex::new(()),
            transport,
            host,
            incoming,
            enrolled: AtomicBool::new(false),
            turn: Mutex::new(()),
            sending: Mutex::new(()),
            failures: AtomicU32::new(0),
            syncs: Syncs::default(),
            uploads,
            due: Notify::new(),
            acted: Notify::new(),
            wake: std::sync::Mutex::default(),
            woken: Notify::new(),
            reached: Notify::new(),
            closing: watch::Sender::new(false),
        }))
    }

    /// Clock and randomness.
    pub fn host(&self) -> &dyn Host {
        &*self.0.host
    }

    /// Where uploads are received before they are captured.
    pub fn incoming(&self) -> &PathBuf {
        &self.0.incoming
    }

    /// The store, when it is open.
    fn client(&self) -> Result<&Client, ClientError> {
        self.0.client.get().map(|client| &**client).ok_or(ClientError::StoreLocked)
    }

    /// Checks the officer's passphrase, and opens the store with it where it is not open yet: to its end, even when the asker
    /// goes away meanwhile.
    ///
    /// # Errors
    /// Those of [`Client::open`]; nothing is destroyed.
    pub async fn unlock(&self, passphrase: String) -> Result<(), ApiError> {
        let app = self.clone();
        tokio::spawn(async move {
            app.open(passphrase).await?;
            app.withdraw_request().await
        })
        .await?
    }

    async fn open(&self, passphrase: String) -> Result<(), ApiError> {
        let mut locked = self.0.locked.lock().await;
        let Some(Locked { folder, options }) = &*locked else {
            drop(locked);
            return self.read(move |client| client.unlock(&passphrase)).await;
        };
        let (folder, options, host) = (folder.clone(), options.clone(), Arc::clone(&self.0.host));
        let open = move || Client::open_in(folder, host, options, Unlock::Passphrase(&passphrase));
        let client = tokio::task::spawn_blocking(open).await??;
        if self.0.client.set(Arc::new(client)).is_ok() {
            *locked = None;
            // The loops that waited for it.
            self.0.acted.notify_one();
            self.0.reached.notify_one();
        }
        Ok(())
    }

    /// Whether the store has not been unlocked since the program started.
    pub fn is_locked(&self) -> bool {
        self.0.client.get().is_none()
    }

    /// Whether somebody has begun to enrol in it, or has enrolled.
    pub(crate) fn has_begun(&self) -> bool {
        fieldproof_client_core::has_begun(&self.0.place.0)
    }

    /// Whether it is somebody's terminal; a locked store is.
    pub async fn is_enrolled(&self) -> Result<bool, ApiError> {
        match self.read(Client::status).await {
            Ok(status) => Ok(status.enrolled.is_some()),
            Err(error) if error.code() == ErrorCode::StoreLocked => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whose terminal it is, also while the store is locked.
    pub async fn officer_name(&self) -> Option<String> {
        fieldproof_client_core::officer_name(&self.0.place.0).ok().flatten()
    }

    /// Reads from the store, away from the threads that serve requests.
    pub async fn read<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Client) -> Result<T, ClientError> + Send + 'static,
    {
        let app = self.clone();
        Ok(tokio::task::spawn_blocking(move || work(app.client()?)).await??)
    }

    /// Does an act of the officer. It is done to its end even when the asker goes away, and the sync loop hears of it.
    pub async fn act<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Client) -> Result<T, ClientError> + Send + 'static,
    {
        let app = self.clone();
        self.read(move |client| {
            let done = work(client)?;
            app.0.acted.notify_one();
            Ok(done)
        })
        .await
    }

    /// Refuses while the terminal belongs to nobody.
    pub async fn ensure_enrolled(&self) -> Result<(), ApiError> {
        if self.0.enrolled.load(Ordering::Relaxed) {
            return Ok(());
        }
        let status = self.read(Client::status).await?;
        if status.enrolled.is_none() {
            return Err(ClientError::NotEnrolled.into());
        }
        self.0.enrolled.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Enrols the terminal and lets the sync loop fetch its tasks.
    pub async fn enrol(
        &self,
        code: String,
        device_name: String,
        passphrase: String,
    ) -> Result<Status, ApiError> {
        self.online(|app| async move {
            let enrolment = Enrolment { code: &code, device_name: &device_name, passphrase: &passphrase };
            let status = app.client()?.enrol(&*app.0.transport, &enrolment).await?;
            app.0.acted.notify_one();
            app.0.reached.notify_one();
            Ok(status)
        })
        .await
    }

    /// What is known about syncing.
    pub fn syncs(&self) -> SyncView {
        self.0.syncs.view()
    }

    /// Notes when the next sync begins by itself.
    pub fn expect_sync(&self, at: Option<Moment>) {
        self.0.syncs.expect(at);
    }

    /// How many syncs failed one after another until now.
    pub fn sync_failures(&self) -> u32 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Waits for the next act.
    pub async fn acted(&self) {
        self.0.acted.notified().await;
    }

    /// Listens for the server's wake-ups until the stream ends; false where the way to the server carries no streams.
    pub(crate) async fn listen(&self) -> Result<bool, ClientError> {
        let heard = async {
            let Some(mut wakes) = self.client()?.listen(&*self.0.transport).await? else { return Ok(false) };
            while let Some(wake) = wakes.next().await? {
                *self.0.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(wake);
                self.0.woken.notify_one();
            }
            Ok(true)
        };
        tokio::select! {
            heard = heard => heard,
            () = self.closed() => Ok(true),
        }
    }

    /// Waits for the next wake-up.
    pub(crate) async fn woken(&self) {
        self.0.woken.notified().await;
    }

    /// The last wake-up, when it speaks of something that is not here yet.
    pub(crate) fn waits(&self) -> Option<Wake> {
        let wake = self.0.wake.lock().unwrap_or_else(PoisonError::into_inner).clone();
        wake.filter(|wake| self.client().and_then(|client| client.is_behind(wake)).unwrap_or(true))
    }

    /// Waits until the server was reached again, somebody enrolled, or the store was unlocked.
    pub(crate) async fn reached(&self) {
        self.0.reached.notified().await;
    }

    /// Cuts what talks to the server. Acts that run are done to their end.
    pub fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// Waits until the terminal closes.
    pub async fn closed(&self) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.0.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// Runs what talks to the server on a thread of its own: between two waits it works in the store. It goes on when the
    /// asker goes away, and is cut between two steps when the terminal closes.
    async fn online<T, F, Fut>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, ClientError>>,
    {
        let (app, runtime) = (self.clone(), Handle::current());
        let job = move || {
            runtime.block_on(async {
                tokio::select! {
                    result = work(app.clone()) => result.map_err(ApiError::from),
                    () = app.closed() => Err(ErrorCode::Unavailable.into()),
                }
            })
        };
        tokio::task::spawn_blocking(job).await?
    }
}
