//! Parsed checklists, kept by their hash: a revision never changes.

use crate::db::Tx;
use crate::error::ApiError;
use crate::store;
use fieldproof_schema::checklist::Template;
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The cache.
#[derive(Default)]
pub struct Templates(Mutex<HashMap<(String, String), Arc<Template>>>);

impl Templates {
    /// The checklist revision, from the cache or the database.
    pub fn get(
        &self,
        tx: &mut Tx<'_>,
        org: OrgId,
        id: &str,
        revision: &str,
    ) -> Result<Arc<Template>, ApiError> {
        let key = (id.to_owned(), revision.to_owned());
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(known));
        }
        let text = store::templates::body(tx, org, id, revision)?.ok_or(ErrorCode::NotFound)?;
        let template = Arc::new(Template::parse(&text).map_err(ApiError::internal)?);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&template));
        Ok(template)
    }
}
