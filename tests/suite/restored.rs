//! A server that comes back from a backup: whatever it ever gave a receipt for is there again once the terminals came by.

use crate::support::{self, City};
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::document::{Document, is_document, split};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::suite::{Digest, Signature};
use fieldproof_schema::wire::sync::SignedReceipt;
use fieldproof_server::db::{DbError, Tx};
use fieldproof_server::restore;
use fieldproof_server::sync::judge;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::device::Device;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What all receipts name that the server remembers; of a document that came as a parcel, the changes in it, for it may come
/// again as another one.
async fn receipted(world: &World) -> BTreeSet<Digest> {
    let key = world.app.key.public_key();
    let read = |tx: &mut Tx<'_>| {
        let rows = tx.query("SELECT bytes, signature FROM receipts", &[])?;
        let given = rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect::<Result<_, DbError>>()?;
        let rows = tx.query("SELECT item, bytes FROM inbox", &[])?;
        let came = rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect::<Result<_, DbError>>()?;
        Ok((given, came))
    };
    type Read = (Vec<(Vec<u8>, Signature)>, Vec<(Digest, Vec<u8>)>);
    let (given, came) = world.app.db.read::<Read, DbError, _>(read).await.unwrap();
    let parcels: BTreeMap<Digest, Vec<Digest>> = came
        .into_iter()
        .filter(|(_, bytes)| is_document(bytes))
        .map(|(item, bytes)| {
            let changes = Document::load(&bytes).unwrap().changes();
            (item, changes.iter().map(|(_, raw)| Digest::of(&raw.0)).collect())
        })
        .collect();
    let items = given.into_iter().flat_map(|(bytes, signature)| {
        SignedReceipt { bytes, signature }.verify(&key).expect("a receipt of this server").items
    });
    items.flat_map(|item| parcels.get(&item).cloned().unwrap_or_else(|| vec![item])).collect()
}

/// What the server holds: entries, changes whatever became of them, originals.
async fn held(world: &World) -> BTreeSet<Digest> {
    let read = |tx: &mut Tx<'_>| {
        let mut held = BTreeSet::new();
        for sql in [
            "SELECT hash FROM journal_entries",
            "SELECT item FROM inbox",
            "SELECT digest FROM captures WHERE held_at IS NOT NULL",
        ] {
            for row in tx.query(sql, &[])? {
                held.insert(row.get(0)?);
            }
        }
        for row in tx.query("SELECT bytes FROM changes", &[])? {
            held.extend(split(&row.get::<Vec<u8>>(0)?).unwrap().into_iter().map(Digest::of));
        }
        Ok(held)
    };
    world.app.db.read::<_, DbError, _>(read).await.unwrap()
}

/// The records of one kind of act.
async fn audit(administrator: &Person, world: &World, act: &str) -> Vec<Value> {
    let all = administrator.get(world, "/api/v1/audit").await;
    let rows = all["rows"].as_array().unwrap().iter();
    rows.filter(|record| record["act"] == act).cloned().collect()
}

/// Officers at work, drawn by chance.
struct Story {
    world: World,
    administrator: Person,
    devices: Vec<Device>,
    visits: Vec<InspectionId>,
    dice: ChaCha8Rng,
    acts: u32,
    receipted: BTreeSet<Digest>,
}

impl Story {
    async fn begin(seed: u64) -> Self {
        let world = World::start(seed, None).await;
        let City { administrator, task, one, two, .. } = support::city(&world).await;
        // The first officer has a second terminal.
        let car = administrator.terminal(&world, task.team[0], "car").await;
        car.sync().await;
        let visits = vec![task.inspection, support::other_visit(&one, task.inspection)];
        let dice = ChaCha8Rng::seed_from_u64(seed);
        let devices = vec![one, two, car];
        Self { world, administrator, devices, visits, dice, acts: 0, receipted: BTreeSet::new() }
    }

    fn draw(&mut self, below: usize) -> usize {
        usize::try_from(self.dice.next_u64() % below as u64).unwrap()
    }

