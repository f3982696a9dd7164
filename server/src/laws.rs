//! The parsed register of laws and what was released from it, kept until either changes.

use crate::db::Tx;
use crate::error::ApiError;
use crate::store::rows;
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::law::{LawRegister, Released};
use std::sync::{Arc, Mutex, PoisonError};

/// The register in use.
#[derive(Clone)]
pub struct Laws {
    /// What may be cited.
    pub register: Arc<LawRegister>,
    /// What the bureau's legal reviewer released.
    pub released: Released,
}

/// The cache: the text that was parsed last.
#[derive(Default)]
pub struct LawCache(Mutex<Option<(String, Arc<LawRegister>)>>);

impl LawCache {
    /// The register in use, if one was imported.
    pub fn get(&self, tx: &mut Tx<'_>, org: OrgId) -> Result<Option<Laws>, ApiError> {
        let Some(text) = rows::laws(tx, org)? else { return Ok(None) };
        let released = rows::released(tx, org)?;
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let register = match cached.as_ref() {
            Some((known, register)) if *known == text => Arc::clone(register),
            _ => {
                let register = Arc::new(LawRegister::parse(&text).map_err(ApiError::internal)?);
                *cached = Some((text, Arc::clone(&register)));
                register
            }
        };
        Ok(Some(Laws { register, released }))
    }
}
