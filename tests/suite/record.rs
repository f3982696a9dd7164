//! The record stands run by run, and is read change by change.

use crate::support::{self, City};
use fieldproof_schema::ids::InspectionId;
use fieldproof_server::db::{DbError, Tx, Value};
use fieldproof_server::store::changes;
use fieldproof_tests::world::World;

/// Changes that a page of a history holds here: fewer than a run.
const PAGE: i64 = 7;

async fn is_read_change_by_change(world: &World) {
    let City { task, one, two, .. } = support::city(world).await;
    let visit: InspectionId = task.inspection;
    // Two runs of one officer, a colleague's between them, written at once.
    for (device, word) in [(&one, "甲"), (&two, "乙"), (&one, "丙")] {
        for line in 0..20 {
            let before = device.client().inspection(visit).unwrap().view.narrative.clone();
            device.client().narrative(visit, None, &format!("{before}{word}{line}。")).unwrap();
        }
        device.sync().await;
        one.sync().await;
        two.sync().await;
    }
    let org = world.app.org().await.unwrap();
    let read = move |tx: &mut Tx<'_>| {
        let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM changes WHERE inspection = $1";
        let rows: i64 = tx.query_opt(sql, &[Value::Text(visit.to_string())])?.unwrap().get(0)?;
        let all = changes::list(tx, org, visit)?;
        assert_eq!(all.len(), 61);
        assert!((3..=8).contains(&rows), "{rows} rows for {} changes", all.len());
        for known in 0..=all.len() {
            let position = i64::try_from(known).unwrap();
            assert_eq!(changes::after(tx, org, visit, position)?, all[known..]);
            let bytes: Vec<_> = all[known..].iter().map(|change| change.bytes.clone()).collect();
            assert_eq!(changes::written_after(tx, org, visit, position)?, bytes);
            // Every change behind the place is in exactly one origin, with what it says itself.
            let origins = changes::origins(tx, org, visit, position)?;
            assert_eq!(
                origins.iter().map(|run| run.last - run.first + 1).sum::<u64>(),
                u64::try_from(all.len() - known).unwrap()
            );
            for change in &all[known..] {
                let origin = origins.iter().find(|run| run.names(change.actor, change.seq.unwrap())).unwrap();
                let said = (origin.device, origin.officer, origin.entry, origin.written);
                assert_eq!(said, (change.device, change.officer, change.entry, change.written));
            }
        }
        let mut listed = Vec::new();
        let mut before = i64::MAX;
        loop {
            let page = changes::history(tx, org, visit, before, PAGE)?;
            let Some(last) = page.last() else { break };
            before = last.position;
            listed.extend(page.iter().map(|line| (line.position, line.id)));
        }
        let expected: Vec<_> = (1..).zip(all.iter().map(|change| change.id)).collect();
        assert!(listed.into_iter().rev().eq(expected));
        let names = changes::names(tx, org, visit)?;
        for change in &all {
            assert!(names.contains(&change.id));
            assert_eq!(changes::find(tx, org, visit, change.id)?.as_ref(), Some(change));
        }
        Ok::<_, DbError>(())
    };
    world.app.db.read(read).await.unwrap();
}

#[tokio::test]
async fn the_record_is_read_change_by_change_on_sqlite() {
    is_read_change_by_change(&World::start(611, None).await).await;
}

#[tokio::test]
async fn the_record_is_read_change_by_change_on_postgresql() {
    let url = fieldproof_tests::postgres::shared().create_database("record");
    is_read_change_by_change(&World::start(611, Some(&url)).await).await;
}
