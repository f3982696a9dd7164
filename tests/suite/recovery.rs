//! A forgotten passphrase: two custodians, named by two administrators, open the terminal, and nothing that was recorded is lost.

use crate::support::{self, City};
use axum::http::StatusCode;
use fieldproof_client_core::recovery;
use fieldproof_client_core::{CaptureFacts, CaptureSource, Client, ClientError, KeyCost, Options, Unlock};
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::recovery::Request;
use fieldproof_schema::seal::Party;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{PASSWORD, Person};
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::device::{Device, PASSPHRASE};
use fieldproof_tests::world::host::SimHost;
use serde_json::{Value, json};
use std::sync::Arc;

const NEW: &str = "新的口令共八个字";
const REASON: &str = "本人当面，已查验执法证";
const COST: KeyCost = KeyCost::CHEAP;

#[tokio::test]
async fn two_custodians_open_a_terminal_and_nothing_is_lost_on_sqlite() {
    recovered(World::start(601, None).await).await;
}

#[tokio::test]
async fn two_custodians_open_a_terminal_and_nothing_is_lost_on_postgresql() {
    let url = fieldproof_tests::postgres::shared().create_database("recovery");
    recovered(World::start(601, Some(&url)).await).await;
}

/// A second administrator of the whole organisation.
pub(crate) async fn second_administrator(world: &World, first: &Person) -> Person {
    let user = json!({"login": "guanli3", "name": "管理员丁（虚构）", "role": "administrator", "unit": "ORG-C", "password": PASSWORD});
    first.post(world, "/api/v1/users", user).await;
    Person::sign_in(world, "guanli3").await
}

/// Officers who are on no team here.
async fn others(world: &World, city: &City) -> Vec<OfficerId> {
    let listed = city.administrator.get(world, "/api/v1/officers").await;
    let active = listed["rows"].as_array().unwrap().iter().filter(|row| row["active"] == true);
    let ids = active.map(|row| row["id"].as_str().unwrap().parse().unwrap());
    ids.filter(|id| !city.task.team.contains(id)).collect()
}

/// Names custodians, with terminals of their own, and has the terminal of `one` make shares for them.
pub(crate) async fn name_custodians(world: &World, city: &mut City, count: usize) -> Vec<Device> {
    let second = second_administrator(world, &city.administrator).await;
    let found = others(world, city).await;
    let mut custodians = Vec::new();
    for (place, id) in found.into_iter().take(count).enumerate() {
        let terminal = city.administrator.terminal(world, id, &format!("custodian-{place}")).await;
        terminal.sync().await;
        city.administrator.post(world, "/api/v1/custodians", json!({"officer": id, "unit": "ORG-C"})).await;
        let path = format!("/api/v1/custodians/{id}/confirm");
        assert_eq!(city.administrator.refused(world, &path, json!({})).await, "not_allowed");
        second.post(world, &path, json!({})).await;
        assert_eq!(second.refused(world, &path, json!({})).await, "already_decided");
        custodians.push(terminal);
    }
    assert_eq!(custodians.len(), count, "the city has too few officers for the story");
    sign_in_anew(&mut city.one).await;
    custodians
}

/// A terminal learns of custodians when it signs in.
async fn sign_in_anew(device: &mut Device) {
    device.die();
    device.switch_on();
    device.sync().await;
}

fn host(world: &World) -> Arc<SimHost> {
    Arc::new(SimHost::new(&world.clock, world.seed_of("recovery"), 0))
}

/// Opens the folder of a terminal that is off with a passphrase, as a terminal without a platform's key store does.
fn open(world: &World, device: &Device, passphrase: &str) -> Result<Client, ClientError> {
    let options = Options { key_cost: COST, ..Options::default() };
    Client::open(device.folder(), host(world), options, Unlock::Passphrase(passphrase))
}

