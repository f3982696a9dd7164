//! Packages: a team that meets no server hands its visit from terminal to terminal, and nothing counts that nobody signed.

use crate::support::{self, City};
use fieldproof_client_core::{CaptureFacts, CaptureSource, Client, ClientError, Imported};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::package::{Package, Reading, Writing};
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::seal::Party;
use fieldproof_schema::suite::{MemoryKey, Purpose, Signer};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::{Device, PASSPHRASE};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Hands a visit over: what one terminal exports, the other imports.
fn hand_over(world: &World, name: &str, visit: InspectionId, from: &Device, to: &Device) -> Imported {
    let file = export(world, name, visit, from);
    to.client().import_package(&file).unwrap()
}

pub(crate) fn export(world: &World, name: &str, visit: InspectionId, from: &Device) -> PathBuf {
    let file = world.folder().join(name);
    from.client().export_package(visit, &file, true).unwrap();
    file
}

pub(crate) fn narrative(device: &Device, visit: InspectionId) -> String {
    device.client().inspection(visit).unwrap().view.narrative.clone()
}

pub(crate) fn answer_all(device: &Device, visit: InspectionId) {
    for (item, answer) in support::plain_items(device, visit) {
        device.client().answer(visit, &item, &answer).unwrap();
    }
}

/// A cellar, two officers, two terminals, no network: written together, captured, sealed by both. Only the second terminal
/// ever meets the server again before the evening, and brings everything.
#[tokio::test]
async fn a_team_without_a_network_works_and_seals_by_handing_over() {
    let world = World::start(921, None).await;
    let City { administrator, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "现场检查：水箱无盖。").unwrap();
    answer_all(&one, visit);
    let bytes = photo::jpeg(1, None, 48, 48);
    let facts = CaptureFacts { caption: "水箱", ..CaptureFacts::PHOTO };
    let record = one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();

    let taken = hand_over(&world, "1.zip", visit, &one, &two);
    assert_eq!((taken.waiting, taken.refused, taken.originals), (0, 0, 1));
    assert!(taken.changes > 2 && taken.entries > 1, "{taken:?}");
    assert_eq!(narrative(&two, visit), "现场检查：水箱无盖。");
    let mut kept = Vec::new();
    two.client().evidence_file(visit, record).unwrap().bytes.read_to_end(&mut kept).unwrap();
    assert_eq!(kept, bytes);
    let history = two.client().history(visit).unwrap();
    assert!(history.changes.iter().any(|(_, author)| author.officer == Some(task.team[0])));

    two.client().statement(visit, None, "我单位将立即整改。").unwrap();
    assert_eq!(hand_over(&world, "2.zip", visit, &two, &one).changes, 1);
    let party = Party::Signed { name: "王建国".into() };
    one.client().seal(visit, PASSPHRASE, &party, None).unwrap();
    hand_over(&world, "3.zip", visit, &one, &two);
    two.client().cosign(visit, PASSPHRASE).unwrap();

    // The first terminal falls into the water. The second one comes by the server.
    let report = two.sync().await;
    assert!(report.refused.is_empty(), "{report:?}");
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(shown["info"]["state"], "sealed", "{shown}");
    assert_eq!(shown["view"]["narrative"], "现场检查：水箱无盖。");
    assert_eq!(shown["view"]["statement"], "我单位将立即整改。");
    assert_eq!(shown["row"]["evidence"][0]["held"], true, "the original came along: {shown}");

    // It was only wet: everything of it is there already.
    let report = one.sync().await;
    assert!(report.refused.is_empty() && report.evidence_completed == 1, "{report:?}");
    for device in [&one, &two] {
        device.sync().await;
        assert_eq!(support::state(device, visit), InspectionState::Sealed);
        let status = device.client().status().unwrap();
        assert!(status.unsent.is_empty(), "{status:?}");
        assert_eq!((status.quarantined, status.refused, status.waiting), (0, 0, 0));
        assert_eq!(device.client().verify().unwrap().faults, []);
    }
    let conflicts = administrator.get(&world, "/api/v1/conflicts").await;
    assert_eq!(conflicts["conflicts"], serde_json::json!([]));
}

