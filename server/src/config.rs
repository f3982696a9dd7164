//! Where a server's things are: the data folder, the database, the key. Opening them is all that happens here.

use crate::app::App;
use crate::blobs::Blobs;
use crate::blobs::bucket::{Bucket, BucketError};
use crate::cli::CliError;
use crate::clock::SystemHost;
use crate::db::{Db, DbUrl};
use crate::error::{ApiError, chain};
use crate::sync::judge::{self, Judging};
use crate::workers::Gate;
use crate::workers::pool::Pool;
use fieldproof_schema::host::{self, Host};
use fieldproof_schema::migrations;
use fieldproof_schema::suite::MemoryKey;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The key's file in the data folder.
const KEY_FILE: &str = "server.key";
/// The database's file in the data folder, where no other database is named.
const DATABASE_FILE: &str = "fieldproof.db";

/// Where a server's things are.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// The data folder: key and, unless others are named, evidence and database.
    #[arg(long, env = "FIELDPROOF_DATA")]
    pub data: PathBuf,
    /// The database: `sqlite:PATH` or `postgresql://USER@HOST/DATABASE`; by default `fieldproof.db` in the data folder.
    #[arg(long, env = "FIELDPROOF_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// The originals of evidence: `s3://BUCKET` or `s3://BUCKET/PREFIX`, with the settings of `AWS_…` variables; by default in the
    /// data folder.
    #[arg(long, env = "FIELDPROOF_BLOBS")]
    pub blobs: Option<String>,
}

/// What a bucket is to its command when it does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bucketless {
    /// Nothing can be done.
    Stops,
    /// Everything else can be done meanwhile.
    GoesOn,
}

impl Place {
    /// Opens a server that was initialised.
    ///
    /// # Errors
    /// [`CliError::KeyMissing`] when it was not; whatever keeps the key, the database or the folder from being opened.
    pub async fn open(&self) -> Result<App, CliError> {
        let key = self.key()?;
        self.app(key, Arc::new(SystemHost::new()), Gate::InProcess, Bucketless::Stops).await
    }

    /// Opens a server that judges in so many worker processes; with 0, in this one.
    ///
    /// A bucket that does not answer holds up nobody: a node that is started anew while the store is away takes answers, as those do
    /// that run, and takes evidence once it is back.
    ///
    /// # Errors
    /// Those of [`Self::open`], besides.
    pub async fn open_to_serve(&self, workers: usize) -> Result<App, CliError> {
        let gate = match workers {
            0 => Gate::InProcess,
            workers => Gate::Workers(Arc::new(Pool::of_this_program(workers).map_err(ApiError::internal)?)),
        };
        self.app(self.key()?, Arc::new(SystemHost::new()), gate, Bucketless::GoesOn).await
    }

    /// Opens a server for its initialisation: makes the folder and the key where there are none.
    ///
    /// # Errors
    /// Whatever keeps them from being made or opened.
    pub async fn open_new(&self) -> Result<App, CliError> {
        fs::create_dir_all(&self.data).map_err(CliError::file(&self.data))?;
        let host = Arc::new(SystemHost::new());
        make_key(&self.data, host.as_ref())?;
        let key = self.key()?;
        self.app(key, host, Gate::InProcess, Bucketless::Stops).await
    }

    async fn app(
        &self,
        key: MemoryKey,
        host: Arc<dyn Host>,
        gate: Gate,
        without: Bucketless,
    ) -> Result<App, CliError> {
        let blobs = self.blobs(without).await?;
        let db = Db::open(&self.url()?, migrations::SERVER).await.map_err(ApiError::from)?;
        Ok(App::new(db, blobs, Box::new(key), host, Judging::at(Some(judge::PATIENCE), gate)))
    }

    async fn blobs(&self, without: Bucketless) -> Result<Blobs, CliError> {
        let Some(address) = &self.blobs else { return Ok(Blobs::open(self.data.clone()).await?) };
        // What is not text is no setting of a bucket.
        let variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let bucket = Bucket::at(address, variables)?;
        match bucket.ensure_there().await {
            Err(error @ BucketError::Silent { .. }) if without == Bucketless::GoesOn => {
                tracing::warn!(error.cause = chain(&error), "no evidence is taken until the bucket answers");
            }
            there => there?,
        }
        Ok(Blobs::in_bucket(self.data.clone(), &bucket).await?)
    }

    fn url(&self) -> Result<DbUrl, CliError> {
        match &self.database {
            Some(text) => text.parse().map_err(CliError::DatabaseUrl),
            None => Ok(DbUrl::Sqlite(self.data.join(DATABASE_FILE))),
        }
    }

    fn key(&self) -> Result<MemoryKey, CliError> {
        let path = self.data.join(KEY_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(CliError::KeyMissing(path)),
            Err(error) => return Err(CliError::file(&path)(error)),
        };
        let mut secret = [0; 32];
        hex::decode_to_slice(text.trim(), &mut secret).map_err(|_| CliError::KeyMalformed(path))?;
        Ok(MemoryKey::from_secret(&secret))
    }
}

/// Makes the key unless there is one. It appears under its name whole or not at all, readable by its owner only.
fn make_key(folder: &Path, host: &dyn Host) -> Result<(), CliError> {
    let path = folder.join(KEY_FILE);
    if path.exists() {
        return Ok(());
    }
    let fresh = folder.join(format!("{KEY_FILE}.{}", std::process::id()));
    let secret: [u8; 32] = host::random(host);
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh)?;
        file.write_all(hex::encode(secret).as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        // A link never replaces: a key that another process made meanwhile stays.
        match fs::hard_link(&fresh, &path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::remove_file(&fresh)?;
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        Ok(())
    };
    write().map_err(CliError::file(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_made_once_and_only_by_the_initialisation() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { data: folder.path().join("data"), database: None, blobs: None };
        assert!(matches!(place.open().await, Err(CliError::KeyMissing(_))));
        let first = place.open_new().await.unwrap().key.public_key();
        let again = place.open_new().await.unwrap().key.public_key();
        let opened = place.open().await.unwrap().key.public_key();
        assert_eq!((first, first), (again, opened));
        let names: Vec<_> = fs::read_dir(&place.data).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| !name.to_string_lossy().starts_with("server.key.")), "{names:?}");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        make_key(folder.path(), &SystemHost::new()).unwrap();
        let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(KEY_FILE), "not a key").unwrap();
        let place = Place { data: folder.path().to_owned(), database: None, blobs: None };
        assert!(matches!(place.key(), Err(CliError::KeyMalformed(_))));
        let place = Place { data: folder.path().to_owned(), database: Some("mysql://x".into()), blobs: None };
        assert!(matches!(place.url(), Err(CliError::DatabaseUrl(_))));
    }
}
