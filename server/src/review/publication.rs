//! What the public reads of an inspection (抽查结果公示): entity, item, day, authority and result.
//!
//! It is made of the sealed content. Officers, the party's people, statements, notes, measurements and evidence are left
//! out: nobody needs them to know the result, and they name people or show premises.

use crate::app::App;
use crate::documents;
use crate::error::ApiError;
use crate::judging::{day_of_visit, judged};
use crate::laws::Laws;
use crate::store::conflicts::Known;
use crate::store::{conflicts, inspections, seals, tasks, units};
use fieldproof_schema::checklist::{Answer, Template, Verdict};
use fieldproof_schema::conflict::Resolution;
use fieldproof_schema::document::View;
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::seal::Statement;
use fieldproof_schema::wire::error::ErrorCode;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};

/// How often each verdict was reached, and what failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// 合格.
    passed: usize,
    /// 不合格.
    failed: usize,
    /// 合理缺项.
    not_applicable: usize,
    /// Answered without a verdict.
    recorded: usize,
    undecided: usize,
    /// The failed items.
    failed_items: Vec<FailedItem>,
}

/// One item that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FailedItem {
    item: String,
    text: String,
    key: bool,
}

/// Where the officers signed over a conflict, the public reads what was decided beside the seal.
fn as_decided(view: &mut View, statement: &Statement, known: &[Known]) {
    let over = statement.unsettled.iter().flat_map(|unsettled| &unsettled.conflicts);
    for known in over.filter_map(|id| known.iter().find(|known| known.conflict.id == *id)) {
        let item = known.conflict.path.strip_prefix("answers/");
        let register = item.and_then(|item| view.answers.get_mut(item));
        let decided = known.resolution.as_deref().and_then(Resolution::from_register);
        if let (Some(register), Some(decided)) = (register, decided) {
            register.standing.value = decided.value;
        }
    }
}

/// The entity's name and the public body.
pub(crate) async fn body(app: &App, org: OrgId, id: InspectionId) -> Result<(String, Value), ApiError> {
    let tenant = app.tenant().await?.clone();
    let (statement, mut view) = documents::view_at_seal(app, org, id).await?;
    let reader = app.clone();
    let (info, template, laws, day, task, unit, decided) = app
        .db
        .read(move |tx| {
            let info = inspections::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
            let template = reader.templates.get(tx, org, &info.template_id, &info.template_revision)?;
            let laws = reader.laws.get(tx, org)?;
            let day = day_of_visit(&seals::list(tx, org, id)?).ok_or(ErrorCode::StateWrong)?;
            let task = match info.task {
                Some(task) => tasks::find(tx, org, task)?,
                None => None,
            };
            let unit = units::all(tx, org)?.remove(&info.unit_code);
            let decided = conflicts::of_inspection(tx, org, id)?;
            Ok::<_, ApiError>((info, template, laws, day, task, unit, decided))
        })
        .await?;
    as_decided(&mut view, &statement, &decided);
    let result = summarise(&view, &template, laws.as_ref(), day);
    let entity = &view.identity.entity;
    let body = json!({
        "entity": {"name": entity.name, "uscc": entity.uscc, "address": entity.address},
        "plan_no": task.as_ref().map(|task| &task.plan_no),
        "task_no": task.as_ref().map(|task| &task.task_no),
        "item": task.as_ref().map(|task| &task.item),
        "checklist": {"id": info.template_id, "revision": info.template_revision, "title": template.title},
        "inspected_on": day.to_string(),
        "authority": tenant.name,
        "unit": unit.map(|unit| unit.name),
        "conclusion": conclusion(&result, &view),
        "result": result,
    });
    Ok((entity.name.clone(), body))
}

/// Problems are failed items and findings; while an item is undecided, nobody says that there are none.
fn conclusion(result: &Summary, view: &View) -> &'static str {
    match (result.failed > 0 || !view.findings.is_empty(), result.undecided > 0) {
        (true, _) => "problems_found",
        (false, true) => "undecided",
        (false, false) => "no_problem_found",
    }
}

fn summarise(view: &View, template: &Template, laws: Option<&Laws>, day: Date) -> Summary {
    let mut result = Summary::default();
    for item in &template.items {
        let Some(register) = view.answers.get(&item.id) else { continue };
        let answer = Answer::from_register(&register.standing.value);
        match judged(item, &answer, laws, day).verdict {
            Verdict::Pass => result.passed += 1,
            Verdict::NotApplicable => result.not_applicable += 1,
            Verdict::Recorded => result.recorded += 1,
            Verdict::NotDecided => result.undecided += 1,
            Verdict::Fail => {
                result.failed += 1;
                let failed = FailedItem { item: item.id.clone(), text: item.text.clone(), key: item.key };
                result.failed_items.push(failed);
            }
        }
    }
    result
}
