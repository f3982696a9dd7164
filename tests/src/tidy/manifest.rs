//! What a crate declares, as cargo understands it.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::workspace;

/// A crate of the workspace.
pub(super) struct Member {
    /// Its folder, as seen from the workspace's.
    pub(super) folder: String,
    /// Names of the packages it depends on in whatever way.
    pub(super) dependencies: Vec<String>,
    /// The text of its manifest.
    pub(super) text: String,
}

/// All crates of the workspace in `root`.
pub(super) fn members(root: &Path) -> io::Result<Vec<Member>> {
    let metadata = workspace::metadata(root)?;
    let root = PathBuf::from(metadata["workspace_root"].as_str().unwrap_or_default());
    list(&metadata["packages"]).map(|package| member(&root, package)).collect()
}

fn member(root: &Path, package: &Value) -> io::Result<Member> {
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
    let folder = manifest.parent().map(|folder| super::name(root, folder)).unwrap_or_default();
    let dependencies = list(&package["dependencies"])
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
        .collect();
    Ok(Member { folder, dependencies, text: std::fs::read_to_string(&manifest)? })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