#[tokio::test]
async fn taking_a_package_in_again_changes_nothing() {
    let world = World::start(922, None).await;
    let City { one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    let file = export(&world, "1.zip", visit, &one);
    assert_eq!(two.client().import_package(&file).unwrap().changes, 1);
    let before = two.client().inspection(visit).unwrap();
    let nothing =
        Imported { inspection: visit, changes: 0, entries: 0, originals: 0, waiting: 0, refused: 0 };
    for device in [&two, &two, &one] {
        assert_eq!(device.client().import_package(&file).unwrap(), nothing);
    }
    // By sync it comes once more, and counts once.
    one.sync().await;
    two.sync().await;
    let after = two.client().inspection(visit).unwrap();
    assert_eq!((after.view, after.heads), (before.view, before.heads));
    assert_eq!(two.client().import_package(&file).unwrap(), nothing);
    assert_eq!(two.client().verify().unwrap().faults, []);
}

/// Two packages of one history in the wrong order: the later one waits for what the earlier one holds.
#[tokio::test]
async fn what_builds_upon_what_is_not_here_waits() {
    let world = World::start(923, None).await;
    let City { administrator, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    // A third terminal, of the first officer: what it wrote is known to the first one only.
    let third = administrator.terminal(&world, task.team[0], "third").await;
    third.sync().await;
    third.client().narrative(visit, None, "丙").unwrap();
    let of_third = export(&world, "3.zip", visit, &third);
    one.client().import_package(&of_third).unwrap();
    one.client().statement(visit, None, "甲").unwrap();
    let of_one = export(&world, "1.zip", visit, &one);
    // What the first wrote upon it, without it.
    let partial = world.folder().join("partial.zip");
    rewrite(&of_one, &partial, |package| {
        package.carried.retain(|carried| carried.certificate.text.contains(&package.maker.to_string()));
    });
    let taken = two.client().import_package(&partial).unwrap();
    assert_eq!((taken.changes, taken.waiting, taken.refused), (0, 1, 0));
    assert_eq!(two.client().import_package(&of_third).unwrap().changes, 1);
    let taken = two.client().import_package(&partial).unwrap();
    assert_eq!((taken.changes, taken.waiting, taken.refused), (1, 0, 0));
    assert_eq!(narrative(&two, visit), "丙");
}

/// Writes a package anew with something else in it.
pub(crate) fn rewrite(from: &Path, to: &Path, change: impl FnOnce(&mut Package)) {
    let mut reading = Reading::open(File::open(from).unwrap()).unwrap();
    let mut package = reading.package.clone();
    change(&mut package);
    let mut writing = Writing::begin(File::create(to).unwrap(), &package).unwrap();
    for original in &package.originals {
        writing.original(original, reading.original(original.digest).unwrap()).unwrap();
    }
    writing.finish().unwrap();
}

fn refused(client: &Client, file: &Path) -> ErrorCode {
    client.import_package(file).unwrap_err().code()
}

#[tokio::test]
async fn a_package_in_which_anything_is_not_what_was_signed_is_not_taken() {
    let world = World::start(924, None).await;
    let City { one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    let bytes = photo::jpeg(1, None, 48, 48);
    let facts = CaptureFacts { caption: "水箱", ..CaptureFacts::PHOTO };
    one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    let file = export(&world, "1.zip", visit, &one);
    let before = two.client().inspection(visit).unwrap();
    let forger = MemoryKey::from_secret(&[5; 32]);
    type Forge<'a> = &'a dyn Fn(&mut Package);
    let forgeries: [(&str, Forge<'_>, ErrorCode); 5] = [
        (
            "entry",
            &|p| {
                let entry = &mut p.carried[0].entries[0];
                entry.signature = forger.sign(Purpose::Journal, &entry.bytes);
            },
            ErrorCode::PackageAltered,
        ),
        (
            "certificate",
            &|p| {
                let certificate = &mut p.carried[0].certificate;
                certificate.signature = forger.sign(Purpose::Certificate, certificate.text.as_bytes());
            },
            ErrorCode::PackageAltered,
        ),
        ("other visit", &|p| p.inspection = support::other_visit(&two, visit), ErrorCode::PackageAltered),
        ("nobody's visit", &|p| p.inspection = InspectionId::from_bytes([3; 16]), ErrorCode::NotFound),
        ("rubbish", &|_| {}, ErrorCode::PackageInvalid),
    ];
    for (name, forge, code) in forgeries {
        let forged = world.folder().join(format!("{name}.zip"));
        rewrite(&file, &forged, forge);
        if name == "rubbish" {
            // Cut off.
            fs::write(&forged, [b"PK".as_slice(), &fs::read(&file).unwrap()[..200]].concat()).unwrap();
        }
        assert_eq!(refused(two.client(), &forged), code, "{name}");
    }
    // An original that is not what its name says.
    let swapped = world.folder().join("swapped.zip");
    let reading = Reading::open(File::open(&file).unwrap()).unwrap();
    let mut writing = Writing::begin(File::create(&swapped).unwrap(), &reading.package).unwrap();
    writing.original(&reading.package.originals[0], photo::jpeg(2, None, 48, 48).as_slice()).unwrap();
    writing.finish().unwrap();
    assert_eq!(refused(two.client(), &swapped), ErrorCode::PackageAltered);

    let after = two.client().inspection(visit).unwrap();
    assert_eq!((after.view, after.heads), (before.view, before.heads));
    // A change that nobody signed does not count; what is signed does, beside it.
    let unsigned = world.folder().join("unsigned.zip");
    rewrite(&file, &unsigned, |p| {
        let chunk = &mut p.carried[0].chunks[0];
        let first = p.server[0].clone();
        chunk.changes.push(first);
    });
    let taken = two.client().import_package(&unsigned).unwrap();
    assert_eq!((taken.changes, taken.refused), (2, 0), "the first change is here already");
    assert_eq!(narrative(&two, visit), "甲");
}

#[tokio::test]
async fn whoever_is_not_on_the_team_adds_nothing_and_gets_no_package() {
    let world = World::start(925, None).await;
    let (administrator, _) = world.found_city().await;
    let mut tasks = administrator.draw_and_dispatch(&world).await;
    let task = tasks.remove(0);
    let visit = task.inspection;
    let stranger = tasks.into_iter().flat_map(|other| other.team).find(|o| !task.team.contains(o)).unwrap();
    let stranger = administrator.terminal(&world, stranger, "stranger").await;
    let one = administrator.terminal(&world, task.team[0], "one").await;
    let two = administrator.terminal(&world, task.team[1], "two").await;
    for device in [&stranger, &one, &two] {
        device.sync().await;
    }
    let to = world.folder().join("none.zip");
    let error = stranger.client().export_package(visit, &to, true).unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
    assert!(!to.exists());
    one.client().narrative(visit, None, "甲").unwrap();
    let file = export(&world, "1.zip", visit, &one);
    assert_eq!(refused(stranger.client(), &file), ErrorCode::NotFound);
    // A file that is there is not written over.
    let again = two.client().export_package(visit, &file, true).unwrap_err();
    assert_eq!(again.code(), ErrorCode::Internal);
    assert_eq!(two.client().import_package(&file).unwrap().changes, 1);
}
