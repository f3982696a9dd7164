//! What lies on a terminal's disk is ciphertext: whoever has the files, and not the passphrase, has nothing.

use crate::support::{self, City};
use fieldproof_client_core::{Client, ClientError, KeyCost, Options, Unlock};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_tests::fixtures::Fixture;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::PASSPHRASE;
use fieldproof_tests::world::host::{Clock, SimHost};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Words of a day's work that stand nowhere else.
const CANARY: &str = "池边更衣室第七排储物柜夹层";

/// The files of the database in a terminal's folder, whatever state they are in.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

/// Whether words stand readable in any file beside the originals.
fn readable(folder: &Path, words: &str) -> Vec<String> {
    let found = files(folder).into_iter();
    let found = found.filter(|(_, bytes)| bytes.windows(words.len()).any(|part| part == words.as_bytes()));
    found.map(|(name, _)| name).collect()
}

fn open(folder: &Path, clock: &Clock, unlock: Unlock<'_>) -> Result<Client, ClientError> {
    let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
    Client::open(folder, Arc::new(SimHost::new(clock, 5, 0)), options, unlock)
}

fn names(client: &Client) -> Vec<String> {
    client.inspections().unwrap().into_iter().map(|visit| visit.entity_name).collect()
}

#[tokio::test]
async fn nothing_of_a_days_work_stands_readable_in_any_file() {
    let world = World::start(1201, None).await;
    let City { task, mut one, .. } = support::city(&world).await;
    let visit = task.inspection;
    let name = one.client().inspections().unwrap()[0].entity_name.clone();
    assert!(!name.is_empty());
    one.client().narrative(visit, None, CANARY).unwrap();
    support::answer_one(&one, visit);
    // With the log, after a sync, and closed.
    for words in [CANARY, &name] {
        assert_eq!(readable(one.folder(), words), Vec::<String>::new());
    }
    one.sync().await;
    one.client().rebuild().unwrap();
    one.die();
    for words in [CANARY, &name, "SQLite format", "CREATE TABLE"] {
        assert_eq!(readable(one.folder(), words), Vec::<String>::new(), "{words}");
    }
    one.switch_on();
    assert_eq!(one.client().inspection(visit).unwrap().view.narrative, CANARY);
}

#[tokio::test]
async fn without_the_passphrase_a_store_stays_shut_and_whole() {
    let world = World::start(1202, None).await;
    let City { task, mut one, .. } = support::city(&world).await;
    one.client().narrative(task.inspection, None, CANARY).unwrap();
    one.die();
    let kept =
        || -> Vec<_> { files(one.folder()).into_iter().filter(|(name, _)| name != "store.key").collect() };
    let (before, clock) = (kept(), Clock::default());
    let try_with = |unlock: Unlock<'_>| open(one.folder(), &clock, unlock);
    assert_eq!(try_with(Unlock::Nothing).unwrap_err().code(), ErrorCode::StoreLocked);
    for _ in 0..5 {
        let wrong = try_with(Unlock::Passphrase("不是这一句话啊")).unwrap_err();
        assert_eq!(wrong.code(), ErrorCode::PassphraseWrong);
    }
    // Slowed, also for the right one.
    let slowed = try_with(Unlock::Passphrase(PASSPHRASE)).unwrap_err();
    assert_eq!(slowed.code(), ErrorCode::TooManyTries);
    assert!(before == kept(), "nothing is destroyed");
    clock.advance_seconds(7200);
    let client = try_with(Unlock::Passphrase(PASSPHRASE)).unwrap();
    assert_eq!(client.inspection(task.inspection).unwrap().view.narrative, CANARY);
}

#[tokio::test]
async fn without_its_key_a_store_is_neither_set_aside_nor_begun_anew() {
    let world = World::start(1203, None).await;
    let City { mut one, .. } = support::city(&world).await;
    one.die();
    fs::remove_file(one.folder().join("store.key")).unwrap();
    let store = fs::read(one.folder().join("store.db")).unwrap();
    let lost = open(one.folder(), &Clock::default(), Unlock::Passphrase(PASSPHRASE)).unwrap_err();
    assert!(matches!(lost, ClientError::Damaged { what: "store.key" }), "{lost:?}");
    assert_eq!(fs::read(one.folder().join("store.db")).unwrap(), store);
    // The platform's key opens it all the same.
    one.switch_on();
    assert!(!one.client().status().unwrap().recovering);
}

#[tokio::test]
async fn a_store_that_lay_in_the_clear_is_encrypted_under_the_officers_passphrase() {
    let fixture = Fixture::unpack(7).unwrap();
    let world = fixture.world().await;
    let device = fixture.terminal(&world).unwrap();
    let listed = names(device.client());
    assert!(!listed.is_empty());

    let again = Fixture::unpack(7).unwrap();
    let (folder, clock) = (again.folder().join("device"), Clock::default());
    let lies_clear = || listed.iter().all(|name| readable(&folder, name).contains(&"store.db".to_owned()));
    assert!(lies_clear());
    let wrong = open(&folder, &clock, Unlock::Passphrase("不是这一句话啊")).unwrap_err();
    assert_eq!(wrong.code(), ErrorCode::PassphraseWrong);
    assert!(lies_clear(), "it is left alone");
    for _ in 0..2 {
        let client = open(&folder, &clock, Unlock::Passphrase(PASSPHRASE)).unwrap();
        assert_eq!(names(&client), listed);
        assert_eq!(client.verify().unwrap().faults, []);
        drop(client);
        for words in listed.iter().map(String::as_str).chain(["SQLite format", "CREATE TABLE"]) {
            assert_eq!(readable(&folder, words), Vec::<String>::new(), "{words}");
        }
    }
}

#[tokio::test]
async fn a_damaged_store_in_the_clear_is_kept_as_it_is_and_not_as_what_could_be_read_of_it() {
    const PAGE: usize = 4096;
    for damaged in [0..16, 3 * PAGE..4 * PAGE, 5 * PAGE..6 * PAGE] {
        let fixture = Fixture::unpack(7).unwrap();
        let folder = fixture.folder().join("device");
        let mut bytes = fs::read(folder.join("store.db")).unwrap();
        bytes[damaged.clone()].fill(0xa5);
        fs::write(folder.join("store.db"), &bytes).unwrap();
        let client = open(&folder, &Clock::default(), Unlock::Passphrase(PASSPHRASE)).unwrap();
        assert!(client.status().unwrap().recovering, "{damaged:?}");
        assert!(fs::read(folder.join("store.db.damaged-1")).unwrap() == bytes, "{damaged:?}");
        assert!(!folder.join("store.db.encrypting").exists());
    }
}
