//! The steps of the story, stage by stage.

use super::{Facts, Hand};
use crate::photo;
use crate::world::device::PASSPHRASE;
use fieldproof_client_core::{
    CaptureFacts, CaptureSource, Choice, Client, ClientError, Correction, Enrolment, NewPaper,
};
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::seal::Party;
use serde_json::json;

/// What a stage does.
pub(in crate::crash) type Steps = fn(&mut Hand<'_>) -> Result<(), String>;

/// How many items the officer answers before the colleague writes.
pub(super) const ANSWERED: usize = 4;

pub(super) const BEFORE_THE_COLLEAGUE: &[(&str, Steps)] = &[
    ("enrol", enrol),
    ("write", write),
    ("capture", capture),
    ("push", push),
    ("papers", papers),
    ("propose", propose),
];

pub(super) const WITH_THE_COLLEAGUE: &[(&str, Steps)] =
    &[("import", import), ("dispute", dispute), ("settle", settle), ("seal", seal)];

/// What is settled is folded after a sync, and tried again after the next when that fails.
pub(super) const FOLD: &str = "fold";

pub(super) const AFTER_THE_SEAL: &[(&str, Steps)] = &[(FOLD, fold), ("open-folded", open_folded)];

fn enrol(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    hand.call(async |client, link, facts| {
        let enrolment = Enrolment { code: &facts.code, device_name: "测试终端", passphrase: PASSPHRASE };
        client.enrol(link, &enrolment).await
    })?;
    hand.sync()?;
    hand.close();
    hand.open()
}

fn answer(hand: &mut Hand<'_>, n: usize) -> Result<(), String> {
    hand.act(|client, facts| client.answer(facts.visit, &facts.items[n].0, &facts.items[n].1)).map(drop)
}

fn write(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    for n in 0..ANSWERED {
        answer(hand, n)?;
    }
    hand.act(|client, facts| client.note(facts.visit, &facts.items[0].0, None, "水面有漂浮物"))?;
    hand.act(|client, facts| client.narrative(facts.visit, None, "现场检查：池水清澈。"))?;
    hand.act(|client, facts| client.statement(facts.visit, None, "情况属实。"))?;
    let finding = hand.act(|client, facts| client.finding(facts.visit, None, &json!({"text": "未公示"})))?;
    hand.act(|client, facts| client.finding(facts.visit, Some(finding), &json!({"text": "未公示水质"})))?;
    hand.act(|client, facts| client.measurement(facts.visit, None, &json!({"value": "0.4"})))?;
    hand.act(|client, facts| client.clear_answer(facts.visit, &facts.items[3].0))?;
    hand.close();
    hand.open()?;
    answer(hand, 3)?;
    hand.act(|client, _| client.sign())
}

fn take(client: &Client, facts: &Facts, seed: u64) -> Result<RecordId, ClientError> {
    let bytes = photo::jpeg(seed, None, 48, 48);
    let about = CaptureFacts { caption: "池水全景", ..CaptureFacts::PHOTO };
    client.capture(facts.visit, CaptureSource::Bytes(&bytes), &about)
}

fn capture(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    let record = hand.act(|client, facts| take(client, facts, 1))?;
    hand.act(|client, facts| client.caption(facts.visit, record, "池水"))?;
    hand.act(|client, facts| take(client, facts, 2))?;
    hand.act(|client, _| client.sign())
}

fn push(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    hand.sync()?;
    hand.act(|client, facts| client.narrative(facts.visit, None, "现场检查：池水清澈，水温适宜。"))?;
    hand.act(|client, facts| take(client, facts, 3))?;
    hand.sync()?;
    hand.close();
    hand.open()?;
    hand.sync()
}

fn papers(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    hand.sync()?;
    let opinion = || NewPaper { form: "DOC-03".into(), ..NewPaper::default() };
    let (first, _) = hand.act(|client, facts| client.register_paper(facts.visit, &opinion()))?;
    hand.act(|client, facts| client.register_paper(facts.visit, &opinion()))?;
    hand.act(|client, facts| client.void_paper(facts.visit, first, "写错"))?;
    hand.close();
    hand.open()?;
    hand.act(|client, facts| client.register_paper(facts.visit, &opinion())).map(drop)
}

fn propose(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    let propose = |hand: &mut Hand<'_>, value: &str| {
        let field = EntityField::Address;
        let reason = "现场核对门牌".to_owned();
        let correction = Correction { field, value: value.to_owned(), reason, evidence: vec![] };
        hand.act(|client, facts| client.propose(facts.visit, None, &correction))
    };
    let first = propose(hand, "云泽市新路2号")?;
    hand.act(|client, facts| client.take_back(facts.visit, first))?;
    propose(hand, "云泽市新路3号")?;
    hand.sync()
}

/// With a log that is about to be emptied into the database.
pub(super) const LOG: Steps = |hand| {
    hand.open()?;
    for n in 0..14 {
        hand.act(|client, facts| client.narrative(facts.visit, None, &format!("第{n}次核对。")))?;
    }
    hand.act(|client, _| client.sign())?;
    hand.close();
    hand.open()
};

fn import(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    hand.act(|client, facts| client.import_package(&facts.package))?;
    let to = hand.folder.join("out.package");
    hand.act(|client, facts| client.export_package(facts.visit, &to, true))?;
    hand.act(|client, facts| client.import_package(&facts.package)).map(drop)
}

fn dispute(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    hand.sync()?;
    answer(hand, ANSWERED + 2)?;
    hand.sync()
}

fn settle(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    loop {
        let open = hand.act(|client, facts| client.conflicts(facts.visit))?;
        let Some(conflict) = open.first() else { break };
        let choice = Choice::Both(conflict.sides[0].change);
        hand.act(|client, facts| client.settle(facts.visit, conflict.id, &choice, "两人复看"))?;
    }
    hand.sync()
}

fn seal(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    hand.act(|client, facts| client.seal(facts.visit, PASSPHRASE, &party, None))?;
    hand.sync()
}

fn fold(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    hand.sync()?;
    hand.sync()
}

fn open_folded(hand: &mut Hand<'_>) -> Result<(), String> {
    hand.open()?;
    hand.act(|client, facts| client.inspection(facts.visit))?;
    hand.act(|client, facts| client.history(facts.visit))?;
    hand.act(|client, _| client.rebuild())?;
    hand.sync()
}

/// Opens a store of an earlier version, twice.
pub(super) const MIGRATE: Steps = |hand| {
    hand.open()?;
    hand.act(|client, facts| client.inspection(facts.visit))?;
    hand.act(|client, _| client.sign())?;
    hand.close();
    hand.open()
};
