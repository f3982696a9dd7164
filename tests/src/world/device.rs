//! A terminal in an officer's hand, without its pages: the handheld library on its own store.

use super::World;
use super::backup::copy_all;
use super::host::SimHost;
use super::link::Link;
use crate::store;
use fieldproof_client_core::{Client, ClientError, Enrolment, KeyCost, Options, SyncReport};
use std::path::PathBuf;
use std::sync::Arc;

/// The passphrase of every officer in the world.
pub const PASSPHRASE: &str = "雨过天青云破处，这般颜色";

/// One terminal.
pub struct Device {
    /// The library; absent while the terminal is switched off.
    client: Option<Client>,
    /// Its link.
    pub link: Link,
    folder: PathBuf,
    version: String,
    host: Arc<SimHost>,
}

impl Device {
    /// A new terminal, not enrolled.
    pub fn new(world: &World, name: &str) -> Self {
        let folder = world.folder().join(name);
        let host = Arc::new(SimHost::new(&world.clock, world.seed_of(name), 0));
        let version = Options::default().version;
        let mut device = Self { client: None, link: world.link(), folder, version, host };
        device.switch_on();
        device
    }

    /// Opens the store.
    pub fn switch_on(&mut self) {
        self.try_switch_on().expect("the store opens");
    }

    /// Opens the store, on a disk that may fail.
    pub fn try_switch_on(&mut self) -> Result<(), ClientError> {
        let options =
            Options { key_cost: KeyCost::CHEAP, version: self.version.clone(), ..Options::default() };
        let host = Arc::clone(&self.host);
        self.client = Some(Client::open(&self.folder, host, options, store::unlock())?);
        Ok(())
    }

    /// Whether the store is open.
    pub fn is_on(&self) -> bool {
        self.client.is_some()
    }

    /// Puts another version of the program in the place of this one, which opens the store again.
    pub fn update_to(&mut self, version: &str) {
        self.die();
        self.install(version);
        self.switch_on();
    }

    /// The version of the program.
    pub fn program(&self) -> &str {
        &self.version
    }

    /// Another version of the program opens the store the next time.
    pub fn install(&mut self, version: &str) {
        version.clone_into(&mut self.version);
    }

    /// Sets its clock wrong by so much.
    pub fn set_clock(&self, skew_seconds: i64) {
        self.host.set_skew(skew_seconds);
    }

    /// Drops everything that is not on disk, without a word of goodbye.
    pub fn die(&mut self) {
        self.client = None;
    }

    /// Copies its files, switched off for it.
    ///
    /// # Panics
    /// When they cannot be copied.
    pub fn keep_image(&mut self, image: &std::path::Path) {
        self.die();
        copy_all(&self.folder, image).expect("a terminal's files can be copied");
        self.switch_on();
    }

    /// Comes back as an image says, of its own or of another terminal.
    ///
    /// # Panics
    /// When the image cannot be put back.
    pub fn put_back(&mut self, image: &std::path::Path) {
        self.die();
        std::fs::remove_dir_all(&self.folder).expect("a terminal's files can be removed");
        copy_all(image, &self.folder).expect("an image can be put back");
        self.switch_on();
    }

    /// Where its files are.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// The library.
    pub fn client(&self) -> &Client {
        self.client.as_ref().expect("the terminal is switched on")
    }

    /// Enrols with a one-time code.
    pub async fn enrol(&self, code: &str) {
        let enrolment = Enrolment { code, device_name: "测试终端", passphrase: PASSPHRASE };
        self.client().enrol(&self.link, &enrolment).await.expect("the terminal enrols");
    }

    /// Syncs once; the link must be up.
    pub async fn sync(&self) -> SyncReport {
        self.try_sync().await.expect("the terminal syncs")
    }

    /// Syncs once.
    pub async fn try_sync(&self) -> Result<SyncReport, ClientError> {
        self.client().sync(&self.link).await
    }
}
