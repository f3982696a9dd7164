//! Packages of which the server has some already, or lacks what they build upon; and what has no place.

use super::{capture, hand_in, send, shown};
use crate::packages::{export, narrative, rewrite};
use crate::support::{self, City};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use fieldproof_schema::package::{Original, Reading, Writing};
use fieldproof_schema::suite::Digest;
use fieldproof_server::restore;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use serde_json::{Value, json};
use std::fs::File;
use tower::ServiceExt;

/// The link carried the entry and not the photo, and the terminal fell into the water. A colleague has its export.
#[tokio::test]
async fn an_original_that_is_waited_for_comes_by_a_package() {
    let world = World::start(971, None).await;
    let City { supervisor, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    let bytes = photo::jpeg(1, None, 48, 48);
    capture(&one, visit, &bytes);
    let file = export(&world, "1.zip", visit, &one);
    one.link.lose_evidence();
    assert!(one.try_sync().await.is_err());
    assert_eq!(shown(&world, &supervisor, visit).await["row"]["evidence"][0]["held"], false);
    // An original that no entry names is not kept, whoever hands it in.
    let stray = photo::jpeg(2, None, 48, 48);
    let with_stray = world.folder().join("stray.zip");
    let mut reading = Reading::open(File::open(&file).unwrap()).unwrap();
    let mut package = reading.package.clone();
    let (digest, size_bytes) = (Digest::of(&stray), stray.len() as u64);
    package.originals.push(Original { digest, size_bytes, media_type: "image/jpeg".into() });
    let mut writing = Writing::begin(File::create(&with_stray).unwrap(), &package).unwrap();
    let own = &package.originals[0];
    writing.original(own, reading.original(own.digest).unwrap()).unwrap();
    writing.original(&package.originals[1], stray.as_slice()).unwrap();
    writing.finish().unwrap();

    let taken = hand_in(&world, &supervisor, &with_stray).await;
    assert_eq!((&taken["changes"]["new"], &taken["entries"]["new"]), (&json!(0), &json!(0)), "{taken}");
    assert_eq!(taken["originals"]["new"], 1);
    assert_eq!(taken["originals"]["refused"], json!({"evidence_undeclared": 1}));
    assert_eq!(shown(&world, &supervisor, visit).await["row"]["evidence"][0]["held"], true);
    let path = format!("/api/v1/evidence/{digest}");
    assert_eq!(world.send("GET", &path, Some(supervisor.token()), "").await.0, StatusCode::NOT_FOUND);
}

/// Two packages of one history in the wrong order, and one in which the server is said to have written what it has not.
#[tokio::test]
async fn what_builds_upon_what_is_not_here_waits_and_joins() {
    let world = World::start(972, None).await;
    let City { supervisor, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    let earlier = export(&world, "1.zip", visit, &one);
    two.client().import_package(&earlier).unwrap();
    two.client().statement(visit, None, "乙").unwrap();
    let both = export(&world, "2.zip", visit, &two);
    let partial = world.folder().join("partial.zip");
    rewrite(&both, &partial, |package| {
        package.carried.retain(|carried| carried.certificate.text.contains(&package.maker.to_string()));
        package.server.extend(package.carried[0].chunks[0].changes.clone());
    });
    let taken = hand_in(&world, &supervisor, &partial).await;
    assert_eq!((&taken["changes"]["waiting"], &taken["changes"]["new"]), (&json!(1), &json!(0)), "{taken}");
    assert_eq!(taken["server_missing"], 1, "it is compared, and not taken");
    assert_eq!(shown(&world, &supervisor, visit).await["view"]["statement"], "");
    let taken = hand_in(&world, &supervisor, &earlier).await;
    assert_eq!(taken["changes"]["new"], 1, "{taken}");
    let view = shown(&world, &supervisor, visit).await["view"].clone();
    assert_eq!((&view["narrative"], &view["statement"]), (&json!("甲"), &json!("乙")));
    let again = hand_in(&world, &supervisor, &both).await;
    assert_eq!((&again["changes"]["known"], &again["changes"]["new"]), (&json!(2), &json!(0)), "{again}");
}

/// Only so many packages lie on the disk at a time, and a place that was given is given back, whatever came of it.
#[tokio::test]
async fn who_finds_no_place_is_asked_to_come_back() {
    let world = World::start(973, None).await;
    let City { supervisor, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "甲").unwrap();
    let file = export(&world, "1.zip", visit, &one);
    let places: Vec<_> = std::iter::from_fn(|| world.app.packages.enter().ok()).collect();
    assert_eq!(places.len(), 4);
    let (status, answer) = send(&world, &supervisor, &file).await;
    assert_eq!((status, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("busy")), "{answer}");
    let path = format!("/api/v1/inspections/{visit}/package");
    let asked = |path: &str| {
        let request = Request::builder().method("POST").uri(path);
        let token = format!("Bearer {}", supervisor.token());
        request.header(header::AUTHORIZATION, token).body(Body::empty()).unwrap()
    };
    let answer = world.router().oneshot(asked(&path)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(header::RETRY_AFTER));
    drop(places);
    for _ in 0..5 {
        let (status, answer) =
            world.send("POST", "/api/v1/packages", Some(supervisor.token()), "rubbish").await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!((status.as_u16(), &answer["code"]), (422, &json!("package_invalid")));
        assert!(world.router().oneshot(asked(&path)).await.unwrap().status().is_success());
    }
    assert_eq!(hand_in(&world, &supervisor, &file).await["changes"]["new"], 1);
}

/// Enrolled after the backup, written on, exported, lost; then the server is restored. The file is all that there is of it.
#[tokio::test]
async fn a_terminal_that_a_restored_server_does_not_know_is_known_again_by_its_package() {
    let mut world = World::start(974, None).await;
    let City { administrator, supervisor, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    let backup = world.back_up("night").await;
    let third = administrator.terminal(&world, task.team[0], "third").await;
    third.sync().await;
    third.client().narrative(visit, None, "丙").unwrap();
    let bytes = photo::jpeg(1, None, 48, 48);
    capture(&third, visit, &bytes);
    let file = export(&world, "3.zip", visit, &third);
    third.sync().await;
    drop(third);
    world.put_back(&backup).await;
    restore::begin_anew(&world.app, "system", "硬盘损坏，取回昨夜备份").await.unwrap();
    assert_eq!(shown(&world, &supervisor, visit).await["view"]["narrative"], "");

    let taken = hand_in(&world, &supervisor, &file).await;
    assert_eq!((&taken["changes"]["new"], &taken["originals"]["new"]), (&json!(2), &json!(1)), "{taken}");
    let row = shown(&world, &supervisor, visit).await;
    assert_eq!((&row["view"]["narrative"], &row["row"]["evidence"][0]["held"]), (&json!("丙"), &json!(true)));
    let audit = administrator.get(&world, "/api/v1/audit").await;
    let acts: Vec<_> = audit["rows"].as_array().unwrap().iter().map(|row| row["act"].clone()).collect();
    assert!(acts.contains(&json!("device.known_again")) && acts.contains(&json!("package.handed_in")));
    let report = two.sync().await;
    assert!(report.server_restored && report.refused.is_empty(), "{report:?}");
    two.sync().await;
    assert_eq!(narrative(&two, visit), "丙");
}
