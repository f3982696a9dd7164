//! The gate in processes of its own: whatever becomes of a worker takes one item with it at most, and nothing is lost.

use crate::support::{self, City};
use crate::{day, hostile};
use fieldproof_client_core::Overview;
use fieldproof_schema::ids::InspectionId;
use fieldproof_server::db::{DbError, Tx, Value};
use fieldproof_server::sync::judge;
use fieldproof_server::workers::Gate;
use fieldproof_server::workers::pool::{Pool, SUBCOMMAND};
use fieldproof_tests::stage;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::device::Device;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// So long that no machine is too slow.
pub(crate) const UNHURRIED: Duration = Duration::from_secs(300);

/// The product's own workers.
pub(crate) fn workers(size: usize) -> Arc<Pool> {
    let pool = Pool::of(stage::program("fieldproof"), vec![SUBCOMMAND.into()], size);
    Arc::new(pool.with_deadline(UNHURRIED))
}

/// Workers that misbehave over marked items; `once` is a file that is not there yet.
pub(crate) fn rogues(once: &Path, deadline: Duration) -> Arc<Pool> {
    let pool = Pool::of(stage::program("fieldproof-gate-rogue"), vec![once.into()], 2);
    Arc::new(pool.with_deadline(deadline))
}

/// Where they judge.
pub(crate) fn at(pool: &Arc<Pool>) -> Gate {
    Gate::Workers(Arc::clone(pool))
}

fn overview(device: &Device) -> Overview {
    device.client().overview().expect("the store answers")
}

/// What is held apart, of which visit and with which code.
async fn apart(world: &World) -> Vec<(String, String)> {
    let read = |tx: &mut Tx<'_>| {
        let rows =
            tx.query("SELECT inspection, code FROM inbox WHERE state = 'quarantined' ORDER BY 1, 2", &[])?;
        rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
    };
    world.app.db.read::<_, DbError, _>(read).await.expect("the database answers")
}

/// Everything that judging writes.
async fn record(world: &World) -> Vec<String> {
    let read = |tx: &mut Tx<'_>| {
        let mut all = Vec::new();
        for sql in [
            "SELECT inspection, item, device, state, COALESCE(code, '') FROM inbox ORDER BY 1, 2, 3",
            "SELECT inspection, bytes, COALESCE(device, ''), CAST(position AS TEXT), COALESCE(officer, '')
             FROM changes ORDER BY 1, 4",
            "SELECT inspection, bytes, version, '', '' FROM snapshots ORDER BY 1",
            "SELECT inspection, id, kind, path, '' FROM conflicts ORDER BY 1, 2",
        ] {
            for row in tx.query(sql, &[])? {
                all.push((0..5).map(|at| cell(&row, at)).collect::<Result<Vec<_>, _>>()?.join(" | "));
            }
        }
        Ok(all)
    };
    world.app.db.read::<_, DbError, _>(read).await.expect("the database answers")
}

fn cell(row: &fieldproof_server::db::Row, at: usize) -> Result<String, DbError> {
    Ok(match row.get::<Value>(at)? {
        Value::Null => String::new(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Bytes(bytes) => hex::encode(bytes),
    })
}

#[tokio::test]
async fn what_workers_judge_is_what_the_server_would_have_judged() {
    for story in [0, 1] {
        let pool = workers(2);
        let mut records = Vec::new();
        for gate in [Gate::InProcess, at(&pool)] {
            let world = World::start_at(71, None, None, gate).await;
            if story == 0 {
                day::working_day(&world).await;
            } else {
                hostile::a_batch_with_bad_items(&world).await;
            }
            let mut record = record(&world).await;
            // What is held apart is looked at by workers, too, and says the same.
            let administrator = Person::sign_in(&world, "guanli").await;
            let listed = administrator.get(&world, "/api/v1/quarantine").await;
            for item in listed["rows"].as_array().unwrap() {
                let place = ["inspection", "device", "digest"].map(|name| item[name].as_str().unwrap());
                let path = format!("/api/v1/quarantine/{}", place.join("/"));
                record.push(administrator.get(&world, &path).await.to_string());
            }
            records.push(record);
        }
        assert!(records[0].len() > 5, "something was judged");
        assert_eq!(records[0], records[1]);
        let health = pool.health();
        assert!(health.alive > 0 && health.died == 0, "{health:?}");
    }
}

#[tokio::test]
async fn what_a_killed_worker_was_at_is_done_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let once = folder.path().join("once");
    let pool = rogues(&once, UNHURRIED);
    let world = World::start_at(72, None, None, at(&pool)).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let item = support::answer_one(&one, task.inspection);
    one.client().narrative(task.inspection, None, "GATE-ONCE").unwrap();
    let kill = async {
        while !once.exists() {
            tokio::task::yield_now().await;
        }
        let victim = pool.at_work()[0].to_string();
        assert!(Command::new("kill").args(["-9", &victim]).status().unwrap().success());
    };
    tokio::join!(one.sync(), kill);
    assert_eq!(pool.health().died, 1);
    assert_eq!(overview(&one).waiting, 0);
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{}", task.inspection)).await;
    assert!(shown["view"]["answers"][&item].is_object());
    assert_eq!(shown["view"]["narrative"], "GATE-ONCE");
    assert!(apart(&world).await.is_empty());
    let health = world.call("GET", "/healthz", None, &serde_json::Value::Null).await.1;
    assert_eq!(health["gate"]["died"], 1);
    assert_eq!(health["unjudged"]["changes"], 0);
}

