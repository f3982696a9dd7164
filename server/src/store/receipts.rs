//! Receipts that were given. They are kept: they say what the server promised.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{DeviceId, OrgId, ReceiptId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::sync::SignedReceipt;

/// Keeps a receipt.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ReceiptId,
    device: DeviceId,
    at: Moment,
    receipt: &SignedReceipt,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO receipts (org, id, device, at, bytes, signature) VALUES ($1, $2, $3, $4, $5, $6)",
        &params![org, id, device, at, receipt.bytes.clone(), receipt.signature],
    )?;
    Ok(())
}
