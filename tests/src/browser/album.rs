//! Pictures of pages, kept below the build folder with a page that shows them all.

use super::Browser;
use crate::workspace;
use serde_json::json;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thirtyfour::support::base64_decode;

/// The tallest picture; a page beyond it is cut.
const HEIGHT_MAX: u64 = 4000;

/// A folder of pictures.
#[derive(Debug, Clone)]
pub struct Album {
    folder: PathBuf,
}

impl Album {
    /// The pictures of a face, without those of earlier runs.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(face: &str) -> io::Result<Self> {
        let folder = workspace::target(workspace::root())?.join("pictures").join(face);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Self::at(&folder),
        }
    }

    /// Pictures in a folder that may hold others.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn at(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where the pictures are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a picture.
    pub(super) fn keep(&self, name: &str, png: &[u8]) -> io::Result<PathBuf> {
        let path = self.folder.join(format!("{name}.png"));
        fs::write(&path, png)?;
        Ok(path)
    }

    /// Writes a page that shows all pictures; returns where it is.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn index(&self) -> io::Result<PathBuf> {
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            names.extend(entry?.file_name().into_string().ok().filter(|name| name.ends_with(".png")));
        }
        names.sort();
        let figures = names.iter().map(|name| {
            format!("<figure><a href=\"{name}\"><img loading=\"lazy\" src=\"{name}\" alt=\"{name}\"></a><figcaption>{name}</figcaption></figure>\n")
        });
        let page = format!(
            "<!doctype html><meta charset=\"utf-8\"><title>{0}</title>\
             <style>body{{display:flex;flex-wrap:wrap;gap:12px}}img{{width:240px;border:1px solid}}figure{{margin:0}}</style>\n{1}",
            self.folder.file_name().unwrap_or_default().to_string_lossy(),
            figures.collect::<String>()
        );
        let path = self.folder.join("index.html");
        fs::write(&path, page)?;
        Ok(path)
    }
}

/// A name that every file system takes.
fn plain(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-").chars().take(80).collect()
}

impl Browser {
    /// Takes a picture of the whole page as it is looked at now, and names it by page, size, language and scheme.
    pub async fn picture(&self, page: &str) -> PathBuf {
        let look = self.look();
        let (width, height) = (look.size.width, look.size.height);
        let name = format!("{page}-{width}x{height}-{}-{}", look.language.tag(), look.scheme.as_str());
        self.keep_picture("", &name).await
    }

    /// Takes a picture of what fits the screen.
    pub async fn screen(&self, name: &str) -> PathBuf {
        let shot = json!({"format": "png", "optimizeForSpeed": false});
        let png = self.shoot(shot).await;
        self.album().keep(name, &png).expect("the album can be written")
    }

    pub(super) async fn keep_picture(&self, prefix: &str, name: &str) -> PathBuf {
        let tall = "return Math.max(document.documentElement.scrollHeight, innerHeight)";
        let tall = self.script(tall, Vec::new()).await.as_u64().unwrap_or(HEIGHT_MAX).min(HEIGHT_MAX);
        let clip = json!({"x": 0, "y": 0, "width": self.look().size.width, "height": tall, "scale": 1});
        let shot =
            json!({"format": "png", "clip": clip, "captureBeyondViewport": true, "optimizeForSpeed": true});
        let png = self.shoot(shot).await;
        self.album().keep(&plain(&format!("{prefix}-{name}")), &png).expect("the album can be written")
    }

    async fn shoot(&self, shot: serde_json::Value) -> Vec<u8> {
        let picture = self.devtools("Page.captureScreenshot", shot).await;
        base64_decode(picture["data"].as_str().unwrap_or_default()).expect("pictures come in base64")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_album_shows_every_picture() {
        let folder = tempfile::tempdir().unwrap();
        let album = Album::at(folder.path()).unwrap();
        album.keep(&plain("/inspections/{id}?a=b"), b"x").unwrap();
        let index = fs::read_to_string(album.index().unwrap()).unwrap();
        assert!(index.contains("inspections-id-a-b.png"));
    }
}
