//! What journal entries declare: writers of changes, captures, seals.

use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::findings;
use crate::scope::DeviceScope;
use crate::store::{captures, captures_apart, devices, feeds, inbox, inspections, journal, seals};
use fieldproof_schema::document::Actor;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::journal::{Entry, Kind, body};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::seal::{self, Signed, Statement};
use fieldproof_schema::server::SERVER;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;

/// Takes over what an entry declares. A code says that the entry is kept but counts for nothing.
pub fn declare(
    tx: &mut Tx<'_>,
    (device, scope): (&DeviceActor, &mut DeviceScope),
    entry: &Entry,
    now: Moment,
) -> Result<Option<ErrorCode>, DbError> {
    let Some(inspection) = entry.inspection else { return Ok(None) };
    if entry.officer == Some(device.officer)
        && let Err(code) = scope.may_write(tx, inspection)?
    {
        keep_apart(tx, device, inspection, entry, (code, now))?;
        return Ok(Some(code));
    }
    take_over(tx, device, inspection, entry, now)
}

/// Whoever may not add to a visit may have captured something for it all the same. The bytes are waited for, so that they
/// are not on that terminal only, and people are asked about them as about changes.
fn keep_apart(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    inspection: InspectionId,
    entry: &Entry,
    (code, now): (ErrorCode, Moment),
) -> Result<(), DbError> {
    let org = device.org;
    let captured = body::read::<body::Captured>(&entry.body);
    let (Kind::Captured, Ok(captured), Some(digest)) = (&entry.kind, captured, entry.content) else {
        return Ok(());
    };
    // Only for visits that are known here: what is sent for others could be anything.
    if inspections::find(tx, org, inspection)?.is_some() {
        captures_apart::insert(
            tx,
            org,
            (inspection, captured.record),
            &digest,
            device.id,
            (&entry.body, captured.size_bytes),
            now,
        )?;
        if code == ErrorCode::ChangeOutOfScope {
            findings::assignment::outside_team(tx, device, inspection, &digest, now)?;
        }
    }
    Ok(())
}

/// Takes over once more what the entries of a device about an inspection declare, also when its officer is not on the
/// team: people have decided that they count. Returns those that do, in order. Repeated, it changes nothing.
pub fn declare_regardless(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    inspection: InspectionId,
    now: Moment,
) -> Result<Vec<(Digest, Entry)>, DbError> {
    let mut counting = Vec::new();
    for signed in journal::of_inspection(tx, device.org, device.id, inspection)? {
        // What is on the chain was read and verified when it came.
        let Ok(entry) = signed.read() else { continue };
        if take_over(tx, device, inspection, &entry, now)?.is_none() {
            counting.push((signed.hash(), entry));
        }
    }
    Ok(counting)
}

fn take_over(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    inspection: InspectionId,
    entry: &Entry,
    now: Moment,
) -> Result<Option<ErrorCode>, DbError> {
    let org = device.org;
    if device.id == SERVER {
        // It covers changes and names their writer; both are read where they are judged.
        if entry.kind != Kind::Saved {
            return Ok(Some(ErrorCode::NotAllowed));
        }
        inbox::reconsider(tx, device.org, inspection, device.id)?;
        return Ok(None);
    }
    if entry.officer != Some(device.officer) {
        return Ok(Some(ErrorCode::NotAllowed));
    }
    match &entry.kind {
        Kind::ActorDeclared => {
            let Ok(declared) = body::read::<body::ActorDeclared>(&entry.body) else {
                return Ok(Some(ErrorCode::EntryUnreadable));
            };
            return take_actor(tx, device, inspection, declared.actor);
        }
        // A body in an older form names no run, and no writer either.
        Kind::Saved => {
            let saved = body::read::<body::Saved>(&entry.body).unwrap_or_default();
            let code = saved.run.map_or(Ok(None), |run| take_actor(tx, device, inspection, run.actor))?;
            if code.is_none() {
                // A server that lost the entries before it may have met the changes first.
                inbox::reconsider(tx, org, inspection, device.id)?;
            }
            return Ok(code);
        }
        Kind::Captured => {
            let (Ok(captured), Some(digest)) = (body::read::<body::Captured>(&entry.body), entry.content)
            else {
                return Ok(Some(ErrorCode::EntryUnreadable));
            };
            let record = captured.record;
            captures::insert(
                tx,
                org,
                inspection,
                record,
                &digest,
                device.id,
                device.officer,
                &entry.body,
                now,
            )?;
            if let Some(at) = captures_apart::take(tx, org, (inspection, record), &digest, device.id)? {
                captures::hold(tx, org, &digest, device.id, at)?;
            }
            tell(tx, device, inspection)?;
        }
        Kind::Sealed => return take_seal(tx, device, inspection, entry, now),
        Kind::Opened | Kind::ClockJumped | Kind::RolledBack | Kind::Adopted | Kind::SetAside => {}
        // The document says it, too, and that is what is judged.
        Kind::Numbered => {}
        Kind::Exported | Kind::Imported | Kind::Other(_) => {}
    }
    Ok(None)
}

fn take_actor(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    inspection: InspectionId,
    actor: Actor,
) -> Result<Option<ErrorCode>, DbError> {
    if journal::actor_is_taken(tx, device.org, actor, inspection, device.id)? {
        return Ok(Some(ErrorCode::ActorTaken));
    }
    journal::insert_actor(tx, device.org, actor, inspection, device.id, device.officer)?;
    Ok(None)
}

fn take_seal(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    inspection: InspectionId,
    entry: &Entry,
    now: Moment,
) -> Result<Option<ErrorCode>, DbError> {
    let org = device.org;
    let Ok(sealed) = body::read::<body::Sealed>(&entry.body) else {
        return Ok(Some(ErrorCode::EntryUnreadable));
    };
    let digest = Digest::of(sealed.statement.as_bytes());
    let Ok(statement) = Statement::from_text(&sealed.statement) else {
        return Ok(Some(ErrorCode::SealInvalid));
    };
    let honest = entry.content == Some(digest)
        && statement.inspection == inspection
        && statement.team == inspections::team(tx, org, inspection)?
        && devices::officer_keys(tx, org, device.officer)?.contains(&sealed.key)
        && seal::verify(&sealed.statement, &sealed.key, &sealed.signature).is_ok();
    if !honest {
        return Ok(Some(ErrorCode::SealInvalid));
    }
    seals::insert(tx, org, inspection, statement.version, &sealed.statement, now)?;
    let signed = Signed {
        officer: device.officer,
        device: device.id,
        key: sealed.key,
        signature: sealed.signature,
        at: entry.device_at,
    };
    seals::sign(tx, org, inspection, &digest, &signed)?;
    tell(tx, device, inspection)?;
    Ok(None)
}

/// Seals and captures show in the inspection's row.
fn tell(tx: &mut Tx<'_>, device: &DeviceActor, inspection: InspectionId) -> Result<(), DbError> {
    let team = inspections::team(tx, device.org, inspection)?;
    feeds::publish_inspection(tx, device.org, &team, inspection);
    Ok(())
}