async fn recovered(world: World) {
    let mut city = support::city(&world).await;
    let visit = city.task.inspection;
    let mut custodians = name_custodians(&world, &mut city, 3).await;
    let listed = city.administrator.get(&world, "/api/v1/custodians").await;
    let listed = listed.as_array().unwrap();
    assert!(listed.len() == 3 && listed.iter().all(|row| row["terminals"] == 1), "{listed:?}");

    // A single administrator enrols another terminal in a custodian's name: it is given nothing.
    let named = custodians[0].client().status().unwrap().enrolled.unwrap().officer;
    let forged = city.administrator.terminal(&world, named, "forged").await;
    forged.sync().await;
    sign_in_anew(&mut city.one).await;

    // A morning in a cellar, and then the passphrase is gone from her head.
    city.one.link.down();
    let item = support::answer_one(&city.one, visit);
    let bytes = photo::jpeg(7, Some("池水全景"), 320, 240);
    city.one.client().capture(visit, CaptureSource::Bytes(&bytes), &CaptureFacts::PHOTO).unwrap();
    let before = city.one.client().inspection(visit).unwrap();
    let unsent = city.one.client().status().unwrap().unsent;
    let folder = city.one.folder().to_owned();
    city.one.die();
    assert!(matches!(open(&world, &city.one, NEW), Err(ClientError::PassphraseWrong)));

    // She asks with a passphrase that she chooses now; what she shows reveals nothing.
    let asked = recovery::ask(&folder, &*host(&world), NEW, COST).unwrap();
    assert_eq!(recovery::look(&folder).unwrap().custodians.len(), 3);
    let helper = &custodians[0];
    let plea = helper.client().read_plea(&asked.text).unwrap();
    assert_eq!(plea.check_number, asked.check_number);
    let officer: Value = city.administrator.get(&world, "/api/v1/officers").await;
    assert!(officer["rows"].as_array().unwrap().iter().any(|row| row["name"] == plea.officer_name));

    assert!(matches!(forged.client().read_plea(&asked.text), Err(ClientError::NotCustodian)));

    // Who is no custodian cannot help; nobody helps without saying why, nor with a wrong passphrase, nor unseen by the server.
    assert!(matches!(city.two.client().read_plea(&asked.text), Err(ClientError::NotCustodian)));
    let refused = helper.client().help(&helper.link, &asked.text, PASSPHRASE, " ").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ReasonMissing);
    let refused = helper.client().help(&helper.link, &asked.text, "不是这个口令", REASON).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::PassphraseWrong);
    helper.link.down();
    let refused = helper.client().help(&helper.link, &asked.text, PASSPHRASE, REASON).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Offline);
    helper.link.up();

    for helper in &custodians[..2] {
        let answer = helper.client().help(&helper.link, &asked.text, PASSPHRASE, REASON).await.unwrap();
        recovery::take_answer(&folder, &answer).unwrap();
    }
    recovery::finish(&folder, &*host(&world), NEW, COST).unwrap();
    let helped = audited(&world, &city, "device.recovery_helped").await;
    assert!(helped.len() == 2 && helped.iter().all(|row| row["details"]["reason"] == REASON), "{helped:?}");

    // Everything is there, unsent as it was, and goes on.
    assert!(matches!(open(&world, &city.one, PASSPHRASE), Err(ClientError::PassphraseWrong)));
    let client = open(&world, &city.one, NEW).unwrap();
    let after = client.inspection(visit).unwrap();
    assert_eq!((&after.view, after.evidence.len()), (&before.view, before.evidence.len()));
    let now = client.status().unwrap().unsent;
    assert_eq!((now.changes, now.evidence), (unsent.changes, unsent.evidence));
    assert!(client.verify().unwrap().faults.is_empty());
    city.one.link.up();
    client.sync(&city.one.link).await.unwrap();
    assert!(client.status().unwrap().unsent.is_empty());
    assert!(after.view.answers.contains_key(&item));

    // Her key is another one: nothing is signed with it until the server knows it.
    assert!(!client.is_officer_key_known().unwrap());
    for (item, answer) in support::plain_items(&city.two, visit) {
        client.answer(visit, &item, &answer).unwrap();
    }
    client.sync(&city.one.link).await.unwrap();
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    let refused = client.seal(visit, NEW, &party, None);
    assert!(matches!(refused, Err(ClientError::OfficerKeyUnregistered)), "{refused:?}");
    register(&world, &city, &client).await;
    assert!(client.is_officer_key_known().unwrap());
    client.seal(visit, NEW, &party, None).unwrap();
    client.sync(&city.one.link).await.unwrap();
    city.two.sync().await;
    city.two.client().cosign(visit, PASSPHRASE).unwrap();
    city.two.sync().await;
    let shown = city.administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(shown["row"]["state"], "sealed", "{shown}");
    drop(client);

    // A custodian who is one no longer keeps nothing, and a terminal that was reported lost is not opened.
    let ended = custodians.remove(0);
    let gone = ended.client().status().unwrap().enrolled.unwrap().officer;
    let path = format!("/api/v1/custodians/{gone}/end");
    assert_eq!(city.administrator.refused(&world, &path, json!({"reason": " "})).await, "reason_missing");
    let asked = recovery::ask(&folder, &*host(&world), NEW, COST).unwrap();
    city.administrator.post(&world, &path, json!({"reason": "调离"})).await;
    let refused = ended.client().help(&ended.link, &asked.text, PASSPHRASE, REASON).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::RecoveryNotCustodian);
    let request: Request = asked.text.parse().unwrap();
    let path = format!("/api/v1/devices/{}/revoke", request.device);
    city.administrator.post(&world, &path, json!({"reason": "终端丢失"})).await;
    let helper = &custodians[0];
    let refused = helper.client().help(&helper.link, &asked.text, PASSPHRASE, REASON).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::DeviceRevoked);
}

