//! Finds Chromium and its driver.

use std::env;
use std::path::{Path, PathBuf};

/// The names under which distributions know the browser.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// Where they are besides `PATH`.
const FOLDERS: [&str; 4] =
    ["/usr/bin", "/usr/local/bin", "/usr/lib/chromium", "/Applications/Google Chrome.app/Contents/MacOS"];

/// The browser and what drives it.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Chromium, or a relative.
    pub browser: PathBuf,
    /// Its driver.
    pub driver: PathBuf,
}

/// The browser is not on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the tests need Chromium and chromedriver, and neither PATH nor /usr/bin has both; \
     install them, for instance with: apt-get install chromium chromium-driver fonts-noto-cjk"
)]
pub struct NotInstalled;

impl Programs {
    /// Looks for both.
    ///
    /// # Errors
    /// When one is missing.
    pub fn find() -> Result<Self, NotInstalled> {
        let on_path = env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> =
            env::split_paths(&on_path).chain(FOLDERS.iter().map(PathBuf::from)).collect();
        let mac = ["Google Chrome"];
        let browser = BROWSERS.iter().chain(&mac).find_map(|name| find(&folders, name));
        let driver = find(&folders, "chromedriver");
        match (browser, driver) {
            (Some(browser), Some(driver)) => Ok(Self { browser, driver }),
            _ => Err(NotInstalled),
        }
    }
}

fn find(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join(name)).find(|program| is_program(program))
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}
