//! A forgotten passphrase, from this terminal and from a colleague's: what is asked, answered and put together.

use super::App;
use crate::error::ApiError;
use fieldproof_client_core::recovery::{self, Asked, Recovery};
use fieldproof_client_core::{ClientError, KeyCost};
use fieldproof_schema::host::Host;
use std::path::Path;

impl App {
    /// What can be done about a forgotten passphrase; known while the store is locked.
    pub async fn recovery(&self) -> Result<Recovery, ApiError> {
        self.recover(|dir, _, _| recovery::look(dir)).await
    }

    /// Asks the custodians, under a new passphrase.
    pub async fn ask_custodians(&self, passphrase: String) -> Result<Asked, ApiError> {
        self.recover(move |dir, host, cost| recovery::ask(dir, host, &passphrase, cost)).await
    }

    /// Takes what a custodian answered.
    pub async fn take_answer(&self, text: String) -> Result<Asked, ApiError> {
        self.recover(move |dir, _, _| recovery::take_answer(dir, &text)).await
    }

    /// Puts the key together, and unlocks with the new passphrase.
    pub async fn finish_recovery(&self, passphrase: String) -> Result<(), ApiError> {
        let words = passphrase.clone();
        self.recover(move |dir, host, cost| recovery::finish(dir, host, &words, cost)).await?;
        self.unlock(passphrase).await
    }

    /// The passphrase was right: what was asked, because it was forgotten, would be a second way in.
    pub(super) async fn withdraw_request(&self) -> Result<(), ApiError> {
        self.recover(|dir, _, _| recovery::withdraw(dir)).await
    }

    /// One step after another, each to its end even when the asker goes away.
    async fn recover<T, F>(&self, step: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Path, &dyn Host, KeyCost) -> Result<T, ClientError> + Send + 'static,
    {
        let app = self.clone();
        let task = async move {
            let _turn = app.0.recovering.lock().await;
            let inside = app.clone();
            let work = move || step(&inside.0.place.0, inside.host(), inside.0.place.1);
            Ok(tokio::task::spawn_blocking(work).await??)
        };
        tokio::spawn(task).await?
    }

    /// Answers a colleague's terminal.
    pub async fn help(&self, text: String, passphrase: String, reason: String) -> Result<String, ApiError> {
        self.online(
            |app| async move { app.client()?.help(&*app.0.transport, &text, &passphrase, &reason).await },
        )
        .await
    }

    /// Registers the officer's key, which was made anew.
    pub async fn register_officer_key(&self, code: String, passphrase: String) -> Result<(), ApiError> {
        self.online(|app| async move {
            app.client()?.register_officer_key(&*app.0.transport, &code, &passphrase).await
        })
        .await
    }
}
