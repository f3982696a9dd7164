//! How most stories begin: the sample city, a dispatched task, two enrolled terminals.

use fieldproof_schema::checklist::{Answer, ItemKind, Outcome};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::seal::Party;
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
