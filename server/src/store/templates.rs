//! x
use crate::db::{DbError, Tx};
use fieldproof_schema::ids::OrgId;
/// x
pub fn body(_: &mut Tx<'_>, _: OrgId, _: &str, _: &str) -> Result<Option<String>, DbError> {
    Ok(None)
}
