//! Enrolled terminals, their sessions and challenges, and the keys of officers.

use super::floors;
use super::page::{Before, Page, rows_asked};
use super::within::in_scope;
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{DeviceId, OfficerId, OrgId, UserId};
use fieldproof_schema::journal::Tip;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::{CustodyKey, Digest, PublicKey};
use fieldproof_schema::wire::floor::ProgramVersion;
use fieldproof_schema::wire::sync::StillUnsent;

/// A terminal as the server knows it.
#[derive(Debug, Clone)]
pub struct Device {
    /// Which one.
    pub id: DeviceId,
    /// Whose.
    pub officer: OfficerId,
    /// What people call it.
    pub name: String,
    /// Its key.
    pub key: PublicKey,
    /// When it was enrolled.
    pub enrolled_at: Moment,
    /// When it last spoke.
    pub seen_at: Option<Moment>,
    /// When it was revoked.
    pub revoked_at: Option<Moment>,
    /// The end of its journal as held here.
    pub tip: Tip,
    /// What it had not sent when it was last seen, as it said itself; none from terminals that do not say.
    pub unsent: Option<StillUnsent>,
    /// The protocol that it spoke last; none before its first sync.
    pub protocol: Option<u16>,
    /// The version of its program, as it said itself.
    pub program: Option<ProgramVersion>,
    /// The session that it opened last; none when that was before sessions were told apart.
    pub session: Option<Digest>,
}

impl Device {
    /// Whether what comes in a session was under way when the terminal opened another one.
    pub fn has_left(&self, session: Option<Digest>) -> bool {
        // Whoever was revoked goes on with nothing.
        self.revoked_at.is_none() && self.session.zip(session).is_some_and(|(last, this)| last != this)
    }
}

/// What a terminal says about itself with each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// What it had not sent; none from terminals that do not say.
    pub unsent: Option<StillUnsent>,
    /// The protocol that it speaks.
    pub protocol: u16,
    /// The version of its program; none from terminals that do not say.
    pub program: Option<ProgramVersion>,
    /// The server's epoch, as it last heard; none from one that never heard.
    pub epoch: Option<Digest>,
}

impl Said {
    /// Of a terminal that says no more than the protocol.
    pub fn only(protocol: u16) -> Self {
        Self { unsent: None, protocol, program: None, epoch: None }
    }
}

impl Device {
    /// One that has not spoken yet.
    pub fn enrolled(id: DeviceId, officer: OfficerId, name: &str, key: PublicKey, at: Moment) -> Self {
        Self {
            id,
            officer,
            name: name.to_owned(),
            key,
            enrolled_at: at,
            seen_at: None,
            revoked_at: None,
            tip: Tip::default(),
            unsent: None,
            protocol: None,
            program: None,
            session: None,
        }
    }
}

fn read(r: &Row) -> Result<Device, DbError> {
    Ok(Device {
        id: r.get(0)?,
        officer: r.get(1)?,
        name: r.get(2)?,
        key: r.get(3)?,
        enrolled_at: r.get(4)?,
        seen_at: r.get(5)?,
        revoked_at: r.get(6)?,
        tip: Tip { seq: r.get(7)?, hash: r.get(8)? },
        unsent: unsent(r)?,
        protocol: floors::protocol(r, 12)?,
        program: floors::program(r, 13)?,
        session: r.get(14)?,
    })
}

fn unsent(r: &Row) -> Result<Option<StillUnsent>, DbError> {
    let count = |at| r.get::<Option<i64>>(at).map(|count| count.and_then(|count| u64::try_from(count).ok()));
    Ok(match (count(9)?, count(10)?, count(11)?) {
        (Some(changes), Some(evidence), Some(evidence_bytes)) => {
            Some(StillUnsent { changes, evidence, evidence_bytes })
        }
        _ => None,
    })
}

