//! What the journals of devices vouch for, as it is stored here.

use crate::db::{DbError, Tx};
use crate::store::journal;
pub use fieldproof_schema::cover::{Claim, Covers, Offered};
use fieldproof_schema::ids::{InspectionId, OrgId};

/// Reads what the devices that are on the chain say about an inspection, each by the entries of its own officer.
pub fn read(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Covers, DbError> {
    Ok(journal::saved(tx, org, inspection)?.into_iter().collect())
}
