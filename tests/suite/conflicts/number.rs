//! Numbers of documents: given without a link, used twice, outside their lease, corrected and taken back; and no terminal or
//! server that came back older gives a number twice.

mod console;

pub(crate) use console::play;

use super::*;
use crate::support::other_visit;
use fieldproof_client_core::{NewPaper, PaperBook, PaperLine};
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::numbering::{Issued, UseState};
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::seal::Party;
use fieldproof_server::restore;

async fn sqlite(seed: u64) -> World {
    World::start(seed, None).await
}

async fn postgresql(seed: u64, name: &str) -> World {
    let url = fieldproof_tests::postgres::shared().create_database(name);
    World::start(seed, Some(&url)).await
}

fn opinion(typed: Option<u32>) -> NewPaper {
    NewPaper { form: "DOC-03".into(), typed, ..NewPaper::default() }
}

fn order() -> NewPaper {
    NewPaper { form: "DOC-35".into(), category: "公".into(), ..NewPaper::default() }
}

fn register(device: &Device, visit: InspectionId, new: &NewPaper) -> (RecordId, Issued) {
    let (record, issued) = device.client().register_paper(visit, new).unwrap();
    (record, issued.unwrap())
}

fn book(device: &Device, visit: InspectionId) -> PaperBook {
    device.client().papers(visit).unwrap()
}

fn line(device: &Device, visit: InspectionId, record: RecordId) -> PaperLine {
    let papers = book(device, visit).papers;
    papers.into_iter().find(|line| line.registered.record == record).unwrap()
}

/// Which side of a conflict a paper form is.
fn side(conflict: &Value, record: RecordId) -> Value {
    let sides = conflict["sides"].as_array().unwrap();
    sides.iter().find(|side| side["record"] == json!(record)).unwrap()["change"].clone()
}

/// How many numbers of a series stand how, as the console says.
async fn ledger(world: &World, person: &Person, unit: &str, form: &str) -> Value {
    let ledger = person.get(world, &format!("/api/v1/numbers/{unit}/{form}/2026")).await;
    assert_eq!(ledger["counts"]["unexplained"], 0, "{ledger}");
    ledger["counts"].clone()
}

#[tokio::test]
async fn a_number_used_twice_is_decided_and_taken_back_on_sqlite() {
    a_number_used_twice_is_decided_and_taken_back(sqlite(571).await).await;
}

#[tokio::test]
async fn a_number_used_twice_is_decided_and_taken_back_on_postgresql() {
    a_number_used_twice_is_decided_and_taken_back(postgresql(571, "numbers_twice").await).await;
}

