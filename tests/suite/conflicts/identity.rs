//! Which terminal signed: a journal with two branches, a store that went back, and a key that was revoked meanwhile.

use super::*;
use axum::http::StatusCode;
use fieldproof_schema::document::Actor;
use fieldproof_schema::suite::Signer;
use fieldproof_schema::wire::PROTOCOL;
use fieldproof_schema::wire::frame;
use fieldproof_server::auth::DeviceActor;
use fieldproof_server::store::devices::Said;
use fieldproof_server::sync::receive;
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::link::Fate;
use fieldproof_tests::world::rogue::{Rogue, request};
use std::collections::BTreeSet;

/// A terminal and a copy of it that sign with one key: the copy's branch comes second.
async fn forked(world: &World, city: &City) -> Rogue {
    let code = city.administrator.enrolment_code(world, city.task.team[0]).await;
    let mut rogue = Rogue::enrol(world, &code, 7).await;
    let visit = city.task.inspection;
    let shared = rogue.declare(visit, Actor([0xa0; 16]));
    let fork = rogue.tip;
    let own = [1, 2].map(|n| rogue.declare(visit, Actor([n; 16])));
    rogue.sync(world, [vec![shared], own.to_vec()].concat(), vec![]).await;
    rogue.tip = fork;
    // One entry alone can be what was under way when the battery died.
    let first = rogue.declare(visit, Actor([0xb1; 16]));
    rogue.sync(world, vec![first], vec![]).await;
    assert!(open(world, &city.administrator, "identity").await.is_empty());
    let more = [0xb2, 0xb3].map(|n| rogue.declare(visit, Actor([n; 16])));
    rogue.sync(world, more.to_vec(), vec![]).await;
    rogue
}

#[tokio::test]
async fn a_journal_with_two_branches_is_asked_about_once() {
    let world = World::start(531, None).await;
    let city = support::city(&world).await;
    let rogue = forked(&world, &city).await;
    let City { administrator, supervisor, one, .. } = &city;
    let conflict = only(&world, administrator, "identity").await;
    assert_eq!(conflict["choices"], json!(["accept", "quarantine", "reenrol"]));
    assert_eq!((&conflict["blocks"], &conflict["entity_name"]), (&json!(false), &Value::Null));
    let values: Vec<&str> =
        conflict["sides"].as_array().unwrap().iter().map(|side| side["value"].as_str().unwrap()).collect();
    assert!(values.contains(&"chain:3") && values.contains(&"branch:3"), "{values:?}");
    let accept = json!({"choice": "accept", "reason": "测试用的副本"});
    assert_eq!(refused(&world, supervisor, &conflict, accept.clone()).await, "not_allowed");
    // It is the matter of the officer's unit.
    let unit = if conflict["unit"] == "ORG-D1" { "ORG-D2" } else { "ORG-D1" };
    let user = json!({"login": "waidi", "name": "某人（虚构）", "role": "administrator", "unit": unit, "password": PASSWORD});
    administrator.post(&world, "/api/v1/users", user).await;
    let stranger = Person::sign_in(&world, "waidi").await;
    assert_eq!(refused(&world, &stranger, &conflict, accept.clone()).await, "not_found");
    assert!(open(&world, &stranger, "identity").await.is_empty());
    decide(&world, administrator, &conflict, accept).await;
    undo(&world, administrator, &conflict, "副本不知去向").await;

    // In the console, with the code for the new terminal, which is shown once.
    let desk = Desk::sign_in(&world, "guanli").await;
    let list = desk.get(&world, "/console/conflicts").await.text;
    assert!(list.contains("终端日志"));
    let page = format!("/console/conflicts/{}", conflict["id"].as_str().unwrap());
    assert!(desk.get(&world, &page).await.text.contains(&format!("/console/devices/{}", rogue.id)));
    let seen = desk.post(&world, &page, &[("choice", "reenrol"), ("reason", "终端可能被复制")]).await;
    assert!(seen.status.is_success() && seen.text.contains("新终端登记码"), "{}", seen.text);
    assert!(!desk.get(&world, &page).await.text.contains("新终端登记码"));
    assert_eq!(choices(&world, administrator, &conflict).await, ["accept", "undo", "reenrol"]);
    let body = undoing(&world, administrator, &conflict, "再想想").await;
    let place = format!("{}/undo", path(&conflict));
    assert_eq!(administrator.refused(&world, &place, body).await, "decision_took_effect");
    let (status, refused) = rogue.sync_raw(&world, vec![]).await;
    assert!(status.is_client_error(), "{refused}");
    one.sync().await;
}

/// The copy is ahead of the first terminal, which catches up with it.
#[tokio::test]
async fn a_branch_that_was_ahead_of_the_chain_is_asked_about_when_the_chain_has_grown_as_far() {
    let world = World::start(533, None).await;
    let city = support::city(&world).await;
    let code = city.administrator.enrolment_code(&world, city.task.team[0]).await;
    let mut rogue = Rogue::enrol(&world, &code, 8).await;
    let visit = city.task.inspection;
    let shared = rogue.declare(visit, Actor([0xa0; 16]));
    let fork = rogue.tip;
    let own = rogue.declare(visit, Actor([1; 16]));
    rogue.sync(&world, vec![shared, own], vec![]).await;
    let first = std::mem::replace(&mut rogue.tip, fork);
    let copied = [0xb1, 0xb2].map(|n| rogue.declare(visit, Actor([n; 16])));
    rogue.sync(&world, copied.to_vec(), vec![]).await;
    assert!(open(&world, &city.administrator, "identity").await.is_empty());
    rogue.tip = first;
    let own = rogue.declare(visit, Actor([2; 16]));
    rogue.sync(&world, vec![own], vec![]).await;
    only(&world, &city.administrator, "identity").await;
}

