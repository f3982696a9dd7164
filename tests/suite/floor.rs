//! The floor of versions: who is below it hands over everything and is given nothing; it only rises, and outlives a restore.

use crate::support::{self, City};
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::document::Actor;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::MemoryKey;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::floor::Floor;
use fieldproof_schema::wire::sync::{SyncAnswer, SyncRequest};
use fieldproof_schema::wire::{PROTOCOL, frame};
use fieldproof_server::db::{DbError, Tx};
use fieldproof_server::floor::{self, Wanted};
use fieldproof_server::restore;
use fieldproof_server::store::floors;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::device::Device;
use fieldproof_tests::world::rogue::Rogue;

/// A floor that asks for this program.
fn program(text: &str) -> Wanted {
    Wanted { protocol: 1, program: Some(text.parse().unwrap()) }
}

/// What the server holds now.
async fn standing(world: &World) -> Option<floors::Set> {
    let org = world.app.org().await.unwrap();
    let read = move |tx: &mut Tx<'_>| floors::current(tx, org);
    world.app.db.read::<_, DbError, _>(read).await.unwrap()
}

/// The second terminal runs a later program than the first, and the server asks for it.
async fn raise(world: &World, later: &mut Device) {
    later.update_to("0.2.0");
    later.sync().await;
    floor::raise(&world.app, "system", program("0.2.0"), "修复了签名缺陷").await.unwrap();
}

async fn acts(world: &World, administrator: &Person, act: &str) -> usize {
    let audit = administrator.get(world, "/api/v1/audit").await;
    audit["rows"].as_array().unwrap().iter().filter(|row| row["act"] == act).count()
}

#[tokio::test]
async fn who_is_below_the_floor_hands_over_everything_and_is_given_nothing() {
    let world = World::start(951, None).await;
    let City { task, mut one, mut two, .. } = support::city(&world).await;
    let visit = task.inspection;
    raise(&world, &mut two).await;
    one.link.down();
    let item = support::answer_one(&one, visit);
    let bytes = photo::jpeg(5, None, 64, 64);
    let facts = CaptureFacts { caption: "消毒记录", ..CaptureFacts::PHOTO };
    one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    let (late, answer) = support::plain_items(&two, visit).pop().unwrap();
    two.client().answer(visit, &late, &answer).unwrap();
    two.sync().await;
    assert_eq!(two.client().update_needed().unwrap(), None);

    one.link.up();
    let report = one.sync().await;
    assert_eq!((report.rows_received, report.evidence_completed), (0, 1));
    assert!(report.still_unsent.is_empty() && report.refused.is_empty(), "{report:?}");
    let needed = one.client().update_needed().unwrap().expect("the officer is told");
    assert_eq!(needed.program, "0.2.0".parse().ok());
    assert!(!one.client().inspection(visit).unwrap().view.answers.contains_key(&late));
    // It goes on recording and handing over, and its colleague is given that.
    let next = support::answer_one(&one, visit);
    one.sync().await;
    two.sync().await;
    let there = two.client().inspection(visit).unwrap();
    assert!([&item, &next].iter().all(|item| there.view.answers.contains_key(*item)));

    // The administrator sees which terminal it is.
    let desk = Desk::sign_in(&world, "guanli").await;
    let listed = desk.get(&world, "/console/devices").await.text;
    assert_eq!(listed.matches("版本过低").count(), 1, "{listed}");
    let shown = desk.get(&world, "/console/devices/floor").await.text;
    assert!(shown.contains("修复了签名缺陷") && shown.contains("0.2.0"), "{shown}");

    // After the update it reads on where it was.
    one.update_to("0.2.0");
    assert!(one.sync().await.rows_received > 0);
    assert_eq!(one.client().status().unwrap().update_needed, None);
    assert!(one.client().inspection(visit).unwrap().view.answers.contains_key(&late));
}

#[tokio::test]
async fn a_terminal_of_an_old_protocol_pushes_and_reads_nothing() {
    let world = World::start(952, None).await;
    let City { administrator, task, .. } = support::city(&world).await;
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    let mut rogue = Rogue::enrol(&world, &code, 9).await;
    assert!(!rogue.sync(&world, vec![], vec![]).await.rows.is_empty());
    floor::raise(&world.app, "system", Wanted { protocol: 2, program: None }, "停用旧协议").await.unwrap();
    let entry = rogue.declare(task.inspection, Actor([7; 16]));
    let answer = rogue.sync(&world, vec![entry], vec![]).await;
    assert!(answer.receipt.is_some() && answer.verdicts[0].code.is_none(), "{answer:?}");
    assert!(answer.rows.is_empty() && answer.cursors.is_empty() && !answer.more);
    let told = answer.floor.expect("the floor").verify(&world.app.key.public_key()).unwrap();
    assert_eq!((told.version, told.protocol), (1, 2));
}

