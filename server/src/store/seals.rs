//! Seals: statements that officers signed, and when they were complete.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::seal::{Seal, Signed};
use fieldproof_schema::suite::Digest;

/// A seal as the server knows it.
#[derive(Debug, Clone)]
pub struct Known {
    /// The statement's hash.
    pub digest: Digest,
    /// Its version.
    pub version: u32,
    /// Statement and signatures.
    pub seal: Seal,
    /// When it was complete.
    pub completed_at: Option<Moment>,
}

/// Adds a statement; a known one stays as it is.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    version: u32,
    statement: &str,
    at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO seals (org, inspection, digest, version, statement, received_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (org, inspection, digest) DO NOTHING",
        &params![org, inspection, Digest::of(statement.as_bytes()), i64::from(version), statement, at],
    )?;
    Ok(())
}

/// Adds an officer's signature; the first one of an officer counts.
pub fn sign(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    digest: &Digest,
    signed: &Signed,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO seal_signatures (org, inspection, digest, officer, device, key, signature, signed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org, inspection, digest, officer) DO NOTHING",
        &params![
            org,
            inspection,
            *digest,
            signed.officer,
            signed.device,
            signed.key,
            signed.signature,
            signed.at
        ],
    )?;
    Ok(())
}

/// Notes that a seal is complete.
pub fn complete(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    digest: &Digest,
    at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE seals SET completed_at = $4 WHERE org = $1 AND inspection = $2 AND digest = $3 AND completed_at IS NULL",
        &params![org, inspection, *digest, at],
    )?;
    Ok(())
}

/// The seals of an inspection, by version and arrival.
pub fn list(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Known>, DbError> {
    let rows = tx.query(
        "SELECT digest, version, statement, completed_at FROM seals WHERE org = $1 AND inspection = $2
         ORDER BY version, received_at, digest",
        &params![org, inspection],
    )?;
    let mut seals = Vec::with_capacity(rows.len());
    for r in &rows {
        let version: i64 = r.get(1)?;
        seals.push(Known {
            digest: r.get(0)?,
            version: u32::try_from(version).map_err(|e| r.invalid(1, e.to_string()))?,
            seal: Seal { statement: r.get(2)?, signatures: Vec::new() },
            completed_at: r.get(3)?,
        });
    }
    let rows = tx.query(
        "SELECT digest, officer, device, key, signature, signed_at FROM seal_signatures
         WHERE org = $1 AND inspection = $2 ORDER BY signed_at, officer",
        &params![org, inspection],
    )?;
    for r in &rows {
        let digest: Digest = r.get(0)?;
        if let Some(known) = seals.iter_mut().find(|s| s.digest == digest) {
            known.seal.signatures.push(Signed {
                officer: r.get(1)?,
                device: r.get(2)?,
                key: r.get(3)?,
                signature: r.get(4)?,
                at: r.get(5)?,
            });
        }
    }
    Ok(seals)
}
