//! What the server holds apart: what people decide about it, what waits for it, and what must come of both.

use super::holdings::{headers_in, recorded};
use super::model::{Deed, Ruling};
use super::plan::Step;
use super::stage::{Sim, Who};
use fieldproof_client_core::ApartAs;
use fieldproof_schema::document::{ChangeHeader, ChangeId};
use fieldproof_schema::ids::{DeviceId, InspectionId};
use fieldproof_schema::suite::Digest;
use fieldproof_server::db::{DbError, Tx};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Decisions at the end, after which there must be nothing more to decide. Accepting one can show that the next thing is
/// wrong with it, too.
const DECISIONS_MAX: usize = 200;

/// More than a terminal of a world can have apart.
const APART_MAX: u64 = 10_000;

/// Something that was received, as the server names it.
pub type Name = (InspectionId, DeviceId, Digest);

/// What the server received about the visits, and what became of it.
pub struct Received {
    items: BTreeMap<Name, Item>,
    /// Changes in the record, with the terminal that wrote each.
    pub record: Vec<(InspectionId, ChangeId, Option<DeviceId>)>,
    /// Changes that are held apart, or wait for such ones.
    blocked: BTreeSet<ChangeId>,
}

struct Item {
    state: String,
    code: String,
    changes: Vec<(Digest, ChangeHeader)>,
}

impl Received {
    /// Reads it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(sim: &Sim) -> Result<Self, String> {
        let read = |tx: &mut Tx<'_>| {
            let mut items = BTreeMap::new();
            let sql = "SELECT inspection, device, item, state, COALESCE(code, ''), bytes FROM inbox";
            for row in tx.query(sql, &[])? {
                let bytes: Vec<u8> = row.get(5)?;
                let item = Item { state: row.get(3)?, code: row.get(4)?, changes: headers_in(&bytes) };
                items.insert((row.get(0)?, row.get(1)?, row.get(2)?), item);
            }
            Ok::<_, DbError>((items, recorded(tx)?))
        };
        let (items, record) = sim.world.app.db.read(read).await.map_err(|error| error.to_string())?;
        let mut received = Self { items, record, blocked: BTreeSet::new() };
        received.blocked = received.blocked();
        Ok(received)
    }

    /// Whatever is held apart, and what was written upon it: no change counts before what it builds upon. And what a writer
    /// made before one that cannot be judged: their entry names the last of them, which nobody opens.
    fn blocked(&self) -> BTreeSet<ChangeId> {
        let here: BTreeSet<ChangeId> = self.record.iter().map(|(_, change, _)| *change).collect();
        let of = |state: &'static str| {
            let items = self.items.values().filter(move |item| item.state == state);
            items.flat_map(|item| &item.changes).map(|(_, header)| header).filter(|h| !here.contains(&h.id))
        };
        let mut blocked: BTreeSet<ChangeId> = of("quarantined").map(|header| header.id).collect();
        let unopened = self.items.values().filter(|item| item.code == "change_unjudgeable");
        let unopened: Vec<&ChangeHeader> = unopened.flat_map(|item| &item.changes).map(|(_, h)| h).collect();
        let before = |header: &ChangeHeader| {
            unopened.iter().any(|last| last.actor == header.actor && last.seq > header.seq)
        };
        loop {
            let upon = |header: &&ChangeHeader| {
                before(header) || header.deps.iter().any(|dep| blocked.contains(dep))
            };
            let more: Vec<ChangeId> = of("waiting").filter(upon).map(|header| header.id).collect();
            let before = blocked.len();
            blocked.extend(more);
            if blocked.len() == before {
                return blocked;
            }
        }
    }

    /// Whether all in it that does not count waits for what is held apart.
    fn is_held_up(&self, item: &Item) -> bool {
        let counts = |change: ChangeId| self.record.iter().any(|(_, known, _)| *known == change);
        item.state == "waiting"
            && item.changes.iter().all(|(_, h)| self.blocked.contains(&h.id) || counts(h.id))
    }

    /// What may wait although there is rest: the names of what was sent, and of the changes in it.
    fn held_up(&self) -> BTreeSet<Digest> {
        let items = self.items.iter().filter(|(_, item)| self.is_held_up(item));
        items.flat_map(|(name, item)| item.changes.iter().map(|c| c.0).chain([name.2])).collect()
    }

    /// The changes that came with something.
    pub fn changes_of(&self, name: &Name) -> impl Iterator<Item = ChangeId> {
        self.items.get(name).into_iter().flat_map(|item| &item.changes).map(|(_, header)| header.id)
    }
}

/// What the console's list of what is held apart shows.
async fn listed(sim: &mut Sim, state: &str) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    let mut before = String::new();
    loop {
        let path = format!("/api/v1/quarantine?state={state}{before}");
        let page = sim.ask(Who::Administrator, "GET", &path, Value::Null).await?;
        all.extend(page["rows"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => return Ok(all),
        }
    }
}

fn name(row: &Value) -> Option<Name> {
    let part = |part: &str| row[part].as_str();
    Some((part("inspection")?.parse().ok()?, part("device")?.parse().ok()?, part("digest")?.parse().ok()?))
}

