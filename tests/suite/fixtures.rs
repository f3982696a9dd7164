//! Stores that programs of earlier versions left open with this one, and nothing of them is lost.

use crate::support;
use axum::http::StatusCode;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::migrations::{DEVICE, Migration, SERVER};
use fieldproof_schema::suite::Digest;
use fieldproof_server::fsck::{self, Care};
use fieldproof_server::store::originals;
use fieldproof_tests::fixtures::{self, Fixture};
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::device::Device;
use serde_json::{Map, Value, json};

/// The server's migrations that were the latest of a release and are followed by others: what the present program makes is
/// opened by every other test. 9, 10, 12 and 13 never left the house by themselves.
const RELEASED_SERVER: &[i64] = &[1, 2, 3, 4, 5, 6, 7, 8, 11, 14, 15, 16, 17];
/// Those of terminals.
const RELEASED_DEVICE: &[i64] = &[1, 2, 3, 4, 7, 10, 11];

/// What a terminal shows of a visit, as the programs that made the fixtures told it.
fn told(device: &Device, visit: InspectionId) -> Value {
    let detail = device.client().inspection(visit).unwrap();
    let answers = detail.view.answers.iter();
    let answers: Map<String, Value> =
        answers.map(|(item, register)| (item.clone(), json!(register.standing.value))).collect();
    let mut heads: Vec<String> = detail.heads.iter().map(ToString::to_string).collect();
    heads.sort();
    let conflicts: Vec<Digest> = detail.conflicts.iter().map(|conflict| conflict.id).collect();
    let evidence: Vec<String> = detail.evidence.iter().map(|e| format!("{:?}", e.stage)).collect();
    json!({
        "heads": heads, "answers": answers, "narrative": detail.view.narrative, "evidence": evidence,
        "conflicts": conflicts, "state": detail.row.map(|row| row.state), "captures": detail.view.evidence.len(),
    })
}

fn visit(expected: &Value, name: &str) -> InspectionId {
    expected[name].as_str().unwrap().parse().unwrap()
}

fn number(expected: &Value, name: &str) -> u64 {
    expected["unsent"][name].as_u64().unwrap()
}

/// What the server showed before shows again: visits, results, conflicts, what it holds.
async fn server_shows_everything(world: &World, expected: &Value) {
    // Whatever was held before is read by and by.
    let org = world.app.org().await.unwrap();
    let total = world.app.db.read(move |tx| originals::total(tx, org)).await.unwrap();
    let report = fsck::look(&world.app, Care::Contents).await.unwrap();
    assert_eq!((total.originals, report.lost.len()), (report.originals, 0));
    let administrator = Person::sign_in(world, "guanli").await;
    let desk = Desk::sign_in(world, "guanli").await;
    for name in ["first", "second"] {
        let (id, synced) = (visit(expected, name), &expected["synced"][name]);
        let shown = administrator.get(world, &format!("/api/v1/inspections/{id}")).await;
        assert_eq!(shown["row"]["state"], synced["state"], "{name}");
        let answers = shown["view"]["answers"].as_object().unwrap().iter();
        let answers: Map<String, Value> =
            answers.map(|(item, register)| (item.clone(), register["value"].clone())).collect();
        assert_eq!(json!(answers), synced["answers"], "{name}");
        let evidence = shown["row"]["evidence"].as_array().unwrap();
        assert_eq!(evidence.len(), synced["evidence"].as_array().unwrap().len(), "{name}");
        for capture in evidence {
            assert_eq!(capture["held"], true, "{name}");
            let path = format!("/api/v1/evidence/{}", capture["digest"].as_str().unwrap());
            let (status, bytes) = world.send("GET", &path, Some(administrator.token()), "").await;
            assert_eq!((status, json!(Digest::of(&bytes))), (StatusCode::OK, capture["digest"].clone()));
        }
        let history = administrator.get(world, &format!("/api/v1/inspections/{id}/history")).await;
        assert!(!history["changes"].as_array().unwrap().is_empty());
        let page = desk.get(world, &format!("/console/inspections/{id}")).await;
        assert_eq!(page.status, StatusCode::OK, "{name}: {}", page.text);
    }
    let open = administrator.get(world, "/api/v1/conflicts").await;
    let open: Vec<&Value> = open["conflicts"].as_array().unwrap().iter().map(|open| &open["id"]).collect();
    let known = expected["synced"]["second"]["conflicts"].as_array().unwrap();
    assert!(known.len() == 1 && known.iter().all(|id| open.contains(&id)), "{open:?}");
    let results: Value = world.expect("GET", "/api/v1/public/results", None, Value::Null).await;
    assert_eq!(results["rows"].as_array().unwrap().len(), 1);
    let devices = administrator.get(world, "/api/v1/devices").await;
    assert!(devices["rows"].as_array().unwrap().iter().any(|row| row["id"] == expected["device_id"]));
    let page = desk.get(world, "/console/devices").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
}

