//! A real browser for the pages: Chromium, driven through WebDriver, alone in a fresh profile.
//!
//! Whatever the pages ask for is recorded, so that a test can say that nothing ever leaves them. Waiting is for
//! conditions only. A step that cannot be done panics with the page it stood on and leaves its picture.

mod act;
mod album;
mod audit;
mod driver;
mod look;
mod programs;
mod traffic;

pub use album::Album;
pub use audit::Finding;
pub use look::{Look, Scheme, Size};
pub use programs::{NotInstalled, Programs};

use crate::demo::api;
use driver::Driver;
use serde_json::{Value, json};
use std::mem::ManuallyDrop;
use std::sync::Mutex;
use std::time::Duration;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities, LoggingPrefsLogLevel, WebDriver};
use traffic::Traffic;

/// The longest a condition may take to come about. Far more than any takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(45);

/// A browser with one page. Dropping it ends it.
pub struct Browser {
    // Never dropped: it would wait for an answer on the very thread that has to fetch it.
    web: ManuallyDrop<WebDriver>,
    album: Album,
    traffic: Mutex<Traffic>,
    look: Mutex<Look>,
    // Takes the browser with it.
    _driver: Driver,
}

impl Browser {
    /// Opens a browser whose pictures go into `album`.
    ///
    /// # Panics
    /// When there is none; it says what to install.
    pub async fn open(album: Album, look: Look) -> Self {
        let programs = Programs::find().unwrap_or_else(|missing| panic!("{missing}"));
        let driver = Driver::start(&programs).expect("chromedriver starts");
        let web = WebDriver::builder(driver.address(), capabilities(&programs, &driver).expect("plain JSON"))
            .client(api::client(PATIENCE * 2).expect("a client without TLS"))
            .await
            .expect("chromedriver opens a browser");
        let traffic = Mutex::new(Traffic::default());
        let web = ManuallyDrop::new(web);
        let browser = Self { web, album, traffic, look: Mutex::new(look), _driver: driver };
        browser.set(look).await;
        browser
    }

    /// Sends a command of the DevTools protocol.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let answer = self.web.cdp().send_raw(method, parameters).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Turns the scripts of pages off or on.
    pub async fn scripts(&self, on: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !on })).await;
    }

    /// Where the pictures go.
    pub fn album(&self) -> &Album {
        &self.album
    }
}

/// Which browser, how it is started, and that it tells of every request.
fn capabilities(
    programs: &Programs,
    driver: &Driver,
) -> thirtyfour::error::WebDriverResult<ChromeCapabilities> {
    let mut wanted = ChromeCapabilities::new();
    wanted.set_binary(&programs.browser.to_string_lossy())?;
    for argument in driver.browser_arguments() {
        wanted.add_arg(&argument)?;
    }
    wanted.set_logging_prefs("performance", LoggingPrefsLogLevel::All)?;
    wanted.set_logging_prefs("browser", LoggingPrefsLogLevel::All)?;
    Ok(wanted)
}