/// One terminal.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: DeviceId) -> Result<Option<Device>, DbError> {
    let row = tx.query_opt(
        "SELECT id, officer, name, key, enrolled_at, seen_at, revoked_at, tip_seq, tip_hash, unsent_changes,
         unsent_evidence, unsent_bytes, protocol, program, session FROM devices WHERE org = $1 AND id = $2",
        &params![org, id],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// The terminals of an officer that were not revoked.
pub fn in_use_by(tx: &mut Tx<'_>, org: OrgId, officer: OfficerId) -> Result<Vec<Device>, DbError> {
    let rows = tx.query(
        "SELECT id, officer, name, key, enrolled_at, seen_at, revoked_at, tip_seq, tip_hash, unsent_changes,
         unsent_evidence, unsent_bytes, protocol, program, session FROM devices
         WHERE org = $1 AND officer = $2 AND revoked_at IS NULL ORDER BY id",
        &params![org, officer],
    )?;
    rows.iter().map(read).collect()
}

/// A terminal with the officer whose it is.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The terminal.
    pub device: Device,
    /// The officer's name as printed.
    pub officer_name: String,
    /// The officer's unit.
    pub unit_code: String,
}

/// Terminals of officers of the asker's scope, newest first.
pub fn list(tx: &mut Tx<'_>, org: OrgId, asker: UserId, before: &Before) -> Result<Page<Listed>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT d.id, d.officer, d.name, d.key, d.enrolled_at, d.seen_at, d.revoked_at, d.tip_seq, d.tip_hash,
             d.unsent_changes, d.unsent_evidence, d.unsent_bytes, d.protocol, d.program, d.session, o.name,
             o.unit_code FROM devices d JOIN officers o ON o.org = d.org AND o.id = d.officer
             WHERE d.org = $1 AND o.unit_code IN (SELECT code FROM scope) AND (d.enrolled_at, d.id) < ($3, $4)
             ORDER BY d.enrolled_at DESC, d.id DESC LIMIT $5"
        ),
        &params![org, asker, before.at, &before.id, rows_asked()],
    )?;
    let listed = |r: &Row| {
        Ok::<_, DbError>(Listed { device: read(r)?, officer_name: r.get(15)?, unit_code: r.get(16)? })
    };
    let rows = rows.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    let key = |l: &Listed| Before { at: l.device.enrolled_at, id: l.device.id.to_string() }.to_string();
    Ok(Page::cut(rows, key))
}

/// The terminal behind a session token.
pub fn by_token(tx: &mut Tx<'_>, org: OrgId, token: &Digest, now: Moment) -> Result<Option<Device>, DbError> {
    let row = tx.query_opt(
        "SELECT device FROM device_sessions WHERE org = $1 AND token = $2 AND expires_at > $3",
        &params![org, *token, now],
    )?;
    match row {
        Some(row) => find(tx, org, row.get(0)?),
        None => Ok(None),
    }
}

/// With what shares for a terminal's officer are sealed; none from terminals that have not said.
pub fn custody_key(tx: &mut Tx<'_>, org: OrgId, id: DeviceId) -> Result<Option<CustodyKey>, DbError> {
    let row =
        tx.query_opt("SELECT custody_key FROM devices WHERE org = $1 AND id = $2", &params![org, id])?;
    row.map_or(Ok(None), |r| r.get(0))
}

/// Adds a terminal.
pub fn insert(tx: &mut Tx<'_>, org: OrgId, device: &Device) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO devices (org, id, officer, name, key, enrolled_at, tip_seq) VALUES ($1, $2, $3, $4, $5, $6, 0)",
        &params![org, device.id, device.officer, &device.name, device.key, device.enrolled_at],
    )?;
    Ok(())
}

/// Notes that a terminal spoke, and what it said.
pub fn touch(tx: &mut Tx<'_>, org: OrgId, id: DeviceId, now: Moment, said: Said) -> Result<(), DbError> {
    let count =
        |of: fn(StillUnsent) -> u64| said.unsent.map(|said| i64::try_from(of(said)).unwrap_or(i64::MAX));
    tx.execute(
        "UPDATE devices SET seen_at = $3, unsent_changes = $4, unsent_evidence = $5, unsent_bytes = $6,
         protocol = $7, program = $8 WHERE org = $1 AND id = $2",
        &params![
            org,
            id,
            now,
            count(|said| said.changes),
            count(|said| said.evidence),
            count(|said| said.evidence_bytes),
            i64::from(said.protocol),
            said.program.map(|program| program.to_string())
        ],
    )?;
    Ok(())
}

