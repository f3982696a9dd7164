//! What colleagues wrote, for a server that lost it: told by what this terminal holds, brought with their signatures.
//!
//! After a server was restored, terminals offer what they wrote themselves. Whose terminal was lost since offers nothing;
//! what its officer wrote is still on the terminals of the team. So each says, visit by visit, what it has, and brings
//! what the server says that it lacks.

use super::Offered;
use crate::documents;
use crate::error::ClientError;
use crate::store::{carried, journal, meta};
use fieldproof_schema::document::RawChange;
use fieldproof_schema::ids::{DeviceId, InspectionId};
use fieldproof_schema::limits::{CARRIED_MAX, HOLDINGS_MAX};
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::server::SERVER;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::carried::{Carried, Holding};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::sync::{Chunk, Outcome, SyncAnswer, SyncRequest, Verdict};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// Keeps what others signed, as the server gave it, and what this terminal signed before it came back older.
pub(crate) fn keep(tx: &Connection, inspection: InspectionId, given: &[Carried]) -> Result<(), ClientError> {
    for Carried { certificate, entries, .. } in given {
        // A team's terminals come with each of its visits.
        if !carried::knows(tx, certificate)? {
            let Ok(whose) = certificate.read() else {
                tracing::warn!(inspection.id = %inspection, "a certificate of a later form is left aside");
                continue;
            };
            carried::put_certificate(tx, whose.device, certificate)?;
        }
        for signed in entries {
            if journal::by_hash(tx, signed.hash())?.is_some() {
                // Its own: to one that came back older the server gives what it may have lost.
                continue;
            }
            match signed.read() {
                Ok(entry) => drop(carried::put(tx, inspection, &entry, signed)?),
                Err(error) => {
                    tracing::warn!(inspection.id = %inspection, %error, "an entry of a colleague is left aside");
                }
            }
        }
    }
    Ok(())
}

/// Everything that was written and signed about a visit, by device, the server's own among it. Without `own`, what this
/// store did not write and sign itself. What nobody's signature is here for is left out.
pub(crate) fn of_visit(
    tx: &Connection,
    inspection: InspectionId,
    me: DeviceId,
    own: bool,
) -> Result<Vec<Carried>, ClientError> {
    let mut entries = BTreeMap::<DeviceId, Vec<_>>::new();
    for (device, entry) in carried::entries(tx, inspection)? {
        entries.entry(device).or_default().push(entry);
    }
    if own {
        for stored in journal::of_inspection(tx, inspection, None)? {
            entries.entry(me).or_default().push(stored.entry);
        }
    }
    // Only what it signed: the first change of a visit is not among it, and nothing of servers before this version.
    let by_server: BTreeSet<Digest> =
        entries.get(&SERVER).into_iter().flatten().filter_map(|signed| signed.read().ok()?.content).collect();
    let mut written = BTreeMap::<DeviceId, Vec<RawChange>>::new();
    for (author, is_own, raw) in documents::by_author(tx, inspection, me)? {
        let author = match author {
            None => Some(SERVER).filter(|_| by_server.contains(&Digest::of(&raw.0))),
            known => known.filter(|_| own || !is_own),
        };
        if let Some(author) = author {
            written.entry(author).or_default().push(raw);
        }
    }
    let mut of_visit = Vec::new();
    for (device, entries) in entries {
        let Some(certificate) = carried::certificate(tx, device)? else { continue };
        let changes = written.remove(&device).unwrap_or_default();
        let chunks = if changes.is_empty() { vec![] } else { vec![Chunk { inspection, changes }] };
        of_visit.push(Carried { certificate, entries, chunks });
    }
    Ok(of_visit)
}

fn bytes(carried: &Carried) -> usize {
    let entries = carried.entries.iter().map(|entry| entry.bytes.len());
    let changes = carried.chunks.iter().flat_map(|chunk| &chunk.changes).map(|raw| raw.0.len());
    carried.certificate.text.len() + entries.chain(changes).sum::<usize>()
}

