//! What an officer writes into an inspection before she has a link: committed changes, and captures.

use crate::demo::api::Failure;
use crate::measure::times::Times;
use fieldproof_client_core::{CaptureFacts, CaptureSource, Client};
use fieldproof_schema::checklist::{Answer, Item, ItemKind, Outcome};
use fieldproof_schema::ids::InspectionId;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Changes of each inspection, without its captures, unless others are asked for.
pub(super) const CHANGES: usize = 60;
/// Notes of each inspection.
const NOTES: usize = 8;
/// The narrative and the party's statement.
const TEXTS: usize = 2;
/// The fewest changes: one answer besides notes and texts.
pub(super) const CHANGES_MIN: usize = NOTES + TEXTS + 1;

/// What is written into each inspection.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Each {
    /// Changes, at least [`CHANGES_MIN`].
    pub(super) changes: usize,
    /// Captures besides.
    pub(super) captures: usize,
}

/// What came of writing.
pub(super) struct Edited {
    pub(super) took: Duration,
    pub(super) changes: usize,
    pub(super) captures: usize,
    /// How large what they say is as JSON.
    pub(super) json_bytes: u64,
    /// The time of each answer.
    pub(super) commits: Times,
}

fn plain(items: &[Item]) -> Vec<String> {
    let plain =
        items.iter().filter(|i| matches!(i.kind, ItemKind::Conformity { .. }) && i.condition.is_none());
    plain.map(|item| item.id.clone()).collect()
}

/// Writes into every inspection.
pub(super) fn edit_all(client: &Client, visits: &[InspectionId], each: Each) -> Result<Edited, Failure> {
    let (mut took, mut json_bytes, mut commits) = (Duration::ZERO, 0_u64, Vec::new());
    for (nth, visit) in visits.iter().enumerate() {
        let template = client.inspection(*visit)?.template.ok_or("the checklist is not here")?;
        let items = plain(&template.items);
        let began = Instant::now();
        for n in 0..each.changes.saturating_sub(NOTES + TEXTS) {
            let result = if (n / items.len()).is_multiple_of(2) { Outcome::Pass } else { Outcome::Fail };
            let begun = Instant::now();
            client.answer(*visit, &items[n % items.len()], &Answer::Conformity { result })?;
            commits.push(begun.elapsed());
        }
        for n in 0..NOTES {
            let note = format!("现场记录 {n}：未公示卫生信誉度等级，责令立即改正，已拍照。");
            client.note(*visit, &items[n % items.len()], None, &note)?;
        }
        client.narrative(*visit, None, "上午九时检查现场，核对证照、公示和消毒记录，逐项检查并拍照。")?;
        client.statement(*visit, None, "负责人陈述：情况属实，将按要求整改。")?;
        for n in 0..each.captures {
            capture(client, *visit, &items[n % items.len()], (nth, n))?;
        }
        took += began.elapsed();
        json_bytes += serde_json::to_vec(&*client.inspection(*visit)?.view)?.len() as u64;
    }
    let changes = visits.len() * each.changes;
    let commits = Times::taken(commits);
    Ok(Edited { took, changes, captures: visits.len() * each.captures, json_bytes, commits })
}

/// A capture as small as one can be, and unlike every other: what is measured is its record.
fn capture(
    client: &Client,
    visit: InspectionId,
    item: &str,
    (nth, n): (usize, usize),
) -> Result<(), Failure> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0];
    bytes.extend(format!("{nth}/{n}").bytes());
    let facts = CaptureFacts { item: Some(item), caption: "大厅公示栏", ..CaptureFacts::PHOTO };
    client.capture(visit, CaptureSource::Bytes(&bytes), &facts)?;
    Ok(())
}

/// Changes one answer.
pub(super) fn edit_one(client: &Client, visit: InspectionId) -> Result<(), Failure> {
    let detail = client.inspection(visit)?;
    let template = detail.template.ok_or("the checklist is not here")?;
    let item = plain(&template.items).swap_remove(0);
    let fails =
        detail.view.answers.get(&item).is_some_and(|register| register.standing.value.contains("fail"));
    let result = if fails { Outcome::Pass } else { Outcome::Fail };
    client.answer(visit, &item, &Answer::Conformity { result })?;
    Ok(())
}
