//! Imports: directory files, checklists, the register of laws, and releases of provisions.

mod directory;

pub use directory::{Imported, Importer, Refused, organisation};

use crate::app::{App, blocking};
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::store::audit::Record;
use crate::store::rows::{self, LAWS_SUBJECT, RELEASED_SUBJECT};
use crate::store::{audit, feeds, laws, templates};
use fieldproof_schema::checklist::{Template, TemplateError};
use fieldproof_schema::document::TemplatePin;
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::law::LawRegister;
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;
use serde_json::{Value, json};

/// Faults of a checklist that one answer lists.
const FAULTS_SHOWN: usize = 200;

fn record(app: &App, actor: &str, at: Moment, act: &str, subject: String, details: Value) -> Record {
    let id = DecisionId::new(at, app.random());
    Record { id, at, actor: actor.to_owned(), act: act.to_owned(), subject, details }
}

/// Imports one checklist; returns its pin, and false when exactly this revision was known.
///
/// # Errors
/// [`ErrorCode::TemplateInvalid`] lists every fault; [`ErrorCode::TemplateRevisionTaken`] when the revision exists with
/// other content.
pub async fn checklist(
    app: &App,
    org: OrgId,
    actor: &str,
    text: String,
) -> Result<(TemplatePin, bool), ApiError> {
    let template = blocking(move || Template::parse(&text)).await?.map_err(|error| faults(&error))?;
    let pin = template.pin();
    let subject = rows::template_subject(&pin.id, &pin.revision);
    let now = app.now();
    let details = json!({"hash": pin.hash});
    let record = record(app, actor, now, "template.imported", format!("template:{subject}"), details);
    let wanted = pin.clone();
    let new = app
        .db
        .write(move |tx| {
            if let Some(known) = templates::find(tx, org, &wanted.id, &wanted.revision)? {
                if known.hash == wanted.hash {
                    return Ok(false);
                }
                let details = json!({"id": wanted.id, "revision": wanted.revision, "known": known.hash});
                return Err(ApiError::new(ErrorCode::TemplateRevisionTaken).with(details));
            }
            templates::insert(tx, org, &template, now)?;
            tx.publish(org, feeds::EVERYONE, RowKind::Template.as_str(), &subject);
            audit::insert(tx, org, &record)?;
            Ok(true)
        })
        .await?;
    Ok((pin, new))
}

fn faults(error: &TemplateError) -> ApiError {
    let listed = error.violations().iter().take(FAULTS_SHOWN);
    let listed: Vec<_> =
        listed.map(|v| json!({"path": v.path, "item": v.item, "why": v.problem.to_string()})).collect();
    ApiError::new(ErrorCode::TemplateInvalid).with(json!({
        "why": crate::error::chain(error), "faults": error.violations().len(), "violations": listed,
    }))
}

/// Imports the register of laws, which is the one in use from then on; false when it was in use already.
///
/// # Errors
/// [`ErrorCode::FieldInvalid`] when it cannot be read or refers to nothing.
pub async fn law_register(
    app: &App,
    org: OrgId,
    actor: &str,
    text: String,
) -> Result<(Digest, bool), ApiError> {
    let (text, parsed) = blocking(move || {
        let parsed = LawRegister::parse(&text);
        (text, parsed)
    })
    .await?;
    let register = parsed.map_err(|error| ApiError::field("laws", crate::error::chain(&error)))?;
    let (hash, now) = (register.hash(), app.now());
    let record = record(app, actor, now, "laws.imported", format!("laws:{hash}"), Value::Null);
    let new = app
        .db
        .write(move |tx| {
            if laws::current(tx, org)? == Some(hash) {
                return Ok(false);
            }
            laws::put(tx, org, &hash, &text, now)?;
            tx.publish(org, feeds::EVERYONE, RowKind::Laws.as_str(), LAWS_SUBJECT);
            audit::insert(tx, org, &record)?;
            Ok::<_, DbError>(true)
        })
        .await?;
    Ok((hash, new))
}

/// Releases a provision, a standard, or the number of one checklist item's limit; false when it was released before.
///
/// # Errors
/// [`ErrorCode::NotFound`] when neither the register nor a checklist in use has it.
pub async fn release(app: &App, org: OrgId, actor: &str, reference: String) -> Result<bool, ApiError> {
    let now = app.now();
    let (reader, by) = (app.clone(), actor.to_owned());
    let record = record(app, actor, now, "provision.released", format!("provision:{reference}"), Value::Null);
    app.db
        .write(move |tx| {
            let register = reader.laws.get(tx, org)?;
            let cited = register.is_some_and(|laws| laws.register.resolve(&reference).is_some());
            if reference.chars().count() > REASON_CHARS_MAX
                || !(cited || is_item(tx, &reader, org, &reference)?)
            {
                return Err(ApiError::new(ErrorCode::NotFound));
            }
            let new = laws::release(tx, org, &reference, &by, now)?;
            if new {
                tx.publish(org, feeds::EVERYONE, RowKind::Released.as_str(), RELEASED_SUBJECT);
                audit::insert(tx, org, &record)?;
            }
            Ok(new)
        })
        .await
}

fn is_item(tx: &mut Tx<'_>, app: &App, org: OrgId, id: &str) -> Result<bool, ApiError> {
    for listed in templates::list(tx, org)?.iter().filter(|t| t.withdrawn_at.is_none()) {
        if app.templates.get(tx, org, &listed.id, &listed.revision)?.item(id).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use fieldproof_schema::data;

    #[tokio::test]
    async fn a_checklist_is_imported_once_and_a_revision_never_changes() {
        let world = testing::world().await;
        let org = world.app.org().await.unwrap();
        let text = data::checklists()[0].1;
        let import = |text: String| checklist(&world.app, org, "system", text);
        assert!(import(text.to_owned()).await.unwrap().1);
        assert!(!import(text.to_owned()).await.unwrap().1);
        let mut other: Value = serde_json::from_str(text).unwrap();
        other["name"] = "另一个标题".into();
        let error = import(other.to_string()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::TemplateRevisionTaken);
        let error = import("{}".into()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::TemplateInvalid);
        assert!(!error.details["violations"].as_array().unwrap().is_empty());
    }

    #[tokio::test]
    async fn only_what_the_register_has_can_be_released() {
        let world = testing::world().await;
        let org = world.app.org().await.unwrap();
        let app = &world.app;
        assert!(law_register(app, org, "system", data::legal_basis().into()).await.unwrap().1);
        assert!(!law_register(app, org, "system", data::legal_basis().into()).await.unwrap().1);
        assert!(release(app, org, "system", "GGTL-14".into()).await.unwrap());
        assert!(!release(app, org, "system", "GGTL-14".into()).await.unwrap());
        let error = release(app, org, "system", "GGTL-9999".into()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
        let item = Template::parse(data::checklists()[0].1).unwrap().items[0].id.clone();
        assert_eq!(release(app, org, "system", item.clone()).await.unwrap_err().code, ErrorCode::NotFound);
        checklist(app, org, "system", data::checklists()[0].1.into()).await.unwrap();
        assert!(release(app, org, "system", item).await.unwrap());
    }
}