#[tokio::test]
async fn a_store_that_went_back_does_not_alarm_anybody() {
    let world = World::start(532, None).await;
    let City { administrator, task, mut one, .. } = support::city(&world).await;
    let visit = task.inspection;
    support::answer_one(&one, visit);
    one.sync().await;
    let image = world.folder().join("image");
    one.keep_image(&image);
    for _ in 0..3 {
        support::answer_one(&one, visit);
    }
    one.sync().await;
    // An image of last week is put back, and the officer works on before the next contact.
    one.put_back(&image);
    for _ in 0..2 {
        support::answer_one(&one, visit);
    }
    one.sync().await;
    support::answer_one(&one, visit);
    let report = one.sync().await;
    assert!(report.refused.is_empty(), "{report:?}");
    assert!(open(&world, &administrator, "identity").await.is_empty());
}

/// Two requests were under way when the battery died. They arrive when the terminal, whose store came back older, has gone on
/// elsewhere: nobody takes it for two, and what they bring is not lost.
#[tokio::test]
async fn what_arrives_after_a_terminal_came_back_older_counts_and_alarms_nobody() {
    let world = World::start(534, None).await;
    let City { administrator, task, mut one, .. } = support::city(&world).await;
    let visit = task.inspection;
    support::answer_one(&one, visit);
    one.sync().await;
    let image = world.folder().join("image");
    one.keep_image(&image);
    one.sync().await;
    let mut under_way = BTreeSet::new();
    for _ in 0..2 {
        under_way.insert(support::answer_one(&one, visit));
        one.link.next(&[Fate::Late]);
        assert!(one.try_sync().await.is_err());
    }
    one.put_back(&image);
    one.sync().await;
    let items = support::plain_items(&one, visit);
    for (item, answer) in items.iter().rev().take(2) {
        one.client().answer(visit, item, answer).unwrap();
        one.sync().await;
    }
    assert_eq!(one.link.arrive().await, 2);
    for _ in 0..2 {
        let report = one.sync().await;
        assert!(report.refused.is_empty() && report.still_unsent.is_empty(), "{report:?}");
    }
    assert!(open(&world, &administrator, "identity").await.is_empty());
    let shown = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    for item in &under_way {
        assert!(shown["view"]["answers"].get(item).is_some(), "{item} is lost: {}", shown["view"]["answers"]);
    }
    let detail = one.client().inspection(visit).unwrap();
    let is_back = |item| detail.view.answers.contains_key(item);
    assert!(under_way.iter().all(is_back), "the terminal got nothing back");
}

/// A copy opened a session of its own: the other one's has ended. Whoever speaks on in it is heard when it has opened a new one.
#[tokio::test]
async fn a_copy_that_speaks_in_a_session_of_its_own_is_found_out() {
    let world = World::start(535, None).await;
    let city = support::city(&world).await;
    let code = city.administrator.enrolment_code(&world, city.task.team[0]).await;
    let mut rogue = Rogue::enrol(&world, &code, 10).await;
    let visit = city.task.inspection;
    let shared = rogue.declare(visit, Actor([0xa0; 16]));
    rogue.sync(&world, vec![shared], vec![]).await;
    let (fork, before) = (rogue.tip, rogue.token().to_owned());
    let copied = [0xb1, 0xb2].map(|n| rogue.declare(visit, Actor([n; 16])));
    rogue.sign_in(&world).await;
    rogue.tip = fork;
    let own = [1, 2].map(|n| rogue.declare(visit, Actor([n; 16])));
    for _ in 0..2 {
        // What would follow the journal does not, as long as it is said in the session that was left.
        let body = frame::pack(&request(PROTOCOL, copied.to_vec(), vec![]));
        let (status, answer) = world.send("POST", "/api/v1/sync", Some(&before), body).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!("sign_in_required")));
    }
    let answer = rogue.sync(&world, own.to_vec(), vec![]).await;
    assert_eq!(answer.tip.hash, rogue.tip.hash);
    assert!(open(&world, &city.administrator, "identity").await.is_empty());
    rogue.sign_in(&world).await;
    rogue.sync(&world, copied.to_vec(), vec![]).await;
    only(&world, &city.administrator, "identity").await;
}

#[tokio::test]
async fn what_a_revoked_key_signed_is_asked_about() {
    let world = World::start(533, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    let mut rogue = Rogue::enrol(&world, &code, 9).await;
    let entry = rogue.declare(task.inspection, Actor([0xc1; 16]));
    // Its request was let in; then the terminal is revoked, before anything of it is kept.
    let key = rogue.key.public_key();
    let sent = receive::Sent { entries: vec![entry], ..Default::default() };
    let checked = receive::check((rogue.id, &key), &world.app.key.public_key(), sent);
    let place = format!("/api/v1/devices/{}/revoke", rogue.id);
    let (status, _) =
        world.call("POST", &place, Some(administrator.token()), &json!({"reason": "终端遗失"})).await;
    assert!(status.is_success());
    let org = world.app.org().await.unwrap();
    let actor = DeviceActor { id: rogue.id, officer: rogue.officer, key, org, session: None };
    receive::receive(&world.app, &actor, checked, Said::only(PROTOCOL)).await.unwrap();
    let conflict = only(&world, &administrator, "identity").await;
    assert_eq!(conflict["sides"][0]["value"], "revoked:1");
    decide(
        &world,
        &administrator,
        &conflict,
        json!({"choice": "quarantine", "reason": "吊销之后的不作依据"}),
    )
    .await;
    assert!(open(&world, &administrator, "identity").await.is_empty());
    one.sync().await;
}
