//! Whose visit is whose: what a terminal may read and write, and what happens when that changes.

mod district;
mod matrix;
mod model;
pub(crate) mod play;
mod reassign;
mod revoked;

use fieldproof_schema::ids::{InspectionId, OfficerId};
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{Person, Task};
use fieldproof_tests::world::device::Device;
use serde_json::{Value, json};

/// Changes the team of a visit.
pub(crate) async fn change(
    world: &World,
    person: &Person,
    visit: InspectionId,
    officer: OfficerId,
    step: &str,
    reason: &str,
) -> Value {
    let body = json!({"officer": officer, "change": step, "reason": reason});
    person.post(world, &format!("/api/v1/inspections/{visit}/team"), body).await
}

/// An officer in service who is not on a team.
pub(crate) async fn third(world: &World, person: &Person, task: &Task) -> OfficerId {
    let officers = person.get(world, "/api/v1/officers").await;
    let mut all = officers["rows"].as_array().unwrap().iter().filter(|row| row["active"] != false);
    let found = all.find(|row| task.team.iter().all(|officer| row["id"] != json!(officer)));
    serde_json::from_value(found.expect("an officer of another team")["id"].clone()).unwrap()
}

/// Whether a terminal lists a visit.
pub(crate) fn listed(device: &Device, visit: InspectionId) -> bool {
    device.client().inspections().unwrap().iter().any(|known| known.id == visit)
}
