//! How ids, digests and moments stand in columns.

use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{BlockId, DeviceId, EntityId, InspectionId, OfficerId, ReceiptId, RecordId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::{Digest, Signature};
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};

/// An id of sixteen bytes.
pub(crate) trait Sixteen: Sized {
    /// Takes it back from its bytes.
    fn of(bytes: [u8; 16]) -> Self;
}

macro_rules! sixteen {
    ($($id:ident),*) => {
        $(impl Sixteen for $id {
            fn of(bytes: [u8; 16]) -> Self {
                Self::from_bytes(bytes)
            }
        })*
    };
}
sixteen!(BlockId, DeviceId, EntityId, InspectionId, OfficerId, ReceiptId, RecordId);

fn wrong(column: usize, what: &'static str) -> Error {
    Error::FromSqlConversionFailure(column, Type::Blob, what.into())
}

/// An id.
pub(crate) fn id<T: Sixteen>(row: &Row<'_>, column: usize) -> Result<T> {
    row.get::<_, [u8; 16]>(column).map(T::of)
}

/// An id that may be missing.
pub(crate) fn id_or_none<T: Sixteen>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(T::of))
}

/// A change's name.
pub(crate) fn change(row: &Row<'_>, column: usize) -> Result<ChangeId> {
    row.get::<_, [u8; 32]>(column).map(ChangeId)
}

/// A digest.
pub(crate) fn digest(row: &Row<'_>, column: usize) -> Result<Digest> {
    let bytes: Vec<u8> = row.get(column)?;
    Digest::from_bytes(&bytes).map_err(|_| wrong(column, "not a digest"))
}

/// A digest that may be missing.
pub(crate) fn digest_or_none(row: &Row<'_>, column: usize) -> Result<Option<Digest>> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    bytes.map(|b| Digest::from_bytes(&b).map_err(|_| wrong(column, "not a digest"))).transpose()
}

/// A signature.
pub(crate) fn signature(row: &Row<'_>, column: usize) -> Result<Signature> {
    let bytes: Vec<u8> = row.get(column)?;
    Signature::from_bytes(&bytes).map_err(|_| wrong(column, "not a signature"))
}

/// A moment that may be missing.
pub(crate) fn moment_or_none(row: &Row<'_>, column: usize) -> Result<Option<Moment>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Moment::from_micros))
}

/// A count, which SQLite keeps signed.
pub(crate) fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    let found: i64 = row.get(column)?;
    u64::try_from(found).map_err(|_| Error::IntegralValueOutOfRange(column, found))
}

/// A number as SQLite keeps it. What does not fit cannot have been counted, but somebody may have written it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
