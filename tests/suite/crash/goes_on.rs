//! A terminal whose disk failed under an act goes on without being restarted.

use crate::support;
use fieldproof_client_core::{CaptureFacts, CaptureSource, Client, ClientError, Correction, NewPaper};
use fieldproof_schema::checklist::Answer;
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::seal::Party;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_tests::crash::Image;
use fieldproof_tests::faults::{Disk, Fault, Pattern, Plan, Tear};
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::{Device, PASSPHRASE};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;

/// How often the same acts are done with an error at another moment.
const TURNS: u64 = 5;

type Act = fn(&Client, &Visit) -> Result<(), ClientError>;

struct Visit {
    id: InspectionId,
    items: Vec<(String, Answer)>,
}

/// All that an officer writes; the seal ends it.
const ACTS: &[Act] = &[
    |client, visit| client.answer(visit.id, &visit.items[0].0, &visit.items[0].1).map(drop),
    |client, visit| client.note(visit.id, &visit.items[0].0, None, "水面有漂浮物").map(drop),
    |client, visit| client.narrative(visit.id, None, "现场检查：池水清澈。").map(drop),
    |client, visit| client.statement(visit.id, None, "情况属实。").map(drop),
    |client, visit| client.finding(visit.id, None, &json!({"text": "未公示"})).map(drop),
    |client, visit| client.measurement(visit.id, None, &json!({"value": "0.4"})).map(drop),
    |client, visit| {
        let bytes = [&[0xff, 0xd8, 0xff, 0xe0][..], b"pool"].concat();
        let about = CaptureFacts { caption: "池水", ..CaptureFacts::PHOTO };
        client.capture(visit.id, CaptureSource::Bytes(&bytes), &about).map(drop)
    },
    |client, visit| {
        let paper = NewPaper { form: "DOC-03".into(), typed: Some(5), ..NewPaper::default() };
        client.register_paper(visit.id, &paper).map(drop)
    },
    |client, visit| {
        let (value, reason) = ("云泽市新路2号".to_owned(), "现场核对门牌".to_owned());
        let correction = Correction { field: EntityField::Address, value, reason, evidence: vec![] };
        client.propose(visit.id, None, &correction).map(drop)
    },
    |client, visit| client.answer(visit.id, &visit.items[1].0, &visit.items[1].1).map(drop),
    |client, visit| client.clear_answer(visit.id, &visit.items[1].0).map(drop),
    |client, _| client.sign(),
    |client, visit| client.note(visit.id, &visit.items[2].0, None, "已复看").map(drop),
    |client, visit| {
        let party = Party::Signed { name: "现场负责人（虚构）".into() };
        client.seal(visit.id, PASSPHRASE, &party, None).map(drop)
    },
];

/// What the terminal said is saved.
#[derive(Default)]
struct Said {
    changes: BTreeSet<ChangeId>,
    sealed: bool,
    failures: usize,
    /// Failures that were not about a full disk.
    broken: usize,
}

impl Said {
    /// Does everything, whatever fails.
    fn play(client: &Client, visit: &Visit) -> Self {
        let mut said = Self::default();
        for (place, act) in ACTS.iter().enumerate() {
            match act(client, visit) {
                Ok(()) => {
                    said.sealed = place == ACTS.len() - 1;
                    // A disk that cannot be read now is asked again after the next act.
                    let last = client.changes(visit.id, 0, 1);
                    said.changes.extend(last.iter().flat_map(|page| &page.rows).map(|line| line.change));
                    said.broken += usize::from(last.is_err());
                }
                Err(error) => {
                    said.failures += 1;
                    said.broken += usize::from(error.code() != ErrorCode::StorageFull);
                }
            }
        }
        said
    }

