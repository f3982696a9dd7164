//! What must hold, whatever happened.

use super::apart::{Received, rulings_hold};
use super::model::Deed;
use super::stage::{Sim, Who};
use fieldproof_schema::document::{ChangeId, Document};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId};
use fieldproof_schema::journal::Entry;
use fieldproof_schema::seal::Statement;
use fieldproof_schema::suite::Digest;
use fieldproof_server::db::{DbError, Row, Tx};
use fieldproof_server::documents;
use fieldproof_server::store::floors;
use futures::future::LocalBoxFuture;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// Something that must hold.
pub struct Invariant {
    /// Which promise it is.
    pub promise: &'static str,
    /// True for what is looked at once there is rest.
    pub at_quiet: bool,
    /// Says what does not hold.
    pub holds: for<'a> fn(&'a mut Sim) -> LocalBoxFuture<'a, Result<(), String>>,
}

/// All of them.
pub const ALL: &[Invariant] = &[
    Invariant { promise: "I7", at_quiet: false, holds: |sim| Box::pin(seals_stay(sim)) },
    Invariant { promise: "I9", at_quiet: true, holds: |sim| Box::pin(only_who_may_writes(sim)) },
    Invariant { promise: "I3", at_quiet: true, holds: |sim| Box::pin(nothing_is_lost(sim)) },
    Invariant { promise: "I3", at_quiet: true, holds: |sim| Box::pin(rulings_hold(sim)) },
    Invariant { promise: "I5", at_quiet: true, holds: |sim| Box::pin(all_see_the_same(sim)) },
    Invariant { promise: "I8", at_quiet: true, holds: |sim| Box::pin(all_know_the_epoch(sim)) },
    Invariant { promise: "I6", at_quiet: true, holds: |sim| Box::pin(everything_is_covered(sim)) },
    Invariant { promise: "I3", at_quiet: true, holds: |sim| Box::pin(what_was_receipted_is_there(sim)) },
    Invariant { promise: "I6", at_quiet: true, holds: |sim| Box::pin(originals_are_what_they_were(sim)) },
    Invariant { promise: "I5", at_quiet: true, holds: |sim| Box::pin(what_is_open_is_not_folded(sim)) },
    Invariant { promise: "I8", at_quiet: true, holds: |sim| Box::pin(the_floor_stands(sim)) },
    Invariant { promise: "I10", at_quiet: true, holds: |sim| Box::pin(nobody_has_what_is_others(sim)) },
    Invariant { promise: "D1", at_quiet: true, holds: |sim| Box::pin(copies_are_noticed(sim)) },
];

/// What was acknowledged on a terminal is on the server: accepted, waiting, or held apart.
async fn nothing_is_lost(sim: &mut Sim) -> Result<(), String> {
    let has = sim.server_has().await;
    match sim.model.expected().find(|deed| !has.contains(deed)) {
        Some(lost) => Err(format!("the server has not got {lost:?}")),
        None => Ok(()),
    }
}

