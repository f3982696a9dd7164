//! A terminal keeps less than it wrote, and nobody misses anything.

use crate::scope::{change, listed, third};
use crate::support::{self, City};
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::limits::{BACKUP_HORIZON_SECONDS, FOLD_CHANGES_MIN};
use fieldproof_server::restore;
use fieldproof_tests::store;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::device::Device;
use fieldproof_tests::{photo, postgres};

async fn worlds(seed: u64, name: &str) -> [World; 2] {
    let url = postgres::shared().create_database(name);
    [World::start(seed, None).await, World::start(seed, Some(&url)).await]
}

/// What a terminal's store says.
fn stored(device: &Device, sql: &str) -> i64 {
    let path = device.folder().join("store.db");
    let store = store::look_into(&path).unwrap();
    store.query_row(sql, [], |row| row.get(0)).unwrap()
}

const FOLDED: &str = "SELECT COUNT(*) FROM folded WHERE own > 0 AND held = 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_folded_is_offered_to_a_new_epoch_and_merges_as_before() {
    for world in worlds(981, "retention_folds").await {
        let City { task, one, two, .. } = support::city(&world).await;
        let visit = task.inspection;
        support::answer_one(&two, visit);
        two.sync().await;
        one.sync().await;
        for n in 0..FOLD_CHANGES_MIN {
            one.client().statement(visit, None, &format!("第{n}句")).unwrap();
        }
        one.sync().await;
        assert_eq!(stored(&one, FOLDED), 1);
        assert_eq!(one.client().overview().unwrap().records.held, FOLD_CHANGES_MIN);
        // What a colleague writes joins the fold's document.
        let item = support::answer_one(&two, visit);
        two.sync().await;
        one.sync().await;
        assert!(one.client().inspection(visit).unwrap().view.answers.contains_key(&item));
        assert_eq!(one.client().verify().unwrap().faults, []);

        restore::begin_anew(&world.app, "system", "演练").await.unwrap();
        support::answer_one(&one, visit);
        let report = one.sync().await;
        assert!(report.server_restored && report.refused.is_empty(), "{report:?}");
        assert!(report.changes_sent > FOLD_CHANGES_MIN, "{report:?}");
        assert!(one.client().status().unwrap().unsent.is_empty());
        assert_eq!((stored(&one, FOLDED), one.client().verify().unwrap().faults.len()), (1, 0));
        two.sync().await;
        let [here, there] = [&one, &two].map(|device| device.client().inspection(visit).unwrap());
        assert_eq!((here.view, here.heads), (there.view, there.heads));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_that_was_left_goes_with_its_originals_when_no_backup_can_miss_it() {
    for world in worlds(982, "retention_left").await {
        let City { administrator, task, one, .. } = support::city(&world).await;
        let visit = task.inspection;
        let joiner = third(&world, &administrator, &task).await;
        support::answer_one(&one, visit);
        let bytes = photo::jpeg(5, None, 64, 64);
        let facts = CaptureFacts::PHOTO;
        one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
        one.sync().await;
        change(&world, &administrator, visit, joiner, "joins", "抽调支援").await;
        change(&world, &administrator, visit, task.team[0], "leaves", "抽调支援").await;
        one.sync().await;
        assert!(!listed(&one, visit));
        let originals = || std::fs::read_dir(one.folder().join("evidence")).unwrap().count();
        let entries = one.client().verify().unwrap().entries;
        world.clock.advance_seconds(BACKUP_HORIZON_SECONDS - 3600);
        one.sync().await;
        assert_eq!(originals(), 1, "a backup of the day before may still come back");
        world.clock.advance_seconds(2 * 3600);
        one.sync().await;
        assert_eq!(originals(), 0);
        let left = format!(
            "SELECT COUNT(*) FROM changes WHERE inspection = x'{}'",
            visit.to_string().replace('-', "")
        );
        assert_eq!(stored(&one, &left), 0);
        let verified = one.client().verify().unwrap();
        assert!(verified.faults.is_empty() && verified.entries >= entries);
        // The server has all of it, and gives it back to who returns.
        let administrator = Person::sign_in(&world, "guanli").await;
        let three = administrator.terminal(&world, joiner, "three").await;
        three.sync().await;
        change(&world, &administrator, visit, task.team[0], "joins", "返回").await;
        one.sync().await;
        let [here, there] = [&one, &three].map(|device| device.client().inspection(visit).unwrap());
        assert_eq!((here.view, here.heads), (there.view, there.heads));
        assert_eq!(one.client().verify().unwrap().faults, []);
    }
}