/// Whether anything is left to say or to bring, besides what was brought in this sync.
pub(super) fn is_left(conn: &Connection, brought: &BTreeSet<InspectionId>) -> Result<bool, ClientError> {
    Ok(meta::holdings(conn)?.is_some() || carried::to_hand(conn)?.iter().any(|id| !brought.contains(id)))
}

/// Adds to a request what this terminal holds, a page of it, and what the server lacks, up to `budget` bytes or one visit.
pub(super) fn fill(
    tx: &Connection,
    me: DeviceId,
    budget: usize,
    brought: &mut BTreeSet<InspectionId>,
    (request, offered): (&mut SyncRequest, &mut BTreeMap<Digest, Offered>),
) -> Result<(), ClientError> {
    if planted::is(Bug::ColleaguesForgotten) {
        return Ok(());
    }
    if let Some(after) = meta::holdings(tx)? {
        let mut page = Vec::new();
        for inspection in carried::shared_after(tx, after, HOLDINGS_MAX)? {
            let document = documents::load_or_ask(tx, inspection)?;
            let heads = document.map(|document| document.heads()).unwrap_or_default();
            page.push(Holding { inspection, heads });
        }
        request.holds = Some(page);
    }
    let (mut all, mut gathered) = (Vec::new(), 0);
    for inspection in carried::to_hand(tx)? {
        if gathered >= budget || all.len() >= CARRIED_MAX {
            break;
        }
        if !brought.insert(inspection) {
            continue;
        }
        // What is damaged here must not hold up the rest.
        documents::whole(tx, inspection)?;
        let of_visit = of_visit(tx, inspection, me, false)?;
        if of_visit.is_empty() {
            // Nobody's signature is here: what others wrote has to come from them.
            carried::hand(tx, inspection, false)?;
        }
        for carried in of_visit {
            gathered += bytes(&carried);
            let items = carried.entries.iter().map(|entry| entry.hash());
            let raws = carried.chunks.iter().flat_map(|chunk: &Chunk| &chunk.changes);
            let items = items.chain(raws.map(|raw| Digest::of(&raw.0)));
            offered.extend(items.map(|item| (item, Offered::Carried { inspection })));
            all.push(carried);
        }
    }
    request.carried = Some(all).filter(|all| !all.is_empty());
    Ok(())
}

/// Takes in what the server says it lacks, and that it holds what was brought. What it refuses for good is not brought
/// again.
pub(super) fn take(
    tx: &Connection,
    asked: Option<&[Holding]>,
    answer: &SyncAnswer,
    (offered, held): (&BTreeMap<Digest, Offered>, &[Digest]),
) -> Result<(), ClientError> {
    if let Some(page) = asked {
        for inspection in answer.lacks.iter().flatten() {
            if page.iter().any(|holding| holding.inspection == *inspection) {
                carried::hand(tx, *inspection, true)?;
            }
        }
        let next = if page.len() < HOLDINGS_MAX { None } else { page.last().map(|last| last.inspection) };
        meta::put_holdings(tx, next.map(Some))?;
    }
    let for_good = |verdict: &&Verdict| {
        let code = verdict.code.as_deref().and_then(ErrorCode::find);
        // What there was no room or no time for is brought again.
        let passing = [ErrorCode::Unavailable, ErrorCode::QuotaExceeded];
        verdict.outcome == Outcome::Refused && !code.is_some_and(|code| passing.contains(&code))
    };
    let refused = answer.verdicts.iter().filter(for_good).map(|verdict| &verdict.item);
    let settled: BTreeSet<&Digest> = refused.chain(held).collect();
    let mut open: BTreeMap<InspectionId, bool> = BTreeMap::new();
    for (item, offered) in offered {
        if let Offered::Carried { inspection } = offered {
            *open.entry(*inspection).or_default() |= !settled.contains(item);
        }
    }
    for (inspection, open) in open {
        if !open {
            carried::hand(tx, inspection, false)?;
        }
    }
    Ok(())
}
