//! Packages (检查包) at the console: what terminals exported is handed in, what the server holds is handed out.
//!
//! A file proves nothing. What is handed in goes the way of what terminals bring of one another ([`crate::sync::carry`]):
//! the signatures say whose it is, the writer's scope decides what it may do, the gate what becomes of it. Who hands it in
//! decides nothing but that it is looked at.

mod give;
mod spool;
mod take;

pub use give::{Given, give};
pub use spool::{HandedIn, drain, keep, keep_body};
pub use take::{Taken, Tally, Whose, take};

use crate::blobs;
use crate::error::ApiError;
use fieldproof_schema::limits::PACKAGES_AT_ONCE_MAX;
use fieldproof_schema::package::PackageError;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Seconds after which to come back when there is no place.
const RETURN_SECONDS: u64 = 30;

/// Places for packages on this node's disk.
#[derive(Debug)]
pub struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PACKAGES_AT_ONCE_MAX)))
    }
}

impl Places {
    /// A place, for as long as what is returned lives.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when all are taken: nobody waits, since a film on its way would hold up a letter.
    pub fn enter(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let place = Arc::clone(&self.0).try_acquire_owned();
        place.map_err(|_| ApiError::new(ErrorCode::Busy).with(json!({"retry_after_seconds": RETURN_SECONDS})))
    }
}

/// Why a file is no package, or none was written.
fn fault(error: PackageError) -> ApiError {
    match error {
        PackageError::NotAPackage => ErrorCode::PackageInvalid.into(),
        PackageError::Later(_) => ErrorCode::PackageNewer.into(),
        PackageError::TooLarge => ErrorCode::PackageTooLarge.into(),
        PackageError::File(error) => blobs::storage(error),
    }
}