    /// Some acts and syncs; terminals come and go.
    async fn work(&mut self, steps: usize) {
        for _ in 0..steps {
            let (at, what) = (self.draw(self.devices.len()), self.draw(10));
            self.acts += 1;
            let words = format!("第{}笔", self.acts);
            let place = self.draw(self.visits.len());
            let visit = self.visits[place];
            let device = &mut self.devices[at];
            let knows = device.client().inspection(visit).is_ok();
            match what {
                0..=2 if knows => {
                    let before = device.client().inspection(visit).unwrap().view.narrative.clone();
                    device.client().narrative(visit, None, &format!("{before}{words}。")).unwrap();
                }
                3..=4 if knows => {
                    let items = support::plain_items(device, visit);
                    let (item, answer) = &items[self.acts as usize % items.len()];
                    device.client().answer(visit, item, answer).unwrap();
                }
                5 if knows => {
                    let bytes = photo::jpeg(self.acts.into(), None, 48, 48);
                    let facts = CaptureFacts { caption: &words, ..CaptureFacts::PHOTO };
                    device.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
                }
                6 => {
                    device.die();
                    device.switch_on();
                }
                _ => drop(device.sync().await),
            }
        }
        self.receipted.append(&mut receipted(&self.world).await);
    }

    /// The feeds of everyone grow by other rows than before.
    async fn regrow(&mut self) {
        for _ in 0..self.draw(3) {
            self.administrator.load_city(&self.world).await;
        }
    }

    /// All terminals come by until nothing is left to say.
    async fn settle(&mut self) {
        for _ in 0..3 {
            for device in &self.devices {
                device.sync().await;
            }
        }
        while judge::sweep(&self.world.app).await.unwrap() > 0 {}
        for device in &self.devices {
            device.sync().await;
        }
        self.receipted.append(&mut receipted(&self.world).await);
    }

    async fn restore(&mut self, backup: &fieldproof_tests::world::backup::Backup) {
        self.world.put_back(backup).await;
        restore::begin_anew(&self.world.app, "system", "硬盘损坏，取回昨夜备份").await.unwrap();
    }

    async fn check(&self) {
        let missing: Vec<_> = self.receipted.difference(&held(&self.world).await).copied().collect();
        assert!(missing.is_empty(), "{} of {} receipted items are gone", missing.len(), self.receipted.len());
        for device in &self.devices {
            let status = device.client().status().unwrap();
            assert!(status.unsent.is_empty(), "{status:?}");
            assert_eq!((status.quarantined, status.refused, status.waiting), (0, 0, 0));
            assert_eq!(device.client().verify().unwrap().faults, []);
        }
        // A terminal that begins anew reads every row; the others know no less.
        for (device, officer) in [(0, "fresh"), (1, "fresh two")] {
            let device = &self.devices[device];
            let whose = device.client().status().unwrap().enrolled.unwrap().officer;
            let fresh = self.administrator.terminal(&self.world, whose, officer).await;
            fresh.sync().await;
            device.sync().await;
            let lists = |d: &Device| -> Vec<_> {
                let mut all = d.client().inspections().unwrap();
                all.sort_by_key(|line| line.id);
                all.into_iter().map(|line| (line.id, line.entity_name)).collect()
            };
            assert_eq!(lists(device), lists(&fresh));
            let count = |d: &Device| d.client().entities("", 0, 1).unwrap().total;
            assert_eq!(count(device), count(&fresh));
            for visit in &self.visits {
                let Ok(there) = fresh.client().inspection(*visit) else { continue };
                let here = device.client().inspection(*visit).unwrap();
                assert_eq!((here.view, here.heads), (there.view, there.heads));
            }
        }
    }
}

async fn up_to_three_restores(seed: u64) {
    let mut story = Story::begin(seed).await;
    for restores in 0..3 {
        story.work(12).await;
        let backup = story.world.back_up(&restores.to_string()).await;
        story.work(16).await;
        story.restore(&backup).await;
        story.regrow().await;
        if story.draw(2) == 0 {
            // Only some have come by when the next one happens; sometimes it is the same backup again.
            story.work(6).await;
            if story.draw(2) == 0 {
                story.restore(&backup).await;
            }
        }
    }
    story.work(10).await;
    story.settle().await;
    story.check().await;
}