async fn a_number_used_twice_is_decided_and_taken_back(world: World) {
    let City { administrator, supervisor, task, one, .. } = support::city(&world).await;
    let visit = task.inspection;
    let (second, stranger) = administrators(&world, &administrator).await;
    // The officer has two terminals; colleagues can be of another unit, whose numbers are its own.
    let two = administrator.terminal(&world, task.team[0], "phone").await;
    two.sync().await;
    // Both give numbers without a link, out of blocks that have none in common.
    let (first, given) = register(&one, visit, &opinion(None));
    let (_, others) = register(&two, visit, &opinion(None));
    assert!(given.unit == others.unit && given.serial != others.serial && given.block.is_some());
    let (_, ordered) = register(&one, visit, &order());
    assert!(ordered.text.contains("公改〔2026〕") && ordered.text.ends_with('号'), "{}", ordered.text);
    sync_all(&[&one, &two]).await;
    assert!(open(&world, &administrator, "number").await.is_empty());
    let (again, typed) = register(&two, visit, &opinion(Some(given.serial)));
    assert_eq!((typed.text.as_str(), typed.block), (given.text.as_str(), None));
    // Told on the spot, by the name that the server gives it, too.
    let told = book(&two, visit).conflicts;
    sync_all(&[&two, &one]).await;
    let conflict = only(&world, &administrator, "number").await;
    assert_eq!((told.len(), json!(told[0].id)), (1, conflict["id"].clone()));
    assert_eq!(
        (&conflict["blocks"], &conflict["choices"], &conflict["unit"]),
        (&json!(true), &json!(["void", "renumber"]), &json!(given.unit))
    );
    for device in [&one, &two] {
        assert_eq!(json!(book(device, visit).conflicts[0].id), conflict["id"]);
        for record in [first, again] {
            let line = line(device, visit, record);
            assert!(line.disputed && json!(line.fate.unwrap().conflict) == conflict["id"]);
        }
    }
    let sides = conflict["sides"].as_array().unwrap();
    assert!(
        sides.iter().all(|side| side["officer"].is_string()
            && side["device"].is_string()
            && side["written"].is_object()),
        "{sides:?}"
    );

    let renumber = json!({"renumber": side(&conflict, again), "reason": "与他人重号"});
    assert_eq!(refused(&world, &supervisor, &conflict, renumber.clone()).await, "not_allowed");
    assert_eq!(refused(&world, &stranger, &conflict, renumber.clone()).await, "not_found");
    for wrong in [
        json!({"choice": "void", "reason": "x"}),
        json!({"void": "ab".repeat(32), "reason": "x"}),
        json!({"void": side(&conflict, again), "choice": "accept", "reason": "x"}),
        json!({"side": side(&conflict, again), "reason": "x"}),
    ] {
        assert_eq!(refused(&world, &administrator, &conflict, wrong).await, "choice_unknown");
    }
    decide(&world, &administrator, &conflict, renumber.clone()).await;
    assert_eq!(refused(&world, &second, &conflict, renumber).await, "already_decided");
    sync_all(&[&one, &two]).await;
    let mut new_number = String::new();
    for device in [&one, &two] {
        let line = line(device, visit, again);
        new_number = line.number().unwrap().text.clone();
        let former = line.former();
        assert_eq!(
            (former[0].0.text.as_str(), former[0].1.reason.as_str()),
            (typed.text.as_str(), "与他人重号")
        );
        assert!(new_number != typed.text && !line.disputed && book(device, visit).conflicts.is_empty());
    }
    let counts = ledger(&world, &supervisor, &given.unit, "DOC-03").await;
    assert_eq!((&counts["used"], &counts["twice"]), (&json!(3), &json!(0)), "{counts}");

    // Taken back, the number stands twice again, and the one that was given stays used.
    undo(&world, &administrator, &conflict, "再核实").await;
    assert_eq!(only(&world, &administrator, "number").await["id"], conflict["id"]);
    sync_all(&[&one, &two]).await;
    let line_now = line(&two, visit, again);
    assert_eq!((line_now.number().unwrap().text.as_str(), line_now.disputed), (typed.text.as_str(), true));
    assert_eq!(line_now.former()[0].0.text, new_number);
    let counts = ledger(&world, &supervisor, &given.unit, "DOC-03").await;
    assert_eq!((&counts["twice"], &counts["corrected"]), (&json!(1), &json!(1)), "{counts}");

    let void = json!({"void": side(&conflict, again), "reason": "重复登记"});
    decide(&world, &administrator, &conflict, void.clone()).await;
    sync_all(&[&one, &two]).await;
    for device in [&one, &two] {
        let line = line(device, visit, again);
        assert_eq!((line.state(), line.void().unwrap().reason.as_str()), (UseState::Void, "重复登记"));
    }
    undo(&world, &administrator, &conflict, "另有依据").await;
    decide(&world, &administrator, &conflict, void).await;
    assert!(open(&world, &administrator, "number").await.is_empty());
    let made = choices(&world, &administrator, &conflict).await;
    assert_eq!(made, ["renumber", "undo", "void", "undo", "void"]);
    sync_all(&[&one, &two]).await;
    assert_eq!(one.client().inspection(visit).unwrap().view, two.client().inspection(visit).unwrap().view);
}

#[tokio::test]
async fn a_number_outside_its_lease_is_corrected_beside_the_seal_on_sqlite() {
    a_number_outside_its_lease_is_corrected_beside_the_seal(sqlite(572).await).await;
}

#[tokio::test]
async fn a_number_outside_its_lease_is_corrected_beside_the_seal_on_postgresql() {
    a_number_outside_its_lease_is_corrected_beside_the_seal(postgresql(572, "numbers_beside").await).await;
}

