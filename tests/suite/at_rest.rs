//! What lies on a terminal's disk is ciphertext: whoever has the files, and not the passphrase, has nothing.

use crate::support::{self, City};
use fieldproof_client_core::{
    CaptureFacts, CaptureSource, Client, ClientError, EvidenceItem, KeyCost, Options, Unlock,
};
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_terminal::app::Store;
use fieldproof_tests::fixtures::Fixture;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::PASSPHRASE;
use fieldproof_tests::world::host::{Clock, SimHost};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Words of a day's work that stand nowhere else.
const CANARY: &str = "池边更衣室第七排储物柜夹层";

/// All files in a terminal's folder and below it, whatever state they are in.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
        }
    }
    found
}

/// Whether bytes stand readable in any file, or in its name.
fn readable(folder: &Path, words: impl AsRef<[u8]>) -> Vec<String> {
    let words = words.as_ref();
    let has = |bytes: &[u8]| bytes.windows(words.len()).any(|part| part == words);
    let found = files(folder).into_iter().filter(|(name, bytes)| has(bytes) || has(name.as_bytes()));
    found.map(|(name, _)| name).collect()
}

/// The bytes of a capture, as a terminal gives them.
fn original(client: &Client, visit: InspectionId, record: RecordId) -> Vec<u8> {
    let mut bytes = Vec::new();
    client.evidence_file(visit, record).unwrap().bytes.read_to_end(&mut bytes).unwrap();
    bytes
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
    let photo = photo::jpeg(1, Some(CANARY), 640, 480);
    let facts = CaptureFacts { caption: CANARY, ..CaptureFacts::PHOTO };
    let record = one.client().capture(visit, CaptureSource::Bytes(&photo), &facts).unwrap();
    // Neither the picture nor which one it is.
    let named = Digest::of(&photo).to_string();
    let parts = [&photo[..16], &photo[photo.len() / 2..][..16], named.as_bytes(), &named.as_bytes()[4..]];
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
    for part in parts {
        assert_eq!(readable(one.folder(), part), Vec::<String>::new(), "{}", String::from_utf8_lossy(part));
    }
    one.switch_on();
    assert_eq!(one.client().inspection(visit).unwrap().view.narrative, CANARY);
    assert_eq!(original(one.client(), visit, record), photo);
}

/// A version that encrypted the store left the originals as they were.
#[tokio::test]
async fn originals_that_lie_in_the_clear_are_read_and_encrypted_after_a_sync() {
    let fixture = Fixture::unpack(15).unwrap();
    let world = fixture.world().await;
    let device = fixture.terminal(&world).unwrap();
    let client = device.client();
    let mut captures = Vec::new();
    for visit in client.inspections().unwrap() {
        let evidence = client.inspection(visit.id).unwrap().evidence;
        captures.extend(evidence.into_iter().filter(|item| item.here).map(|item| (visit.id, item)));
    }
    let clear = || {
        let names = files(&device.folder().join("evidence")).into_iter().map(|(name, _)| name);
        names.filter(|name| name.parse::<Digest>().is_ok()).count()
    };
    assert!(captures.len() > 2 && clear() == captures.len(), "{} of {}", clear(), captures.len());
    let whole = |(visit, item): &(InspectionId, EvidenceItem)| {
        let bytes = original(client, *visit, item.record);
        assert_eq!(Digest::of(&bytes), item.digest);
        bytes[..64].to_vec()
    };
    let heads: Vec<Vec<u8>> = captures.iter().map(whole).collect();
    device.sync().await;
    client.retain();
    assert_eq!(clear(), 0);
    assert_eq!(captures.iter().map(whole).collect::<Vec<_>>(), heads);
    for head in heads {
        assert_eq!(readable(device.folder(), head), Vec::<String>::new());
    }
    assert_eq!(client.verify().unwrap().faults, []);
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

/// Two programs that serve one locked folder would both be unlocked, one after the other.
#[tokio::test]
async fn a_locked_terminal_has_its_folder_to_itself() {
    let world = World::start(1206, None).await;
    let City { mut one, .. } = support::city(&world).await;
    one.die();
    let open = || {
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        Store::open(one.folder(), Arc::new(SimHost::new(&Clock::default(), 5, 0)), options)
    };
    let locked = open().unwrap();
    assert!(matches!(locked, Store::Locked(_)));
    assert!(matches!(open().map(drop), Err(ClientError::StoreInUse { .. })));
    drop(locked);
    assert!(matches!(open(), Ok(Store::Locked(_))));
}
