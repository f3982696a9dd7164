//! What programs of earlier versions left: stores of servers and terminals, opened by this one.
//!
//! How each was made is told in `tests/fixtures/README.md`.

use crate::store;
use crate::workspace;
use crate::world::World;
use crate::world::backup::{Backup, copy_all};
use crate::world::device::Device;
use serde_json::Value;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};
use tempfile::TempDir;

/// Bytes of a record of the archive.
const BLOCK: usize = 512;
/// Seconds from the fixture's last act until this program opens it.
const LATER_SECONDS: i64 = 3600;

/// The stores of one version, in a folder of their own.
pub struct Fixture {
    folder: TempDir,
    /// What the program that made it showed.
    pub expected: Value,
}

/// The numbers of the server's migrations that were the latest when a fixture was made.
///
/// # Errors
/// When the folder cannot be read.
pub fn versions() -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place())? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        found.extend(name.strip_suffix(".tar.zst").and_then(|number| number.parse::<u32>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

fn place() -> PathBuf {
    workspace::root().join("tests/fixtures/stores")
}

impl Fixture {
    /// Unpacks the stores of the time of the server's migration `number`.
    ///
    /// # Errors
    /// When there are none, or the archive is none.
    pub fn unpack(number: u32) -> io::Result<Self> {
        let packed = fs::read(place().join(format!("{number:04}.tar.zst")))?;
        let archive = zstd::decode_all(packed.as_slice())?;
        let folder = tempfile::tempdir()?;
        for (path, bytes) in files(&archive)? {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
            fs::write(path, bytes)?;
        }
        let expected = serde_json::from_slice(&fs::read(folder.path().join("expected.json"))?)?;
        Ok(Self { folder, expected })
    }

    /// A world whose server goes on with the fixture's, some time later.
    pub async fn world(&self) -> World {
        let seed = self.expected["seed"].as_u64().expect("the seed that the server's key came from");
        let mut world = World::start(seed, None).await;
        world.clock.advance_seconds(LATER_SECONDS);
        world.put_back(&Backup::at(self.folder.path().to_owned())).await;
        world
    }

    /// The terminal, switched on with this program.
    ///
    /// # Errors
    /// When its files cannot be copied.
    pub fn terminal(&self, world: &World) -> io::Result<Device> {
        let name = "of-then";
        copy_all(&self.folder.path().join("device"), &world.folder().join(name))?;
        Ok(Device::new(world, name))
    }
}

impl Fixture {
    /// Where its stores are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The latest migrations of the server's database and of the terminal's.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn migrations(&self) -> rusqlite::Result<(i64, i64)> {
        let version = |store: rusqlite::Connection, sql: &str| store.query_row(sql, [], |row| row.get(0));
        let server = rusqlite::Connection::open(self.folder.path().join("server.db"))?;
        let server = version(server, "SELECT MAX(number) FROM migrations")?;
        let device = store::look_into(&self.folder.path().join("device/store.db"))?;
        let device = version(device, "PRAGMA user_version")?;
        Ok((server, device))
    }
}

/// The plain files of a tar archive (ustar), by their paths.
fn files(archive: &[u8]) -> io::Result<Vec<(PathBuf, &[u8])>> {
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let text = |field: &[u8]| {
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        String::from_utf8(field[..end].to_vec()).map_err(|_| broken("a name is not text"))
    };
    let (mut found, mut rest) = (Vec::new(), archive);
    while let Some((head, after)) = rest.split_at_checked(BLOCK).filter(|(head, _)| head[0] != 0) {
        let size = text(&head[124..136])?;
        let size = usize::from_str_radix(size.trim(), 8).map_err(|_| broken("a size is no number"))?;
        let path = PathBuf::from(text(&head[345..500])?).join(text(&head[..100])?);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(broken("a path leads elsewhere"));
        }
        let (bytes, _) = after.split_at_checked(size).ok_or_else(|| broken("the archive is cut"))?;
        if head[156] == b'0' {
            found.push((path, bytes));
        }
        rest = after.get(size.next_multiple_of(BLOCK)..).unwrap_or_default();
    }
    Ok(found)
}
