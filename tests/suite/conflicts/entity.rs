//! What is proposed for the directory: decided alone, in conflict with each other and with the directory, and taken back.

mod console;

pub(crate) use console::play;

use super::*;
use crate::support::other_visit;
use fieldproof_client_core::{Correction, ProposalBook};
use fieldproof_schema::data;
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::ids::{EntityId, RecordId};
use fieldproof_schema::reference::ProposalState;

const PROPOSALS: &str = "/api/v1/proposals";

async fn sqlite(seed: u64) -> World {
    World::start(seed, None).await
}

async fn postgresql(seed: u64, name: &str) -> World {
    let url = fieldproof_tests::postgres::shared().create_database(name);
    World::start(seed, Some(&url)).await
}

fn propose(device: &Device, visit: InspectionId, value: &str) -> RecordId {
    let correction = Correction {
        field: EntityField::Address,
        value: value.into(),
        reason: "现场核对门牌".into(),
        evidence: vec![],
    };
    device.client().propose(visit, None, &correction).unwrap()
}

fn book(device: &Device, visit: InspectionId) -> ProposalBook {
    device.client().proposals(visit).unwrap()
}

fn states(device: &Device, visit: InspectionId) -> Vec<ProposalState> {
    book(device, visit).proposals.iter().map(|line| line.state()).collect()
}

fn entity(device: &Device, visit: InspectionId) -> EntityId {
    book(device, visit).row.id
}

async fn waiting(world: &World, person: &Person) -> Vec<Value> {
    person.get(world, PROPOSALS).await["rows"].as_array().unwrap().clone()
}

fn proposal_path(proposal: &Value) -> String {
    format!("{PROPOSALS}/{}", proposal["id"].as_str().unwrap())
}

async fn rule(world: &World, person: &Person, proposal: &Value, body: Value) -> Value {
    person.post(world, &format!("{}/decision", proposal_path(proposal)), body).await
}

/// What the directory says, as an administrator reads it.
async fn address(world: &World, person: &Person, entity: EntityId) -> String {
    let page = person.page(world, &format!("/console/entities/{entity}")).await;
    let rest = page.split("<dt>地址</dt><dd>").nth(1).unwrap();
    rest.split("</dd>").next().unwrap().to_owned()
}

/// The file of the sample city, in which an entity lies elsewhere.
async fn import_address(world: &World, administrator: &Person, code: &str, address: &str) {
    let mut city: Value = serde_json::from_str(data::sample_org()).unwrap();
    let entities = city["entities"].as_array_mut().unwrap();
    let entity = entities.iter_mut().find(|entity| entity["id"] == code).unwrap();
    entity["address"] = address.into();
    let file = json!({"entities": [entity.clone()]});
    administrator.post(world, "/api/v1/import/organisation", file).await;
}

#[tokio::test]
async fn a_proposal_is_accepted_into_the_directory_on_sqlite() {
    a_proposal_is_accepted_into_the_directory(sqlite(551).await).await;
}

#[tokio::test]
async fn a_proposal_is_accepted_into_the_directory_on_postgresql() {
    a_proposal_is_accepted_into_the_directory(postgresql(551, "proposals").await).await;
}

