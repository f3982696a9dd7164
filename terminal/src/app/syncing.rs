//! Exchanging records and sending originals: each has its turn, and neither waits for the other.

use super::App;
use crate::error::ApiError;
use crate::uploads::{Choices, Network, Uploads};
use fieldproof_client_core::{ClientError, SyncReport, UploadReport};
use std::sync::atomic::Ordering;

impl App {
    /// Syncs once, originals included: waits for what runs already and then runs another, so that what was done before the call
    /// is part of it.
    ///
    /// # Errors
    /// When the records were not exchanged, or the originals not all sent that may go.
    pub async fn sync(&self) -> Result<SyncReport, ApiError> {
        self.talk(|app| async move { app.sync_here(true).await }).await
    }

    /// Exchanges records once, whatever is being sent of originals; waits for an exchange that runs already.
    pub(crate) async fn exchange(&self) -> Result<SyncReport, ApiError> {
        self.talk(|app| async move { app.exchange_here().await }).await
    }

    /// Sends originals as far as the officer's choices let them go; waits for whoever does already. The report says what was done,
    /// also when it did not end well.
    pub(crate) async fn upload(&self) -> (UploadReport, Result<(), ApiError>) {
        let sent = self.talk(|app| async move {
            let _sending = app.0.sending.lock().await;
            Ok(app.upload_here().await)
        });
        match sent.await {
            Ok((report, result)) => (report, result.map_err(ApiError::from)),
            Err(error) => (UploadReport::default(), Err(error)),
        }
    }

    /// Runs what talks to the server; a thread that broke shows as ended.
    async fn talk<T, F, Fut>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, ClientError>>,
    {
        self.online(work).await.inspect_err(|error| {
            if matches!(error, ApiError::Broken(_)) {
                self.0.syncs.broke();
            }
        })
    }

    /// Exchanges records, sends originals, and says that they are sent; where others send them, it waits for these or
    /// leaves it to them.
    async fn sync_here(&self, waits: bool) -> Result<SyncReport, ClientError> {
        // Taken first, so that nobody else sends what this one is asked for.
        let sending = self.0.sending.try_lock();
        let mut report = self.exchange_here().await?;
        let sending = match sending {
            Ok(sending) => sending,
            Err(_) if waits => self.0.sending.lock().await,
            Err(_) => return Ok(report),
        };
        let (uploads, sent) = self.upload_here().await;
        drop(sending);
        let completed = uploads.completed;
        report.add_uploads(uploads);
        sent?;
        if completed > 0 {
            // The server was told that these captures were still here, and people read it.
            report.add(self.exchange_here().await?);
        }
        Ok(report)
    }

    async fn exchange_here(&self) -> Result<SyncReport, ClientError> {
        let _turn = self.0.turn.lock().await;
        let client = self.client()?;
        self.0.syncs.begin(self.host().now());
        let result = client.exchange(&self.0.syncs.counted(&*self.0.transport)).await;
        self.0.syncs.end(self.host().now(), &result);
        if result.is_ok() {
            // Nobody waits for it: the sync shows as ended.
            client.retain();
            // The server holds the entries of new captures now, and can be reached.
            self.0.due.notify_one();
        }
        match &result {
            Ok(_) | Err(ClientError::NotEnrolled) => {
                if self.0.failures.swap(0, Ordering::Relaxed) > 0 {
                    self.0.reached.notify_one();
                }
            }
            Err(_) => {
                self.0.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        result
    }

    /// Sends originals; held by whoever holds `sending`.
    async fn upload_here(&self) -> (UploadReport, Result<(), ClientError>) {
        let mut report = UploadReport::default();
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return (report, Err(error)),
        };
        self.0.syncs.begin_upload(self.host().now());
        let way = self.0.syncs.counted_upload(&*self.0.transport);
        let result = client.upload(&way, &|| self.0.uploads.rules(), &mut report).await;
        self.0.syncs.end_upload(self.host().now(), &report, &result);
        (report, result)
    }

    /// Begins a sync and goes on, unless one runs already. What comes of it is in [`Self::syncs`].
    pub fn begin_sync(&self) {
        if self.is_locked() || self.syncs().running.is_some() {
            return;
        }
        // Said at once, so that whoever looks next sees it run.
        self.0.syncs.begin(self.host().now());
        let app = self.clone();
        tokio::spawn(
            async move { app.talk(|app| async move { app.sync_here(false).await }).await.map(drop) },
        );
    }

    /// What the officer chose about originals, and what is known about the network.
    pub fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }

    /// Changes what the officer chose about originals; what is being sent keeps to it from its next part on.
    ///
    /// # Errors
    /// When it cannot be kept; then it does not hold.
    pub fn choose_uploads(&self, change: impl FnOnce(&mut Choices)) -> Result<(), ApiError> {
        self.0.uploads.choose(change)?;
        self.0.due.notify_one();
        Ok(())
    }

    /// The platform says what the network is like, or a page what its browser knows.
    pub fn tell_network(&self, network: Network, is_platform: bool) {
        if is_platform {
            self.0.uploads.tell_by_platform(network);
        } else {
            self.0.uploads.tell_by_page(network);
        }
        self.0.due.notify_one();
    }

    /// Waits until something may have become due of the originals.
    pub(crate) async fn due(&self) {
        self.0.due.notified().await;
    }

    /// Has the next exchange tell the server what is not here only any more.
    pub(crate) fn note_sent(&self) {
        self.0.acted.notify_one();
    }
}
