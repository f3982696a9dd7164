//! Captures on their way in: hashed and encrypted as they come. They lie nowhere else.

use crate::app::App;
use crate::error::ApiError;
use axum::body::Body;
use bytes::Bytes;
use fieldproof_client_core::{self as client, Client, ClientError};
use fieldproof_schema::limits::EVIDENCE_BYTES_MAX;
use fieldproof_schema::wire::error::ErrorCode;
use http_body_util::BodyExt;
use tokio::task::spawn_blocking;

/// Bytes that are gathered before they are encrypted and written: a thread is asked for it each time.
const GATHERED_BYTES: usize = 256 * 1024;

/// A capture that is being received.
pub(crate) struct Arriving {
    arriving: Box<client::Arriving>,
    gathered: Vec<u8>,
    size_bytes: u64,
}

impl Arriving {
    /// Before its first byte.
    pub(crate) async fn begin(app: &App) -> Result<Self, ApiError> {
        let arriving = app.read(Client::begin_capture).await?;
        Ok(Self { arriving, gathered: Vec::new(), size_bytes: 0 })
    }

    /// Takes in the next bytes. More than a capture may have is refused (`evidence_too_large`) as soon as it shows.
    pub(crate) async fn take(mut self, piece: &Bytes) -> Result<Self, ApiError> {
        self.size_bytes += piece.len() as u64;
        if self.size_bytes > EVIDENCE_BYTES_MAX {
            return Err(ErrorCode::EvidenceTooLarge.into());
        }
        self.gathered.extend_from_slice(piece);
        if self.gathered.len() < GATHERED_BYTES { Ok(self) } else { self.write().await }
    }

    async fn write(mut self) -> Result<Self, ApiError> {
        let write = move || {
            self.arriving.write(&self.gathered)?;
            self.gathered.clear();
            Ok::<_, ClientError>(self)
        };
        Ok(spawn_blocking(write).await??)
    }

    /// All of it, and how many bytes it has.
    pub(crate) async fn whole(self) -> Result<(Box<client::Arriving>, u64), ApiError> {
        let whole = self.write().await?;
        Ok((whole.arriving, whole.size_bytes))
    }
}

/// Receives a body.
pub(crate) async fn receive(app: &App, mut body: Body) -> Result<Box<client::Arriving>, ApiError> {
    let mut arriving = Arriving::begin(app).await?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(ApiError::malformed)?;
        if let Ok(piece) = frame.into_data() {
            arriving = arriving.take(&piece).await?;
        }
    }
    Ok(arriving.whole().await?.0)
}
