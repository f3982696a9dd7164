//! Conflicts of every kind: found, listed, decided by whom may, taken back, told to the terminals; and no sync waits for
//! any of it.

mod answer;
mod assignment;
pub(crate) mod entity;
mod evidence;
mod identity;
mod late;
mod lost;
pub(crate) mod number;
mod over;
mod template;

use crate::support::{self, City};
use fieldproof_schema::checklist::{Answer, Outcome};
use fieldproof_schema::ids::InspectionId;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{PASSWORD, Person};
use fieldproof_tests::world::device::Device;
use serde_json::{Value, json};

const LIST: &str = "/api/v1/conflicts";

/// The open conflicts of a kind, as somebody sees them.
async fn open(world: &World, person: &Person, kind: &str) -> Vec<Value> {
    let all = person.get(world, LIST).await["conflicts"].as_array().unwrap().clone();
    all.into_iter().filter(|conflict| conflict["kind"] == kind).collect()
}

/// The one open conflict of a kind.
async fn only(world: &World, person: &Person, kind: &str) -> Value {
    let mut found = open(world, person, kind).await;
    assert_eq!(found.len(), 1, "{kind}: {found:?}");
    found.remove(0)
}

fn path(conflict: &Value) -> String {
    format!("{LIST}/{}", conflict["id"].as_str().unwrap())
}

/// The conflict with its history.
async fn shown(world: &World, person: &Person, conflict: &Value) -> Value {
    person.get(world, &path(conflict)).await
}

async fn decide(world: &World, person: &Person, conflict: &Value, body: Value) -> Value {
    person.post(world, &format!("{}/decision", path(conflict)), body).await
}

async fn refused(world: &World, person: &Person, conflict: &Value, body: Value) -> String {
    person.refused(world, &format!("{}/decision", path(conflict)), body).await
}

/// Takes the last decision back.
async fn undo(world: &World, person: &Person, conflict: &Value, reason: &str) -> Value {
    let body = undoing(world, person, conflict, reason).await;
    person.post(world, &format!("{}/undo", path(conflict)), body).await
}

async fn undoing(world: &World, person: &Person, conflict: &Value, reason: &str) -> Value {
    let shown = shown(world, person, conflict).await;
    let last = shown["decisions"].as_array().unwrap().last().unwrap().clone();
    json!({"decision": last["id"], "reason": reason})
}

/// The names of the choices that were made, in order.
async fn choices(world: &World, person: &Person, conflict: &Value) -> Vec<String> {
    let shown = shown(world, person, conflict).await;
    let made = shown["decisions"].as_array().unwrap().iter();
    made.map(|decision| decision["choice"].as_str().unwrap().to_owned()).collect()
}

/// A second administrator of the same unit, and one of another.
async fn administrators(world: &World, first: &Person) -> (Person, Person) {
    for (login, unit) in [("guanli2", "ORG-C"), ("waidi", "ORG-C-SUP")] {
        let user = json!({"login": login, "name": "某人（虚构）", "role": "administrator", "unit": unit, "password": PASSWORD});
        first.post(world, "/api/v1/users", user).await;
    }
    (Person::sign_in(world, "guanli2").await, Person::sign_in(world, "waidi").await)
}

/// How many conflicts the list of visits shows for one.
async fn counted(world: &World, person: &Person, visit: InspectionId) -> i64 {
    let shown = person.get(world, &format!("/api/v1/inspections/{visit}")).await;
    shown["info"]["open_conflicts"].as_i64().unwrap()
}

async fn sync_all(devices: &[&Device]) {
    for device in devices.iter().chain(devices) {
        device.sync().await;
    }
}

fn conformity(result: Outcome) -> Answer {
    Answer::Conformity { result }
}

/// A city in which both officers answered one item differently; returns the item, too.
async fn disputed(world: &World) -> (City, String) {
    let city = support::city(world).await;
    let visit = city.task.inspection;
    let (item, _) = support::plain_items(&city.one, visit).remove(0);
    city.one.client().answer(visit, &item, &conformity(Outcome::Pass)).unwrap();
    city.two.client().answer(visit, &item, &conformity(Outcome::Fail)).unwrap();
    sync_all(&[&city.one, &city.two]).await;
    (city, item)
}
