//! Previews of originals: small pictures that are derived, never evidence. Workers of their own make them, so that what decoded
//! a photo never judges a visit afterwards, and so that a page full of photos holds up no judgement.

use crate::app::{App, blocking};
use crate::blobs::previews::{Kept, Nothing};
use crate::error::{ApiError, chain};
use crate::workers::picture::Original;
use crate::workers::pool::Pool;
use crate::workers::{Fault, Gate, Health};
use bytes::Bytes;
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::limits::{PREVIEW_BYTES_MAX, PREVIEW_ORIGINAL_BYTES_MAX, PREVIEW_RETRY_SECONDS};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Originals that can be waited for at the same time without one waiting for another's sake.
const TURNS: usize = 64;
/// How every JPEG begins.
const JPEG_HEAD: [u8; 3] = [0xFF, 0xD8, 0xFF];

/// Who makes previews.
#[derive(Debug)]
pub struct Previews {
    /// None where the gate has no workers: nothing is decoded in the server's own process.
    makers: Option<Makers>,
}

#[derive(Debug)]
struct Makers {
    pool: Arc<Pool>,
    /// As many originals are in memory as can be worked on.
    places: Arc<Semaphore>,
    /// Who asks for what is being made waits for it.
    turns: [Arc<Mutex<()>>; TURNS],
}

impl Previews {
    /// Half as many workers as the gate has, at least one; none where it has none.
    pub fn beside(gate: &Gate) -> Self {
        let Gate::Workers(gate) = gate else { return Self { makers: None } };
        let size = (gate.health().workers / 2).max(1);
        let pool = Arc::new(gate.apart(size));
        let turns = std::array::from_fn(|_| Arc::default());
        Self { makers: Some(Makers { pool, places: Arc::new(Semaphore::new(size)), turns }) }
    }

    /// How the workers do.
    pub fn health(&self) -> Health {
        self.makers.as_ref().map_or(Gate::InProcess.health(), |makers| makers.pool.health())
    }

    /// The process ids of those that are at work.
    pub fn at_work(&self) -> Vec<u32> {
        self.makers.as_ref().map(|makers| makers.pool.at_work()).unwrap_or_default()
    }
}

/// The preview of an original that is held; whether somebody may see it is settled before.
///
/// # Errors
/// [`ErrorCode::PreviewNone`] when there is none, [`ErrorCode::NotFound`] when the original is gone.
pub(crate) async fn of(app: &App, org: OrgId, digest: Digest) -> Result<Bytes, ApiError> {
    if let Some(kept) = app.blobs.kept_preview(org, &digest, app.now()).await {
        return given(kept);
    }
    let Some(makers) = &app.previews.makers else { return Err(none("this server has no workers")) };
    let turn = Arc::clone(&makers.turns[usize::from(digest.value[0]) % TURNS]).lock_owned().await;
    // Somebody else may have had it made meanwhile.
    if let Some(kept) = app.blobs.kept_preview(org, &digest, app.now()).await {
        return given(kept);
    }
    let place = Arc::clone(&makers.places).acquire_owned().await.map_err(ApiError::internal)?;
    let (app, pool) = (app.clone(), Arc::clone(&makers.pool));
    // What was begun is done, even when whoever asked has turned the page: otherwise a worker would have to end for it.
    let making = tokio::spawn(async move {
        let _held = (turn, place);
        make(&app, &pool, org, digest).await
    });
    given(making.await??)
}

fn given(kept: Kept) -> Result<Bytes, ApiError> {
    match kept {
        Kept::Preview(jpeg) => Ok(jpeg),
        Kept::Nothing(nothing) => Err(none(&nothing.why)),
    }
}

/// That there is no preview.
pub(crate) fn none(why: &str) -> ApiError {
    ApiError::new(ErrorCode::PreviewNone).with(json!({"why": why}))
}

async fn make(app: &App, pool: &Pool, org: OrgId, digest: Digest) -> Result<Kept, ApiError> {
    let kept = match app.blobs.whole(org, &digest, PREVIEW_ORIGINAL_BYTES_MAX).await? {
        None => Kept::Nothing(Nothing::now("the original is too large".to_owned(), None)),
        Some(bytes) => {
            let check = move || (Digest::of(&bytes) == digest, bytes);
            let (is_sound, bytes) = blocking(check).await?;
            if !is_sound {
                // Not kept: `fsck` will find it, and its terminal may still have it.
                tracing::warn!(digest = %digest, "an original is not what its name says");
                return Err(none("the original is damaged"));
            }
            decoded(app, pool, digest, bytes).await?
        }
    };
    app.blobs.keep_preview(org, &digest, &kept).await;
    Ok(kept)
}

async fn decoded(app: &App, pool: &Pool, digest: Digest, bytes: Bytes) -> Result<Kept, ApiError> {
    let fault = match pool.preview(Original(bytes.into())).await {
        // A worker that hostile bytes took over can answer anything.
        Ok(jpeg) if jpeg.starts_with(&JPEG_HEAD) && jpeg.len() <= PREVIEW_BYTES_MAX => {
            return Ok(Kept::Preview(jpeg.into()));
        }
        Ok(_) => Fault::Strange,
        Err(Fault::Refused(why)) => return Ok(Kept::Nothing(Nothing::now(why, None))),
        Err(fault) => fault,
    };
    tracing::warn!(digest = %digest, error.cause = chain(&fault), "no preview can be made");
    if !fault.is_of_the_job() {
        return Err(none("no worker can be started"));
    }
    // The machine may have been busy, or somebody may have ended the workers: it is tried again, but not with every page.
    let until = app.now().plus_seconds(PREVIEW_RETRY_SECONDS);
    Ok(Kept::Nothing(Nothing::now(fault.to_string(), Some(until))))
}
