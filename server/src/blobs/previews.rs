//! Previews lie beside the originals and apart from them: whoever copies, counts or checks originals does not meet them, and
//! all of them may be deleted at any time.

use super::{Blobs, blob};
use crate::error::{ApiError, chain};
use bytes::Bytes;
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use object_store::path::Path as BlobPath;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

/// What is kept of an original that was looked at.
#[derive(Debug, Clone)]
pub enum Kept {
    /// Its preview, a JPEG.
    Preview(Bytes),
    /// There is none.
    Nothing(Nothing),
}

/// That there is no preview of an original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {
    /// Which version of this program found so: a later one may know more.
    pub version: String,
    /// Until when this stands; none: for as long as the program does not change.
    pub until: Option<Moment>,
    /// Why, for operators.
    pub why: String,
}

impl Nothing {
    /// Found by this program.
    pub fn now(why: String, until: Option<Moment>) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), until, why }
    }

    fn stands(&self, now: Moment) -> bool {
        self.version == env!("CARGO_PKG_VERSION") && self.until.is_none_or(|until| now < until)
    }
}

impl Blobs {
    fn derived(org: OrgId, digest: &Digest, ending: &str) -> BlobPath {
        let name = digest.to_string();
        let file = format!("{name}.{ending}");
        BlobPath::from_iter([org.to_string().as_str(), &name[4..6], &file])
    }

    /// What is kept of an original and still stands. What cannot be read is as if it were not there: it can be made again.
    pub async fn kept_preview(&self, org: OrgId, digest: &Digest, now: Moment) -> Option<Kept> {
        if let Some(jpeg) = self.read_derived(&Self::derived(org, digest, "jpg")).await {
            return Some(Kept::Preview(jpeg));
        }
        let note = self.read_derived(&Self::derived(org, digest, "none")).await?;
        let nothing: Nothing = serde_json::from_slice(&note).ok()?;
        nothing.stands(now).then_some(Kept::Nothing(nothing))
    }

    /// Keeps a preview, or that there is none. A full disk costs no more than the work of the next who asks.
    pub async fn keep_preview(&self, org: OrgId, digest: &Digest, kept: &Kept) {
        let (path, bytes) = match kept {
            Kept::Preview(jpeg) => (Self::derived(org, digest, "jpg"), PutPayload::from(jpeg.clone())),
            Kept::Nothing(nothing) => {
                let note = serde_json::to_vec(nothing).unwrap_or_default();
                (Self::derived(org, digest, "none"), note.into())
            }
        };
        if let Err(error) = self.previews.put(&path, bytes).await {
            tracing::warn!(error.cause = chain(&error), "a preview cannot be kept");
        }
    }

    async fn read_derived(&self, path: &BlobPath) -> Option<Bytes> {
        let read = async { self.previews.get(path).await?.bytes().await };
        match read.await {
            Ok(bytes) => Some(bytes),
            Err(object_store::Error::NotFound { .. }) => None,
            Err(error) => {
                tracing::warn!(error.cause = chain(&error), "what is kept of a preview cannot be read");
                None
            }
        }
    }

    /// All bytes of a held original in memory; none when there are more than `most`.
    ///
    /// # Errors
    /// [`fieldproof_schema::wire::error::ErrorCode::NotFound`] when it is not there; whatever keeps it from being read.
    pub async fn whole(&self, org: OrgId, digest: &Digest, most: u64) -> Result<Option<Bytes>, ApiError> {
        let found = self.store.get(&Self::path(org, digest)).await.map_err(blob)?;
        if found.meta.size > most {
            return Ok(None);
        }
        found.bytes().await.map(Some).map_err(blob)
    }
}
