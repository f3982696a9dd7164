//! What every handler needs: database, blobs, key, clock, the organisation that this server serves.

use crate::admission::queue::Limits;
use crate::admission::{self, Admission};
use crate::blobs::Blobs;
use crate::db::Db;
use crate::documents::Damaged;
use crate::error::ApiError;
use crate::events::Events;
use crate::laws::LawCache;
use crate::packages::Places;
use crate::previews::Previews;
use crate::quota::Quota;
use crate::store;
use crate::sync::judge::Judging;
use crate::templates::Templates;
use fieldproof_schema::host::{self, Host};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::{Digest, Signer};
use fieldproof_schema::wire::error::ErrorCode;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// The running server, shared by all handlers.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of the server.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// Evidence bytes.
    pub blobs: Blobs,
    /// The key that signs receipts.
    pub key: Box<dyn Signer>,
    /// Clock and randomness.
    pub host: Arc<dyn Host>,
    /// Parsed checklists.
    pub templates: Templates,
    /// The parsed register of laws.
    pub laws: LawCache,
    /// When what was received is judged.
    pub judging: Judging,
    /// Who is let in, before a body is read.
    pub admission: Admission,
    /// How much of one device may lie here that is not part of the record.
    pub quota: Quota,
    /// How many packages lie on the disk at a time.
    pub packages: Places,
    /// Who makes previews of originals.
    pub previews: Previews,
    /// Who is told when something is new.
    pub events: Events,
    /// Snapshots that were found damaged.
    pub damaged: Damaged,
    tenant: OnceLock<Tenant>,
}

/// The organisation that this server serves: what never changes, so that a process may remember it. The epoch does not
/// belong here, because a restore begins a new one beside a running process.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its key.
    pub org: OrgId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(db: Db, blobs: Blobs, key: Box<dyn Signer>, host: Arc<dyn Host>, judging: Judging) -> Self {
        Self::with_limits(db, blobs, key, host, judging, admission::LIMITS)
    }

    /// Puts the parts together, with other limits on what is let in at a time.
    pub fn with_limits(
        db: Db,
        blobs: Blobs,
        key: Box<dyn Signer>,
        host: Arc<dyn Host>,
        judging: Judging,
        limits: Limits,
    ) -> Self {
        Self(Arc::new(Parts {
            db,
            blobs,
            key,
            admission: Admission::new(&host, limits),
            host,
            templates: Templates::default(),
            laws: LawCache::default(),
            previews: Previews::beside(judging.gate()),
            judging,
            quota: Quota::default(),
            packages: Places::default(),
            events: Events::default(),
            damaged: Damaged::default(),
            tenant: OnceLock::new(),
        }))
    }

    /// The organisation; an error until `fieldproof admin init` has made one.
    pub async fn tenant(&self) -> Result<&Tenant, ApiError> {
        if let Some(tenant) = self.tenant.get() {
            return Ok(tenant);
        }
        let found = self.db.read(store::tenants::find).await?;
        let found = found.ok_or_else(|| {
            ApiError::new(ErrorCode::Unavailable)
                .with(serde_json::json!({"why": "no organisation: run `fieldproof admin init`"}))
        })?;
        Ok(self.tenant.get_or_init(|| found))
    }

    /// The organisation's key.
    pub async fn org(&self) -> Result<OrgId, ApiError> {
        Ok(self.tenant().await?.org)
    }

    /// What the server's clock says.
    pub fn now(&self) -> Moment {
        self.host.now()
    }

    /// Draws unpredictable bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        host::random(self.host.as_ref())
    }

    /// A fresh bearer token with `prefix`, and the hash under which it is stored.
    pub fn token(&self, prefix: &str) -> (String, Digest) {
        let token = format!("{prefix}_{}", hex::encode(self.random::<32>()));
        let hash = Digest::of(token.as_bytes());
        (token, hash)
    }
}

/// Runs work that computes for long (hashing passwords, the gate) away from the threads that serve requests.
pub async fn blocking<T, F>(work: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Ok(tokio::task::spawn_blocking(work).await?)
}