/// Moves the end of a terminal's journal.
pub fn set_tip(tx: &mut Tx<'_>, org: OrgId, id: DeviceId, tip: Tip) -> Result<(), DbError> {
    tx.execute(
        "UPDATE devices SET tip_seq = $3, tip_hash = $4 WHERE org = $1 AND id = $2",
        &params![org, id, tip.seq, tip.hash],
    )?;
    Ok(())
}

/// Revokes a terminal; returns false when it already was.
pub fn revoke(tx: &mut Tx<'_>, org: OrgId, id: DeviceId, now: Moment) -> Result<bool, DbError> {
    tx.execute("DELETE FROM device_sessions WHERE org = $1 AND device = $2", &params![org, id])?;
    let changed = tx.execute(
        "UPDATE devices SET revoked_at = $3 WHERE org = $1 AND id = $2 AND revoked_at IS NULL",
        &params![org, id, now],
    )?;
    Ok(changed > 0)
}

/// Keeps a challenge until it is used or too old; older ones of the device go.
pub fn insert_challenge(
    tx: &mut Tx<'_>,
    org: OrgId,
    device: DeviceId,
    challenge: &str,
    expires_at: Moment,
) -> Result<(), DbError> {
    tx.execute("DELETE FROM challenges WHERE org = $1 AND device = $2", &params![org, device])?;
    tx.execute(
        "INSERT INTO challenges (org, challenge, device, expires_at) VALUES ($1, $2, $3, $4)",
        &params![org, challenge, device, expires_at],
    )?;
    Ok(())
}

/// Uses a challenge up; false when it is unknown, of another device, or too old.
pub fn take_challenge(
    tx: &mut Tx<'_>,
    org: OrgId,
    device: DeviceId,
    challenge: &str,
    now: Moment,
) -> Result<bool, DbError> {
    let taken = tx.execute(
        "DELETE FROM challenges WHERE org = $1 AND challenge = $2 AND device = $3 AND expires_at > $4",
        &params![org, challenge, device, now],
    )?;
    Ok(taken > 0)
}

/// Opens a session, from now on the terminal's; sessions that have ended go.
pub fn insert_session(
    tx: &mut Tx<'_>,
    org: OrgId,
    device: DeviceId,
    token: &Digest,
    now: Moment,
    expires_at: Moment,
) -> Result<(), DbError> {
    tx.execute("DELETE FROM device_sessions WHERE org = $1 AND expires_at <= $2", &params![org, now])?;
    tx.execute(
        "INSERT INTO device_sessions (org, token, device, expires_at) VALUES ($1, $2, $3, $4)",
        &params![org, *token, device, expires_at],
    )?;
    tx.execute("UPDATE devices SET session = $3 WHERE org = $1 AND id = $2", &params![org, device, *token])?;
    Ok(())
}

/// Registers a key with which an officer signs seals.
pub fn insert_officer_key(
    tx: &mut Tx<'_>,
    org: OrgId,
    officer: OfficerId,
    key: &PublicKey,
    device: DeviceId,
    at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO officer_keys (org, officer, key, device, registered_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org, officer, key) DO NOTHING",
        &params![org, officer, *key, device, at],
    )?;
    Ok(())
}

/// The keys that an officer registered on one terminal, oldest first.
pub fn officer_keys_of(
    tx: &mut Tx<'_>,
    org: OrgId,
    officer: OfficerId,
    device: DeviceId,
) -> Result<Vec<PublicKey>, DbError> {
    let rows = tx.query(
        "SELECT key FROM officer_keys WHERE org = $1 AND officer = $2 AND device = $3 ORDER BY registered_at, key",
        &params![org, officer, device],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// The keys of an officer, oldest first.
pub fn officer_keys(tx: &mut Tx<'_>, org: OrgId, officer: OfficerId) -> Result<Vec<PublicKey>, DbError> {
    let rows = tx.query(
        "SELECT key FROM officer_keys WHERE org = $1 AND officer = $2 ORDER BY registered_at, key",
        &params![org, officer],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}
