//! chromedriver as a child, with a profile that nobody used before; both go when the tests do.

use super::Programs;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Arguments: the driver. It and every browser it opens stay in the script's process group. When the standard input ends,
/// and with the tests it ends in whatever way they do, the whole group is killed.
const SCRIPT: &str = r#"
"$1" --port=0 --log-level=WARNING 2>&1 </dev/null &
read -r _
kill -KILL 0
"#;

/// What is said before the port.
const READY: &str = "was started successfully on port ";

/// A running driver.
pub(super) struct Driver {
    script: Child,
    port: u16,
    profile: TempDir,
}

impl Driver {
    /// Starts it on a port that it chooses itself.
    pub(super) fn start(programs: &Programs) -> io::Result<Self> {
        let profile = tempfile::Builder::new().prefix("fp-web-").tempdir()?;
        let mut script = Command::new("/bin/sh")
            .arg("-c")
            .arg(SCRIPT)
            .arg("sh")
            .arg(&programs.driver)
            // Crash reports and settings of the browser go with the profile too.
            .env("HOME", profile.path())
            .env("XDG_CONFIG_HOME", profile.path())
            .env("XDG_CACHE_HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let output = script.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let mut said = String::new();
        let mut lines = BufReader::new(output);
        let port = loop {
            said.clear();
            if lines.read_line(&mut said)? == 0 {
                return Err(io::Error::other("chromedriver did not say where it listens"));
            }
            let port = said.split_once(READY).map(|(_, port)| port.trim().trim_end_matches('.').parse());
            if let Some(port) = port {
                break port.map_err(|_| io::Error::other(said.clone()))?;
            }
        };
        // Read on, so that it never waits for somebody to listen.
        std::thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
        Ok(Self { script, port, profile })
    }

    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How the browser is started: without a window, without a word to anyone, with a camera that films a test pattern.
    pub(super) fn browser_arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = [
            "--headless",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-breakpad",
            "--disable-component-update",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--disable-sync",
            "--force-color-profile=srgb",
            "--hide-scrollbars",
            "--no-default-browser-check",
            "--no-first-run",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            // Names lead nowhere: what would go outside fails and is recorded.
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--user-data-dir={}", self.profile.path().display()));
        // The browser's own sandbox does not work for root.
        if fs::metadata(self.profile.path()).is_ok_and(|made| made.uid() == 0) {
            arguments.push("--no-sandbox".to_owned());
        }
        arguments
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        drop(self.script.wait());
    }
}
