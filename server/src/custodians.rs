//! Custodians (恢复保管人): any two of them open a terminal whose passphrase is forgotten. One administrator proposes an officer, another
//! one confirms her, and no share leaves a custodian's terminal before it was written down here whom she helps.

use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::store::audit::{self, Record};
use crate::store::custodians::{self, Custodian};
use crate::store::officers::Officer;
use crate::store::{devices, officers, units};
use fieldproof_schema::ids::{DecisionId, DeviceId, OfficerId, OrgId};
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::recovery::{self, CUSTODIANS_MAX, Custodians};
use fieldproof_schema::suite::CustodyKey;
use fieldproof_schema::wire::device::HelpRequest;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Proposes an officer of the asker's scope, for the terminals of a unit of that scope and of everything below it; by default her own.
///
/// # Errors
/// [`ErrorCode::NotFound`]; [`ErrorCode::StateWrong`] for an officer who is not in service; [`ErrorCode::AlreadyDecided`] for one who
/// is a custodian or was proposed.
pub async fn propose(
    app: &App,
    org: OrgId,
    user: &User,
    officer: OfficerId,
    unit: Option<String>,
) -> Result<(), ApiError> {
    let (now, asker) = (app.now(), user.clone());
    let record = record(app, user, "custodian.proposed", officer, json!({"unit": unit}));
    let write = move |tx: &mut Tx<'_>| {
        let unit = unit.clone();
        let known = in_reach(tx, org, &asker, officer)?;
        if !known.facts.active {
            return Err(ApiError::new(ErrorCode::StateWrong).with(json!({"state": "inactive"})));
        }
        let unit = unit.unwrap_or(known.facts.org_code);
        asker.may_on(Act::NameCustodians, &unit)?;
        let proposed = Custodian {
            officer,
            unit,
            proposed_by: asker.id,
            proposed_at: now,
            confirmed_by: None,
            confirmed_at: None,
        };
        if !custodians::propose(tx, org, &proposed)? {
            return Err(ErrorCode::AlreadyDecided.into());
        }
        Ok(audit::insert(tx, org, &record)?)
    };
    app.db.write(write).await
}

/// Confirms what another administrator proposed. From the next session on terminals make shares for the officer.
///
/// # Errors
/// [`ErrorCode::NotFound`] for one who was not proposed; [`ErrorCode::NotAllowed`] for whoever proposed her;
/// [`ErrorCode::AlreadyDecided`].
pub async fn confirm(app: &App, org: OrgId, user: &User, officer: OfficerId) -> Result<(), ApiError> {
    let (now, asker) = (app.now(), user.clone());
    let record = record(app, user, "custodian.confirmed", officer, Value::Null);
    let write = move |tx: &mut Tx<'_>| {
        let known = proposed(tx, org, &asker, officer)?;
        if known.proposed_by == asker.id {
            return Err(ApiError::new(ErrorCode::NotAllowed).with(json!({"why": "own_proposal"})));
        }
        if !custodians::confirm(tx, org, officer, asker.id, now)? {
            return Err(ErrorCode::AlreadyDecided.into());
        }
        Ok(audit::insert(tx, org, &record)?)
    };
    app.db.write(write).await
}

/// Ends it: terminals make their shares anew without her. One administrator is enough, for it takes power away.
///
/// # Errors
/// [`ErrorCode::NotFound`]; [`ErrorCode::ReasonMissing`].
pub async fn end(
    app: &App,
    org: OrgId,
    user: &User,
    officer: OfficerId,
    reason: String,
) -> Result<(), ApiError> {
    let asker = user.clone();
    let record = record(app, user, "custodian.ended", officer, json!({"reason": reason}));
    let write = move |tx: &mut Tx<'_>| {
        proposed(tx, org, &asker, officer)?;
        custodians::remove(tx, org, officer)?;
        Ok(audit::insert(tx, org, &record)?)
    };
    app.db.write(write).await
}

fn record(app: &App, user: &User, act: &str, officer: OfficerId, details: Value) -> Record {
    let now = app.now();
    Record {
        id: DecisionId::new(now, app.random()),
        at: now,
        actor: format!("user:{}", user.id),
        act: act.to_owned(),
        subject: format!("officer:{officer}"),
        details,
    }
}

