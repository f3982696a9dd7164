//! Step 10: what is left for people to go on with by hand, something for every role.

use super::api::{Api, Failure};
use super::city::Task;
use super::field::{Terminal, answer, encode, template, terminals};
use super::{Day, office};
use crate::photo;
use fieldproof_schema::checklist::{Answer, Item, ItemKind, Outcome};
use reqwest::Method;
use serde_json::{Value, json};

const COMMENT: &str = "请补充消毒记录，并核对标注的条目。";
const REMARK: &str = "照片看不清公示的卫生信誉度等级，请补拍。";
const NOTE: &str = "未公示卫生信誉度等级，现场责令立即改正。";

/// Leaves a sealed visit to review, an open conflict, a returned visit and one under way in which a correction of the
/// directory is proposed; the rest waits for its officers.
pub(crate) async fn work(day: &mut Day) -> Result<String, Failure> {
    let tasks = day.tasks.get(1..5).ok_or("the officers have too few visits")?.to_vec();
    let [to_review, contested, returned, begun] = &tasks[..] else { return Err("not four visits".into()) };
    sealed(day, to_review).await?;
    in_conflict(day, contested).await?;
    give_back(day, returned).await?;
    let [one, _] = terminals(day)?;
    fill(one, begun, 5).await?;
    let found = json!({"field": "phone", "value": "0335-0000001", "reason": "门头招牌所示。"});
    one.post(&format!("{}/proposals", begun.path()), &found).await?;
    one.sync().await?;
    office::sync_all(day).await?;
    let waiting = day.tasks.len() - 5;
    let names = tasks.iter().map(|task| task.entity.as_str()).collect::<Vec<_>>();
    Ok(format!("{}; {waiting} to begin", names.join(", ")))
}

/// The items that every visit has, with an answer each.
async fn items(terminal: &Terminal, task: &Task) -> Result<Vec<(Item, Answer)>, Failure> {
    let template = template(task, terminal).await?;
    let items = template.items.iter().filter(|item| item.condition.is_none());
    Ok(items.filter_map(|item| Some((item.clone(), answer(item)?))).collect())
}

async fn put(terminal: &Terminal, task: &Task, item: &str, answer: &Answer) -> Result<Value, Failure> {
    let path = format!("{}/answers/{}", task.path(), encode(item));
    terminal.put(&path, &json!({ "answer": answer })).await
}

/// Answers the first items; the first plain one does not conform, with a note and a photo. Returns that item.
async fn fill(terminal: &Terminal, task: &Task, count: usize) -> Result<String, Failure> {
    let items = items(terminal, task).await?;
    let plain = |item: &Item| matches!(item.kind, ItemKind::Conformity { .. });
    let failed = items.iter().find(|(item, _)| plain(item)).ok_or("no plain item")?.0.id.clone();
    for (item, answer) in items.iter().take(count) {
        let fail = Answer::Conformity { result: Outcome::Fail };
        let answer = if item.id == failed { &fail } else { answer };
        put(terminal, task, &item.id, answer).await?;
    }
    let note = format!("{}/notes/{}", task.path(), encode(&failed));
    terminal.put(&note, &json!({ "text": NOTE })).await?;
    let photo = photo::jpeg(7, Some("notice"), 1200, 900);
    let path = format!("{}/evidence?kind=photo&item={}&caption=notice", task.path(), encode(&failed));
    let taken = terminal.api.send(Method::POST, &path, "image/jpeg", photo).await?;
    if taken.status.is_success() { Ok(failed) } else { Err(format!("no photo: {}", taken.body).into()) }
}

/// Filled by one, signed by both. Returns the item that does not conform.
async fn sealed(day: &Day, task: &Task) -> Result<String, Failure> {
    let [one, _] = terminals(day)?;
    let failed = fill(one, task, usize::MAX).await?;
    let narrative = "现场核对证照、公示和消毒记录，拍照一张。";
    one.put(&format!("{}/narrative", task.path()), &json!({ "text": narrative })).await?;
    office::sync_all(day).await?;
    office::seal(day, &task.path(), 0, None).await?;
    Ok(failed)
}

/// One item that the officers see differently.
async fn in_conflict(day: &Day, task: &Task) -> Result<(), Failure> {
    let [one, two] = terminals(day)?;
    let failed = fill(one, task, 8).await?;
    put(two, task, &failed, &Answer::Conformity { result: Outcome::Pass }).await?;
    office::sync_all(day).await?;
    office::sync_all(day).await?;
    let open = day.administrator()?.get("/api/v1/conflicts").await?;
    match open["conflicts"].as_array().map(Vec::len) {
        Some(1) => Ok(()),
        found => Err(format!("{found:?} open conflicts instead of one").into()),
    }
}

/// Sealed, and given back with a remark about the item that does not conform.
async fn give_back(day: &Day, task: &Task) -> Result<(), Failure> {
    let failed = sealed(day, task).await?;
    let supervisor: &Api = day.supervisor()?;
    let body = json!({"comment": COMMENT, "items": {failed: REMARK}});
    supervisor.post(&format!("{}/return", task.path()), &body).await?;
    office::sync_all(day).await?;
    office::expect_state(day, &task.path(), "returned").await
}