/// Terminals and server show the same, and it is what the record says when it is read anew.
async fn all_see_the_same(sim: &mut Sim) -> Result<(), String> {
    let has = sim.server_has().await;
    for visit in sim.visits.clone() {
        let stored = sim.world.app.db.read(move |tx: &mut Tx<'_>| {
            let key = [fieldproof_server::db::Value::Text(visit.to_string())];
            let row = tx.query_opt("SELECT bytes FROM snapshots WHERE inspection = $1", &key)?;
            let sql = "SELECT officer FROM inspection_officers WHERE inspection = $1 AND left_at IS NULL";
            let team = tx.query(sql, &key)?;
            let team = team.iter().map(|row| row.get(0)).collect::<Result<Vec<OfficerId>, DbError>>()?;
            Ok::<_, DbError>((row.map(|row| row.get::<Vec<u8>>(0)).transpose()?, team))
        });
        let (snapshot, team) = stored.await.map_err(|error| error.to_string())?;
        let changes = sim.changes_of(visit).await?;
        let record = Document::from_changes(changes.iter().map(Vec::as_slice)).map_err(|e| e.to_string())?;
        let (view, heads) = (record.view().map_err(|error| error.to_string())?, record.heads());
        if let Some(snapshot) = snapshot {
            let kept = Document::load(&snapshot).map_err(|error| error.to_string())?;
            if kept.heads() != heads || kept.view().map_err(|error| error.to_string())? != view {
                return Err(format!("{visit}: the snapshot is not what the changes say"));
            }
        }
        for hand in sim.hands.iter().filter(|hand| !hand.lost) {
            // Who left the team is not shown it any more, and who was revoked is given nothing.
            if sim.revoked.contains_key(&hand.id) || !team.contains(&hand.officer) {
                continue;
            }
            let shown = hand.device.client().inspection(visit).map_err(|error| error.to_string())?;
            let beyond = shown.heads.iter().filter(|head| !heads.contains(head));
            // What the server holds apart is on the terminal that wrote it, and where a package went.
            let apart = |head: &&ChangeId| has.contains(&Deed::Change(visit, **head));
            if let Some(head) = beyond.copied().find(|head| !apart(&head))
                && hand.alone
                && shown.view != view
            {
                return Err(format!("{}: {visit} is not what the server has: {head:?}", hand.name));
            }
            if let Some(missing) = heads.iter().find(|head| {
                let known = hand.device.client().changes(visit, 0, u64::MAX);
                known.is_ok_and(|known| known.rows.iter().all(|line| line.change != **head))
            }) {
                return Err(format!("{}: {visit} lacks {missing:?}", hand.name));
            }
        }
    }
    Ok(())
}

/// Every change has an entry, every chain and every original is what it was.
async fn everything_is_covered(sim: &mut Sim) -> Result<(), String> {
    for hand in sim.hands.iter().filter(|hand| !hand.lost) {
        let faults = hand.device.client().verify().map_err(|error| error.to_string())?.faults;
        if let Some(fault) = faults.first() {
            return Err(format!("{}: {fault}; {}", hand.name, hand.journal()));
        }
    }
    Ok(())
}

/// What was sealed reads the same for ever.
async fn seals_stay(sim: &mut Sim) -> Result<(), String> {
    let read = |tx: &mut Tx<'_>| {
        let rows = tx.query("SELECT inspection, statement FROM seals WHERE completed_at IS NOT NULL", &[])?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect::<Result<Vec<(String, String)>, DbError>>()
    };
    let Ok(seals) = sim.world.app.db.read(read).await else {
        // A disk that fails is looked at later.
        return Ok(());
    };
    for (visit, text) in seals {
        let (name, statement) =
            (Digest::of(text.as_bytes()), Statement::from_text(&text).map_err(|e| e.to_string())?);
        if sim.model.seals.insert(name, statement.content).is_some_and(|before| before != statement.content) {
            return Err(format!("{visit}: a seal has another content"));
        }
        let id = visit.parse().map_err(|_| format!("{visit} is no id"))?;
        let Ok(org) = sim.world.app.org().await else { continue };
        if let Ok((shown, view)) = documents::view_at_seal(&sim.world.app, org, id).await
            && view.digest() != shown.content
        {
            return Err(format!("{visit}: what was sealed reads otherwise"));
        }
    }
    Ok(())
}

