//! Packages to and from the console: what a terminal exported counts whoever hands it in, and what the server holds reaches a
//! terminal that has no network.

mod forms;
mod parts;
mod refused;

use crate::packages::{answer_all, export, narrative};
use crate::support::{self, City};
use axum::http::StatusCode;
use fieldproof_client_core::{CaptureFacts, CaptureSource, Imported};
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::seal::Party;
use fieldproof_server::quota::Bounds;
use fieldproof_server::store::usage::Amount;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::device::{Device, PASSPHRASE};
use serde_json::{Value, json};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Hands a file in; status and answer.
async fn send(world: &World, person: &Person, file: &Path) -> (StatusCode, Value) {
    let bytes = fs::read(file).unwrap();
    let (status, answer) = world.send("POST", "/api/v1/packages", Some(person.token()), bytes).await;
    (status, serde_json::from_slice(&answer).unwrap())
}

/// Hands a file in that must be taken.
pub(crate) async fn hand_in(world: &World, person: &Person, file: &Path) -> Value {
    let (status, answer) = send(world, person, file).await;
    assert!(status.is_success(), "{status} {answer}");
    answer
}

/// Hands a visit out into a file.
pub(crate) async fn hand_out(world: &World, person: &Person, visit: InspectionId, query: &str) -> PathBuf {
    let path = format!("/api/v1/inspections/{visit}/package{query}");
    let (status, bytes) = world.send("POST", &path, Some(person.token()), "").await;
    assert!(status.is_success(), "{status} {}", String::from_utf8_lossy(&bytes));
    let file = world.folder().join("handed-out.zip");
    fs::write(&file, bytes).unwrap();
    file
}

pub(crate) fn capture(device: &Device, visit: InspectionId, bytes: &[u8]) -> RecordId {
    let facts = CaptureFacts { caption: "水箱", ..CaptureFacts::PHOTO };
    device.client().capture(visit, CaptureSource::Bytes(bytes), &facts).unwrap()
}

async fn shown(world: &World, person: &Person, visit: InspectionId) -> Value {
    person.get(world, &format!("/api/v1/inspections/{visit}")).await
}

async fn audited(world: &World, person: &Person, act: &str) -> Vec<Value> {
    let audit = person.get(world, "/api/v1/audit").await;
    audit["rows"].as_array().unwrap().iter().filter(|row| row["act"] == act).cloned().collect()
}

/// A terminal that never reaches the network: its officer exports, the supervisor hands the file in. Then the terminal does
/// sync after all.
#[tokio::test]
async fn what_a_terminal_exported_counts_when_a_supervisor_hands_it_in() {
    let world = World::start(941, None).await;
    let City { supervisor, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "现场检查：水箱无盖。").unwrap();
    answer_all(&one, visit);
    let bytes = photo::jpeg(1, None, 48, 48);
    capture(&one, visit, &bytes);
    let file = export(&world, "1.zip", visit, &one);

    let taken = hand_in(&world, &supervisor, &file).await;
    assert_eq!(taken["inspection"], json!(visit));
    let whose = taken["whose"].as_array().unwrap();
    assert_eq!((whose.len(), &whose[0]["device_name"]), (1, &json!("测试终端")));
    for kind in ["changes", "entries", "originals"] {
        assert!(taken[kind]["new"].as_u64().unwrap() > 0, "{taken}");
        assert_eq!((&taken[kind]["known"], &taken[kind]["waiting"]), (&json!(0), &json!(0)), "{taken}");
        assert_eq!((&taken[kind]["apart"], &taken[kind]["refused"]), (&json!({}), &json!({})), "{taken}");
    }
    assert_eq!(taken["server_missing"], 0, "the first change is the server's, and here");
    let row = shown(&world, &supervisor, visit).await;
    assert_eq!(row["view"]["narrative"], "现场检查：水箱无盖。");
    assert_eq!(row["row"]["evidence"][0]["held"], true, "{row}");
    let digest = row["row"]["evidence"][0]["digest"].as_str().unwrap();
    let path = format!("/api/v1/evidence/{digest}");
    assert_eq!(world.send("GET", &path, Some(supervisor.token()), "").await.1, bytes);
    let audit = audited(&world, &supervisor, "package.handed_in").await;
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0]["details"]["digest"], taken["digest"]);
    assert_eq!(audit[0]["details"]["originals"], 1);

    // The same file again.
    let again = hand_in(&world, &supervisor, &file).await;
    for kind in ["changes", "entries", "originals"] {
        let before = &taken[kind]["new"];
        let nothing = json!({"new": 0, "known": before, "waiting": 0, "apart": {}, "refused": {}});
        assert_eq!(again[kind], nothing, "{kind}");
    }
    assert_eq!(audited(&world, &supervisor, "package.handed_in").await.len(), 1);
    assert_eq!(shown(&world, &supervisor, visit).await["info"]["changes"], row["info"]["changes"]);

    // The colleague has it by an ordinary sync, and the terminal itself has nothing left to do but to hear of it.
    two.sync().await;
    assert_eq!(narrative(&two, visit), "现场检查：水箱无盖。");
    let report = one.sync().await;
    assert!(report.refused.is_empty(), "{report:?}");
    let status = one.client().status().unwrap();
    assert!(status.unsent.is_empty(), "{status:?}");
    assert_eq!((status.quarantined, status.refused, status.waiting), (0, 0, 0));
    support::seal(&one, &two, visit, &Party::Signed { name: "王建国".into() }, None).await;
    assert_eq!(support::state(&one, visit), InspectionState::Sealed);
    assert_eq!(shown(&world, &supervisor, visit).await["info"]["changes"], row["info"]["changes"]);
}

