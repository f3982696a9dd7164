//! One answer, and what it costs at least: the raw limit of a durable store.

use super::times::Times;
use crate::world::console::Task;
use crate::world::device::Device;
use fieldproof_schema::checklist::{Answer, ItemKind, Outcome};
use std::path::Path;

/// Acts that are timed.
const ACTS: usize = 1000;

/// Durable inserts into an empty database.
pub(crate) fn raw_commits(path: &Path) -> Times {
    let db = rusqlite::Connection::open(path).expect("a fresh database");
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (a INTEGER, b BLOB) STRICT;",
    )
    .expect("a fresh database");
    let bytes = [7_u8; 400];
    let mut insert = db.prepare("INSERT INTO t VALUES (?1, ?2)").expect("a statement");
    Times::of(ACTS, |n| {
        insert.execute((n as i64, bytes)).expect("an insert");
    })
}

/// Answers to one visit.
pub(super) fn answers(device: &Device, task: &Task) -> Times {
    let detail = device.client().inspection(task.inspection).expect("the visit is here");
    let template = detail.template.expect("the checklist is here");
    let items: Vec<_> =
        template.items.iter().filter(|i| matches!(i.kind, ItemKind::Conformity { .. })).collect();
    Times::of(ACTS, |n| {
        let result = if n / items.len() % 2 == 0 { Outcome::Pass } else { Outcome::Fail };
        let item = &items[n % items.len()].id;
        device
            .client()
            .answer(task.inspection, item, &Answer::Conformity { result })
            .expect("the answer fits");
    })
}