/// Writes a mark into one visit and makes fifty edits in others.
fn mark_one_and_edit_fifty(device: &Device, sick: InspectionId, mark: &str) {
    device.client().narrative(sick, None, mark).unwrap();
    let visits = device.client().inspections().unwrap();
    let others: Vec<_> = visits.iter().map(|visit| visit.id).filter(|id| *id != sick).collect();
    assert!(others.len() > 1, "there are not enough visits");
    let mut left = 50;
    for visit in &others {
        for (item, answer) in support::plain_items(device, *visit).into_iter().take(left) {
            device.client().answer(*visit, &item, &answer).unwrap();
            left -= 1;
        }
    }
    for (number, visit) in (0..left).zip(others.iter().cycle()) {
        device.client().narrative(*visit, None, &format!("第{number}稿")).unwrap();
    }
}

async fn a_worker_that_dies_of(mark: &str, deadline: Duration, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let pool = rogues(&folder.path().join("once"), deadline);
    let world = World::start_at(seed, None, None, at(&pool)).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    mark_one_and_edit_fifty(&one, task.inspection, mark);
    one.sync().await;
    // The round has ended; whoever was waiting has a receipt for everything.
    assert!(one.client().status().unwrap().unsent.is_empty());
    assert_eq!(apart(&world).await, [(task.inspection.to_string(), "change_unjudgeable".to_owned())]);
    one.sync().await;
    let held = overview(&one);
    assert_eq!((held.quarantined, held.waiting), (1, 0), "{held:?}");
    assert!(pool.health().died >= 4, "tried twice with everything, twice alone");
    let health = world.call("GET", "/healthz", None, &serde_json::Value::Null).await.1;
    assert_eq!(health["unjudged"], json!({"changes": 0, "oldest_at": null, "failing": 0}));
    // It is shown, and not opened for that.
    let died = pool.health().died;
    let listed = administrator.get(&world, "/api/v1/quarantine").await["rows"][0].clone();
    let place = ["inspection", "device", "digest"].map(|name| listed[name].as_str().unwrap().to_owned());
    let path = format!("/api/v1/quarantine/{}", place.join("/"));
    assert_eq!(administrator.get(&world, &path).await["item"]["code"], "change_unjudgeable");
    assert_eq!(pool.health().died, died);
    // What people let in again is held apart again.
    let decision = json!({"decision": "accept", "reason": "再试一次"});
    let became = administrator.post(&world, &format!("{path}/decision"), decision).await;
    assert_eq!((&became["state"], &became["code"]), (&json!("quarantined"), &json!("change_unjudgeable")));
    assert!(pool.health().died > died);
}

#[tokio::test]
async fn an_item_over_which_a_worker_panics_is_held_apart_alone() {
    a_worker_that_dies_of("GATE-PANIC", UNHURRIED, 73).await;
}

#[tokio::test]
async fn an_item_over_which_a_worker_spins_is_held_apart_alone() {
    a_worker_that_dies_of("GATE-SPIN", Duration::from_millis(500), 74).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_item_over_which_a_worker_eats_all_memory_is_held_apart_alone() {
    a_worker_that_dies_of("GATE-EAT", UNHURRIED, 75).await;
}

#[tokio::test]
async fn a_server_that_ends_over_an_item_does_not_end_over_it_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let pool = rogues(&folder.path().join("once"), UNHURRIED);
    // Nothing is judged in a round.
    let mut world = World::start_at(76, None, Some(Duration::ZERO), at(&pool)).await;
    let City { task, one, .. } = support::city(&world).await;
    mark_one_and_edit_fifty(&one, task.inspection, "GATE-HANG");
    one.sync().await;
    let mut ends = 0;
    while apart(&world).await.is_empty() {
        // The power goes while the item is being looked at and nothing else is.
        let app = world.app.clone();
        let sweep = async {
            while judge::sweep(&app).await.unwrap() > 0 {}
            false
        };
        let cut = async {
            loop {
                let left = app.db.read::<_, DbError, _>(others_left(task.inspection)).await.unwrap();
                if pool.health().busy == 1 && left == 0 {
                    return true;
                }
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::select! { ended = sweep => ended, ended = cut => ended };
        if ended {
            ends += 1;
            assert!(ends <= 3, "it would go on for ever");
        }
        world.restart().await;
        world.clock.advance_seconds(600);
    }
    assert_eq!(ends, 3, "fresh, with care, alone");
    assert_eq!(apart(&world).await, [(task.inspection.to_string(), "change_unjudgeable".to_owned())]);
    while judge::sweep(&world.app).await.unwrap() > 0 {}
    one.sync().await;
    let held = overview(&one);
    assert_eq!((held.quarantined, held.waiting), (1, 0), "{held:?}");
}

/// How much waits in other visits.
fn others_left(
    sick: InspectionId,
) -> impl Fn(&mut Tx<'_>) -> Result<i64, DbError> + Send + Sync + Clone + 'static {
    move |tx| {
        let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM inbox WHERE state = 'received' AND inspection <> $1";
        let row = tx.query_opt(sql, &[Value::Text(sick.to_string())])?;
        row.map_or(Ok(0), |r| r.get(0))
    }
}
