//! A bucket of an S3-compatible store: where it is, how long it is waited for, and whether it answers.
//!
//! Its address and its credentials come from the variables that programs for S3 read (`AWS_…`), so that an operator has one way for
//! all of them. How blobs are named in it is left to [`Blobs`](super::Blobs).

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as BlobPath;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How an address begins.
const SCHEME: &str = "s3://";
/// Where originals are in it, as in the data folder: one is copied to the other as it is.
const ORIGINALS: &str = "blobs";
/// For a connection, and for the next bytes of an answer. A whole request has no bound: originals have gigabytes.
const CONNECT_SECONDS: u64 = 5;
const READ_SECONDS: u64 = 60;
/// Tries after the first. Few and soon over, because terminals wait meanwhile, and come back by themselves.
const RETRIES_MAX: usize = 4;
const RETRY_SECONDS: u64 = 10;
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// A bucket, or what is under a prefix in one.
#[derive(Clone)]
pub struct Bucket {
    name: String,
    originals: PrefixStore<AmazonS3>,
}

/// Why a bucket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The address has another form.
    #[error("{0} is not the address of a bucket")]
    Address(String),
    /// A variable has a value that it cannot have, or one that belongs to another is absent.
    #[error("a setting of the bucket cannot be used")]
    Setting(#[source] object_store::Error),
    /// The store answers that there is none by that name.
    #[error("no bucket {bucket}")]
    Missing {
        /// Its name.
        bucket: String,
        /// What it said.
        source: object_store::Error,
    },
    /// The store answers that these credentials may not list it.
    #[error("the bucket {bucket} refuses")]
    Refused {
        /// Its name.
        bucket: String,
        /// What it said.
        source: object_store::Error,
    },
    /// No answer, or none that is understood.
    #[error("the bucket {bucket} does not answer")]
    Silent {
        /// Its name.
        bucket: String,
        /// What happened instead.
        source: object_store::Error,
    },
}

impl fmt::Debug for Bucket {
    /// Without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.name).finish()
    }
}

impl Bucket {
    /// The bucket at `s3://BUCKET` or `s3://BUCKET/PREFIX`, with the settings among `variables`. Nothing is asked of it.
    ///
    /// # Errors
    /// [`BucketError::Address`]; [`BucketError::Setting`].
    pub fn at(
        address: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, BucketError> {
        let (name, prefix) = parts(address).ok_or_else(|| BucketError::Address(address.to_owned()))?;
        // Fails when another part of the process has chosen a provider already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(Duration::from_secs(CONNECT_SECONDS))
            .with_read_timeout(Duration::from_secs(READ_SECONDS));
        let retries = RetryConfig {
            backoff: BackoffConfig { max_backoff: BACKOFF_MAX, ..BackoffConfig::default() },
            max_retries: RETRIES_MAX,
            retry_timeout: Duration::from_secs(RETRY_SECONDS),
        };
        let builder = AmazonS3Builder::new().with_client_options(options).with_retry(retries);
        let known = variables.into_iter().filter(|(name, _)| name.starts_with("AWS_"));
        let builder = known.fold(builder, |builder, (name, value)| {
            match name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                Ok(key) => builder.with_config(key, value),
                // Meant for others.
                Err(_) => builder,
            }
        });
        let store = builder.with_bucket_name(&name).build().map_err(BucketError::Setting)?;
        Ok(Self { name, originals: PrefixStore::new(store, prefix.join(ORIGINALS)) })
    }

    /// Asks the bucket for what is topmost in it: it must be there, and these credentials must be allowed to list it, since only
    /// then it says of an original that it is missing.
    ///
    /// # Errors
    /// [`BucketError::Missing`], [`BucketError::Refused`], [`BucketError::Silent`].
    pub async fn ensure_there(&self) -> Result<(), BucketError> {
        let Err(source) = self.originals.list_with_delimiter(None).await else { return Ok(()) };
        let bucket = self.name.clone();
        // What a list is answered with has no type of its own; these words are the protocol's.
        let said = source.to_string();
        let is_said = |words: &[&str]| words.iter().any(|words| said.contains(words));
        Err(if is_said(&["NoSuchBucket", "status code: 404"]) {
            BucketError::Missing { bucket, source }
        } else if is_said(&["status code: 401", "status code: 403"]) {
            BucketError::Refused { bucket, source }
        } else {
            BucketError::Silent { bucket, source }
        })
    }

    /// The originals in it.
    pub(super) fn originals(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.originals.clone())
    }
}

/// Name and prefix.
fn parts(address: &str) -> Option<(String, BlobPath)> {
    let rest = address.strip_prefix(SCHEME)?;
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let is_prefix = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'/');
    let is_whole = !name.is_empty() && !prefix.starts_with('/');
    if !is_whole || !name.bytes().all(is_name) || !prefix.bytes().all(is_prefix) {
        return None;
    }
    Some((name.to_owned(), BlobPath::parse(prefix).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_bucket_and_perhaps_a_prefix() {
        let read = |address| parts(address).map(|(name, prefix)| (name, prefix.to_string()));
        let is = |name: &str, prefix: &str| Some((name.to_owned(), prefix.to_owned()));
        assert_eq!(read("s3://evidence"), is("evidence", ""));
        assert_eq!(read("s3://evidence/"), is("evidence", ""));
        assert_eq!(read("s3://city-7.evidence/a/b"), is("city-7.evidence", "a/b"));
        for wrong in [
            "",
            "evidence",
            "s3:evidence",
            "s3://",
            "s3:///a",
            "s3://Evidence",
            "s3://key:secret@evidence",
            "s3://evidence//a",
            "s3://evidence/a?b",
            "s3://evidence/../a",
            "https://evidence/a",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn settings_are_taken_from_the_usual_variables_and_secrets_are_not_shown() {
        let set = |settings: &[(&str, &str)]| {
            let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Bucket::at("s3://evidence", settings.collect::<Vec<_>>())
        };
        let key = ("AWS_ACCESS_KEY_ID", "key");
        let bucket = set(&[key, ("AWS_SECRET_ACCESS_KEY", "hidden"), ("AWS_PROFILE", "x"), ("PATH", "/")]);
        assert_eq!(format!("{:?}", bucket.unwrap()), "Bucket(\"evidence\")");
        assert!(matches!(set(&[key]), Err(BucketError::Setting(_))));
        let unclear = set(&[key, ("AWS_SECRET_ACCESS_KEY", "hidden"), ("AWS_ALLOW_HTTP", "perhaps")]);
        assert!(matches!(unclear, Err(BucketError::Setting(_))));
    }
}
