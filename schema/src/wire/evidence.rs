//! Evidence transfer: the tus 1.0 idea, offsets asked from the server, addressed by hash.
//!
//! 1. `POST /api/v1/evidence/{digest}` with an [`Offer`]: 201 when new, 200 when known; `Upload-Offset` says how much is there.
//! 2. `HEAD /api/v1/evidence/{digest}`: the same headers; 404 outside the asker's scope.
//! 3. `PATCH /api/v1/evidence/{digest}` with `Upload-Offset` and bytes: 204 and the new offset, or 409 and the right one.
//! 4. When the offset reaches the size the server reads back and hashes. `GET /api/v1/evidence/{digest}/receipt` answers
//!    with a [`super::sync::SignedReceipt`] in CBOR.

use crate::ids::{InspectionId, RecordId};
use serde::{Deserialize, Serialize};

/// How many bytes of the upload are held: a decimal number.
pub const OFFSET_HEADER: &str = "upload-offset";
/// How many bytes it will have: a decimal number.
pub const LENGTH_HEADER: &str = "upload-length";
/// The media type of one part.
pub const PART_MEDIA_TYPE: &str = "application/offset+octet-stream";
/// The media type of a receipt.
pub const RECEIPT_MEDIA_TYPE: &str = "application/cbor";

/// A device offers a capture whose `captured` entry it has synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The visit.
    pub inspection: InspectionId,
    /// The capture.
    pub record: RecordId,
    /// The length of the original in bytes.
    pub size_bytes: u64,
    /// For instance `image/jpeg`.
    pub media_type: String,
}
