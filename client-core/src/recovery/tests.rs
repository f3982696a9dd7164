//! What was kept, asked and answered, step by step, and with each step cut short.

use super::*;
use crate::keys::{StoreKey, officer_key, officer_public_key, unlock_officer, unlock_store};
use crate::testing::TestHost;
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::suite::{MemoryKey, Signer};
use tempfile::TempDir;

const OLD: &str = "forgotten words";
const NEW: &str = "一二三四五六七八";
const COST: KeyCost = KeyCost::CHEAP;

/// A terminal, its store's key, and the custodians with theirs.
struct Story {
    dir: TempDir,
    host: TestHost,
    store: StoreKey,
    custodians: Vec<(StoreKey, DeviceId)>,
}

impl Story {
    fn new(custodians: u8) -> Self {
        let (dir, host) = (tempfile::tempdir().unwrap(), TestHost::new(1));
        officer_key(dir.path(), &host, OLD, COST).unwrap();
        let store = StoreKey::from_bytes([42; 32]);
        keys::seal(dir.path(), &host, (OLD, COST), store.clone()).unwrap();
        let mut identity = Identity::read_or_choose(dir.path(), &host).unwrap();
        identity.member = Some(Member {
            device_name: "平板-1".into(),
            officer: OfficerId::from_bytes([1; 16]),
            officer_name: "王芳".into(),
            server_key: MemoryKey::from_secret(&[9; 32]).public_key(),
            enrolled_at: Moment::from_micros(0),
        });
        let text = serde_json::to_vec(&identity).unwrap();
        fs::write(dir.path().join("identity.json"), text).unwrap();
        let custodians = (1..=custodians)
            .map(|n| (StoreKey::from_bytes([n; 32]), DeviceId::from_bytes([n; 16])))
            .collect();
        Self { dir, host, store, custodians }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn named(&self) -> Custodians {
        let named = self.custodians.iter().map(|(store, device)| Custodian {
            device: *device,
            officer: OfficerId::from_bytes(*device.as_bytes()),
            name: format!("保管人{}", device.as_bytes()[0]),
            key: shares::public(&shares::custody(store, *device)),
        });
        Custodians::new(member(self.path()).unwrap().0, named.collect())
    }

    fn share(&self) {
        share(self.path(), &self.host, &self.store, self.named()).unwrap();
    }

    fn ask(&self) -> Asked {
        ask(self.path(), &self.host, NEW, COST).unwrap()
    }

    fn answer(&self, custodian: usize, text: &str) -> String {
        let (store, device) = &self.custodians[custodian];
        let request: Request = text.parse().unwrap();
        shares::answer(&shares::custody(store, *device), &request, *device, &self.host).unwrap().to_string()
    }

    fn finish(&self) -> Result<(), ClientError> {
        finish(self.path(), &self.host, NEW, COST)
    }

    fn opens_with(&self, passphrase: &str) -> bool {
        let opened = unlock_store(self.path(), &self.host, passphrase, COST);
        opened.is_ok_and(|key| key.public() == self.store.public())
    }
}

#[test]
fn two_custodians_open_it_with_a_new_passphrase_and_a_new_key_of_the_officer() {
    let story = Story::new(3);
    story.share();
    let looked = look(story.path()).unwrap();
    assert_eq!((looked.custodians.len(), looked.asked), (3, None));
    let before = officer_public_key(story.path()).unwrap();

    let asked = story.ask();
    assert!(asked.answered.is_empty() && !asked.is_enough);
    assert!(matches!(story.finish(), Err(ClientError::RecoveryText)));
    // The first answers today, the third another day; she answers twice.
    let first = take_answer(story.path(), &story.answer(0, &asked.text)).unwrap();
    assert_eq!((first.answered, first.is_enough), (vec!["保管人1".to_owned()], false));
    take_answer(story.path(), &story.answer(0, &asked.text)).unwrap();
    assert!(matches!(story.finish(), Err(ClientError::RecoveryText)));
    let both = take_answer(story.path(), &story.answer(2, &asked.text)).unwrap();
    assert!(both.is_enough && both.check_number == asked.check_number);
    assert!(matches!(
        finish(story.path(), &story.host, "other words", COST),
        Err(ClientError::PassphraseWrong)
    ));
    assert!(story.opens_with(OLD) && !story.opens_with(NEW));
    story.finish().unwrap();

    assert!(story.opens_with(NEW) && !story.opens_with(OLD));
    unlock_officer(story.path(), &story.host, NEW).unwrap();
    assert_ne!(officer_public_key(story.path()).unwrap(), before);
    assert_eq!(look(story.path()).unwrap().asked, None);
    assert!(story.path().join("officer.key.kept-1").exists());
    // And it can be done again another time.
    let again = story.ask();
    for custodian in [1, 2] {
        take_answer(story.path(), &story.answer(custodian, &again.text)).unwrap();
    }
    story.finish().unwrap();
}

#[test]
fn it_is_done_again_from_wherever_it_was_cut() {
    for cut in ["officer.key", "store.key", REQUEST] {
        let story = Story::new(2);
        story.share();
        let asked = story.ask();
        for custodian in [0, 1] {
            take_answer(story.path(), &story.answer(custodian, &asked.text)).unwrap();
        }
        if cut == REQUEST {
            // The keys are done, and the request is still there.
            let kept = fs::read(story.path().join(REQUEST)).unwrap();
            story.finish().unwrap();
            fs::write(story.path().join(REQUEST), kept).unwrap();
        } else {
            // What it writes to cannot be written.
            let beside = story.path().join(format!("{cut}.new"));
            fs::create_dir(&beside).unwrap();
            assert!(story.finish().is_err(), "{cut}");
            fs::remove_dir(&beside).unwrap();
            assert!(story.opens_with(OLD), "{cut}");
        }
        story.finish().unwrap();
        assert!(story.opens_with(NEW), "{cut}");
        unlock_officer(story.path(), &story.host, NEW).unwrap();
        // Made once, however often it was tried.
        assert!(!story.path().join("officer.key.kept-2").exists(), "{cut}");
    }
}

#[test]
fn answers_of_others_and_to_other_requests_are_not_taken_and_false_ones_open_nothing() {
    let story = Story::new(3);
    story.share();
    let earlier = story.ask();
    let asked = story.ask();
    for text in [story.answer(0, &earlier.text), asked.text.clone(), "FPA00".to_owned(), String::new()] {
        assert!(matches!(take_answer(story.path(), &text), Err(ClientError::RecoveryText)), "{text}");
    }
    // One who says that she is another custodian, and one who made her answer up.
    let mut claimed: Answer = story.answer(0, &asked.text).parse().unwrap();
    claimed.custodian = story.custodians[1].1;
    take_answer(story.path(), &story.answer(0, &asked.text)).unwrap();
    take_answer(story.path(), &claimed.to_string()).unwrap();
    assert!(matches!(story.finish(), Err(ClientError::RecoveryText)));
    assert!(story.opens_with(OLD));
    // The false one is forgotten, and two honest ones open it, with a false third.
    assert_eq!(look(story.path()).unwrap().asked.unwrap().answered, ["保管人1"]);
    take_answer(story.path(), &claimed.to_string()).unwrap();
    for custodian in [0, 2] {
        take_answer(story.path(), &story.answer(custodian, &asked.text)).unwrap();
    }
    story.finish().unwrap();
    assert!(story.opens_with(NEW));
}

#[test]
fn shares_are_made_anew_for_other_custodians_only() {
    let mut story = Story::new(3);
    let kept = |story: &Story| fs::read(story.path().join(SHARES)).ok();
    story.share();
    let first = kept(&story).unwrap();
    story.share();
    assert_eq!(kept(&story).unwrap(), first);
    // A file that was damaged is made again.
    fs::write(story.path().join(SHARES), "{").unwrap();
    assert!(matches!(look(story.path()), Err(ClientError::Damaged { .. })));
    story.share();
    let second = kept(&story).unwrap();
    assert_ne!(second, first);
    story.custodians.remove(1);
    story.share();
    assert_ne!(kept(&story).unwrap(), second);
    assert_eq!(look(story.path()).unwrap().custodians, ["保管人1", "保管人3"]);
    // One alone keeps nothing.
    story.custodians.remove(1);
    story.share();
    assert_eq!(kept(&story), None);
    assert!(matches!(ask(story.path(), &story.host, NEW, COST), Err(ClientError::RecoveryUnavailable)));
}

#[test]
fn no_file_of_it_holds_the_key_or_a_share_in_the_clear() {
    let story = Story::new(3);
    story.share();
    let asked = story.ask();
    take_answer(story.path(), &story.answer(0, &asked.text)).unwrap();
    let hex = hex::encode(story.store.bytes());
    for entry in fs::read_dir(story.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(32).any(|part| part == story.store.bytes()));
        assert!(!String::from_utf8_lossy(&bytes).to_lowercase().contains(&hex));
    }
    assert!(matches!(
        ask(story.path(), &story.host, "1234567", COST),
        Err(ClientError::PassphraseTooShort { min: 8 })
    ));
}

#[test]
fn guessing_the_new_passphrase_is_slowed() {
    let story = Story::new(2);
    story.share();
    story.ask();
    let tries = (0..6).map(|_| finish(story.path(), &story.host, "wrong words", COST).unwrap_err());
    let waits = tries.filter(|error| matches!(error, ClientError::TooManyTries { .. })).count();
    assert_eq!(waits, 1);
}
