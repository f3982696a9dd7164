//! Two values for one item: decided, taken back, decided anew.

use super::*;
use fieldproof_client_core::Choice;
use fieldproof_schema::seal::Party;
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::device::PASSPHRASE;

/// The value that a terminal shows for an item.
fn stands(device: &Device, visit: InspectionId, item: &str) -> String {
    device.client().inspection(visit).unwrap().view.answers[item].standing.value.clone()
}

fn side_of<'a>(conflict: &'a Value, answer: &Answer) -> &'a Value {
    let mut sides = conflict["sides"].as_array().unwrap().iter();
    &sides.find(|side| side["value"] == json!(answer.to_register())).unwrap()["change"]
}

#[tokio::test]
async fn a_decision_is_taken_back_and_the_next_one_reaches_every_terminal() {
    let world = World::start(501, None).await;
    let (City { administrator, supervisor, task, one, two }, item) = disputed(&world).await;
    let visit = task.inspection;
    let (second, stranger) = administrators(&world, &administrator).await;
    let conflict = only(&world, &administrator, "answer").await;
    assert_eq!(conflict["blocks"], true);
    assert!(conflict["sides"].as_array().unwrap().iter().all(|side| {
        side["officer"].is_string() && side["device"].is_string() && side["written"]["latest"].is_string()
    }));
    let (pass, fail) = (conformity(Outcome::Pass), conformity(Outcome::Fail));
    let by_side = json!({"side": side_of(&conflict, &fail), "reason": "照片为证"});
    decide(&world, &administrator, &conflict, by_side).await;
    sync_all(&[&one, &two]).await;
    assert_eq!(stands(&one, visit, &item), fail.to_register());

    // Who may take it back: those who may decide, with a reason, and only the decision that they have seen.
    let undoing = undoing(&world, &administrator, &conflict, "照片属于另一处").await;
    let place = format!("{}/undo", path(&conflict));
    assert_eq!(supervisor.refused(&world, &place, undoing.clone()).await, "not_allowed");
    assert_eq!(stranger.refused(&world, &place, undoing.clone()).await, "not_found");
    let silent = json!({"decision": undoing["decision"], "reason": " "});
    assert_eq!(administrator.refused(&world, &place, silent).await, "reason_missing");
    second.post(&world, &place, undoing.clone()).await;
    assert_eq!(administrator.refused(&world, &place, undoing).await, "already_decided");
    assert_eq!(counted(&world, &administrator, visit).await, 1);

    // It is open again everywhere, and the value stands until somebody decides.
    sync_all(&[&one, &two]).await;
    for device in [&one, &two] {
        assert_eq!(stands(device, visit, &item), fail.to_register());
        let known = device.client().conflicts(visit).unwrap();
        assert_eq!(json!(known[0].id), conflict["id"]);
        assert_eq!(known[0].sides.len(), 2);
        let detail = device.client().inspection(visit).unwrap();
        assert!(known[0].sides.iter().all(|side| detail.authors.contains_key(&side.change)));
        let told = detail.row.unwrap().decisions;
        assert!(told.last().unwrap().comment.contains("照片属于另一处"));
        let party = Party::Signed { name: "现场负责人（虚构）".into() };
        let blocked = device.client().seal(visit, PASSPHRASE, &party, None).unwrap_err();
        assert_eq!(blocked.code().as_str(), "conflicts_open");
    }

    // Two administrators at once: the first wins, and the second is shown it.
    let other = json!({"side": side_of(&conflict, &pass), "reason": "复看后"});
    decide(&world, &second, &conflict, other.clone()).await;
    assert_eq!(refused(&world, &administrator, &conflict, other).await, "already_decided");
    sync_all(&[&one, &two]).await;
    for device in [&one, &two] {
        assert_eq!(stands(device, visit, &item), pass.to_register());
        assert!(device.client().conflicts(visit).unwrap().is_empty());
        assert!(device.client().inspection(visit).unwrap().row.unwrap().conflicts.is_empty());
    }
    assert_eq!(choices(&world, &administrator, &conflict).await, ["side", "undo", "side"]);
    assert_eq!(counted(&world, &administrator, visit).await, 0);
    let audit = administrator.get(&world, "/api/v1/audit").await;
    let acts =
        audit["rows"].as_array().unwrap().iter().filter(|row| row["details"]["conflict"] == conflict["id"]);
    assert_eq!(acts.count(), 3);
}