async fn a_proposal_is_accepted_into_the_directory(world: World) {
    let City { administrator, supervisor, task, one, two } = support::city(&world).await;
    let visit = task.inspection;
    let (_, stranger) = administrators(&world, &administrator).await;
    propose(&one, visit, "云泽市新路2号");
    one.sync().await;
    let [proposal] = &waiting(&world, &supervisor).await[..] else { panic!() };
    assert!(waiting(&world, &stranger).await.is_empty());
    let said = |name: &str| proposal[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (said("value"), said("state"), said("present")),
        ("云泽市新路2号".into(), "open".into(), said("base"))
    );
    assert!(!said("officer").is_empty() && !said("device").is_empty() && proposal["written"].is_object());
    let id = entity(&one, visit);
    let place = format!("{}/decision", proposal_path(proposal));
    let accept = json!({"decision": "accept", "reason": "核对营业执照"});
    assert_eq!(administrator.refused(&world, &place, accept.clone()).await, "not_allowed");
    assert_eq!(supervisor.refused(&world, &place, json!({"decision": "accept"})).await, "reason_missing");
    let empty = json!({"decision": "edit", "value": " ", "reason": "x"});
    assert_eq!(supervisor.refused(&world, &place, empty).await, "field_invalid");

    let first = rule(&world, &supervisor, proposal, accept.clone()).await;
    assert_eq!((&first["state"], &first["present"]), (&json!("accepted"), &proposal["value"]));
    // The same again is answered as the first time, anything else is shown the first decision.
    assert_eq!(rule(&world, &supervisor, proposal, accept).await, first);
    let reject = json!({"decision": "reject", "reason": "门牌未变"});
    assert_eq!(supervisor.refused(&world, &place, reject).await, "already_decided");
    assert_eq!(address(&world, &administrator, id).await, "云泽市新路2号");
    sync_all(&[&one, &two]).await;
    for device in [&one, &two] {
        let book = book(device, visit);
        assert_eq!(
            (states(device, visit), book.row.address.as_str()),
            (vec![ProposalState::Accepted], "云泽市新路2号")
        );
        assert_eq!(book.proposals[0].fate.as_ref().unwrap().reason, "核对营业执照");
    }
    let audit = administrator.get(&world, "/api/v1/audit").await;
    let acts: Vec<_> = audit["rows"].as_array().unwrap().iter().map(|row| row["act"].clone()).collect();
    for act in ["proposal.decided", "directory.corrected"] {
        assert!(acts.contains(&json!(act)), "{act}: {acts:?}");
    }

    // Another one is edited, one rejected, one taken back; and one that the officers rewrite is another proposal.
    propose(&two, visit, "云泽市新路3号");
    two.sync().await;
    let next = waiting(&world, &supervisor).await.remove(0);
    rule(
        &world,
        &supervisor,
        &next,
        json!({"decision": "edit", "value": "云泽市新路3号乙", "reason": "按证照写全"}),
    )
    .await;
    sync_all(&[&one, &two]).await;
    let rejected = propose(&one, visit, "云泽市新路4号");
    one.sync().await;
    let next = waiting(&world, &supervisor).await.remove(0);
    rule(&world, &supervisor, &next, json!({"decision": "reject", "reason": "门牌未变"})).await;
    let taken = propose(&one, visit, "云泽市新路5号");
    one.sync().await;
    one.client().take_back(visit, taken).unwrap();
    one.sync().await;
    assert!(waiting(&world, &supervisor).await.is_empty());
    sync_all(&[&one, &two]).await;
    // Records of one moment stand in the order of their names, which are drawn by lot.
    let mut found = states(&two, visit);
    found.sort();
    assert_eq!(found, [ProposalState::Accepted, ProposalState::Edited, ProposalState::Rejected]);
    assert!(one.client().take_back(visit, rejected).is_err());
    let ended = supervisor.get(&world, &format!("{PROPOSALS}?state=ended")).await;
    let ended: Vec<_> = ended["rows"].as_array().unwrap().iter().map(|row| row["state"].clone()).collect();
    assert_eq!(ended, [json!("withdrawn"), json!("rejected"), json!("edited"), json!("accepted")]);
    assert_eq!(address(&world, &administrator, id).await, "云泽市新路3号乙");
}

#[tokio::test]
async fn two_proposals_for_one_fact_are_decided_and_taken_back_on_sqlite() {
    two_proposals_for_one_fact_are_decided_and_taken_back(sqlite(552).await).await;
}

#[tokio::test]
async fn two_proposals_for_one_fact_are_decided_and_taken_back_on_postgresql() {
    two_proposals_for_one_fact_are_decided_and_taken_back(postgresql(552, "proposals_apart").await).await;
}

