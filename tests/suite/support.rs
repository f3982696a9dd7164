//! How most stories begin: the sample city, a dispatched task, two enrolled terminals.

use fieldproof_schema::checklist::{Answer, ItemKind, Outcome};
use fieldproof_schema::document::{Document, RawChange};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::seal::Party;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::Body;
use fieldproof_schema::wire::sync::{Chunk, SyncAnswer, Verdict};
use fieldproof_server::db::{DbError, Tx, Value};
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{Person, Task};
use fieldproof_tests::world::device::{Device, PASSPHRASE};

/// A city at the beginning of a working day.
pub(crate) struct City {
    /// Plans, draws, enrols, decides.
    pub(crate) administrator: Person,
    /// Reviews and discloses.
    pub(crate) supervisor: Person,
    /// One of the dispatched tasks.
    pub(crate) task: Task,
    /// The terminal of the team's first officer, synced.
    pub(crate) one: Device,
    /// The terminal of the second.
    pub(crate) two: Device,
}

/// Loads the city, draws, dispatches and enrols the team of one task.
pub(crate) async fn city(world: &World) -> City {
    let (administrator, supervisor) = world.found_city().await;
    let tasks = administrator.draw_and_dispatch(world).await;
    // The longest checklist gives the officers most to share.
    let task = tasks.into_iter().max_by_key(|t| t.template.clone()).expect("tasks were dispatched");
    let one = administrator.terminal(world, task.team[0], "one").await;
    let two = administrator.terminal(world, task.team[1], "two").await;
    one.sync().await;
    two.sync().await;
    City { administrator, supervisor, task, one, two }
}

/// Items that are answered by 合格 or 不合格, with an answer each.
pub(crate) fn plain_items(device: &Device, visit: InspectionId) -> Vec<(String, Answer)> {
    let detail = device.client().inspection(visit).expect("the visit is here");
    let template = detail.template.expect("the checklist is here");
    let plain = template
        .items
        .iter()
        .filter(|item| matches!(item.kind, ItemKind::Conformity { .. }) && item.condition.is_none());
    let plain: Vec<_> =
        plain.map(|item| (item.id.clone(), Answer::Conformity { result: Outcome::Pass })).collect();
    assert!(plain.len() > 4, "the checklist has too few plain items for a story");
    plain
}

/// Answers a plain item of a visit that has no answer yet; returns which.
pub(crate) fn answer_one(device: &Device, visit: InspectionId) -> String {
    let detail = device.client().inspection(visit).expect("the visit is here");
    let is_open = |(item, _): &(String, _)| !detail.view.answers.contains_key(item);
    let (item, answer) = plain_items(device, visit).into_iter().find(is_open).expect("an open item");
    device.client().answer(visit, &item, &answer).expect("the answer fits");
    item
}

/// A visit of a terminal's officer besides another.
pub(crate) fn other_visit(device: &Device, than: InspectionId) -> InspectionId {
    let visits = device.client().inspections().expect("the list is readable");
    visits.iter().map(|visit| visit.id).find(|id| *id != than).expect("a second visit")
}

/// A visit's snapshot and first change as the server's tables hold them.
pub(crate) type Stored = (Vec<u8>, Vec<u8>);

/// Puts other bytes in the place of a visit's snapshot and first change on the server, behind its back; returns those that
/// stood there.
pub(crate) async fn swap_document(world: &World, visit: InspectionId, (snapshot, first): Stored) -> Stored {
    let old = swap_snapshot(world, visit, snapshot).await;
    let visit = Value::Text(visit.to_string());
    let swap = move |tx: &mut Tx<'_>| {
        let get = "SELECT bytes FROM changes WHERE inspection = $1 AND position = 1";
        let known = tx.query_opt(get, std::slice::from_ref(&visit))?;
        let put = "UPDATE changes SET bytes = $2 WHERE inspection = $1 AND position = 1";
        tx.execute(put, &[visit.clone(), Value::Bytes(first.clone())])?;
        known.expect("the visit has a first change").get(0)
    };
    let first = world.app.db.write::<Vec<u8>, DbError, _>(swap).await.expect("the database takes it");
    (old, first)
}

/// Puts other bytes in the place of a visit's snapshot only.
pub(crate) async fn swap_snapshot(world: &World, visit: InspectionId, bytes: Vec<u8>) -> Vec<u8> {
    let visit = Value::Text(visit.to_string());
    let swap = move |tx: &mut Tx<'_>| {
        let known =
            tx.query_opt("SELECT bytes FROM snapshots WHERE inspection = $1", std::slice::from_ref(&visit))?;
        let put = "UPDATE snapshots SET bytes = $2 WHERE inspection = $1";
        tx.execute(put, &[visit.clone(), Value::Bytes(bytes.clone())])?;
        known.expect("the visit has a snapshot").get(0)
    };
    world.app.db.write::<Vec<u8>, DbError, _>(swap).await.expect("the database takes it")
}

/// Seals a visit: `first` draws up and signs, `second` signs the same.
pub(crate) async fn seal(
    first: &Device,
    second: &Device,
    visit: InspectionId,
    party: &Party,
    comment: Option<&str>,
) {
    first.client().seal(visit, PASSPHRASE, party, comment).expect("the first officer signs");
    first.sync().await;
    second.sync().await;
    assert!(second.client().cosign(visit, "不是这个口令").is_err());
    second.client().cosign(visit, PASSPHRASE).expect("the second officer signs");
    second.sync().await;
    first.sync().await;
}

/// Where a visit stands, as a terminal knows it.
pub(crate) fn state(device: &Device, visit: InspectionId) -> InspectionState {
    device.client().inspection(visit).expect("the visit is here").row.expect("the server knows it").state
}

/// The document of a visit as a device receives it.
pub(crate) fn document(answer: &SyncAnswer, visit: InspectionId) -> Document {
    let changes: Vec<_> = answer
        .rows
        .iter()
        .filter_map(|row| match &row.body {
            Body::Change(row) if row.inspection == visit => Some(row.change.0.as_slice()),
            _ => None,
        })
        .collect();
    Document::from_changes(changes).unwrap()
}

/// Changes of one visit, as they are sent.
pub(crate) fn chunk(inspection: InspectionId, changes: &[RawChange]) -> Vec<Chunk> {
    vec![Chunk { inspection, changes: changes.to_vec() }]
}

/// What became of a change.
pub(crate) fn verdict<'a>(answer: &'a SyncAnswer, change: &RawChange) -> &'a Verdict {
    let digest = Digest::of(&change.0);
    answer.verdicts.iter().find(|v| v.item == digest).expect("a verdict for every item")
}