#[tokio::test]
async fn the_team_settles_what_was_taken_back_and_that_is_in_the_history() {
    let world = World::start(502, None).await;
    let (City { administrator, task, one, two, .. }, item) = disputed(&world).await;
    let visit = task.inspection;
    let conflict = only(&world, &administrator, "answer").await;
    let (pass, fail) = (conformity(Outcome::Pass), conformity(Outcome::Fail));
    let by_side = json!({"side": side_of(&conflict, &fail), "reason": "照片为证"});
    decide(&world, &administrator, &conflict, by_side).await;
    undo(&world, &administrator, &conflict, "请现场再看").await;
    sync_all(&[&one, &two]).await;
    let known = two.client().conflicts(visit).unwrap().remove(0);
    let side = known.sides.iter().find(|side| side.value == pass.to_register()).unwrap();
    two.client().settle(visit, known.id, &Choice::Side(side.change), "当场复测").unwrap();
    sync_all(&[&two, &one]).await;
    assert_eq!(stands(&one, visit, &item), pass.to_register());
    assert!(open(&world, &administrator, "answer").await.is_empty());
    let shown = shown(&world, &administrator, &conflict).await;
    let last = shown["decisions"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["capacity"], &last["reason"]), (&json!("team"), &json!("当场复测")));
    assert_eq!(choices(&world, &administrator, &conflict).await, ["side", "undo", "side"]);
    // What the team settled is taken back like any other decision.
    undo(&world, &administrator, &conflict, "与照片不符").await;
    assert_eq!(only(&world, &administrator, "answer").await["id"], conflict["id"]);
}

#[tokio::test]
async fn whoever_writes_anew_after_a_decision_was_taken_back_ends_the_conflict_for_good() {
    let world = World::start(506, None).await;
    let (City { administrator, task, one, two, .. }, item) = disputed(&world).await;
    let visit = task.inspection;
    let conflict = only(&world, &administrator, "answer").await;
    let (pass, fail) = (conformity(Outcome::Pass), conformity(Outcome::Fail));
    let by_side = json!({"side": side_of(&conflict, &fail), "reason": "照片为证"});
    decide(&world, &administrator, &conflict, by_side).await;
    undo(&world, &administrator, &conflict, "请现场再看").await;
    sync_all(&[&one, &two]).await;
    // Both look again, differently: that is another conflict, and the old one does not come back with its decision.
    one.client().answer(visit, &item, &pass).unwrap();
    two.client().answer(visit, &item, &pass).unwrap();
    two.client().answer(visit, &item, &fail).unwrap();
    sync_all(&[&one, &two]).await;
    let next = only(&world, &administrator, "answer").await;
    assert_ne!(next["id"], conflict["id"]);
    let by_side = json!({"side": side_of(&next, &fail), "reason": "以复看为准"});
    decide(&world, &administrator, &next, by_side).await;
    sync_all(&[&one, &two]).await;
    for device in [&one, &two] {
        assert_eq!(stands(device, visit, &item), fail.to_register());
        assert!(device.client().conflicts(visit).unwrap().is_empty());
    }
    assert!(open(&world, &administrator, "answer").await.is_empty());
    assert_eq!(choices(&world, &administrator, &conflict).await, ["side", "undo"]);
}