/// Registers a key that was made anew; a code of somebody else is refused, and the right one can be given again.
async fn register(world: &World, city: &City, client: &Client) {
    let link = &city.one.link;
    let other = city.administrator.enrolment_code(world, city.task.team[1]).await;
    let refused = client.register_officer_key(link, &other, NEW).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::EnrolmentCodeUnknown);
    let code = city.administrator.enrolment_code(world, city.task.team[0]).await;
    for _ in 0..2 {
        client.register_officer_key(link, &code, NEW).await.unwrap();
    }
    assert_eq!(audited(world, city, "officer_key.registered").await.len(), 1);
}

/// What the audit trail holds of one act.
async fn audited(world: &World, city: &City, act: &str) -> Vec<Value> {
    let audit = city.administrator.get(world, "/api/v1/audit").await;
    let rows = audit["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["act"] == act).cloned().collect()
}

#[tokio::test]
async fn administrators_name_custodians_on_the_console() {
    let world = World::start(602, None).await;
    let city = support::city(&world).await;
    second_administrator(&world, &city.administrator).await;
    let (first, second) = (Desk::sign_in(&world, "guanli").await, Desk::sign_in(&world, "guanli3").await);
    let page = "/console/devices/custodians";
    let (officer, terminal) = (city.task.team[0].to_string(), city.task.team[1].to_string());
    let seen = first.get(&world, page).await;
    assert!(seen.text.contains("能用的保管人不足两人"), "{}", seen.text);
    // Nobody chosen, then one after another.
    assert_eq!(first.post(&world, page, &[("officer", "")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    for id in [&officer, &terminal] {
        assert_eq!(first.post(&world, page, &[("officer", id)]).await.status, StatusCode::SEE_OTHER);
    }
    let again = first.post(&world, page, &[("officer", &officer)]).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);
    let waits = first.get(&world, page).await;
    assert!(
        waits.text.contains("待另一名管理员确认") && !waits.text.contains("/confirm\""),
        "{}",
        waits.text
    );
    for id in [&officer, &terminal] {
        let path = format!("{page}/{id}/confirm");
        let own = first.post(&world, &path, &[]).await;
        assert_eq!(own.status, StatusCode::FORBIDDEN, "{}", own.text);
        assert_eq!(second.post(&world, &path, &[]).await.status, StatusCode::SEE_OTHER);
    }
    let ready = second.get(&world, page).await;
    assert!(ready.text.contains("现有 2 名保管人可用"), "{}", ready.text);
    let path = format!("{page}/{officer}/end");
    let refused = second.post(&world, &path, &[("reason", "")]).await;
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.text.contains("请写明理由"));
    assert_eq!(second.post(&world, &path, &[("reason", "调离")]).await.status, StatusCode::SEE_OTHER);
    let supervisor = Desk::sign_in(&world, "shenhe").await;
    assert_eq!(supervisor.get(&world, page).await.status, StatusCode::FORBIDDEN);
}
