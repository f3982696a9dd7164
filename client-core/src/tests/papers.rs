//! Paper forms: numbered without a link, made void, disputed on the spot; and never a number that was given before.

use crate::testing::{Server, TestHost, Visit, me, options, terminal, unlock};
use crate::{Client, ClientError, NewPaper};
use fieldproof_schema::ids::BlockId;
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::numbering::{Block, NumbersRow, Series, UseState};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::{Body, Row};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

pub(super) fn block(n: u8, form: &str, (first, last): (u32, u32), at_entry: u64) -> Block {
    let series = Series { unit: "ORG-A-SUP".into(), form: form.into(), year: 2026 };
    Block { id: BlockId::from_bytes([n; 16]), series, first, last, at_entry }
}

pub(super) fn numbers(epoch: u8, blocks: Vec<Block>) -> Row {
    let (unit, prefix) = ("ORG-A-SUP".into(), "棠卫".into());
    let row = NumbersRow { epoch: Digest::of(&[epoch]), unit, prefix, blocks };
    let body = Body::Reference(serde_json::to_string(&row).unwrap());
    Row { kind: "numbers".into(), subject: "this terminal".into(), body }
}

pub(super) fn opinion() -> NewPaper {
    NewPaper { form: "DOC-03".into(), ..NewPaper::default() }
}

fn order() -> NewPaper {
    NewPaper { form: "DOC-35".into(), category: "公".into(), ..NewPaper::default() }
}

struct Scene {
    dir: TempDir,
    host: Arc<TestHost>,
    server: Server,
    visit: Visit,
    client: Client,
}

async fn start() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    server.publish(vec![numbers(0, vec![block(1, "DOC-03", (7, 8), 1), block(2, "DOC-35", (1, 5), 1)])]);
    let client = terminal(dir.path(), &host, &server).await;
    Scene { dir, host, server, visit, client }
}

impl Scene {
    fn give(&self, new: &NewPaper) -> Result<String, ClientError> {
        let (_, issued) = self.client.register_paper(self.visit.id, new)?;
        Ok(issued.unwrap().text)
    }

    fn used_up(&self) -> bool {
        self.give(&opinion()).is_err_and(|error| error.code() == ErrorCode::NumbersUsedUp)
    }

    fn reopen(self) -> Self {
        drop(self.client);
        let client = Client::open(self.dir.path(), self.host.clone(), options(), unlock()).unwrap();
        Self { client, ..self }
    }
}

#[tokio::test]
async fn a_form_gets_the_next_number_of_the_block_with_its_journal_entry() {
    let scene = start().await;
    let (record, issued) = scene.client.register_paper(scene.visit.id, &opinion()).unwrap();
    let issued = issued.unwrap();
    assert_eq!((issued.text.as_str(), issued.block), ("2026-007", Some(BlockId::from_bytes([1; 16]))));
    assert_eq!(scene.give(&opinion()).unwrap(), "2026-008");
    assert_eq!(scene.give(&order()).unwrap(), "棠卫公改〔2026〕001号");
    // A form without numbers needs none.
    let plain = NewPaper { form: "DOC-01".into(), note: " 两页 ".into(), ..NewPaper::default() };
    let (_, none) = scene.client.register_paper(scene.visit.id, &plain).unwrap();
    assert_eq!(none, None);

    let book = scene.client.papers(scene.visit.id).unwrap();
    let texts: Vec<_> = book.papers.iter().map(|line| line.number().map(|n| n.text.as_str())).collect();
    assert_eq!(texts, [None, Some("2026-007"), Some("2026-008"), Some("棠卫公改〔2026〕001号")]);
    assert!(book.papers.iter().all(|line| !line.disputed && line.author.is_some()) && book.editable);
    assert_eq!((book.papers[0].registered.paper.note.as_str(), book.forms.len()), ("两页", 24));
    let free = |code: &str| book.forms.iter().find(|choice| choice.form.code == code).unwrap().free;
    assert_eq!(
        (free("DOC-03"), free("DOC-35"), free("DOC-01"), free("DOC-44")),
        (Some(0), Some(4), None, Some(0))
    );

    scene.client.sync(&scene.server).await.unwrap();
    let state = scene.server.state();
    let entries = state.entries.values().flatten().map(|entry| entry.read().unwrap());
    let numbered: Vec<_> = entries.filter(|entry| entry.kind == Kind::Numbered).collect();
    let first: body::Numbered = body::read(&numbered[0].body).unwrap();
    assert_eq!((numbered.len(), first.record, first.number.serial), (3, record, 7));
    assert_eq!((first.block, numbered[0].inspection), (issued.block, Some(scene.visit.id)));
}

#[tokio::test]
async fn a_used_up_block_says_what_to_do_and_a_typed_number_is_told_on_the_spot() {
    let scene = start().await;
    scene.give(&opinion()).unwrap();
    scene.give(&opinion()).unwrap();
    assert!(scene.used_up());
    let typed = NewPaper { typed: Some(31), ..opinion() };
    assert_eq!(scene.give(&typed).unwrap(), "2026-031");
    let book = scene.client.papers(scene.visit.id).unwrap();
    assert_eq!((book.conflicts.len(), book.papers[2].disputed), (1, true));
    // The number of a block, typed once more.
    scene.give(&NewPaper { typed: Some(7), ..opinion() }).unwrap();
    let book = scene.client.papers(scene.visit.id).unwrap();
    let twice = book.conflicts.iter().find(|conflict| conflict.sides.len() == 2).unwrap();
    assert_eq!((book.conflicts.len(), twice.path.as_str()), (2, "number/ORG-A-SUP/DOC-03/2026/7"));
    let disputed = book.papers.iter().filter(|line| line.disputed).count();
    assert_eq!(disputed, 3);
    // A new block goes around none of them.
    scene.server.publish(vec![numbers(0, vec![block(3, "DOC-03", (30, 33), 1)])]);
    scene.client.sync(&scene.server).await.unwrap();
    assert_eq!(scene.give(&opinion()).unwrap(), "2026-030");
    assert_eq!(scene.give(&opinion()).unwrap(), "2026-032");
}