#[tokio::test]
async fn a_floor_rises_by_whom_it_may_and_never_falls() {
    let world = World::start(953, None).await;
    let City { administrator, mut two, .. } = support::city(&world).await;
    raise(&world, &mut two).await;
    let raise = async |wanted| floor::raise(&world.app, "system", wanted, "理由").await.map_err(|e| e.code);
    assert_eq!(raise(program("0.1.9")).await.unwrap_err(), ErrorCode::FloorFalls);
    assert_eq!(raise(program("0.2.0")).await.unwrap_err(), ErrorCode::FloorFalls, "nothing changes");
    // A slip of the pen could never be taken back.
    assert_eq!(raise(program("20.0.0")).await.unwrap_err(), ErrorCode::FieldInvalid);
    let unknown = Wanted { protocol: PROTOCOL + 1, program: None };
    assert_eq!(raise(unknown).await.unwrap_err(), ErrorCode::FieldInvalid);
    assert_eq!(standing(&world).await.unwrap().floor.version, 1);

    // In the console: a form that says what is wrong, and only for who answers for the whole.
    let desk = Desk::sign_in(&world, "guanli").await;
    let path = "/console/devices/floor";
    let lower = [("protocol", "1"), ("program", "0.1.0"), ("reason", "误操作")];
    let refused = desk.post(&world, path, &lower).await;
    assert!(refused.status == 409 && refused.text.contains("下限只能提高"), "{}", refused.text);
    let garbage = [("protocol", "x"), ("program", "新版"), ("reason", "")];
    assert_eq!(desk.post(&world, path, &garbage).await.status, 422);
    let higher = [("protocol", "2"), ("program", ""), ("reason", "停用旧协议")];
    assert_eq!(desk.post(&world, path, &higher).await.leads_to(), path);
    let set = standing(&world).await.unwrap();
    assert_eq!((set.floor.version, set.floor.protocol, set.floor.program), (2, 2, "0.2.0".parse().ok()));
    assert_eq!(acts(&world, &administrator, "floor.raised").await, 2);
    let reviewer = Desk::sign_in(&world, "shenhe").await;
    assert_eq!(reviewer.get(&world, path).await.status, 403);
    assert_eq!(reviewer.post(&world, path, &higher).await.status, 403);
}

#[tokio::test]
async fn a_restored_server_learns_its_floor_from_terminals_and_no_forged_one() {
    let mut world = World::start(954, None).await;
    let City { administrator, task, mut one, mut two, .. } = support::city(&world).await;
    let backup = world.back_up("before").await;
    raise(&world, &mut two).await;
    for device in [&one, &two] {
        device.sync().await;
    }
    let lost = standing(&world).await.unwrap();
    world.put_back(&backup).await;
    restore::begin_anew(&world.app, "system", "演练").await.unwrap();
    assert!(standing(&world).await.is_none());

    // A floor that somebody made up: what comes with it is received, the floor is not.
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    let mut rogue = Rogue::enrol(&world, &code, 9).await;
    let at = Moment::from_micros(1);
    let made_up = Floor { version: 99, protocol: 2, program: "99.0.0".parse().ok(), at };
    let request = SyncRequest {
        protocol: PROTOCOL,
        cursors: vec![],
        epoch: None,
        entries: vec![rogue.declare(task.inspection, Actor([7; 16]))],
        chunks: vec![],
        still_unsent: None,
        wants: None,
        nonce: None,
        program: None,
        floor: Some(made_up.sign(&MemoryKey::from_secret(&[1; 32]))),
        holds: None,
        carried: None,
        numbers_since: None,
    };
    let (status, body) = world.send("POST", "/api/v1/sync", Some(rogue.token()), frame::pack(&request)).await;
    let answer: SyncAnswer = frame::unpack(&body).unwrap();
    assert!(status.is_success() && answer.receipt.is_some() && !answer.rows.is_empty());
    assert!(standing(&world).await.is_none() && answer.floor.is_none());

    // Somebody sets a floor that is lower in one thing, before a terminal comes by: it is joined with what was lost.
    floor::raise(&world.app, "system", Wanted { protocol: 2, program: None }, "停用旧协议").await.unwrap();
    one.sync().await;
    let joined = standing(&world).await.unwrap();
    assert_eq!((joined.floor.protocol, joined.floor.program), (2, lost.floor.program));
    assert!(joined.floor.replaces(&lost.floor) && joined.floor.version == 2);
    assert!(joined.signed.verify(&world.app.key.public_key()).is_ok());
    assert_eq!(acts(&world, &administrator, "floor.learned").await, 1);
    let desk = Desk::sign_in(&world, "guanli").await;
    let shown = desk.get(&world, "/console/devices/floor").await.text;
    assert!(shown.contains("这一下限由终端送回"), "{shown}");
    // It is below that floor again, and its colleague above it is not.
    assert!(one.client().update_needed().unwrap().is_some());
    two.sync().await;
    assert!(two.client().update_needed().unwrap().is_none());
    assert_eq!(standing(&world).await.unwrap().floor, joined.floor, "nobody brings it twice");

    // Where nothing was set meanwhile it comes back as it was.
    world.put_back(&backup).await;
    two.update_to("0.3.0");
    two.sync().await;
    let back = standing(&world).await.unwrap();
    assert_eq!(back.floor, joined.floor);
    assert_eq!(back.signed, joined.signed);
    one.update_to("0.2.0");
    one.sync().await;
    assert!(one.client().update_needed().unwrap().is_none());
}