#[tokio::test]
async fn what_is_sealed_is_not_taken_back() {
    let world = World::start(503, None).await;
    let (City { administrator, task, one, two, .. }, _) = disputed(&world).await;
    let visit = task.inspection;
    let conflict = only(&world, &administrator, "answer").await;
    let by_side = json!({"side": conflict["sides"][0]["change"], "reason": "照片为证"});
    decide(&world, &administrator, &conflict, by_side).await;
    sync_all(&[&one, &two]).await;
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    support::seal(&one, &two, visit, &party, None).await;
    let body = undoing(&world, &administrator, &conflict, "再想想").await;
    let place = format!("{}/undo", path(&conflict));
    assert_eq!(administrator.refused(&world, &place, body).await, "sealed");
    assert_eq!(choices(&world, &administrator, &conflict).await, ["side"]);
    sync_all(&[&one, &two]).await;
}

#[tokio::test]
async fn both_values_are_kept_as_observations_of_their_own() {
    let world = World::start(504, None).await;
    let (City { administrator, task, one, two, .. }, item) = disputed(&world).await;
    let visit = task.inspection;
    let conflict = only(&world, &administrator, "answer").await;
    let (pass, fail) = (conformity(Outcome::Pass), conformity(Outcome::Fail));
    let both = json!({"both": side_of(&conflict, &fail), "reason": "两处池边各看一处"});
    decide(&world, &administrator, &conflict, both).await;
    sync_all(&[&one, &two]).await;
    for device in [&one, &two] {
        assert_eq!(stands(device, visit, &item), fail.to_register());
        let view = &device.client().inspection(visit).unwrap().view;
        let kept: Vec<Value> = view
            .measurements
            .values()
            .map(|register| serde_json::from_str(&register.standing.value).unwrap())
            .collect();
        let [observation] = kept.as_slice() else { panic!("{kept:?}") };
        assert_eq!(observation["observed"], serde_json::from_str::<Value>(&pass.to_register()).unwrap());
        assert_eq!((&observation["item"], &observation["conflict"]), (&json!(item), &conflict["id"]));
        assert!(observation["officer"].is_string() && view.findings.is_empty());
    }
    assert_eq!(choices(&world, &administrator, &conflict).await, ["both"]);
}

#[tokio::test]
async fn the_console_shows_every_decision_and_takes_the_last_one_back() {
    let world = World::start(505, None).await;
    let (City { administrator, one, two, .. }, _) = disputed(&world).await;
    let conflict = only(&world, &administrator, "answer").await;
    let page = format!("/console/conflicts/{}", conflict["id"].as_str().unwrap());
    let desk = Desk::sign_in(&world, "guanli").await;
    let both = format!("both:{}", conflict["sides"][0]["change"].as_str().unwrap());
    assert!(desk.get(&world, &page).await.text.contains(&both));
    let silent = desk.post(&world, &page, &[("choice", &both)]).await;
    assert_eq!(silent.status.as_u16(), 422);
    let side = both.replace("both:", "side:");
    let seen = desk.post(&world, &page, &[("choice", &side), ("reason", "现场复看")]).await;
    assert_eq!(seen.leads_to(), format!("{page}?done=decided"));
    let shown = desk.get(&world, &page).await;
    let decision = shown.field("undo").unwrap();
    let reader = Desk::sign_in(&world, "shenhe").await;
    assert!(reader.get(&world, &page).await.field("undo").is_none());
    let seen = reader.post(&world, &page, &[("undo", &decision), ("reason", "x")]).await;
    assert_eq!(seen.status.as_u16(), 403);
    assert_eq!(desk.post(&world, &page, &[("undo", &decision)]).await.status.as_u16(), 422);
    let seen = desk.post(&world, &page, &[("undo", &decision), ("reason", "看错了")]).await;
    assert_eq!(seen.leads_to(), format!("{page}?done=undone"));
    let late = desk.post(&world, &page, &[("undo", &decision), ("reason", "再撤一次")]).await;
    assert_eq!(late.status.as_u16(), 409);
    assert!(late.text.contains("再撤一次"), "what was typed is lost");
    let text = desk.get(&world, &page).await.text;
    assert!(text.contains("现场复看") && text.contains("看错了") && text.contains("裁决经过"), "{text}");
    assert!(text.contains(&side), "it can be decided again");
    sync_all(&[&one, &two]).await;
}