#[tokio::test]
async fn what_is_made_void_stays_with_its_reason_and_is_not_given_again() {
    let scene = start().await;
    let (record, _) = scene.client.register_paper(scene.visit.id, &opinion()).unwrap();
    let void = |reason: &str| scene.client.void_paper(scene.visit.id, record, reason);
    assert_eq!(void(" ").unwrap_err().code(), ErrorCode::ReasonMissing);
    void("写错单位名称").unwrap();
    assert_eq!(void("再来一次").unwrap_err().code(), ErrorCode::StateWrong);
    let book = scene.client.papers(scene.visit.id).unwrap();
    assert_eq!(book.papers[0].state(), UseState::Void);
    let said = book.papers[0].void().unwrap();
    assert_eq!((said.reason.as_str(), said.by.as_str()), ("写错单位名称", "李敏"));
    assert_eq!(scene.give(&opinion()).unwrap(), "2026-008");
}

#[tokio::test]
async fn what_cannot_be_a_paper_form_is_refused_and_nothing_is_written() {
    let scene = start().await;
    let heads = scene.client.inspection(scene.visit.id).unwrap().heads;
    for (new, field) in [
        (NewPaper { form: "DOC-30".into(), ..NewPaper::default() }, "form"),
        (NewPaper { form: "DOC-99".into(), ..NewPaper::default() }, "form"),
        (NewPaper { category: "龙".into(), ..order() }, "category"),
        (NewPaper { typed: Some(0), ..opinion() }, "serial"),
        (NewPaper { typed: Some(1_000_000), ..opinion() }, "serial"),
        (NewPaper { form: "DOC-01".into(), typed: Some(1), ..NewPaper::default() }, "serial"),
    ] {
        let refused = scene.client.register_paper(scene.visit.id, &new).unwrap_err();
        assert!(matches!(refused, ClientError::FieldInvalid { field: found } if found == field), "{new:?}");
    }
    assert_eq!(scene.client.inspection(scene.visit.id).unwrap().heads, heads);
}

#[tokio::test]
async fn an_honest_terminal_gives_on_after_every_opening() {
    let scene = start().await;
    scene.give(&opinion()).unwrap();
    let scene = scene.reopen();
    assert_eq!(scene.give(&opinion()).unwrap(), "2026-008");
    let scene = scene.reopen();
    assert_eq!(scene.give(&order()).unwrap(), "棠卫公改〔2026〕001号");
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

/// What came back older does not know which numbers it gave; the server leases others, and only these are given.
async fn comes_back_older(put_back: impl Fn(&Path, &Path)) {
    let scene = start().await.reopen();
    let backup = tempfile::tempdir().unwrap();
    copy_all(scene.dir.path(), backup.path());
    // Written on paper, sent to nobody.
    assert_eq!(scene.give(&opinion()).unwrap(), "2026-007");
    let Scene { dir, host, server, visit, client } = scene;
    drop(client);
    put_back(backup.path(), dir.path());
    let client = Client::open(dir.path(), host.clone(), options(), unlock()).unwrap();
    let scene = Scene { dir, host, server, visit, client };
    assert!(scene.used_up());
    scene.client.sync(&scene.server).await.unwrap();
    let since = scene.server.state().numbers_since.last().copied().flatten().unwrap();
    assert!(scene.used_up());
    scene.server.publish(vec![numbers(
        0,
        vec![block(1, "DOC-03", (7, 8), 1), block(9, "DOC-03", (20, 21), since + 1)],
    )]);
    scene.client.sync(&scene.server).await.unwrap();
    assert_eq!(scene.give(&opinion()).unwrap(), "2026-020");
    assert_eq!(scene.reopen().give(&opinion()).unwrap(), "2026-021");
}

#[tokio::test]
async fn a_store_that_was_put_back_alone_gives_no_number_twice() {
    comes_back_older(|backup, dir| {
        for file in ["store.db", "store.db-wal", "store.db-shm"] {
            let _ = fs::remove_file(dir.join(file));
            if backup.join(file).exists() {
                fs::copy(backup.join(file), dir.join(file)).unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_directory_that_was_put_back_gives_no_number_twice() {
    comes_back_older(|backup, dir| {
        fs::remove_dir_all(dir).unwrap();
        copy_all(backup, dir);
    })
    .await;
}

#[tokio::test]
async fn a_cloned_terminal_gives_nothing_of_the_others_blocks() {
    let scene = start().await.reopen();
    let clone = tempfile::tempdir().unwrap();
    copy_all(scene.dir.path(), clone.path());
    assert_eq!(scene.give(&opinion()).unwrap(), "2026-007");
    let cloned = Client::open(clone.path(), scene.host.clone(), options(), unlock()).unwrap();
    let refused = cloned.register_paper(scene.visit.id, &opinion()).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NumbersUsedUp);
}

#[tokio::test]
async fn blocks_of_a_server_that_came_back_older_are_left_alone() {
    let scene = start().await;
    scene.server.state().epoch = 1;
    scene.client.sync(&scene.server).await.unwrap();
    assert!(scene.used_up());
    scene.server.publish(vec![numbers(1, vec![block(4, "DOC-03", (210, 211), 1)])]);
    scene.client.sync(&scene.server).await.unwrap();
    assert_eq!(scene.give(&opinion()).unwrap(), "2026-210");
}
