//! Evidence that was declared: it does not come, it is not what was declared, or a later seal leaves it out.

use super::*;
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::limits::EVIDENCE_DAYS_MAX;
use fieldproof_schema::seal::{self, Party, Statement};
use fieldproof_schema::suite::{Digest, Signer};
use fieldproof_server::findings::evidence;
use fieldproof_tests::photo;
use fieldproof_tests::world::rogue::Rogue;

const DAY_SECONDS: i64 = 24 * 3600;

fn capture(device: &Device, visit: InspectionId) {
    let bytes = photo::jpeg(3, None, 64, 64);
    let facts = CaptureFacts { caption: "池水全景", ..CaptureFacts::PHOTO };
    device.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
}

#[tokio::test]
async fn an_original_that_does_not_come_is_asked_for_again_and_the_gap_is_accepted() {
    let world = World::start(551, None).await;
    let City { task, mut one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    capture(&one, visit);
    one.link.lose_evidence();
    let _ = one.try_sync().await;
    assert_eq!(evidence::look(&world.app).await.unwrap(), 0);
    world.clock.advance_seconds((EVIDENCE_DAYS_MAX + 1) * DAY_SECONDS);
    assert_eq!(evidence::look(&world.app).await.unwrap(), 1);
    assert_eq!(evidence::look(&world.app).await.unwrap(), 0, "nobody is asked twice");
    let administrator = Person::sign_in(&world, "guanli").await;
    let supervisor = Person::sign_in(&world, "shenhe").await;
    let conflict = only(&world, &administrator, "evidence").await;
    assert_eq!(conflict["choices"], json!(["request", "accept", "quarantine"]));
    assert_eq!((&conflict["blocks"], &conflict["sides"][0]["value"]), (&json!(true), &json!("missing")));
    let request = json!({"choice": "request", "reason": "请连上网络补传"});
    assert_eq!(refused(&world, &supervisor, &conflict, request.clone()).await, "not_allowed");
    decide(&world, &administrator, &conflict, request).await;
    two.sync().await;
    let told = two.client().inspection(visit).unwrap().row.unwrap();
    assert!(told.decisions.iter().any(|decision| decision.comment == "请连上网络补传"));
    assert_eq!(evidence::look(&world.app).await.unwrap(), 0, "the wait begins anew");

    world.clock.advance_seconds((EVIDENCE_DAYS_MAX + 1) * DAY_SECONDS);
    assert_eq!(evidence::look(&world.app).await.unwrap(), 1);
    let administrator = Person::sign_in(&world, "guanli").await;
    let again = only(&world, &administrator, "evidence").await;
    assert_ne!(again["id"], conflict["id"]);
    decide(&world, &administrator, &again, json!({"choice": "accept", "reason": "终端损坏，无法取回"})).await;
    assert_eq!(evidence::look(&world.app).await.unwrap(), 0);
    undo(&world, &administrator, &again, "终端已修复").await;
    assert_eq!(counted(&world, &administrator, visit).await, 1);

    // It comes after all: nobody has to decide.
    one.link = world.link();
    one.sync().await;
    assert!(open(&world, &administrator, "evidence").await.is_empty());
    assert_eq!(counted(&world, &administrator, visit).await, 0);
    assert_eq!(choices(&world, &administrator, &again).await, ["accept", "undo"]);
}

#[tokio::test]
async fn bytes_that_are_not_what_was_declared_are_asked_about_until_the_right_ones_come() {
    let world = World::start(552, None).await;
    let City { administrator, task, .. } = support::city(&world).await;
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    let mut rogue = Rogue::enrol(&world, &code, 11).await;
    let bytes = photo::jpeg(5, None, 64, 64);
    let (digest, record) = (Digest::of(&bytes), RecordId::from_bytes([9; 16]));
    let size_bytes = bytes.len() as u64;
    let text = body::write(&body::Captured {
        record,
        kind: "photo".into(),
        media_type: "image/jpeg".into(),
        size_bytes,
        item: None,
        place: None,
        made_at: None,
        truncated: false,
    });
    let entry = rogue.entry(Kind::Captured, Some(task.inspection), Some(digest), text);
    rogue.sync(&world, vec![entry], vec![]).await;
    let mut wrong = bytes.clone();
    wrong[20] ^= 1;
    let place = format!("/api/v1/evidence/{digest}");
    let token = rogue.token().to_owned();
    for _ in 0..2 {
        let (status, _) = world.patch(&place, &token, 0, wrong.clone()).await;
        assert_eq!(status.as_u16(), 422);
        let conflict = only(&world, &administrator, "evidence").await;
        assert_eq!(
            (&conflict["sides"][0]["value"], &conflict["sides"][0]["record"]),
            (&json!("differs"), &json!(record))
        );
    }
    assert!(world.patch(&place, &token, 0, bytes).await.0.is_success());
    assert!(open(&world, &administrator, "evidence").await.is_empty());
}

#[tokio::test]
async fn what_a_later_seal_leaves_out_is_asked_about() {
    let world = World::start(553, None).await;
    let City { administrator, supervisor, task, one, two } = support::city(&world).await;
    let visit = task.inspection;
    capture(&one, visit);
    for (item, answer) in support::plain_items(&one, visit) {
        one.client().answer(visit, &item, &answer).unwrap();
    }
    sync_all(&[&one, &two]).await;
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    support::seal(&one, &two, visit, &party, None).await;
    supervisor
        .post(&world, &format!("/api/v1/inspections/{visit}/return"), json!({"comment": "请补充"}))
        .await;
    one.sync().await;
    // Terminals that were tampered with sign a supplement over the same content, without the photo.
    let sealed = one.client().inspection(visit).unwrap().seals.remove(0);
    let statement =
        Statement { version: 2, supplements: Some(sealed.digest), captures: Vec::new(), ..sealed.statement };
    let text = statement.to_text();
    for (seed, officer) in (20..).zip(&task.team) {
        let code = administrator.enrolment_code(&world, *officer).await;
        let mut rogue = Rogue::enrol(&world, &code, seed).await;
        let sealed = body::write(&body::Sealed {
            statement: text.clone(),
            key: rogue.officer_key.public_key(),
            signature: seal::sign(&text, &rogue.officer_key),
        });
        let entry = rogue.entry(Kind::Sealed, Some(visit), Some(Digest::of(text.as_bytes())), sealed);
        rogue.sync(&world, vec![entry], vec![]).await;
    }
    let conflict = only(&world, &administrator, "evidence").await;
    assert_eq!((&conflict["choices"], &conflict["blocks"]), (&json!(["accept", "quarantine"]), &json!(true)));
    assert_eq!(conflict["sides"][0]["value"], "removed");
    let accept = format!("/api/v1/inspections/{visit}/accept");
    assert_eq!(supervisor.refused(&world, &accept, json!({"comment": "同意"})).await, "conflicts_open");
    decide(&world, &administrator, &conflict, json!({"choice": "accept", "reason": "误拍，已说明"})).await;
    supervisor.post(&world, &accept, json!({"comment": "同意"})).await;
    one.sync().await;
}
