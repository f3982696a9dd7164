//! Who sees what is held apart: administrators of its unit, and nobody else.

use super::{LIST, open, page, path, refused, take_off};
use crate::support::{self, City};
use axum::http::StatusCode;
use fieldproof_schema::document::RawChange;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::wire::sync::Chunk;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{PASSWORD, Person};
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::rogue::Rogue;
use serde_json::{Value, json};

async fn user(world: &World, administrator: &Person, login: &str, role: &str, unit: &str) -> Person {
    let user =
        json!({"login": login, "name": "某人（虚构）", "role": role, "unit": unit, "password": PASSWORD});
    administrator.post(world, "/api/v1/users", user).await;
    Person::sign_in(world, login).await
}

#[tokio::test]
async fn what_is_held_apart_does_not_exist_for_other_units_and_roles() {
    let world = World::start(221, None).await;
    let City { administrator, supervisor, task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    take_off(&world, visit, task.team[0]).await;
    support::answer_one(&one, visit);
    one.sync().await;
    let item = open(&world, &administrator).await.remove(0);
    let known = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    let unit = known["info"]["unit"].as_str().unwrap().to_owned();
    let elsewhere = ["ORG-D1-T1", "ORG-D2-T1"].into_iter().find(|other| *other != unit).unwrap();
    let outside = user(&world, &administrator, "waidi", "administrator", elsewhere).await;
    let inside = user(&world, &administrator, "bendi", "administrator", &unit).await;
    user(&world, &administrator, "duchang", "inspector", "ORG-C").await;

    assert!(open(&world, &outside).await.is_empty());
    assert_eq!(open(&world, &inside).await.len(), 1);
    let body = json!({"decision": "accept", "reason": "经核实在场"});
    assert_eq!(refused(&world, &outside, &item, body.clone()).await, "not_found");
    for path in [path(&item), format!("{}/export", path(&item))] {
        let (status, _) = world.call("GET", &path, Some(outside.token()), &Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (status, _) = world.call("GET", &path, Some(supervisor.token()), &Value::Null).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let (status, _) = world.call("GET", &path, None, &Value::Null).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(refused(&world, &supervisor, &item, body).await, "not_allowed");
    let pages = ["/console/quarantine".to_owned(), page(&item), format!("{}/export", page(&item))];
    for login in ["shenhe", "duchang"] {
        let desk = Desk::sign_in(&world, login).await;
        for path in &pages {
            assert_eq!(desk.get(&world, path).await.status, StatusCode::FORBIDDEN, "{login} {path}");
        }
        assert!(!desk.get(&world, "/console").await.text.contains("/console/quarantine"), "{login}");
        let case = desk.get(&world, &format!("/console/inspections/{visit}")).await.text;
        assert!(!case.contains("/console/quarantine"), "{login}");
    }
    let desk = Desk::sign_in(&world, "waidi").await;
    let seen: Vec<_> =
        [desk.get(&world, &pages[1]).await.status, desk.get(&world, &pages[2]).await.status].into();
    assert_eq!(seen, [StatusCode::NOT_FOUND; 2]);
    let seen = desk.post(&world, &page(&item), &[("decision", "keep"), ("reason", "别处的人")]).await;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
    assert!(!desk.get(&world, &format!("{}?inspection={visit}", pages[0])).await.text.contains(&page(&item)));
    assert_eq!(desk.get(&world, "/console/quarantine/x/y/z").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_came_for_an_unknown_visit_shows_to_the_senders_unit_and_stays_apart() {
    let world = World::start(222, None).await;
    let City { administrator, task, .. } = support::city(&world).await;
    let officers = administrator.get(&world, "/api/v1/officers").await;
    let officer = officers["rows"].as_array().unwrap().iter().find(|row| row["id"] == json!(task.team[0]));
    let unit = officer.unwrap()["unit"].as_str().unwrap().to_owned();
    let elsewhere = ["ORG-D1-T1", "ORG-D2-T1"].into_iter().find(|other| *other != unit).unwrap();
    let own = user(&world, &administrator, "bendi", "administrator", &unit).await;
    let outside = user(&world, &administrator, "waidi", "administrator", elsewhere).await;
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    let mut rogue = Rogue::enrol(&world, &code, 5).await;
    let nowhere = InspectionId::from_bytes([7; 16]);
    // More than one page of them, in one round.
    let changes: Vec<_> = (0..120).map(|n| RawChange(format!("rubbish {n}").into_bytes())).collect();
    let entries = changes.iter().map(|change| rogue.cover(nowhere, change)).collect();
    rogue.sync(&world, entries, vec![Chunk { inspection: nowhere, changes }]).await;

    assert!(open(&world, &outside).await.is_empty());
    for person in [&administrator, &own] {
        let first = person.get(&world, LIST).await;
        let next = first["next"].as_str().expect("a second page");
        let second = person.get(&world, &format!("{LIST}?before={next}")).await;
        let mut all: Vec<_> = [&first, &second]
            .iter()
            .flat_map(|page| page["rows"].as_array().unwrap().iter().map(|row| row["digest"].to_string()))
            .collect();
        all.sort();
        all.dedup();
        assert_eq!((all.len(), second["next"].is_null()), (120, true));
    }
    let item = open(&world, &own).await.remove(0);
    assert_eq!((&item["entity_name"], &item["may_be_accepted"]), (&Value::Null, &json!(false)));
    let accept = json!({"decision": "accept", "reason": "经核实在场"});
    assert_eq!(refused(&world, &own, &item, accept).await, "choice_unknown");
    let desk = Desk::sign_in(&world, "bendi").await;
    let seen = desk.get(&world, &page(&item)).await;
    assert!(seen.text.contains("服务器上没有这次检查"), "{}", seen.status);
    let keep = [("decision", "keep"), ("reason", "来源不明"), ("together", "1")];
    assert_eq!(desk.post(&world, &page(&item), &keep).await.status, StatusCode::SEE_OTHER);
    assert!(open(&world, &own).await.is_empty(), "one decision about all that is alike");
    let decided = own.get(&world, &format!("{LIST}?state=decided")).await;
    assert!(decided["next"].is_string());
    let next = desk.get(&world, "/console/quarantine?state=decided").await.text;
    assert!(next.contains("rel=\"next\"") && next.contains("继续隔离"));
}
