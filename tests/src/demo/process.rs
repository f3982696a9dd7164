//! The product's own programs, started as anyone would start them.

use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The folder of the programs: beside the one that runs. Tests run a folder further down.
pub fn programs() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().unwrap_or(Path::new(""));
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    Ok(folder.to_path_buf())
}

/// Runs a command to its end; an error holds what it wrote to stderr.
pub fn run(program: &Path, arguments: &[&str], input: &str) -> io::Result<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("{} {}: {}", program.display(), arguments.join(" "), said.trim())))
}

/// A service that runs until it is stopped or killed. What it logs goes to a file.
pub struct Service {
    child: Child,
    /// The line that it printed when it was ready.
    pub ready: Value,
}

impl Service {
    /// Starts a service and waits for the line in which it says where it listens.
    pub fn start(program: &Path, arguments: &[&str], log: &Path) -> io::Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(log)?)
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match serde_json::from_str(&line) {
            Ok(ready) => Ok(Self { child, ready }),
            Err(_) => {
                child.kill().ok();
                child.wait()?;
                let said = std::fs::read_to_string(log)?;
                let last: Vec<_> = said.lines().rev().take(5).collect();
                Err(io::Error::other(format!("{} did not start: {}", program.display(), last.join(" | "))))
            }
        }
    }

    /// A text of the ready line.
    pub fn says(&self, name: &str) -> String {
        self.ready.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it at once, as a dead battery would.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) -> io::Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        self.child.wait().map(drop)
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> io::Result<()> {
        self.child.wait().map(drop)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nobody is left to look after it.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