async fn a_number_outside_its_lease_is_corrected_beside_the_seal(world: World) {
    let City { administrator, supervisor, task, one, two } = support::city(&world).await;
    let visit = task.inspection;
    support::answer_one(&one, visit);
    let (record, typed) = register(&one, visit, &opinion(Some(5000)));
    assert_eq!(book(&one, visit).conflicts.len(), 1);
    sync_all(&[&one, &two]).await;
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    support::seal(&one, &two, visit, &party, None).await;
    assert_eq!(support::state(&one, visit), InspectionState::Sealed);
    // Numbers keep no seal waiting, but the review.
    let conflict = only(&world, &administrator, "number").await;
    assert_eq!(conflict["sides"].as_array().unwrap().len(), 1);
    let accept = format!("/api/v1/inspections/{visit}/accept");
    assert_eq!(supervisor.refused(&world, &accept, json!({"comment": "同意"})).await, "conflicts_open");

    // It may stand as it is: nobody else has it.
    assert_eq!(conflict["choices"], json!(["accept", "void", "renumber"]));
    decide(&world, &administrator, &conflict, json!({"choice": "accept", "reason": "旧号段留用"})).await;
    sync_all(&[&one, &two]).await;
    assert!(open(&world, &administrator, "number").await.is_empty());
    for device in [&one, &two] {
        let line = line(device, visit, record);
        assert!(!line.disputed && line.fate.unwrap().allowed && book(device, visit).conflicts.is_empty());
    }
    undo(&world, &administrator, &conflict, "并非旧号段").await;
    assert_eq!(only(&world, &administrator, "number").await["id"], conflict["id"]);

    let sealed = one.client().inspection(visit).unwrap().heads;
    let renumber = json!({"renumber": side(&conflict, record), "reason": "不在号段内"});
    decide(&world, &administrator, &conflict, renumber.clone()).await;
    sync_all(&[&one, &two]).await;
    for device in [&one, &two] {
        // The content is what was signed; the correction stands beside it.
        assert_eq!(device.client().inspection(visit).unwrap().heads, sealed);
        let line = line(device, visit, record);
        assert_eq!(line.registered.paper.number.as_ref().unwrap().text, typed.text);
        assert_eq!(
            (line.state(), line.former()[0].0.text.as_str()),
            (UseState::Corrected, typed.text.as_str())
        );
        assert!(line.number().unwrap().text != typed.text && !line.disputed);
        assert!(book(device, visit).conflicts.is_empty());
    }
    let given = line(&one, visit, record).number().unwrap().serial;
    undo(&world, &administrator, &conflict, "再核实").await;
    assert_eq!(only(&world, &administrator, "number").await["id"], conflict["id"]);
    sync_all(&[&one, &two]).await;
    assert!(line(&two, visit, record).disputed && line(&two, visit, record).former().is_empty());
    decide(&world, &administrator, &conflict, renumber).await;
    sync_all(&[&one, &two]).await;
    assert!(line(&two, visit, record).number().unwrap().serial > given);
    undo(&world, &administrator, &conflict, "改为作废").await;
    decide(&world, &administrator, &conflict, json!({"void": side(&conflict, record), "reason": "作废重开"}))
        .await;
    sync_all(&[&one, &two]).await;
    assert_eq!(line(&one, visit, record).state(), UseState::Void);
    let counts = ledger(&world, &supervisor, &typed.unit, "DOC-03").await;
    assert_eq!((&counts["void"], &counts["corrected"]), (&json!(1), &json!(2)), "{counts}");
    supervisor.post(&world, &accept, json!({"comment": "同意"})).await;
}

#[tokio::test]
async fn one_number_in_two_visits_is_one_conflict_and_a_new_block_goes_around_what_was_typed() {
    let world = sqlite(573).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let (visit, other) = (task.inspection, other_visit(&one, task.inspection));
    let (_, given) = register(&one, visit, &opinion(None));
    let (record, _) = register(&one, other, &opinion(Some(given.serial)));
    assert_eq!(book(&one, other).conflicts[0].sides.len(), 2);
    one.sync().await;
    let conflict = only(&world, &administrator, "number").await;
    let mut visits: Vec<_> =
        conflict["sides"].as_array().unwrap().iter().map(|side| side["inspection"].clone()).collect();
    visits.sort_by_key(Value::to_string);
    let mut expected = [json!(visit), json!(other)];
    expected.sort_by_key(Value::to_string);
    assert_eq!(visits, expected);
    decide(&world, &administrator, &conflict, json!({"void": side(&conflict, record), "reason": "重号"}))
        .await;
    sync_all(&[&one, &two]).await;
    assert_eq!(line(&one, other, record).state(), UseState::Void);
    assert!(!line(&two, visit, book(&two, visit).papers[0].registered.record).disputed);

    // Half of a block is used: another one follows it, past what was typed into its way.
    let (_, ahead) = register(&one, visit, &opinion(Some(45)));
    let mut serials = vec![given.serial];
    for _ in 0..18 {
        serials.push(register(&one, visit, &opinion(None)).1.serial);
    }
    sync_all(&[&one, &two]).await;
    for _ in 0..12 {
        serials.push(register(&one, visit, &opinion(None)).1.serial);
    }
    let distinct: std::collections::BTreeSet<_> = serials.iter().collect();
    assert_eq!((distinct.len(), serials.contains(&ahead.serial)), (31, false), "{serials:?}");
    sync_all(&[&one, &two]).await;
    let counts = ledger(&world, &administrator, &given.unit, "DOC-03").await;
    assert_eq!((&counts["used"], &counts["twice"]), (&json!(32), &json!(0)), "{counts}");
}

