//! Files that are not taken, and people who may not hand them in.

use super::{audited, capture, hand_out, send, shown};
use crate::packages::{export, rewrite};
use crate::support::{self, City};
use axum::http::StatusCode;
use fieldproof_schema::ids::{DeviceId, InspectionId};
use fieldproof_schema::package::{Package, Reading, Writing};
use fieldproof_schema::suite::{MemoryKey, Purpose, Signer};
use fieldproof_schema::wire::sync::Chunk;
use fieldproof_server::quota::Bounds;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{PASSWORD, Person};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

async fn refused(world: &World, person: &Person, file: &Path) -> (u16, String) {
    let (status, answer) = send(world, person, file).await;
    assert!(!status.is_success(), "{}: {answer}", file.display());
    (status.as_u16(), answer["code"].as_str().unwrap().to_owned())
}

/// Another archive around what a package says.
fn archive(to: &Path, files: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(File::create(to).unwrap());
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

#[tokio::test]
async fn a_package_in_which_anything_is_not_what_was_signed_changes_nothing() {
    let world = World::start(951, None).await;
    let City { supervisor, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    capture(&one, visit, &photo::jpeg(1, None, 48, 48));
    let file = export(&world, "1.zip", visit, &one);
    let before = shown(&world, &supervisor, visit).await;
    let forger = MemoryKey::from_secret(&[5; 32]);
    type Forge<'a> = &'a dyn Fn(&mut Package);
    let forgeries: [(&str, Forge<'_>, &str); 8] = [
        (
            "entry",
            &|p| {
                let entry = &mut p.carried[0].entries[0];
                entry.signature = forger.sign(Purpose::Journal, &entry.bytes);
            },
            "package_altered",
        ),
        (
            "another server's word",
            &|p| {
                let certificate = &mut p.carried[0].certificate;
                certificate.signature = forger.sign(Purpose::Certificate, certificate.text.as_bytes());
            },
            "package_foreign",
        ),
        (
            "another server's word about nothing",
            &|p| {
                let mut one = p.carried[0].clone();
                one.certificate.signature =
                    forger.sign(Purpose::Certificate, one.certificate.text.as_bytes());
                (one.entries, one.chunks) = (vec![], vec![]);
                p.carried.push(one);
            },
            "package_foreign",
        ),
        (
            "entries of another visit",
            &|p| p.inspection = support::other_visit(&one, visit),
            "package_altered",
        ),
        (
            "changes of another visit",
            &|p| {
                let changes = p.carried[0].chunks[0].changes.clone();
                let inspection = support::other_visit(&one, visit);
                p.carried[0].chunks.push(Chunk { inspection, changes });
            },
            "package_altered",
        ),
        ("a first change that is none", &|p| p.server[0].0 = b"rubbish".to_vec(), "package_altered"),
        ("an original that is longer", &|p| p.originals[0].size_bytes -= 1, "package_altered"),
        ("originals without end", &|p| p.originals[0].size_bytes = u64::MAX, "package_invalid"),
    ];
    for (name, forge, code) in forgeries {
        let forged = world.folder().join("forged.zip");
        let mut package = Reading::open(File::open(&file).unwrap()).unwrap().package;
        let original = package.originals[0].clone();
        forge(&mut package);
        let mut writing = Writing::begin(File::create(&forged).unwrap(), &package).unwrap();
        let mut whole = Reading::open(File::open(&file).unwrap()).unwrap();
        writing.original(&original, whole.original(original.digest).unwrap()).unwrap();
        writing.finish().unwrap();
        assert_eq!(refused(&world, &supervisor, &forged).await, (422, code.to_owned()), "{name}");
    }
    let swapped = world.folder().join("swapped.zip");
    let package = Reading::open(File::open(&file).unwrap()).unwrap().package;
    let mut writing = Writing::begin(File::create(&swapped).unwrap(), &package).unwrap();
    let other = photo::jpeg(2, None, 48, 48);
    writing.original(&package.originals[0], &other[..package.originals[0].size_bytes as usize]).unwrap();
    writing.finish().unwrap();
    assert_eq!(refused(&world, &supervisor, &swapped).await, (422, "package_altered".into()));

    let whole = fs::read(&file).unwrap();
    for (name, bytes) in
        [("cut", &whole[..whole.len() / 2]), ("nothing", b"".as_slice()), ("text", b"not a package at all")]
    {
        let broken = world.folder().join(format!("{name}.zip"));
        fs::write(&broken, bytes).unwrap();
        assert_eq!(refused(&world, &supervisor, &broken).await, (422, "package_invalid".into()), "{name}");
    }
    assert_eq!(shown(&world, &supervisor, visit).await, before);
    assert!(audited(&world, &supervisor, "package.handed_in").await.is_empty());
}

#[tokio::test]
async fn what_a_package_unfolds_to_and_how_its_files_are_called_does_no_harm() {
    let world = World::start(952, None).await;
    let City { supervisor, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    let file = export(&world, "1.zip", visit, &one);
    // A gigabyte of nothing, in some kilobytes.
    let bomb = world.folder().join("bomb.zip");
    let unfolds = zstd::encode_all(std::io::Read::take(std::io::repeat(0), 1 << 30), 3).unwrap();
    archive(&bomb, &[("package.cbor.zst", &unfolds)]);
    assert_eq!(refused(&world, &supervisor, &bomb).await, (413, "package_too_large".into()));
    // Names that lead out of any folder are nobody's: files are asked for by digest, and nothing is unpacked.
    let contents = {
        let mut zip = zip::ZipArchive::new(File::open(&file).unwrap()).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut zip.by_name("package.cbor.zst").unwrap(), &mut bytes).unwrap();
        bytes
    };
    let climbing = world.folder().join("climbing.zip");
    let names: [(&str, &[u8]); 4] = [
        ("package.cbor.zst", &contents),
        ("../../../climbed", b"climbed"),
        ("/tmp/climbed-fieldproof", b"climbed"),
        ("evidence/../../climbed", b"climbed"),
    ];
    archive(&climbing, &names);
    let before: Vec<_> = fs::read_dir(world.folder()).unwrap().map(|e| e.unwrap().file_name()).collect();
    let (status, taken) = send(&world, &supervisor, &climbing).await;
    assert_eq!((status, &taken["changes"]["new"]), (StatusCode::OK, &json!(1)), "{taken}");
    let after: Vec<_> = fs::read_dir(world.folder()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(before, after);
    // One that is longer than packages may be, said and unsaid.
    world.app.quota.set(Bounds { package: 1000, ..Bounds::default() });
    assert_eq!(refused(&world, &supervisor, &file).await, (413, "package_too_large".into()));
    let pieces = fs::read(&file).unwrap().chunks(100).map(|c| Ok(c.to_vec())).collect::<Vec<_>>();
    let body = axum::body::Body::from_stream(futures::stream::iter(
        pieces.into_iter().map(|piece: Result<Vec<u8>, std::io::Error>| piece),
    ));
    let (status, answer) = world.send("POST", "/api/v1/packages", Some(supervisor.token()), body).await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status.as_u16(), &answer["code"]), (413, &json!("package_too_large")));
    let (status, _) = world
        .send("POST", &format!("/api/v1/inspections/{visit}/package"), Some(supervisor.token()), "")
        .await;
    assert!(status.is_success(), "it has no originals");
    // No staged or temporary file is left.
    let staging = world.folder().join("evidence/staging");
    assert_eq!(fs::read_dir(staging).unwrap().count(), 0);
}

#[tokio::test]
async fn whoever_may_not_decide_hands_nothing_in_and_learns_nothing() {
    let world = World::start(953, None).await;
    let City { administrator, supervisor, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    let file = export(&world, "1.zip", visit, &one);
    // The visit of ORG-C's people is none of the district's business, and an inspector hands nothing in.
    let unit = shown(&world, &supervisor, visit).await["info"]["unit"].as_str().unwrap().to_owned();
    let units = administrator.get(&world, "/api/v1/units").await;
    let elsewhere = units["rows"].as_array().unwrap().iter().map(|row| row["code"].as_str().unwrap());
    let elsewhere = elsewhere.filter(|code| code.starts_with("ORG-D")).find(|code| *code != unit).unwrap();
    for (login, role, unit) in [
        ("other", "supervisor", elsewhere),
        ("otheradmin", "administrator", elsewhere),
        ("reader", "inspector", "ORG-C"),
    ] {
        let user = json!({"login": login, "name": login, "role": role, "unit": unit, "password": PASSWORD});
        administrator.post(&world, "/api/v1/users", user).await;
    }
    let unknown = world.folder().join("unknown.zip");
    rewrite(&file, &unknown, |p| p.inspection = InspectionId::from_bytes([3; 16]));
    for login in ["other", "otheradmin"] {
        let person = Person::sign_in(&world, login).await;
        let out_of_scope = send(&world, &person, &file).await;
        assert_eq!(out_of_scope.0, StatusCode::NOT_FOUND, "{}", out_of_scope.1);
        assert_eq!(out_of_scope.1["code"], "package_visit_unknown");
        assert_eq!(out_of_scope, send(&world, &person, &unknown).await, "one cannot tell them apart");
        let path = format!("/api/v1/inspections/{visit}/package");
        let (status, _) = world.send("POST", &path, Some(person.token()), "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    let reader = Person::sign_in(&world, "reader").await;
    assert_eq!(refused(&world, &reader, &file).await, (403, "not_allowed".into()));
    // Reading is what they are for.
    hand_out(&world, &reader, visit, "").await;
    let bytes = fs::read(&file).unwrap();
    for token in [None, Some("u_nobody")] {
        let (status, _) = world.send("POST", "/api/v1/packages", token, bytes.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    // Another bureau's visit.
    let other = World::start(954, None).await;
    let City { one, task, .. } = support::city(&other).await;
    let foreign = export(&other, "foreign.zip", task.inspection, &one);
    assert_eq!(refused(&world, &supervisor, &foreign).await, (404, "package_visit_unknown".into()));
    assert!(audited(&world, &administrator, "package.handed_in").await.is_empty());
    // A terminal whose officer is in no directory: refused, and said.
    let stranger = world.folder().join("stranger.zip");
    rewrite(&file, &stranger, |p| p.maker = DeviceId::from_bytes([9; 16]));
    assert_eq!(send(&world, &supervisor, &stranger).await.0, StatusCode::OK, "who made it proves nothing");
}
