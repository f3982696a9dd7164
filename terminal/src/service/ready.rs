//! How whoever started the service learns where it listens, and the secret.

use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Said once, when requests are answered: one line of JSON. No `Debug`: it holds the secret.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// The origin of the service, for instance `http://127.0.0.1:41873`.
    pub listening: String,
    /// Where the pages begin; whoever has this address has the secret.
    pub open: String,
    /// What every request needs as `Authorization: Bearer …`; another one at each start.
    pub secret: String,
}

impl Ready {
    /// The line, with its end.
    pub fn line(&self) -> String {
        let json = serde_json::to_string(self).expect("texts are always JSON");
        format!("{json}\n")
    }

    /// Writes the line to `path`, whole or not at all, readable by the owner alone.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(self.line().as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_whole_private_and_replaces_an_older_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ready.json");
        for secret in ["one", "two"] {
            let ready = Ready {
                listening: "http://127.0.0.1:1".into(),
                open: format!("http://127.0.0.1:1/{secret}"),
                secret: secret.into(),
            };
            ready.write(&path).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), ready.line());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
