//! The parsed register of laws and what was released from it, kept until either changes.

use crate::db::Tx;
use crate::error::ApiError;
use crate::store::rows;
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::law::{LawRegister, Released};
use fieldproof_schema::reference::LawsRow;
use std::sync::{Arc, Mutex, PoisonError};

/// The register in use.
pub struct Laws {
    /// What may be cited.
    pub register: LawRegister,
    /// What the bureau's legal reviewer released.
    pub released: Released,
}

/// The cache: the row that was parsed last.
#[derive(Default)]
pub struct LawCache(Mutex<Option<(LawsRow, Arc<Laws>)>>);

impl LawCache {
    /// The register in use, if one was imported.
    pub fn get(&self, tx: &mut Tx<'_>, org: OrgId) -> Result<Option<Arc<Laws>>, ApiError> {
        let Some(row) = rows::laws(tx, org)? else { return Ok(None) };
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, laws)) = cached.as_ref()
            && *known == row
        {
            return Ok(Some(Arc::clone(laws)));
        }
        let register = LawRegister::parse(&row.register).map_err(ApiError::internal)?;
        let laws = Arc::new(Laws { register, released: row.released.clone() });
        *cached = Some((row, Arc::clone(&laws)));
        Ok(Some(laws))
    }
}