/// People are told of a terminal that goes on twice, and of none that does not.
async fn copies_are_noticed(sim: &mut Sim) -> Result<(), String> {
    let grown = |hand: usize, then: usize| !sim.hands[hand].lost && sim.model.by(hand) > then;
    // One entry that does not follow can be what was under way when power was lost: only a branch that grows is told, where
    // the chain has grown as far.
    let beside = |tx: &mut Tx<'_>| {
        let sql = "SELECT b.device, b.hash, b.bytes, c.seq FROM journal_entries b
             LEFT JOIN journal_entries c ON c.org = b.org AND c.device = b.device AND c.seq = b.seq AND c.on_chain = 1
             WHERE b.on_chain = 0";
        let rows = tx.query(sql, &[])?;
        let row = |row: &Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        rows.iter().map(row).collect::<Result<Vec<(DeviceId, Digest, Vec<u8>, Option<i64>)>, DbError>>()
    };
    let beside = sim.world.app.db.read(beside).await.map_err(|error| error.to_string())?;
    let names: BTreeSet<(DeviceId, Digest)> = beside.iter().map(|one| (one.0, one.1)).collect();
    let with_branches =
        beside.iter().filter(|(.., chain)| chain.is_some()).filter(|(device, _, bytes, _)| {
            let prev = minicbor::decode::<Entry>(bytes).ok().and_then(|entry| entry.prev);
            prev.is_some_and(|prev| names.contains(&(*device, prev)))
        });
    let with_branches: BTreeSet<DeviceId> = with_branches.map(|(device, ..)| *device).collect();
    let twice = sim.clones.iter().copied().find(|(one, copy, then)| {
        grown(*one, *then) && grown(*copy, 0) && with_branches.contains(&sim.hands[*one].id)
    });
    if twice.is_none() && sim.hands.iter().any(|hand| !hand.alone) {
        return Ok(());
    }
    let listed = sim.ask(Who::Administrator, "GET", "/api/v1/conflicts", Value::Null).await?;
    let all = listed["conflicts"].as_array().cloned().unwrap_or_default();
    let told = all.iter().find(|conflict| {
        let about = |id: &DeviceId| conflict["path"] == format!("identity/{id}");
        // That a terminal was revoked is told in the same place.
        conflict["kind"] == "identity" && !sim.revoked.keys().any(about)
    });
    match (twice, told) {
        (None, Some(told)) => Err(format!("a terminal is taken for two: {told}")),
        (Some((one, ..)), None) if !sim.revoked.contains_key(&sim.hands[one].id) => {
            Err(format!("nobody is told that {} went on twice", sim.hands[one].name))
        }
        _ => Ok(()),
    }
}

/// What was forged, and what came from a terminal after it was revoked and nobody let in, is not in the record.
async fn only_who_may_writes(sim: &mut Sim) -> Result<(), String> {
    let received = Received::read(sim).await?;
    let let_in = sim.model.rulings.iter().filter(|(_, ruling)| ruling.let_in);
    let let_in: BTreeSet<ChangeId> = let_in.flat_map(|(name, _)| received.changes_of(name)).collect();
    for (visit, change, device) in received.record {
        if sim.model.forged.contains(&change) {
            return Err(format!("{visit}: {change:?} was forged and is in the record"));
        }
        let revoked = device.and_then(|device| sim.revoked.get(&device));
        if revoked.is_some_and(|before| !before.contains(&Deed::Change(visit, change)))
            && !let_in.contains(&change)
        {
            return Err(format!(
                "{visit}: {change:?} came after its terminal was revoked and is in the record"
            ));
        }
    }
    Ok(())
}

/// Whatever the server gave a receipt for in this epoch it has: this, and not something else in its place.
async fn what_was_receipted_is_there(sim: &mut Sim) -> Result<(), String> {
    let read = |tx: &mut Tx<'_>| {
        let sql = "SELECT hash FROM journal_entries UNION SELECT hash FROM journal_carried UNION SELECT item FROM inbox
             UNION SELECT digest FROM captures UNION SELECT digest FROM captures_apart";
        tx.query(sql, &[])?.iter().map(|row| row.get(0)).collect::<Result<BTreeSet<Digest>, DbError>>()
    };
    let here = sim.world.app.db.read(read).await.map_err(|error| error.to_string())?;
    let epoch = sim.epoch().await?;
    for hand in sim.hands.iter().filter(|hand| !hand.lost) {
        let receipts = hand.receipts().map_err(|error| error.to_string())?;
        let named =
            receipts.iter().filter(|receipt| receipt.epoch == epoch).flat_map(|receipt| &receipt.items);
        if let Some(lost) = named.into_iter().find(|item| !here.contains(item)) {
            return Err(format!("{} has a receipt for {lost}, which the server has not got", hand.name));
        }
    }
    Ok(())
}

