//! Withdrawing a revision of a checklist: nobody is dispatched with it any more, and visits that use it are asked about.

use crate::app::App;
use crate::error::ApiError;
use crate::findings;
use crate::policy::{Act, User};
use crate::store::audit::{self, Record};
use crate::store::templates;
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;

/// Withdraws a revision; returns how many visits that are not sealed use it. A withdrawal stays: a revision that was right
/// is imported under a new number.
///
/// # Errors
/// [`ErrorCode::NotFound`]; [`ErrorCode::AlreadyDecided`] when it was withdrawn before.
pub async fn withdraw(
    app: &App,
    org: OrgId,
    user: &User,
    id: String,
    revision: String,
    reason: String,
) -> Result<usize, ApiError> {
    user.may(Act::ChangeDirectory)?;
    let (now, record, by) = (app.now(), DecisionId::new(app.now(), app.random()), user.id);
    app.db
        .write(move |tx| {
            let known = templates::find(tx, org, &id, &revision)?.ok_or(ErrorCode::NotFound)?;
            if !templates::withdraw(tx, org, &id, &revision, now)? {
                let details = json!({"withdrawn_at": known.withdrawn_at});
                return Err(ApiError::new(ErrorCode::AlreadyDecided).with(details));
            }
            let visits = findings::template::withdrawn(tx, org, &id, &revision, now)?;
            let record = Record {
                id: record,
                at: now,
                actor: format!("user:{by}"),
                act: "template.withdrawn".to_owned(),
                subject: format!("template:{id}@{revision}"),
                details: json!({"reason": reason, "visits": visits}),
            };
            audit::insert(tx, org, &record)?;
            Ok::<_, ApiError>(visits)
        })
        .await
}