#[tokio::test]
async fn whatever_was_receipted_is_there_again_after_restores() {
    for seed in [301, 302, 303, 304] {
        up_to_three_restores(seed).await;
    }
}

/// The terminal goes on behind what the server held of it, and then the server holds that no more: what is between is nowhere
/// but in what the terminal was given again, and perhaps on a colleague's.
async fn both_come_back_older(seed: u64, colleague_knows: bool) {
    let mut world = World::start(seed, None).await;
    let City { task, mut one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    one.client().narrative(visit, None, "一。").unwrap();
    one.sync().await;
    let of_server = world.back_up("one").await;
    let image = world.folder().join("image");
    one.keep_image(&image);
    one.client().narrative(visit, None, "一。二。").unwrap();
    one.sync().await;
    if colleague_knows {
        two.sync().await;
    }

    one.put_back(&image);
    assert!(one.sync().await.rolled_back);
    // Upon what it wrote before it came back older.
    one.client().narrative(visit, None, "一。二。三。").unwrap();
    let (item, answer) = &support::plain_items(&one, visit)[0];
    one.client().answer(visit, item, answer).unwrap();
    one.sync().await;

    world.put_back(&of_server).await;
    restore::begin_anew(&world.app, "system", "硬盘损坏，取回昨夜备份").await.unwrap();
    for _ in 0..3 {
        one.sync().await;
        two.sync().await;
    }
    for device in [&one, &two] {
        let status = device.client().status().unwrap();
        assert!(status.unsent.is_empty(), "{status:?}");
        let here = device.client().inspection(visit).unwrap().view;
        assert_eq!((here.narrative.as_str(), here.answers.len()), ("一。二。三。", 1));
        assert_eq!((status.quarantined, status.refused, status.waiting), (0, 0, 0));
    }
    assert_eq!(one.client().verify().unwrap().faults, []);
}

#[tokio::test]
async fn a_terminal_and_then_the_server_come_back_older() {
    both_come_back_older(314, true).await;
    both_come_back_older(315, false).await;
}

#[tokio::test]
async fn people_and_machines_see_that_the_server_was_restored() {
    let mut world = World::start(310, None).await;
    let City { administrator, one, task, .. } = support::city(&world).await;
    let health: Value = world.expect("GET", "/healthz", None, Value::Null).await;
    assert_eq!(health["restored_at"], Value::Null);
    assert!(!administrator.page(&world, "/console").await.contains("id=\"restored\""));
    let backup = world.back_up("one").await;
    support::answer_one(&one, task.inspection);
    one.sync().await;
    world.put_back(&backup).await;
    let refused = restore::begin_anew(&world.app, "system", " ").await.unwrap_err();
    assert_eq!(refused.code.as_str(), "reason_missing", "{refused}");
    let begun = restore::begin_anew(&world.app, "system", "硬盘损坏").await.unwrap();

    let health: Value = world.expect("GET", "/healthz", None, Value::Null).await;
    assert_eq!(health["restored_at"], json!(begun.epoch.began_at));
    let page = administrator.page(&world, "/console").await;
    assert!(page.contains("id=\"restored\"") && page.contains("硬盘损坏"));
    let [record] = audit(&administrator, &world, "server.restored").await.try_into().unwrap();
    assert_eq!(record["details"]["reason"], "硬盘损坏");
    let report = one.sync().await;
    assert!(report.server_restored && report.changes_sent == 1, "{report:?}");
    assert!(!one.sync().await.server_restored);
    // Long afterwards nobody is reminded any more.
    world.clock.advance_seconds(31 * 24 * 3600);
    let again = Person::sign_in(&world, "guanli").await;
    assert!(!again.page(&world, "/console").await.contains("id=\"restored\""));
}

/// A copy of the evidence that is older than the database: what is missing is asked for again, not believed to be there.
#[tokio::test]
async fn originals_that_were_not_put_back_are_sent_again() {
    let world = World::start(313, None).await;
    let City { administrator, one, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    for n in 0..2 {
        let bytes = photo::jpeg(n, None, 48, 48);
        let facts = CaptureFacts { caption: "水质", ..CaptureFacts::PHOTO };
        one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
    }
    one.sync().await;
    let org = world.app.org().await.unwrap();
    let digest = one.client().inspection(visit).unwrap().evidence[0].digest;
    let name = digest.to_string();
    let path = world.folder().join("evidence/blobs").join(org.to_string()).join(&name[4..6]).join(&name);
    std::fs::remove_file(&path).unwrap();
    let begun = restore::begin_anew(&world.app, "system", "证据库取自前一天").await.unwrap();
    assert_eq!(begun.originals_missing, 1);
    let [record] = audit(&administrator, &world, "server.restored").await.try_into().unwrap();
    assert_eq!(record["details"]["originals_missing"], 1);
    assert_eq!(one.sync().await.evidence_completed, 2);
    assert!(path.exists() && one.client().status().unwrap().unsent.is_empty());
}

/// What another process does, a running server says at once: nothing of the epoch is remembered.
#[tokio::test]
async fn a_running_server_gives_no_receipt_of_an_epoch_that_has_ended() {
    let world = World::start(311, None).await;
    let City { one, task, .. } = support::city(&world).await;
    for round in 0..3 {
        let visit = task.inspection;
        let bytes = photo::jpeg(round, None, 48, 48);
        let facts = CaptureFacts { caption: "水质", ..CaptureFacts::PHOTO };
        one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();
        let begun = restore::begin_anew(&world.app, "system", "演练").await.unwrap();
        assert!(one.sync().await.server_restored);
        assert!(one.client().status().unwrap().unsent.is_empty());
        let key = world.app.key.public_key();
        let last = |tx: &mut Tx<'_>| {
            let rows = tx.query("SELECT bytes, signature FROM receipts ORDER BY at DESC, id LIMIT 2", &[])?;
            rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
        };
        let given = world.app.db.read::<Vec<(Vec<u8>, Signature)>, DbError, _>(last).await.unwrap();
        for (bytes, signature) in given {
            let receipt = SignedReceipt { bytes, signature }.verify(&key).unwrap();
            assert_eq!(receipt.epoch, begun.epoch.epoch);
        }
    }
}

#[tokio::test]
async fn a_damaged_snapshot_is_made_anew_from_the_changes_and_said() {
    let world = World::start(312, None).await;
    let City { administrator, one, two, task, .. } = support::city(&world).await;
    let visit = task.inspection;
    let item = support::answer_one(&one, visit);
    one.sync().await;
    let whole = support::swap_snapshot(&world, visit, vec![0; 100]).await;
    let mut spoilt = whole.clone();
    let middle = spoilt.len() / 2;
    spoilt[middle] ^= 0x10;
    support::swap_snapshot(&world, visit, spoilt).await;

    // Reading goes on.
    let about = format!("/api/v1/inspections/{visit}");
    let shown = administrator.get(&world, &about).await;
    assert!(shown["view"]["answers"][&item].is_object());
    assert_eq!(judge::sweep(&world.app).await.unwrap(), 0);
    assert_eq!(support::swap_snapshot(&world, visit, whole.clone()).await, whole, "it was made anew");
    let [record] = audit(&administrator, &world, "snapshot.rebuilt").await.try_into().unwrap();
    assert_eq!(record["subject"], json!(format!("inspection:{visit}")));

    // Judging goes on, too.
    two.sync().await;
    support::swap_snapshot(&world, visit, vec![7; 3]).await;
    support::answer_one(&two, visit);
    two.sync().await;
    one.sync().await;
    assert_eq!(one.client().inspection(visit).unwrap().view.answers.len(), 2);
    judge::sweep(&world.app).await.unwrap();
    assert_eq!(audit(&administrator, &world, "snapshot.rebuilt").await.len(), 2);
}
