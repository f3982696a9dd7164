//! An officer moves to another district: its directory comes, the old one goes, and the own visits stay whole.

use super::listed;
use fieldproof_schema::data;
use fieldproof_schema::ids::OfficerId;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::device::Device;
use serde_json::{Value, json};

/// Moves an officer to another unit, by a directory file.
pub(super) async fn move_to(world: &World, person: &Person, code: &str, unit: &str) {
    let city: Value = serde_json::from_str(data::sample_org()).unwrap();
    let mut officers = city["officers"].as_array().unwrap().iter();
    let mut officer = officers.find(|officer| officer["id"] == code).unwrap().clone();
    officer["orgId"] = unit.into();
    person.post(world, "/api/v1/import/organisation", json!({"officers": [officer]})).await;
}

/// How many entities a terminal carries, and how many the sample city has in a district.
fn carried(device: &Device) -> u64 {
    device.client().entities("", 0, 1).unwrap().total
}

fn entities_of(unit: &str) -> u64 {
    let city: Value = serde_json::from_str(data::sample_org()).unwrap();
    city["entities"].as_array().unwrap().iter().filter(|entity| entity["orgId"] == unit).count() as u64
}

async fn officer(world: &World, person: &Person, code: &str) -> OfficerId {
    let officers = person.get(world, "/api/v1/officers").await;
    let mut all = officers["rows"].as_array().unwrap().iter();
    let found = all.find(|row| row["code"] == code).expect("the officer is in the directory");
    serde_json::from_value(found["id"].clone()).unwrap()
}

#[tokio::test]
async fn who_moves_gets_the_new_district_and_gives_up_the_old_one() {
    let world = World::start(631, None).await;
    let (administrator, _) = world.found_city().await;
    let (mover, stayer) =
        (officer(&world, &administrator, "OFF-04").await, officer(&world, &administrator, "OFF-05").await);
    let one = administrator.terminal(&world, mover, "one").await;
    let two = administrator.terminal(&world, stayer, "two").await;
    one.sync().await;
    two.sync().await;
    let (first, second) = (entities_of("ORG-D1"), entities_of("ORG-D2"));
    assert_eq!((carried(&one), carried(&two)), (first, first));

    one.link.down();
    move_to(&world, &administrator, "OFF-04", "ORG-D2-BRG").await;
    one.link.up();
    one.sync().await;
    two.sync().await;
    assert_eq!((carried(&one), carried(&two)), (second, first), "who stayed is not affected");
    let rows = one.sync().await.rows_received;
    assert_eq!(rows, 0, "it settles");

    // Back again: what was taken is given anew.
    move_to(&world, &administrator, "OFF-04", "ORG-D1-BRG").await;
    one.sync().await;
    assert_eq!(carried(&one), first);
    // There and back between two syncs is no move at all.
    move_to(&world, &administrator, "OFF-04", "ORG-D2-BRG").await;
    move_to(&world, &administrator, "OFF-04", "ORG-D1-BRG").await;
    one.sync().await;
    assert_eq!(carried(&one), first);
}

#[tokio::test]
async fn entities_of_own_visits_stay_when_their_officer_moves() {
    let world = World::start(632, None).await;
    let (administrator, _) = world.found_city().await;
    let tasks = administrator.draw_and_dispatch(&world).await;
    let officers = administrator.get(&world, "/api/v1/officers").await;
    let code_of = |id: OfficerId| {
        let mut all = officers["rows"].as_array().unwrap().iter();
        all.find(|row| row["id"] == json!(id)).unwrap()["code"].as_str().unwrap().to_owned()
    };
    let busy = tasks[0].team[0];
    let own: Vec<_> = tasks.iter().filter(|task| task.team.contains(&busy)).map(|t| t.inspection).collect();
    let one = administrator.terminal(&world, busy, "one").await;
    one.sync().await;
    let before: Vec<_> =
        own.iter().map(|visit| one.client().inspection(*visit).unwrap().entity.unwrap().id).collect();
    // To a district of which the officer has as little as can be, and on.
    for unit in ["ORG-D3-BRG", "ORG-D4-BRG"] {
        move_to(&world, &administrator, &code_of(busy), unit).await;
        one.sync().await;
        for (visit, entity) in own.iter().zip(&before) {
            let detail = one.client().inspection(*visit).unwrap();
            assert!(listed(&one, *visit) && detail.editable);
            assert_eq!(detail.entity.map(|entity| entity.id), Some(*entity), "in {unit}");
        }
        let district = entities_of(&unit[..6]);
        let all = carried(&one);
        assert!(all >= district && all <= district + before.len() as u64, "{all} of {district}");
    }
}
