//! Where this workspace is, and how to call cargo on it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The folder of the workspace that this crate was built in.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates lie in the workspace's folder")
}

/// The cargo that runs us, to be called in `folder`.
///
/// What cargo told us about our own package is taken out of the environment: build scripts watch some of it and
/// would run again.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if concerns_own_package(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn concerns_own_package(name: &OsString) -> bool {
    let own = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"];
    name.to_str().is_some_and(|name| own.iter().any(|own| name.starts_with(own)))
}

/// What cargo knows of the workspace in `folder`, without its dependencies.
pub(crate) fn metadata(folder: &Path) -> io::Result<Value> {
    let output =
        cargo(folder).args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Where cargo builds the workspace in `folder`.
pub(crate) fn target(folder: &Path) -> io::Result<PathBuf> {
    let metadata = metadata(folder)?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other("cargo names no target folder"))
}
