//! What other terminals signed, whose they are, and what of it the server lacks.

use super::columns::{id, signature, signed};
use crate::error::ClientError;
use fieldproof_schema::certificate::SignedCertificate;
use fieldproof_schema::ids::{DeviceId, InspectionId};
use fieldproof_schema::journal::{Entry, Kind, SignedEntry};
use fieldproof_schema::server::SERVER;
use rusqlite::{Connection, OptionalExtension, params};

/// Keeps whose a terminal is; the newest word counts.
pub(crate) fn put_certificate(
    tx: &Connection,
    device: DeviceId,
    certificate: &SignedCertificate,
) -> Result<(), ClientError> {
    tx.prepare_cached(
        "INSERT INTO certificates (device, text, signature) VALUES (?1, ?2, ?3)
         ON CONFLICT (device) DO UPDATE SET text = excluded.text, signature = excluded.signature",
    )?
    .execute(params![device.as_bytes(), certificate.text, certificate.signature.to_bytes()])?;
    Ok(())
}

/// Whether exactly this certificate is here. There are as many as terminals that wrote to visits of this officer.
pub(crate) fn knows(conn: &Connection, certificate: &SignedCertificate) -> Result<bool, ClientError> {
    let mut statement =
        conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM certificates WHERE text = ?1 AND signature = ?2)")?;
    let row = params![certificate.text, certificate.signature.to_bytes()];
    Ok(statement.query_row(row, |row| row.get(0))?)
}

/// Whose a terminal is.
pub(crate) fn certificate(
    conn: &Connection,
    device: DeviceId,
) -> Result<Option<SignedCertificate>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT text, signature FROM certificates WHERE device = ?1")?;
    let row = statement.query_row([device.as_bytes()], |row| {
        Ok(SignedCertificate { text: row.get(0)?, signature: signature(row, 1)? })
    });
    Ok(row.optional()?)
}

/// Keeps an entry of another terminal; false when it was here.
pub(crate) fn put(
    tx: &Connection,
    inspection: InspectionId,
    said: &Entry,
    entry: &SignedEntry,
) -> Result<bool, ClientError> {
    let put = tx
        .prepare_cached(
            "INSERT INTO carried (hash, inspection, device, seq, kind, bytes, signature) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (hash) DO NOTHING",
        )?
        .execute(params![
            entry.hash().to_bytes(),
            inspection.as_bytes(),
            said.device.as_bytes(),
            signed(said.seq.min(i64::MAX as u64)),
            said.kind.as_str(),
            entry.bytes,
            entry.signature.to_bytes()
        ])?;
    Ok(put > 0)
}

/// What other terminals signed about a visit, by terminal, in the order of each journal.
pub(crate) fn entries(
    conn: &Connection,
    inspection: InspectionId,
) -> Result<Vec<(DeviceId, SignedEntry)>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT device, bytes, signature FROM carried WHERE inspection = ?1 ORDER BY device, seq, hash",
    )?;
    let rows = statement.query_map([inspection.as_bytes()], |row| {
        Ok((id(row, 0)?, SignedEntry { bytes: row.get(1)?, signature: signature(row, 2)? }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Signatures under seals, as other terminals' journals have them.
pub(crate) fn sealed(
    conn: &Connection,
    inspection: InspectionId,
) -> Result<Vec<(DeviceId, SignedEntry)>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT device, bytes, signature FROM carried WHERE inspection = ?1 AND kind = ?2 ORDER BY device, seq, hash",
    )?;
    let rows = statement.query_map(params![inspection.as_bytes(), Kind::Sealed.as_str()], |row| {
        Ok((id(row, 0)?, SignedEntry { bytes: row.get(1)?, signature: signature(row, 2)? }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that the server lacks something of a visit, or that it does not any more.
pub(crate) fn hand(tx: &Connection, inspection: InspectionId, lacking: bool) -> Result<(), ClientError> {
    let sql = if lacking {
        "INSERT INTO handing (inspection) VALUES (?1) ON CONFLICT (inspection) DO NOTHING"
    } else {
        "DELETE FROM handing WHERE inspection = ?1"
    };
    tx.prepare_cached(sql)?.execute([inspection.as_bytes()])?;
    Ok(())
}

/// Whether the server lacks something of a visit.
pub(crate) fn is_to_hand(conn: &Connection, inspection: InspectionId) -> Result<bool, ClientError> {
    let mut statement = conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM handing WHERE inspection = ?1)")?;
    Ok(statement.query_row([inspection.as_bytes()], |row| row.get(0))?)
}

/// The visits of which the server lacks something.
pub(crate) fn to_hand(conn: &Connection) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT inspection FROM handing ORDER BY inspection")?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether others wrote to a visit as well, the server among them, or it is folded.
pub(crate) fn is_shared(conn: &Connection, inspection: InspectionId) -> Result<bool, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM folded WHERE inspection = ?1)
           OR EXISTS (SELECT 1 FROM changes WHERE inspection = ?1 AND own = 0 AND device IS NOT NULL)
           OR EXISTS (SELECT 1 FROM carried WHERE inspection = ?1 AND device = ?2)",
    )?;
    Ok(statement.query_row([inspection.as_bytes(), SERVER.as_bytes()], |row| row.get(0))?)
}

/// Visits behind one, in the order of their ids, that others wrote to as well, the server among them, or that are folded.
pub(crate) fn shared_after(
    conn: &Connection,
    after: Option<InspectionId>,
    limit: usize,
) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT inspection FROM (
           SELECT f.inspection FROM folded f WHERE f.inspection > COALESCE(?1, x'')
           UNION SELECT c.inspection FROM changes c WHERE c.inspection > COALESCE(?1, x'')
             AND c.own = 0 AND c.device IS NOT NULL AND c.waiting = 0
           UNION SELECT k.inspection FROM carried k WHERE k.inspection > COALESCE(?1, x'') AND k.device = ?3)
         ORDER BY inspection LIMIT ?2",
    )?;
    let rows = statement.query_map(
        params![after.map(|id| *id.as_bytes()), signed(limit as u64), SERVER.as_bytes()],
        |row| id(row, 0),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}