fn in_reach(tx: &mut Tx<'_>, org: OrgId, asker: &User, officer: OfficerId) -> Result<Officer, ApiError> {
    let known = officers::find(tx, org, officer)?.ok_or(ErrorCode::NotFound)?;
    asker.may_on(Act::NameCustodians, &known.facts.org_code)?;
    Ok(known)
}

fn proposed(tx: &mut Tx<'_>, org: OrgId, asker: &User, officer: OfficerId) -> Result<Custodian, ApiError> {
    let known = custodians::find(tx, org, officer)?.ok_or(ErrorCode::NotFound)?;
    asker.may_on(Act::NameCustodians, &known.unit)?;
    Ok(known)
}

/// Takes with what shares for a terminal's officer are sealed, and says who keeps those of its own key.
pub async fn exchange(app: &App, actor: &DeviceActor, key: CustodyKey) -> Result<Custodians, ApiError> {
    let (org, device, officer) = (actor.org, actor.id, actor.officer);
    let known = app.db.read(move |tx| devices::custody_key(tx, org, device)).await?;
    if known != Some(key) {
        app.db.write(move |tx| custodians::set_key(tx, org, device, &key)).await?;
    }
    Ok(app.db.read(move |tx| of(tx, org, device, officer)).await?)
}

/// Who keeps the shares of a terminal: the custodians of its officer's unit and of those above it, nearest first, never she herself,
/// each with the terminal that was hers when she was confirmed.
pub fn of(tx: &mut Tx<'_>, org: OrgId, device: DeviceId, officer: OfficerId) -> Result<Custodians, DbError> {
    let mut named = Vec::new();
    if let Some(own) = officers::find(tx, org, officer)? {
        let (above, mut seen) = (units::above(tx, org, &own.facts.org_code)?, BTreeSet::from([officer]));
        let mut next = Some(own.facts.org_code);
        while let Some(unit) = next.as_ref().and_then(|code| above.get(code)) {
            for keeper in custodians::keepers(tx, org, &unit.code)? {
                if named.len() == CUSTODIANS_MAX || !seen.insert(keeper.officer) {
                    continue;
                }
                let known = officers::find(tx, org, keeper.officer)?.filter(|known| known.facts.active);
                named.extend(known.map(|known| recovery::Custodian {
                    device: keeper.device,
                    officer: keeper.officer,
                    name: known.facts.name,
                    key: keeper.key,
                }));
            }
            next = unit.parent_code.clone();
        }
    }
    Ok(Custodians::new(device, named))
}

/// Writes down that a custodian helps to open a terminal, before she does.
///
/// # Errors
/// [`ErrorCode::DeviceRevoked`] for a terminal that was; [`ErrorCode::RecoveryNotCustodian`] for whoever is no custodian of it;
/// [`ErrorCode::RecoveryTextInvalid`] for a request that names another officer than the terminal's; [`ErrorCode::ReasonMissing`].
pub async fn help(app: &App, actor: &DeviceActor, asked: HelpRequest) -> Result<(), ApiError> {
    let reason = asked.reason.trim();
    if reason.is_empty() {
        return Err(ErrorCode::ReasonMissing.into());
    }
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(ApiError::field("reason", format!("at most {REASON_CHARS_MAX} characters")));
    }
    let (org, helper, now) = (actor.org, actor.officer, app.now());
    let record = Record {
        id: DecisionId::new(now, app.random()),
        at: now,
        actor: format!("device:{}", actor.id),
        act: "device.recovery_helped".to_owned(),
        subject: format!("device:{}", asked.device),
        details: json!({"request": asked.request, "reason": reason}),
    };
    let write = move |tx: &mut Tx<'_>| {
        let device = devices::find(tx, org, asked.device)?.ok_or(ErrorCode::RecoveryNotCustodian)?;
        let named = of(tx, org, device.id, device.officer)?;
        if !named.custodians.iter().any(|custodian| custodian.officer == helper) {
            return Err(ErrorCode::RecoveryNotCustodian.into());
        }
        if device.officer != asked.officer {
            return Err(ErrorCode::RecoveryTextInvalid.into());
        }
        if let Some(at) = device.revoked_at {
            return Err(ApiError::new(ErrorCode::DeviceRevoked).with(json!({"revoked_at": at})));
        }
        Ok::<_, ApiError>(audit::insert(tx, org, &record)?)
    };
    app.db.write(write).await
}
