//! Receipts never wait for judgements: what cannot be judged holds nobody back, is shown, tried again, and searched for
//! what is the matter.

use crate::support::{self, City};
use fieldproof_client_core::Overview;
use fieldproof_schema::ids::InspectionId;
use fieldproof_server::db::{DbError, Tx};
use fieldproof_server::sync::judge;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::Device;
use serde_json::{Value, json};

/// What the server says about its backlog.
async fn unjudged(world: &World) -> Value {
    world.call("GET", "/healthz", None, &Value::Null).await.1["unjudged"].clone()
}

fn overview(device: &Device) -> Overview {
    device.client().overview().unwrap()
}

#[tokio::test]
async fn a_visit_that_cannot_be_judged_holds_back_nobodys_receipt() {
    let world = World::start(61, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let sick = task.inspection;
    let other = support::other_visit(&one, sick);
    let whole = support::swap_document(&world, sick, (vec![0], vec![0])).await;
    let (ill, well) = (support::answer_one(&one, sick), support::answer_one(&one, other));
    one.sync().await;
    // Both are receipted; one is judged.
    assert!(one.client().status().unwrap().unsent.is_empty());
    let held = overview(&one);
    assert_eq!((held.unsent.changes, held.waiting), (0, 1), "{held:?}");
    let there = async |visit: InspectionId| {
        administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await["view"]["answers"].clone()
    };
    assert!(there(other).await[&well].is_object());
    assert_eq!(unjudged(&world).await["changes"], 1);
    assert_eq!(unjudged(&world).await["failing"], 1);

    // Tried again only when it is time, and not for ever at one pace.
    assert_eq!(judge::sweep(&world.app).await.unwrap(), 0);
    world.clock.advance_seconds(5);
    assert_eq!(judge::sweep(&world.app).await.unwrap(), 1);
    world.clock.advance_seconds(5);
    assert_eq!(judge::sweep(&world.app).await.unwrap(), 0, "the second wait is longer");

    // What was the matter is mended: it is judged, and the officer hears of it.
    support::swap_document(&world, sick, whole).await;
    world.clock.advance_seconds(60);
    assert_eq!(judge::sweep(&world.app).await.unwrap(), 1);
    assert!(there(sick).await[&ill].is_object());
    assert_eq!(unjudged(&world).await, json!({"changes": 0, "oldest_at": null, "failing": 0}));
    one.sync().await;
    assert_eq!(overview(&one).waiting, 0, "the verdict came after the round");
}

#[tokio::test]
async fn the_change_that_makes_judging_fail_is_found_and_held_apart() {
    let world = World::start(62, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    // Whatever came first of this visit cannot be taken in.
    let infect = |tx: &mut Tx<'_>| {
        tx.execute("CREATE TABLE sick (item BYTEA)", &[])?;
        tx.execute(
            "CREATE TRIGGER infect AFTER INSERT ON inbox WHEN (SELECT COUNT(*) FROM sick) = 0
             BEGIN INSERT INTO sick (item) VALUES (new.item); END",
            &[],
        )?;
        tx.execute(
            "CREATE TRIGGER fail BEFORE UPDATE ON inbox
             WHEN new.state = 'accepted' AND new.item IN (SELECT item FROM sick)
             BEGIN SELECT RAISE(ABORT, 'it is sick'); END",
            &[],
        )
    };
    world.app.db.write::<u64, DbError, _>(infect).await.unwrap();
    let items: Vec<String> = (0..3).map(|_| support::answer_one(&one, visit)).collect();
    one.sync().await;
    assert_eq!(overview(&one).waiting, 3);
    for seconds in [5, 60] {
        world.clock.advance_seconds(seconds);
        judge::sweep(&world.app).await.unwrap();
    }
    let known = administrator.get(&world, &format!("/api/v1/inspections/{visit}")).await;
    assert_eq!(known["row"]["quarantined"], 1);
    assert_eq!(unjudged(&world).await["failing"], 0);
    // What does not build upon it would go on; these do, and wait for people.
    assert_eq!(known["view"]["answers"], json!({}));
    one.sync().await;
    let held = overview(&one);
    assert_eq!((held.quarantined, held.waiting), (1, 2), "{held:?}");
    // Nothing is lost on the terminal.
    let here = one.client().inspection(visit).unwrap().view;
    assert!(items.iter().all(|item| here.answers.contains_key(item)));
}

/// What failed and cannot be written down is due again at once: whoever works off the backlog has to hear of it and wait.
#[tokio::test]
async fn a_failure_that_cannot_be_kept_ends_the_sweep() {
    let world = World::start(63, None).await;
    let City { task, one, .. } = support::city(&world).await;
    support::swap_document(&world, task.inspection, (vec![0], vec![0])).await;
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON judging BEGIN SELECT RAISE(ABORT, 'full'); END";
    world.app.db.write::<u64, DbError, _>(move |tx| tx.execute(refuse, &[])).await.unwrap();
    support::answer_one(&one, task.inspection);
    one.sync().await;
    assert!(one.client().status().unwrap().unsent.is_empty(), "the receipt came all the same");
    assert!(judge::sweep(&world.app).await.is_err());
}
