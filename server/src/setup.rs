//! How a server begins: the organisation, its topmost unit, its first administrator. Once.

use crate::accounts;
use crate::api::check;
use crate::app::{App, Tenant};
use crate::error::ApiError;
use crate::policy::Role;
use crate::store::audit::Record;
use crate::store::units::Unit;
use crate::store::users::Account;
use crate::store::{audit, tenants, units, users};
use fieldproof_schema::ids::{DecisionId, OrgId, UserId};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;

/// What a server begins with.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// The organisation's code. It names the topmost unit, too: everything that is imported stands below it.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The first administrator's login.
    pub login: String,
    /// The first administrator's name.
    pub administrator: String,
    /// The first administrator's password.
    pub password: String,
}

/// Makes the organisation.
///
/// # Errors
/// [`ErrorCode::StateWrong`] when there is one; [`ErrorCode::FieldInvalid`], [`ErrorCode::PasswordTooShort`].
pub async fn begin(app: &App, beginning: Beginning) -> Result<Account, ApiError> {
    let now = app.now();
    let hash = accounts::hashed(beginning.password).await?;
    let tenant = Tenant {
        org: OrgId::new(now, app.random()),
        code: check::text("code", &beginning.code, 64)?,
        name: check::text("name", &beginning.name, 200)?,
    };
    let epoch = Digest::of(&app.random::<32>());
    let account = Account {
        id: UserId::new(now, app.random()),
        login: accounts::login(&beginning.login)?,
        name: check::text("administrator_name", &beginning.administrator, 100)?,
        role: Role::Administrator,
        unit_code: tenant.code.clone(),
        active: true,
        created_at: now,
    };
    let unit = Unit {
        id: OrgId::new(now, app.random()),
        code: tenant.code.clone(),
        parent_code: None,
        level: "organisation".to_owned(),
        kind: "label".to_owned(),
        name: tenant.name.clone(),
        body: json!({"id": tenant.code, "name": tenant.name, "level": "organisation", "kind": "label", "parent": null})
            .to_string(),
    };
    let record = Record {
        id: DecisionId::new(now, app.random()),
        at: now,
        actor: "system".to_owned(),
        act: "organisation.made".to_owned(),
        subject: format!("org:{}", tenant.org),
        details: json!({"administrator": account.id, "epoch": epoch, "server_key": app.key.public_key()}),
    };
    let made = account.clone();
    app.db
        .write(move |tx| {
            if let Some(known) = tenants::find(tx)? {
                return Err(ApiError::new(ErrorCode::StateWrong).with(json!({"organisation": known.code})));
            }
            tenants::insert(tx, &tenant, epoch, now)?;
            units::put(tx, tenant.org, &unit)?;
            users::insert(tx, tenant.org, &account, &hash)?;
            audit::insert(tx, tenant.org, &record)?;
            Ok(())
        })
        .await?;
    Ok(made)
}
