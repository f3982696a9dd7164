//! What an officer writes into an inspection before she has a link: 60 committed changes.

use crate::demo::api::Failure;
use crate::world::device::Device;
use fieldproof_schema::checklist::{Answer, Item, ItemKind, Outcome};
use fieldproof_schema::ids::InspectionId;
use std::time::{Duration, Instant};

/// Changes of each inspection.
pub(super) const CHANGES: usize = 60;
/// Of these, notes.
const NOTES: usize = 8;

fn plain(items: &[Item]) -> Vec<String> {
    let plain =
        items.iter().filter(|i| matches!(i.kind, ItemKind::Conformity { .. }) && i.condition.is_none());
    plain.map(|item| item.id.clone()).collect()
}

/// Writes into every inspection; how long that took, and how large what they say is as JSON.
pub(super) fn edit_all(device: &Device, visits: &[InspectionId]) -> Result<(Duration, u64), Failure> {
    let client = device.client();
    let (mut took, mut raw) = (Duration::ZERO, 0_u64);
    for visit in visits {
        let template = client.inspection(*visit)?.template.ok_or("the checklist is not here")?;
        let items = plain(&template.items);
        let began = Instant::now();
        for n in 0..CHANGES - NOTES - 2 {
            let result = if (n / items.len()).is_multiple_of(2) { Outcome::Pass } else { Outcome::Fail };
            client.answer(*visit, &items[n % items.len()], &Answer::Conformity { result })?;
        }
        for n in 0..NOTES {
            let note = format!("现场记录 {n}：未公示卫生信誉度等级，责令立即改正，已拍照。");
            client.note(*visit, &items[n % items.len()], None, &note)?;
        }
        client.narrative(*visit, None, "上午九时检查现场，核对证照、公示和消毒记录，逐项检查并拍照。")?;
        client.statement(*visit, None, "负责人陈述：情况属实，将按要求整改。")?;
        took += began.elapsed();
        raw += serde_json::to_vec(&*client.inspection(*visit)?.view)?.len() as u64;
    }
    Ok((took, raw))
}

/// Changes one answer.
pub(super) fn edit_one(device: &Device, visit: InspectionId) -> Result<(), Failure> {
    let detail = device.client().inspection(visit)?;
    let template = detail.template.ok_or("the checklist is not here")?;
    let item = plain(&template.items).swap_remove(0);
    let fails =
        detail.view.answers.get(&item).is_some_and(|register| register.standing.value.contains("fail"));
    let result = if fails { Outcome::Pass } else { Outcome::Fail };
    device.client().answer(visit, &item, &Answer::Conformity { result })?;
    Ok(())
}
