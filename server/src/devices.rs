//! What administrators do about terminals: a code for a new one, revocation. How a code is used is in [`crate::enrol`].

use crate::app::App;
use crate::codes::{self, Issued};
use crate::error::ApiError;
use crate::numbers;
use crate::policy::{Act, User};
use crate::store::audit::{self, Record};
use crate::store::officers::Officer;
use crate::store::{devices, officers};
use fieldproof_schema::ids::{DecisionId, DeviceId, OfficerId, OrgId};
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;

/// Gives a one-time code for a terminal of an officer of the asker's scope.
///
/// # Errors
/// [`ErrorCode::NotFound`]; [`ErrorCode::StateWrong`] when the officer is not in service.
pub async fn invite(
    app: &App,
    org: OrgId,
    user: &User,
    id: OfficerId,
) -> Result<(Officer, Issued), ApiError> {
    let officer = app.db.read(move |tx| officers::find(tx, org, id)).await?.ok_or(ErrorCode::NotFound)?;
    user.may_on(Act::ManageDevices, &officer.facts.org_code)?;
    let issued = codes::issue(app, org, &officer, format!("user:{}", user.id)).await?;
    Ok((officer, issued))
}

/// Revokes a terminal: its sessions end, and it is given nothing more. What it sent stays; what it still sends is held
/// apart for people to decide.
///
/// # Errors
/// [`ErrorCode::NotFound`]; [`ErrorCode::AlreadyDecided`] when it was revoked before.
pub async fn revoke(
    app: &App,
    org: OrgId,
    user: &User,
    id: DeviceId,
    reason: String,
) -> Result<(), ApiError> {
    let (now, asker) = (app.now(), user.clone());
    let record = Record {
        id: DecisionId::new(now, app.random()),
        at: now,
        actor: format!("user:{}", user.id),
        act: "device.revoked".to_owned(),
        subject: format!("device:{id}"),
        details: json!({"reason": reason}),
    };
    app.db
        .write(move |tx| {
            let device = devices::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
            let officer = officers::find(tx, org, device.officer)?.ok_or(ErrorCode::NotFound)?;
            asker.may_on(Act::ManageDevices, &officer.facts.org_code)?;
            if !devices::revoke(tx, org, id, now)? {
                let details = json!({"revoked_at": device.revoked_at});
                return Err(ApiError::new(ErrorCode::AlreadyDecided).with(details));
            }
            numbers::revoked(tx, org, id, now)?;
            audit::insert(tx, org, &record)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    // What it listens to ends now; at another node with the next sign of life.
    app.events.poke();
    Ok(())
}
