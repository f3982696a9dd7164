//! What must hold, whatever happened.

use super::stage::{Sim, Who};
use fieldproof_schema::document::{Document, split};
use fieldproof_schema::seal::Statement;
use fieldproof_schema::suite::Digest;
use fieldproof_server::db::{DbError, Tx};
use fieldproof_server::documents;
use futures::future::LocalBoxFuture;
use serde_json::Value;

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
    Invariant { promise: "I3", at_quiet: true, holds: |sim| Box::pin(nothing_is_lost(sim)) },
    Invariant { promise: "I5", at_quiet: true, holds: |sim| Box::pin(all_see_the_same(sim)) },
    Invariant { promise: "I6", at_quiet: true, holds: |sim| Box::pin(everything_is_covered(sim)) },
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
    for visit in sim.visits.clone() {
        let stored = sim.world.app.db.read(move |tx: &mut Tx<'_>| {
            let key = fieldproof_server::db::Value::Text(visit.to_string());
            let sql = "SELECT bytes FROM changes WHERE inspection = $1 ORDER BY position";
            let rows = tx.query(sql, std::slice::from_ref(&key))?;
            let runs = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Vec<u8>>, DbError>>()?;
            let sql = "SELECT bytes FROM snapshots WHERE inspection = $1";
            let row = tx.query_opt(sql, std::slice::from_ref(&key))?;
            Ok::<_, DbError>((runs, row.map(|row| row.get::<Vec<u8>>(0)).transpose()?))
        });
        let (runs, snapshot) = stored.await.map_err(|error| error.to_string())?;
        let changes: Vec<Vec<&[u8]>> =
            runs.iter().map(|run| split(run)).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        let record = Document::from_changes(changes.into_iter().flatten()).map_err(|e| e.to_string())?;
        let (view, heads) = (record.view().map_err(|error| error.to_string())?, record.heads());
        if let Some(snapshot) = snapshot {
            let kept = Document::load(&snapshot).map_err(|error| error.to_string())?;
            if kept.heads() != heads || kept.view().map_err(|error| error.to_string())? != view {
                return Err(format!("{visit}: the snapshot is not what the changes say"));
            }
        }
        for hand in sim.hands.iter().filter(|hand| !hand.lost) {
            let shown = hand.device.client().inspection(visit).map_err(|error| error.to_string())?;
            let mut beyond: Vec<_> = shown.heads.iter().filter(|head| !heads.contains(head)).collect();
            if hand.alone && !beyond.is_empty() && shown.view != view {
                beyond.truncate(2);
                // What the server holds apart is on the terminal that wrote it and nowhere else.
                let status = hand.device.client().status().map_err(|error| error.to_string())?;
                if status.quarantined + status.refused == 0 {
                    return Err(format!("{}: {visit} is not what the server has: {beyond:?}", hand.name));
                }
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
    let twice = sim.clones.iter().find(|(one, copy, then)| grown(*one, *then) && grown(*copy, 0)).copied();
    // One entry that does not follow can be what was under way when power was lost: only a branch that grows is told.
    let branches = |tx: &mut Tx<'_>| {
        let sql = "SELECT a.device FROM journal_entries a
             JOIN journal_entries b ON b.org = a.org AND b.device = a.device AND b.seq = a.seq + 1
             JOIN journal_entries c ON c.org = a.org AND c.device = a.device AND c.seq = b.seq AND c.on_chain = 1
             WHERE a.on_chain = 0 AND b.on_chain = 0 LIMIT 1";
        Ok::<_, DbError>(tx.query_opt(sql, &[])?.is_some())
    };
    let branches = sim.world.app.db.read(branches).await.map_err(|error| error.to_string())?;
    let twice = twice.filter(|_| branches);
    if twice.is_none() && sim.hands.iter().any(|hand| !hand.alone) {
        return Ok(());
    }
    let listed = sim.ask(Who::Administrator, "GET", "/api/v1/conflicts", Value::Null).await?;
    let all = listed["conflicts"].as_array().cloned().unwrap_or_default();
    let told = all.iter().find(|conflict| conflict["kind"] == "identity");
    match (twice, told) {
        (None, Some(told)) => Err(format!("a terminal is taken for two: {told}")),
        (Some((one, ..)), None) => Err(format!("nobody is told that {} went on twice", sim.hands[one].name)),
        _ => Ok(()),
    }
}