async fn two_proposals_for_one_fact_are_decided_and_taken_back(world: World) {
    let City { administrator, supervisor, task, one, two } = support::city(&world).await;
    let visit = task.inspection;
    let (second, stranger) = administrators(&world, &administrator).await;
    let (id, before) = (entity(&one, visit), book(&one, visit).row.address);
    propose(&one, visit, "云泽市新路2号");
    // The same words from a colleague are no conflict.
    propose(&two, visit, "云泽市新路2号");
    sync_all(&[&one, &two]).await;
    assert!(open(&world, &administrator, "entity").await.is_empty());
    propose(&two, visit, "云泽市新路6号");
    sync_all(&[&one, &two]).await;

    let conflict = only(&world, &administrator, "entity").await;
    assert_eq!(
        (&conflict["blocks"], &conflict["choices"], conflict["sides"].as_array().unwrap().len()),
        (&json!(false), &json!(["side", "value", "reject"]), 3)
    );
    // Each terminal found the same conflict, by the same name, and is told of it by the server, too.
    for device in [&one, &two] {
        let book = book(device, visit);
        assert_eq!(json!(book.conflicts[0].id), conflict["id"]);
        assert!(book.proposals.iter().all(|l| json!(l.fate.as_ref().unwrap().conflict) == conflict["id"]));
    }
    let proposal = waiting(&world, &supervisor).await.remove(0);
    let place = format!("{}/decision", proposal_path(&proposal));
    let accept = json!({"decision": "accept", "reason": "x"});
    assert_eq!(supervisor.refused(&world, &place, accept).await, "conflicts_open");
    let sides = conflict["sides"].as_array().unwrap();
    let side = sides.iter().find(|side| side["value"] == "云泽市新路6号").unwrap()["change"].clone();
    let pick = json!({"side": side, "reason": "以营业执照为准"});
    assert_eq!(refused(&world, &supervisor, &conflict, pick.clone()).await, "not_allowed");
    assert_eq!(refused(&world, &stranger, &conflict, pick.clone()).await, "not_found");
    assert_eq!(
        refused(&world, &administrator, &conflict, json!({"choice": "link", "reason": "x"})).await,
        "choice_unknown"
    );
    assert_eq!(
        refused(&world, &administrator, &conflict, json!({"value": "", "reason": "x"})).await,
        "field_invalid"
    );

    decide(&world, &administrator, &conflict, pick.clone()).await;
    assert_eq!(refused(&world, &second, &conflict, pick.clone()).await, "already_decided");
    assert_eq!(address(&world, &administrator, id).await, "云泽市新路6号");
    sync_all(&[&one, &two]).await;
    let mut found = states(&one, visit);
    found.sort();
    assert_eq!(found, [ProposalState::Accepted, ProposalState::Rejected, ProposalState::Rejected]);

    // Taken back, the directory says what it said, and all of it waits again.
    undo(&world, &administrator, &conflict, "再核实").await;
    assert_eq!(address(&world, &administrator, id).await, before);
    assert_eq!(only(&world, &administrator, "entity").await["id"], conflict["id"]);
    assert_eq!(waiting(&world, &supervisor).await.len(), 3);
    let other = json!({"value": "云泽市新路8号", "reason": "实地复核"});
    decide(&world, &administrator, &conflict, other).await;
    sync_all(&[&one, &two]).await;
    assert_eq!(states(&two, visit), [ProposalState::Edited; 3]);
    // What the directory says meanwhile is not overwritten by taking the decision back.
    let code = book(&one, visit).row.code;
    import_address(&world, &administrator, &code, "云泽市又一处1号").await;
    let body = undoing(&world, &administrator, &conflict, "再想想").await;
    let place = format!("{}/undo", path(&conflict));
    assert_eq!(administrator.refused(&world, &place, body).await, "directory_changed");
    assert_eq!(address(&world, &administrator, id).await, "云泽市又一处1号");
    assert_eq!(choices(&world, &administrator, &conflict).await, ["side", "undo", "value"]);
    sync_all(&[&one, &two]).await;
}