#[tokio::test]
async fn a_terminal_that_came_back_older_gives_no_number_twice() {
    let world = sqlite(574).await;
    let City { administrator, supervisor, task, mut one, two } = support::city(&world).await;
    let visit = task.inspection;
    let (_, first) = register(&one, visit, &opinion(None));
    one.sync().await;
    let image = world.folder().join("image");
    one.keep_image(&image);
    let mut given = vec![first.serial];
    // One that the server hears of, and one that nobody but the paper knows of.
    given.push(register(&one, visit, &opinion(None)).1.serial);
    one.sync().await;
    given.push(register(&one, visit, &opinion(None)).1.serial);
    one.put_back(&image);
    let refused = one.client().register_paper(visit, &opinion(None)).unwrap_err();
    assert_eq!(refused.code().as_str(), "numbers_used_up");
    let report = one.sync().await;
    assert!(report.rolled_back, "{report:?}");
    for _ in 0..3 {
        let next = register(&one, visit, &opinion(None)).1.serial;
        assert!(!given.contains(&next), "{next} of {given:?}");
        given.push(next);
    }
    sync_all(&[&one, &two]).await;
    assert!(open(&world, &administrator, "number").await.is_empty());
    let counts = ledger(&world, &supervisor, &first.unit, "DOC-03").await;
    // What was left of the old block is a gap with its reason.
    assert!(counts["returned"].as_i64().unwrap() > 0, "{counts}");
}

#[tokio::test]
async fn a_copy_of_a_terminal_has_no_numbers_and_what_both_give_is_found() {
    let world = sqlite(575).await;
    let City { administrator, task, mut one, .. } = support::city(&world).await;
    let visit = task.inspection;
    register(&one, visit, &opinion(None));
    one.sync().await;
    let image = world.folder().join("image");
    one.keep_image(&image);
    let mut copied = Device::new(&world, "copy");
    copied.put_back(&image);
    let refused = copied.client().register_paper(visit, &opinion(None)).unwrap_err();
    assert_eq!(refused.code().as_str(), "numbers_used_up");
    // The copy is given blocks of its own; what the first gives out of the old ones after that is asked about.
    copied.sync().await;
    register(&copied, visit, &opinion(None));
    register(&one, visit, &opinion(None));
    copied.sync().await;
    sync_all(&[&one, &copied]).await;
    let conflict = only(&world, &administrator, "number").await;
    assert_eq!(conflict["sides"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_came_back_older_gives_no_number_twice() {
    let mut world = sqlite(576).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    sync_all(&[&one, &two]).await;
    let backup = world.back_up("numbers").await;
    // After the backup more is leased, and used.
    let mut given = Vec::new();
    for _ in 0..15 {
        let (_, issued) = register(&one, visit, &opinion(None));
        given.push((issued.unit, issued.serial));
    }
    one.sync().await;
    for _ in 0..12 {
        let (_, issued) = register(&one, visit, &opinion(None));
        given.push((issued.unit, issued.serial));
    }
    world.put_back(&backup).await;
    restore::begin_anew(&world.app, "system", "取回昨夜备份").await.unwrap();
    sync_all(&[&one, &two]).await;
    for device in [&one, &two] {
        for _ in 0..3 {
            let (_, issued) = register(device, visit, &opinion(None));
            given.push((issued.unit, issued.serial));
        }
    }
    // The same backup once more: the database knows nothing of the first time, and one of them has not heard of the second.
    world.put_back(&backup).await;
    restore::begin_anew(&world.app, "system", "恢复中断，再取回一次").await.unwrap();
    two.sync().await;
    for device in [&one, &two] {
        for _ in 0..3 {
            let (_, issued) = register(device, visit, &opinion(None));
            given.push((issued.unit, issued.serial));
        }
    }
    let distinct: std::collections::BTreeSet<_> = given.iter().collect();
    assert_eq!(distinct.len(), given.len(), "{given:?}");
    sync_all(&[&one, &two]).await;
    // What was given out of leases that the server has forgotten is asked about, and nothing stands twice.
    for conflict in open(&world, &administrator, "number").await {
        assert_eq!(conflict["sides"].as_array().unwrap().len(), 1, "{conflict}");
    }
}
