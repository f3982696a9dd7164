//! The parsed register of laws and what was released from it, kept until either changes.

use crate::db::Tx;
use crate::error::ApiError;
use crate::store::{laws, rows};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::law::{LawRegister, Released};
use fieldproof_schema::suite::Digest;
use std::sync::{Arc, Mutex, PoisonError};

/// The register in use.
#[derive(Clone)]
pub struct Laws {
    /// What may be cited.
    pub register: Arc<LawRegister>,
    /// What the bureau's legal reviewer released.
    pub released: Released,
}

/// The cache: the register that was parsed last, by the hash of its text.
#[derive(Default)]
pub struct LawCache(Mutex<Option<(Digest, Arc<LawRegister>)>>);

impl LawCache {
    /// The register in use, if one was imported. Its text is read only when it is another than the one that is known: it is
    /// asked for whenever an inspection is judged.
    pub fn get(&self, tx: &mut Tx<'_>, org: OrgId) -> Result<Option<Laws>, ApiError> {
        let Some(hash) = laws::current(tx, org)? else { return Ok(None) };
        let released = rows::released(tx, org)?;
        let known =
            self.lock().as_ref().filter(|(known, _)| *known == hash).map(|(_, known)| Arc::clone(known));
        let register = match known {
            Some(register) => register,
            None => {
                let text = rows::laws(tx, org)?.unwrap_or_default();
                let register = Arc::new(LawRegister::parse(&text).map_err(ApiError::internal)?);
                *self.lock() = Some((hash, Arc::clone(&register)));
                register
            }
        };
        Ok(Some(Laws { register, released }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Digest, Arc<LawRegister>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