/// Whatever original the server says it holds is there, and has the hash that names it.
async fn originals_are_what_they_were(sim: &mut Sim) -> Result<(), String> {
    let read = |tx: &mut Tx<'_>| {
        let sql = "SELECT digest FROM captures WHERE held_at IS NOT NULL
             UNION SELECT digest FROM captures_apart WHERE held_at IS NOT NULL";
        tx.query(sql, &[])?.iter().map(|row| row.get(0)).collect::<Result<BTreeSet<Digest>, DbError>>()
    };
    let mut missing = sim.world.app.db.read(read).await.map_err(|error| error.to_string())?;
    let mut folders = vec![sim.world.folder().join("evidence")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| error.to_string())? {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.file_name().and_then(|name| name.to_str()?.parse::<Digest>().ok());
            let bytes = fs::read(&path).map_err(|error| error.to_string())?;
            if name.is_some_and(|name| missing.remove(&name) && Digest::of(&bytes) != name) {
                return Err(format!("{} is not what it was", path.display()));
            }
        }
    }
    missing.first().map_or(Ok(()), |lost| Err(format!("the server has not got the original {lost}")))
}

/// What is folded is settled.
async fn what_is_open_is_not_folded(sim: &mut Sim) -> Result<(), String> {
    for hand in sim.hands.iter().filter(|hand| !hand.lost) {
        if hand.folded_open().map_err(|error| error.to_string())? > 0 {
            return Err(format!("{} folded a visit in which a conflict is open", hand.name));
        }
    }
    Ok(())
}

/// The server asks of terminals no less than it ever told one of those that came by since.
async fn the_floor_stands(sim: &mut Sim) -> Result<(), String> {
    let org = sim.world.app.org().await.map_err(|error| error.code.as_str().to_owned())?;
    let read = move |tx: &mut Tx<'_>| floors::current(tx, org);
    let stands = sim.world.app.db.read::<_, DbError, _>(read).await.map_err(|error| error.to_string())?;
    for hand in sim.hands.iter().filter(|hand| !hand.lost && !sim.revoked.contains_key(&hand.id)) {
        let Some(told) = hand.floor().map_err(|error| error.to_string())? else { continue };
        if !stands.as_ref().is_some_and(|set| set.floor.is_no_lower_than(&told)) {
            let stands = stands.as_ref().map(|set| set.floor);
            return Err(format!("{} was told {told:?}, and {stands:?} stands", hand.name));
        }
    }
    Ok(())
}

/// The epoch that a terminal knows is the server's: only then it knows of every return from a backup.
async fn all_know_the_epoch(sim: &mut Sim) -> Result<(), String> {
    let epoch = sim.epoch().await?.to_string();
    for hand in sim.hands.iter().filter(|hand| !hand.lost) {
        let known = hand.epoch().map_err(|error| error.to_string())?;
        if known.as_ref() != Some(&epoch) {
            return Err(format!("{} knows the epoch {known:?}, and the server's is {epoch}", hand.name));
        }
    }
    Ok(())
}

/// A terminal has visits on whose team its officer is, or was when they reached it, and no other.
async fn nobody_has_what_is_others(sim: &mut Sim) -> Result<(), String> {
    let read = |tx: &mut Tx<'_>| {
        let rows = tx.query("SELECT officer, inspection FROM inspection_officers", &[])?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<Vec<_>, DbError>>()
    };
    let teams: Vec<(OfficerId, InspectionId)> =
        sim.world.app.db.read(read).await.map_err(|error| error.to_string())?;
    // Who was revoked is told nothing any more, not even of a team that a restored server does not know.
    for hand in sim.hands.iter().filter(|hand| !hand.lost && !sim.revoked.contains_key(&hand.id)) {
        let known = hand.device.client().inspections().map_err(|error| error.to_string())?;
        if let Some(alien) = known.iter().find(|known| !teams.contains(&(hand.officer, known.id))) {
            return Err(format!("{} has {}, and its officer never was on the team", hand.name, alien.id));
        }
    }
    Ok(())
}