    /// Whether it is there.
    fn holds(&self, one: &Device, visit: &Visit, at: &str) {
        let page = one.client().changes(visit.id, 0, u64::MAX).unwrap();
        let there: BTreeSet<_> = page.rows.iter().map(|line| line.change).collect();
        let lost: Vec<_> = self.changes.difference(&there).collect();
        assert!(lost.is_empty(), "{at}: {lost:?}");
        let sealed = !one.client().inspection(visit.id).unwrap().seals.is_empty();
        assert!(sealed || !self.sealed, "{at}: the seal");
        assert_eq!(one.client().verify().unwrap().faults, [], "{at}");
    }
}

/// What is said to be saved after an error is as safe as before it, and the store was opened anew in between: a connection
/// whose disk failed is not trusted any more.
#[tokio::test]
async fn what_is_saved_after_an_error_is_there_after_a_power_cut() {
    let world = World::start(991, None).await;
    let (administrator, _) = world.found_city().await;
    let task = administrator.draw_and_dispatch(&world).await.remove(0);
    let folder = world.folder().join("one");
    fs::create_dir(&folder).unwrap();
    let disk = Disk::under(&folder).unwrap();
    let mut one = administrator.terminal(&world, task.team[0], "one").await;
    one.sync().await;
    let visit = Visit { id: task.inspection, items: support::plain_items(&one, task.inspection) };
    one.die();
    let image = Image::of(&folder).unwrap();
    // Nothing here reads a log: what was written to it is remembered.
    for fault in Fault::ERRORS.into_iter().filter(|fault| *fault != Fault::ShortRead) {
        let (mut failures, mut operations) = (0, 0);
        for turn in 0..=TURNS {
            let at = format!("{fault:?} {turn}");
            image.lay_out(&folder).unwrap();
            disk.replaced().unwrap();
            one.switch_on();
            let session = one.client().status().unwrap().session;
            // Nothing goes wrong at first, to see how much there is.
            let place = if turn == 0 { u64::MAX } else { (turn * operations / TURNS).max(1) };
            disk.plan(Plan { fault, at: place, sticky: false });
            let said = Said::play(one.client(), &visit);
            if turn == 0 {
                operations = disk.counts().met_by(fault);
                assert!(said.failures == 0 && said.sealed && said.changes.len() > 9, "{at}");
            }
            assert!(said.failures <= 1 || said.broken > 0, "{at}: {} failures", said.failures);
            let anew = one.client().status().unwrap().session - session;
            assert_eq!(anew > 0, said.broken > 0, "{at}: {anew} sessions, {} errors", said.broken);
            failures += said.failures;
            one.die();
            disk.cut();
            disk.recover(Tear { pattern: Pattern::Nothing, seed: turn }).unwrap();
            one.switch_on();
            said.holds(&one, &visit, &at);
            one.die();
        }
        assert!(failures > 0, "{fault:?} was reported");
    }
}

/// While the disk goes on failing nothing is said to be saved, and when it works again nothing has to be restarted.
#[tokio::test]
async fn a_terminal_works_on_when_its_disk_works_again() {
    let world = World::start(992, None).await;
    let (administrator, _) = world.found_city().await;
    let task = administrator.draw_and_dispatch(&world).await.remove(0);
    let folder = world.folder().join("one");
    fs::create_dir(&folder).unwrap();
    let disk = Disk::under(&folder).unwrap();
    let one = administrator.terminal(&world, task.team[0], "one").await;
    one.sync().await;
    let item = support::plain_items(&one, task.inspection).remove(0).0;
    for fault in [Fault::Write, Fault::Sync] {
        let note = |text: &str| one.client().note(task.inspection, &item, None, text);
        note("先前").unwrap();
        disk.plan(Plan { fault, at: 1, sticky: true });
        for _ in 0..3 {
            assert!(note("此时").is_err(), "{fault:?}");
        }
        disk.calm();
        assert_eq!(note("此后").unwrap(), "此后", "{fault:?}");
        assert_eq!(one.client().verify().unwrap().faults, []);
        one.sync().await;
        assert!(one.client().status().unwrap().unsent.is_empty());
    }
}
