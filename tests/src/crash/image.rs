//! A folder in memory, to be laid out again and again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The files of a folder by their paths in it.
#[derive(Debug, Clone, Default)]
pub struct Image(BTreeMap<PathBuf, Vec<u8>>);

/// What SQLite makes anew whenever it needs it.
const INDEX: &str = "-shm";

impl Image {
    /// What lies in a folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(folder: &Path) -> io::Result<Self> {
        Self::of_some(folder, |_| true)
    }

    /// What lies in a folder, of paths in it that are `wanted`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_some(folder: &Path, wanted: impl Fn(&Path) -> bool) -> io::Result<Self> {
        let mut image = Self::default();
        for path in files(folder)? {
            let name = path.strip_prefix(folder).unwrap_or(&path);
            if wanted(name) && !name.to_string_lossy().ends_with(INDEX) {
                image.0.insert(name.to_owned(), fs::read(&path)?);
            }
        }
        Ok(image)
    }

    /// How long a file is; nothing when it is not there.
    pub fn length(&self, name: &str) -> usize {
        self.0.get(Path::new(name)).map_or(0, Vec::len)
    }

    /// Makes the folder what it was. A file that is there keeps its place on the disk and gets other bytes: some know
    /// copies of themselves by their places.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn lay_out(&self, folder: &Path) -> io::Result<()> {
        for path in files(folder)? {
            if !self.0.contains_key(path.strip_prefix(folder).unwrap_or(&path)) {
                fs::remove_file(path)?;
            }
        }
        for (name, bytes) in &self.0 {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, bytes)?;
        }
        Ok(())
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}
