//! Which terminal signed: a journal with two branches, and entries of a terminal that had been revoked.

use super::{open, origin};
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::store::{carried, journal};
use fieldproof_schema::conflict::{Conflict, ConflictKind, ConflictSide, NO_VISIT};
use fieldproof_schema::journal::Entry;
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::suite::Digest;

/// An entry came that is not on the chain. A single one can be what was under way when a terminal lost power and its store
/// went back; an honest terminal then learns where its journal ends and goes on from there. Only when the second branch
/// grows is somebody else signing with the same key.
pub(crate) fn forked(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    entry: &Entry,
    hash: &Digest,
    now: Moment,
) -> Result<(), DbError> {
    let Some(before) = entry.prev else { return Ok(()) };
    if planted::is(Bug::ForkUnnoticed) {
        return Ok(());
    }
    let grown = journal::is_beside(tx, device.org, device.id, entry.seq.saturating_sub(1), &before)?;
    if !grown && !planted::is(Bug::ForkPresumed) {
        return Ok(());
    }
    two_branches(tx, device, entry.seq, hash, now)
}

/// The chain has grown, and may have come to where another branch was already: now both have grown.
pub(crate) fn caught_up(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    (before, now_at): (u64, u64),
    now: Moment,
) -> Result<(), DbError> {
    if planted::is(Bug::ForkAheadUnnoticed) {
        return Ok(());
    }
    for (entry, hash) in journal::beside(tx, device.org, device.id, (before, now_at))? {
        forked(tx, device, &entry, &hash, now)?;
    }
    Ok(())
}

/// What others brought of a terminal's journal is not what the terminal's chain says: it was signed twice. As above, a
/// single entry can be what was under way when power was lost.
pub(crate) fn contradicted(tx: &mut Tx<'_>, device: &DeviceActor, now: Moment) -> Result<(), DbError> {
    match carried::contradictions(tx, device.org, device.id)?.as_slice() {
        _ if planted::is(Bug::ForkUnnoticed) => Ok(()),
        [_, grown, ..] => two_branches(tx, device, grown.seq, &grown.carried, now),
        _ => Ok(()),
    }
}

fn two_branches(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    seq: u64,
    hash: &Digest,
    now: Moment,
) -> Result<(), DbError> {
    let Some(standing) = journal::on_chain_at(tx, device.org, device.id, seq)? else {
        // The branch has outgrown the chain: it is told when the chain has caught up.
        return Ok(());
    };
    let (here, unit) = origin(tx, device, standing.written)?;
    let (there, _) = origin(tx, device, Interval { earliest: None, latest: Some(now) })?;
    let side = |branch: &str, digest: &Digest, origin| {
        ConflictSide::subject(format!("{branch}:{seq}"), &digest.to_bytes(), origin)
    };
    let sides = vec![side("chain", &standing.hash, here), side("branch", hash, there)];
    let path = format!("identity/{}", device.id);
    let conflict = Conflict::new(ConflictKind::Identity, NO_VISIT, path, sides);
    open(tx, device.org, &conflict, &unit.unwrap_or_default(), now)
}

/// A terminal that was revoked meanwhile had a request under way: what it brings was signed by a key that counts no more.
pub(crate) fn after_revocation(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    first: Option<(u64, Digest)>,
    now: Moment,
) -> Result<(), DbError> {
    let Some((seq, hash)) = first else { return Ok(()) };
    let (origin, unit) = origin(tx, device, Interval { earliest: None, latest: Some(now) })?;
    let side = ConflictSide::subject(format!("revoked:{seq}"), &hash.to_bytes(), origin);
    let path = format!("identity/{}", device.id);
    let conflict = Conflict::new(ConflictKind::Identity, NO_VISIT, path, vec![side]);
    open(tx, device.org, &conflict, &unit.unwrap_or_default(), now)
}