/// Written, captured and sealed by two terminals in a cellar; one of them is lost, the other one has no network.
#[tokio::test]
async fn a_visit_that_was_sealed_without_a_network_is_sealed_by_its_package() {
    let world = World::start(942, None).await;
    let City { administrator, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    two.client().import_package(&export(&world, "1.zip", visit, &one)).unwrap();
    two.client().statement(visit, None, "我单位将立即整改。").unwrap();
    one.client().import_package(&export(&world, "2.zip", visit, &two)).unwrap();
    one.client().seal(visit, PASSPHRASE, &Party::Signed { name: "王建国".into() }, None).unwrap();
    two.client().import_package(&export(&world, "3.zip", visit, &one)).unwrap();
    two.client().cosign(visit, PASSPHRASE).unwrap();
    let file = export(&world, "4.zip", visit, &two);
    drop(one);

    let taken = hand_in(&world, &administrator, &file).await;
    assert_eq!(taken["whose"].as_array().unwrap().len(), 2, "{taken}");
    let row = shown(&world, &administrator, visit).await;
    assert_eq!(row["info"]["state"], "sealed", "{taken} {row}");
    assert_eq!(row["sealed"]["view"]["statement"], "我单位将立即整改。");
}

/// A terminal that was never in touch since the dispatch takes in what the server holds, and goes on from there.
#[tokio::test]
async fn what_the_server_holds_reaches_a_terminal_without_a_network() {
    let world = World::start(943, None).await;
    let City { administrator, supervisor, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "现场检查：水箱无盖。").unwrap();
    answer_all(&one, visit);
    let bytes = photo::jpeg(1, None, 48, 48);
    let record = capture(&one, visit, &bytes);
    one.sync().await;

    let light = hand_out(&world, &supervisor, visit, "").await;
    let taken = two.client().import_package(&light).unwrap();
    assert_eq!((taken.waiting, taken.refused, taken.originals), (0, 0, 0), "{taken:?}");
    assert!(taken.changes > 2 && taken.entries > 1, "{taken:?}");
    assert_eq!(narrative(&two, visit), "现场检查：水箱无盖。");
    let history = two.client().history(visit).unwrap();
    assert!(history.changes.iter().any(|(_, author)| author.officer == Some(task.team[0])));

    let whole = hand_out(&world, &supervisor, visit, "?originals=true").await;
    let taken = two.client().import_package(&whole).unwrap();
    let nothing =
        Imported { inspection: visit, changes: 0, entries: 0, originals: 1, waiting: 0, refused: 0 };
    assert_eq!(taken, nothing);
    let mut kept = Vec::new();
    two.client().evidence_file(visit, record).unwrap().bytes.read_to_end(&mut kept).unwrap();
    assert_eq!(kept, bytes);
    assert_eq!(two.client().import_package(&whole).unwrap(), Imported { originals: 0, ..nothing });
    let audit = audited(&world, &administrator, "package.handed_out").await;
    assert_eq!(audit.len(), 2);
    assert_eq!(audit[0]["details"]["originals"], 1);

    // What the server gave out it knows, too.
    let again = hand_in(&world, &supervisor, &whole).await;
    for kind in ["changes", "entries", "originals"] {
        assert_eq!(again[kind]["new"], 0, "{again}");
        assert!(again[kind]["known"].as_u64().unwrap() > 0, "{again}");
    }
    two.client().statement(visit, None, "我单位将立即整改。").unwrap();
    let report = two.sync().await;
    assert!(report.refused.is_empty(), "{report:?}");
    assert_eq!(shown(&world, &supervisor, visit).await["view"]["statement"], "我单位将立即整改。");
    assert_eq!(two.client().verify().unwrap().faults, []);
    one.sync().await;
    assert_eq!(one.client().inspection(visit).unwrap().heads, two.client().inspection(visit).unwrap().heads);
}

/// The writer has left the team: what she wrote and captured is held apart, as if she had sent it, and people decide.
#[tokio::test]
async fn what_somebody_wrote_who_left_the_team_is_held_apart_whoever_hands_it_in() {
    let world = World::start(944, None).await;
    let City { administrator, supervisor, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    capture(&one, visit, &photo::jpeg(1, None, 48, 48));
    let file = export(&world, "1.zip", visit, &one);
    let officers = administrator.get(&world, "/api/v1/officers").await["rows"].as_array().unwrap().clone();
    let team = [json!(task.team[0]), json!(task.team[1])];
    let other = officers.iter().find(|row| row["active"] != false && !team.contains(&row["id"])).unwrap();
    for (officer, change) in [(&other["id"], "joins"), (&team[0], "leaves")] {
        let body = json!({"officer": officer, "change": change, "reason": "调整"});
        administrator.post(&world, &format!("/api/v1/inspections/{visit}/team"), body).await;
    }

    let taken = hand_in(&world, &supervisor, &file).await;
    assert!(taken["changes"]["apart"]["change_out_of_scope"].as_u64().unwrap() > 0, "{taken}");
    assert_eq!((&taken["changes"]["new"], &taken["originals"]["new"]), (&json!(0), &json!(1)), "{taken}");
    let apart = administrator.get(&world, &format!("/api/v1/quarantine?inspection={visit}")).await;
    assert!(!apart["rows"].as_array().unwrap().is_empty(), "{apart}");
    assert_eq!(shown(&world, &supervisor, visit).await["view"]["narrative"], "");
    let again = hand_in(&world, &supervisor, &file).await;
    assert_eq!(
        (&again["changes"]["apart"], &again["originals"]["known"]),
        (&json!({}), &json!(1)),
        "{again}"
    );
    two.sync().await;
    assert_eq!(narrative(&two, visit), "");
}

/// What is handed in costs no terminal its day.
#[tokio::test]
async fn no_terminals_day_pays_for_what_people_hand_in() {
    let world = World::start(945, None).await;
    let City { supervisor, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    let bytes = photo::jpeg(1, None, 48, 48);
    capture(&one, visit, &bytes);
    let file = export(&world, "1.zip", visit, &one);
    // A day on which no terminal may bring anything any more.
    let nothing = Amount { items: 0, bytes: 0 };
    world.app.quota.set(Bounds { day: nothing, entries: nothing, day_evidence: 0, ..Bounds::default() });
    let taken = hand_in(&world, &supervisor, &file).await;
    for kind in ["changes", "entries", "originals"] {
        assert_eq!((&taken[kind]["refused"], &taken[kind]["waiting"]), (&json!({}), &json!(0)), "{taken}");
    }
    // Room for one original a day: the one that was handed in did not take it.
    let other = photo::jpeg(2, None, 48, 48);
    world.app.quota.set(Bounds { day_evidence: other.len() as u64, ..Bounds::default() });
    capture(&one, visit, &other);
    let report = one.sync().await;
    assert!(report.refused.is_empty(), "{report:?}");
    assert_eq!(one.client().status().unwrap().unsent.evidence, 0);
}