/// What the terminal showed before shows again, and what it had not sent is unsent.
fn terminal_shows_everything(device: &Device, expected: &Value) {
    let mut listed: Vec<Value> =
        device.client().inspections().unwrap().iter().map(|visit| json!(visit.id)).collect();
    listed.sort_by_key(ToString::to_string);
    let mut known = expected["listed"].as_array().unwrap().clone();
    known.sort_by_key(ToString::to_string);
    assert_eq!(listed, known);
    for name in ["first", "second"] {
        assert_eq!(told(device, visit(expected, name)), expected["device"][name], "{name}");
    }
    let status = device.client().status().unwrap();
    assert_eq!(json!(status.enrolled.unwrap().device), expected["device_id"]);
    let unsent = status.unsent;
    assert_eq!(unsent.changes, number(expected, "changes"));
    assert_eq!(unsent.evidence, number(expected, "evidence"));
    assert!(unsent.changes > 0 && unsent.evidence > 0 && unsent.entries >= number(expected, "entries"));
    assert_eq!(device.client().verify().unwrap().faults.len(), 0);
}

async fn opens_and_loses_nothing(version: u32) {
    let fixture = Fixture::unpack(version).unwrap();
    let expected = &fixture.expected;
    let world = fixture.world().await;
    server_shows_everything(&world, expected).await;
    let device = fixture.terminal(&world).unwrap();
    terminal_shows_everything(&device, expected);

    let report = device.sync().await;
    assert!(report.refused.is_empty() && report.still_unsent.is_empty(), "{version}: {report:?}");
    assert!(!report.rolled_back && !report.server_restored && !report.recovered, "{version}: {report:?}");
    assert_eq!(report.changes_sent, number(expected, "changes"), "{version}");
    assert_eq!(report.evidence_completed, number(expected, "evidence"), "{version}");
    let second = visit(expected, "second");
    let (here, before) = (told(&device, second), &expected["device"]["second"]);
    assert_eq!((&here["answers"], &here["heads"]), (&before["answers"], &before["heads"]), "{version}");
    assert!(here["evidence"].as_array().unwrap().iter().all(|stage| stage == "Held"), "{version}: {here}");

    // The server has it, and so has a terminal that begins today.
    let administrator = Person::sign_in(&world, "guanli").await;
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{second}")).await;
    assert_eq!(shown["view"]["narrative"], before["narrative"], "{version}");
    assert_eq!(shown["row"]["quarantined"], 0, "{version}");
    let officer = device.client().status().unwrap().enrolled.unwrap().officer;
    let fresh = administrator.terminal(&world, officer, "fresh").await;
    fresh.sync().await;
    for name in ["first", "second"] {
        let id = visit(expected, name);
        assert_eq!(told(&fresh, id)["heads"], told(&device, id)["heads"], "{version}: {name}");
    }
    // Work goes on.
    support::answer_one(&device, second);
    device.sync().await;
    fresh.sync().await;
    assert_eq!(told(&fresh, second)["answers"], told(&device, second)["answers"], "{version}");
}

#[tokio::test]
async fn stores_of_every_earlier_version_open_and_lose_nothing() {
    for version in fixtures::versions().unwrap() {
        println!("stores of server migration {version}");
        opens_and_loses_nothing(version).await;
    }
}

#[test]
fn every_released_version_left_a_fixture() {
    let versions = fixtures::versions().unwrap();
    let (mut server, mut device) = (Vec::new(), Vec::new());
    for version in &versions {
        let fixture = Fixture::unpack(*version).unwrap();
        let (on_server, on_device) = fixture.migrations().unwrap();
        assert_eq!(on_server, i64::from(*version), "a fixture is called by its migration");
        server.push(on_server);
        device.push(on_device);
    }
    let all = |found: &[i64], released: &[i64]| released.iter().all(|number| found.contains(number));
    assert!(all(&server, RELEASED_SERVER) && all(&device, RELEASED_DEVICE), "{server:?} {device:?}");
    let numbers = |migrations: &[Migration]| migrations.iter().map(|known| known.number).collect::<Vec<_>>();
    assert!(all(&numbers(SERVER), RELEASED_SERVER) && all(&numbers(DEVICE), RELEASED_DEVICE));
}
