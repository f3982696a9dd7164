//! A visit that was written to for years costs who reads it what it says, not what became of it on the way.

use crate::support::{self, City};
use fieldproof_schema::document::{Actor, RawChange};
use fieldproof_schema::wire::sync::{Chunk, Outcome};
use fieldproof_tests::world::World;
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::rogue::Rogue;

const CHANGES: u64 = 5_000;
/// The only statements that read the bytes of every change.
const ALL_BYTES: [&str; 2] = ["ORDER BY position", "position > $3 ORDER BY position"];

#[tokio::test]
async fn the_newest_page_of_a_long_history_reads_no_raw_changes() {
    let mut world = World::start(561, None).await;
    let City { administrator, task, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    let mut rogue = Rogue::enrol(&world, &code, 56).await;
    let mut document = support::document(&rogue.sync(&world, vec![], vec![]).await, visit);
    let (actor, at) = (Actor([0x56; 16]), world.app.now());
    let mut end = RawChange(Vec::new());
    for n in 0..CHANGES {
        let measured = format!("{{\"value\": {n}}}");
        let written = document.edit(actor, at, |edit| edit.measurement("01", &measured)).unwrap().1;
        end = written.expect("another value").1;
    }
    let entry = rogue.cover_run(visit, actor, (1, CHANGES), &end);
    let chunks = vec![Chunk { inspection: visit, changes: vec![RawChange(document.save())] }];
    let answer = rogue.sync(&world, vec![entry], chunks).await;
    assert!(
        answer.verdicts.iter().all(|verdict| verdict.outcome == Outcome::Accepted),
        "{:?}",
        answer.verdicts
    );

    // What ran is counted anew.
    world.restart().await;
    let path = format!("/api/v1/inspections/{visit}/history?limit=50");
    let newest = administrator.get(&world, &path).await;
    let changes = newest["changes"].as_array().unwrap();
    assert_eq!(
        (changes.len(), changes[49]["change"].as_str().unwrap()),
        (50, hex(&document.heads()[0].0).as_str())
    );
    assert!(changes[49]["size_bytes"].as_u64().unwrap() > 0);
    let before = format!("{path}&before={}", newest["next"]);
    let earlier = administrator.get(&world, &before).await;
    assert_eq!(earlier["changes"].as_array().unwrap().len(), 50);
    assert_ne!(earlier["changes"][49], changes[0]);
    let desk = Desk::sign_in(&world, "guanli").await;
    assert!(desk.get(&world, &format!("/console/inspections/{visit}")).await.status.is_success());
    // A colleague's terminal is given one document, and one more change once it has that.
    two.sync().await;
    assert_eq!(two.client().inspection(visit).unwrap().heads, document.heads());
    let seen = world.app.db.statements_seen();
    let read: Vec<&&str> = seen
        .iter()
        .filter(|sql| {
            sql.contains("bytes, written_earliest") && ALL_BYTES.iter().any(|end| sql.ends_with(end))
        })
        .collect();
    assert_eq!(read, Vec::<&&str>::new(), "every raw change was read");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