#[tokio::test]
async fn a_row_that_changes_under_a_proposal_is_a_side_of_its_conflict() {
    let world = sqlite(553).await;
    let City { administrator, supervisor, task, one, two } = support::city(&world).await;
    let visit = task.inspection;
    let (id, before) = (entity(&one, visit), book(&one, visit).row);
    propose(&one, visit, "云泽市新路2号");
    one.sync().await;
    import_address(&world, &administrator, &before.code, "云泽市别路9号").await;
    let conflict = only(&world, &administrator, "entity").await;
    let values: Vec<_> =
        conflict["sides"].as_array().unwrap().iter().map(|side| side["value"].as_str().unwrap()).collect();
    assert!(values.len() == 2 && values.contains(&"云泽市别路9号"), "{values:?}");
    // The officer is told on the spot, once the row is here.
    one.sync().await;
    assert_eq!(json!(book(&one, visit).conflicts[0].id), conflict["id"]);

    decide(&world, &administrator, &conflict, json!({"choice": "reject", "reason": "已按登记更新"})).await;
    one.sync().await;
    assert_eq!(states(&one, visit), [ProposalState::Rejected]);
    assert_eq!(address(&world, &administrator, id).await, "云泽市别路9号");
    undo(&world, &administrator, &conflict, "再核实").await;
    assert_eq!(only(&world, &administrator, "entity").await["id"], conflict["id"]);
    // Picking the directory's own words leaves it as it is.
    let sides = conflict["sides"].as_array().unwrap();
    let own = sides.iter().find(|side| side["value"] == "云泽市别路9号").unwrap()["change"].clone();
    decide(&world, &administrator, &conflict, json!({"side": own, "reason": "登记无误"})).await;
    assert_eq!(address(&world, &administrator, id).await, "云泽市别路9号");

    // A row that comes to say what is proposed leaves nothing to decide.
    propose(&two, visit, "云泽市新路2号");
    two.sync().await;
    two.sync().await;
    import_address(&world, &administrator, &before.code, "云泽市新路2号").await;
    assert!(waiting(&world, &supervisor).await.is_empty());
    assert!(open(&world, &administrator, "entity").await.is_empty());
    sync_all(&[&one, &two]).await;
    // In which order two of one millisecond stand is drawn.
    assert!(states(&two, visit).contains(&ProposalState::Met));
    // What comes from another visit meets nothing of this one.
    let other = other_visit(&one, visit);
    if entity(&one, other) != id {
        assert!(book(&one, other).proposals.is_empty());
    }
}

#[tokio::test]
async fn proposals_of_two_visits_to_one_entity_meet() {
    let world = sqlite(555).await;
    let City { administrator, supervisor, .. } = support::city(&world).await;
    let twins = assignment::twins(&world, &administrator).await;
    let mut terminals = Vec::new();
    for (n, visit) in twins.iter().enumerate() {
        let shown = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
        let officer = serde_json::from_value(shown["row"]["team"][n].clone()).unwrap();
        let terminal = administrator.terminal(&world, officer, &format!("twin {n}")).await;
        terminal.sync().await;
        propose(&terminal, *visit, &format!("云泽市新路{}号", n + 2));
        terminal.sync().await;
        terminals.push(terminal);
    }
    let conflict = only(&world, &administrator, "entity").await;
    let mut visits: Vec<_> =
        conflict["sides"].as_array().unwrap().iter().map(|side| side["inspection"].clone()).collect();
    visits.sort_by_key(Value::to_string);
    assert_eq!(visits, twins.map(|visit| json!(visit)));
    // Each team hears of it, also where the other visit is not on its terminal.
    for (terminal, visit) in terminals.iter().zip(twins) {
        terminal.sync().await;
        let book = book(terminal, visit);
        assert_eq!(json!(book.proposals[0].fate.as_ref().unwrap().conflict), conflict["id"]);
    }
    let side = json!({"side": conflict["sides"][0]["change"], "reason": "以证照为准"});
    decide(&world, &administrator, &conflict, side).await;
    for terminal in &terminals {
        terminal.sync().await;
    }
    let mut found: Vec<_> = terminals.iter().zip(twins).map(|(one, visit)| states(one, visit)[0]).collect();
    found.sort();
    assert_eq!(found, [ProposalState::Accepted, ProposalState::Rejected]);
    assert!(waiting(&world, &supervisor).await.is_empty());
}
