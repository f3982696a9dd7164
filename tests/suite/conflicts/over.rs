//! A seal over what the team had not settled: it says so, and an administrator decides beside it.

use super::*;
use fieldproof_client_core::Client;
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::seal::Party;
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::device::PASSPHRASE;

fn party() -> Party {
    Party::Signed { name: "现场负责人（虚构）".into() }
}

fn heads(client: &Client, visit: InspectionId) -> Vec<ChangeId> {
    client.inspection(visit).unwrap().heads
}

#[tokio::test]
async fn what_is_signed_over_is_named_and_decided_beside_the_seal_on_sqlite() {
    what_is_signed_over_is_named_and_decided_beside_the_seal(World::start(561, None).await).await;
}

#[tokio::test]
async fn what_is_signed_over_is_named_and_decided_beside_the_seal_on_postgresql() {
    let url = fieldproof_tests::postgres::shared().create_database("signed_over");
    what_is_signed_over_is_named_and_decided_beside_the_seal(World::start(561, Some(&url)).await).await;
}

async fn what_is_signed_over_is_named_and_decided_beside_the_seal(world: World) {
    let (City { administrator, supervisor, task, one, two }, item) = disputed(&world).await;
    let visit = task.inspection;
    let conflict = only(&world, &administrator, "answer").await;
    let blocked = one.client().seal(visit, PASSPHRASE, &party(), None).unwrap_err();
    assert_eq!(blocked.code().as_str(), "conflicts_open");
    one.client().seal_despite(visit, PASSPHRASE, &party(), None, "当事人须离场").unwrap();
    one.sync().await;
    two.sync().await;
    two.client().cosign(visit, PASSPHRASE).unwrap();
    sync_all(&[&two, &one]).await;
    assert_eq!(support::state(&one, visit), InspectionState::Sealed);

    // The conflict stays, and the review waits for it; the seal says that it was open.
    assert_eq!(only(&world, &administrator, "answer").await["id"], conflict["id"]);
    assert_eq!(counted(&world, &administrator, visit).await, 1);
    let accept = format!("/api/v1/inspections/{visit}/accept");
    assert_eq!(supervisor.refused(&world, &accept, json!({"comment": "同意"})).await, "conflicts_open");
    let desk = Desk::sign_in(&world, "guanli").await;
    let case = desk.get(&world, &format!("/console/inspections/{visit}")).await.text;
    let page = format!("/console/conflicts/{}", conflict["id"].as_str().unwrap());
    assert!(
        case.contains("签名时尚未商定") && case.contains("当事人须离场") && case.contains(&page),
        "{case}"
    );

    // Decided beside the seal: the content is what was signed.
    let sealed = heads(one.client(), visit);
    let shown = shown(&world, &administrator, &conflict).await;
    assert_eq!(shown["choices"], json!(["side", "value"]));
    let fail = conformity(Outcome::Fail).to_register();
    let sides = conflict["sides"].as_array().unwrap();
    let side = sides.iter().find(|side| side["value"] == fail).unwrap()["change"].clone();
    let both = json!({"both": side, "reason": "x"});
    assert_eq!(refused(&world, &administrator, &conflict, both).await, "choice_unknown");
    let unfit = json!({"value": {"type": "text", "text": "x"}, "reason": "x"});
    assert_eq!(refused(&world, &administrator, &conflict, unfit).await, "answer_unfit");
    let pick = json!({"side": side, "reason": "照片为证"});
    decide(&world, &administrator, &conflict, pick.clone()).await;
    assert_eq!(refused(&world, &administrator, &conflict, pick.clone()).await, "already_decided");
    sync_all(&[&one, &two]).await;
    assert_eq!(heads(one.client(), visit), sealed);
    assert_eq!(counted(&world, &administrator, visit).await, 0);
    undo(&world, &administrator, &conflict, "照片属于另一处").await;
    assert_eq!(supervisor.refused(&world, &accept, json!({"comment": "同意"})).await, "conflicts_open");
    let seen = desk
        .post(
            &world,
            &page,
            &[("choice", &format!("side:{}", side.as_str().unwrap())), ("reason", "复看属实")],
        )
        .await;
    assert_eq!(seen.leads_to(), format!("{page}?done=decided"), "{}", seen.text);
    sync_all(&[&one, &two]).await;
    assert_eq!(support::state(&one, visit), InspectionState::Sealed);

    // What becomes public is what was decided.
    supervisor.post(&world, &accept, json!({"comment": "同意"})).await;
    let body = undoing(&world, &administrator, &conflict, "再想想").await;
    let place = format!("{}/undo", path(&conflict));
    assert_eq!(administrator.refused(&world, &place, body).await, "decision_took_effect");
    let disclosed =
        supervisor.post(&world, &format!("/api/v1/inspections/{visit}/disclose"), json!({})).await;
    let failed = disclosed["body"]["result"]["failed_items"].as_array().unwrap();
    assert!(failed.len() == 1 && failed[0]["item"] == json!(item), "{disclosed}");
    assert_eq!(choices(&world, &administrator, &conflict).await, ["side", "undo", "side"]);
}

#[tokio::test]
async fn what_was_signed_over_goes_back_to_the_officers_with_a_return() {
    let world = World::start(562, None).await;
    let (City { administrator, supervisor, task, one, two }, _) = disputed(&world).await;
    let visit = task.inspection;
    one.client().seal_despite(visit, PASSPHRASE, &party(), None, "当事人须离场").unwrap();
    one.sync().await;
    two.sync().await;
    two.client().cosign(visit, PASSPHRASE).unwrap();
    sync_all(&[&two, &one]).await;
    supervisor
        .post(&world, &format!("/api/v1/inspections/{visit}/return"), json!({"comment": "请商定"}))
        .await;
    sync_all(&[&one, &two]).await;
    // The team settles it, and the supplement has nothing to admit.
    let open = one.client().conflicts(visit).unwrap().remove(0);
    let choice = fieldproof_client_core::Choice::Side(open.sides[0].change);
    one.client().settle(visit, open.id, &choice, "已复看").unwrap();
    sync_all(&[&one, &two]).await;
    assert!(super::open(&world, &administrator, "answer").await.is_empty());
    support::seal(&one, &two, visit, &party(), Some("已商定")).await;
    assert_eq!(support::state(&one, visit), InspectionState::Sealed);
    let seals = one.client().inspection(visit).unwrap().seals;
    assert!(seals[0].statement.unsettled.is_some() && seals[1].statement.unsettled.is_none());
    assert!(super::open(&world, &administrator, "answer").await.is_empty());
}