/// The administrator decides about something that is held apart, alone or with all that is alike.
async fn rule_on(sim: &mut Sim, open: &[Value], nth: usize, let_in: bool, together: bool) -> String {
    let item = &open[nth];
    let alike = |row: &&Value| {
        *row == item
            || together && ["inspection", "device", "code"].iter().all(|part| row[*part] == item[*part])
    };
    let names: Vec<Name> = open.iter().filter(alike).filter_map(name).collect();
    let uncovered = item["code"] == "change_uncovered";
    let let_in = let_in && item["may_be_accepted"] == true;
    let Some((inspection, device, digest)) = name(item) else { return "a row without a name".to_owned() };
    let path = format!("/api/v1/quarantine/{inspection}/{device}/{digest}/decision");
    let mut body = json!({
        "decision": if let_in { "accept" } else { "keep" }, "reason": "已向当事人核实", "together": together,
    });
    if let Some(standing) = item["decision"]["id"].as_str() {
        body["replaces"] = standing.into();
    }
    let answer = sim.ask(Who::Administrator, "POST", &path, body).await;
    let is_sure = answer.is_ok();
    for name in names {
        // Where nobody was told what became of the decision it may stand, or the one before.
        sim.model.rulings.insert(name, Ruling { let_in, is_sure, uncovered });
    }
    match answer {
        Ok(became) => {
            let id = serde_json::from_value(became["decision"]["id"].clone());
            sim.model.said(Deed::Decision(id.expect("the answer names the decision")));
            if let_in { "let in" } else { "kept apart" }.to_owned()
        }
        Err(code) => code,
    }
}

/// The administrator decides about something that waits for it.
pub async fn rule(sim: &mut Sim, step: Step) -> String {
    let open = match listed(sim, "open").await {
        Ok(open) => open,
        Err(code) => return code,
    };
    if open.is_empty() {
        return "nothing apart".to_owned();
    }
    rule_on(sim, &open, step.roll(1, open.len()), step.roll(2, 2) == 0, step.roll(3, 3) == 0).await
}

/// Whether it is of a terminal of which nothing strange can come: there is one of it, and it never came back older.
fn is_honest(sim: &Sim, row: &Value) -> bool {
    let Some((_, device, _)) = name(row) else { return false };
    sim.hands.iter().any(|hand| hand.id == device && hand.alone && hand.steady && !hand.lost)
}

/// The administrator decides about everything that waits for it; one of two is let in, where it may be. True where anything
/// did.
///
/// # Errors
/// What cannot be decided.
pub async fn rule_on_all(sim: &mut Sim) -> Result<bool, String> {
    let open = listed(sim, "open").await?;
    let alien = |row: &&Value| row["may_be_accepted"] != true && is_honest(sim, row);
    if let Some(row) = open.iter().find(alien).cloned() {
        sim.breaks("I3", format!("nobody can let in what an honest terminal wrote: {row}"));
    }
    for nth in 0..DECISIONS_MAX {
        let open = listed(sim, "open").await?;
        // By its name, so that it is the same whatever else waits.
        let Some(digest) = open.first().and_then(name).map(|(.., digest)| digest) else { return Ok(nth > 0) };
        let let_in = digest.value[0] % 2 == 0;
        let said = rule_on(sim, &open, 0, let_in, false).await;
        sim.note(&format!("{digest}: {said}"));
        if said != "let in" && said != "kept apart" {
            return Err(format!("{digest} cannot be decided: {said}"));
        }
    }
    Err(format!("{DECISIONS_MAX} decisions, and something is held apart all the same"))
}

/// Whether a terminal is told to wait for nothing but what is held apart.
///
/// # Errors
/// When either cannot be read.
pub async fn waits_for_people(sim: &Sim, hand: usize) -> Result<bool, String> {
    let apart = sim.hands[hand].device.client().apart(APART_MAX).map_err(|error| error.to_string())?;
    let held_up = Received::read(sim).await?.held_up();
    Ok(apart.iter().filter(|item| item.outcome == ApartAs::Waiting).all(|item| held_up.contains(&item.item)))
}

/// What was let in counts, or what is wrong with it besides is said; what is kept apart does not count; and whatever waits
/// for what is held apart, people can find what it waits for.
pub async fn rulings_hold(sim: &mut Sim) -> Result<(), String> {
    let received = Received::read(sim).await?;
    let here: BTreeSet<ChangeId> = received.record.iter().map(|(_, change, _)| *change).collect();
    let apart = |item: &Item| item.state == "quarantined";
    let apart_too: BTreeSet<ChangeId> =
        received.items.values().filter(|item| apart(item)).flat_map(|i| &i.changes).map(|c| c.1.id).collect();
    let told: BTreeSet<Name> = {
        let mut rows = listed(sim, "open").await?;
        if let Some(row) = rows.first() {
            return Err(format!("{row} waits for a decision"));
        }
        rows.extend(listed(sim, "decided").await?);
        rows.iter().filter_map(name).collect()
    };
    if let Some((name, _)) = received.items.iter().find(|(name, item)| apart(item) && !told.contains(name)) {
        return Err(format!("the console does not list {name:?}, which is held apart"));
    }
    for (name, ruling) in sim.model.rulings.iter().filter(|(_, ruling)| ruling.is_sure) {
        let Some(item) = received.items.get(name) else {
            return Err(format!("{name:?} was decided and is gone"));
        };
        let counts = match item.state.as_str() {
            "accepted" => item.changes.iter().all(|(_, h)| here.contains(&h.id) || apart_too.contains(&h.id)),
            "waiting" => received.is_held_up(item),
            "quarantined" => !["change_out_of_scope", "device_revoked"].contains(&item.code.as_str()),
            _ => false,
        };
        if ruling.let_in && !counts {
            return Err(format!("{name:?} was let in and is {}, {}", item.state, item.code));
        }
        // What lacks nothing but its entry counts once the terminal vouches for it, whatever was decided.
        if !ruling.let_in && !apart(item) && !ruling.uncovered {
            return Err(format!("{name:?} was to be kept apart and is {}", item.state));
        }
    }
    Ok(())
}
