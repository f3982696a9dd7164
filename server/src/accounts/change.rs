//! What happens to users later: a new password, an account that ends or comes back.

use super::{CHECKING, hashed, passwords, refuse_if_waiting};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::store::audit::{self, Record};
use crate::store::{failures, users};
use fieldproof_schema::ids::{DecisionId, OrgId, UserId};
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::{Value, json};

/// Ends somebody's account, or lets the person sign in again. Open sessions end with the account.
///
/// Nobody ends the own account, and only an active administrator ends one: so an administrator always remains.
///
/// # Errors
/// [`ErrorCode::NotFound`] outside the asker's scope; [`ErrorCode::StateWrong`] for the own account;
/// [`ErrorCode::AlreadyDecided`] when nothing changes by it.
pub async fn set_active(
    app: &App,
    org: OrgId,
    user: &User,
    id: UserId,
    active: bool,
    reason: String,
) -> Result<(), ApiError> {
    let asker = user.clone();
    let act = if active { "user.reactivated" } else { "user.deactivated" };
    let record = record(app, user.id, act, id, json!({"reason": reason}));
    app.db
        .write(move |tx| {
            users::hold_administrators(tx, org)?;
            // The asker's own account may have been ended since the session was read.
            users::find(tx, org, asker.id)?.filter(|own| own.active).ok_or(ErrorCode::SignInRequired)?;
            let account = users::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
            asker.may_on(Act::ManageUsers, &account.unit_code)?;
            if account.id == asker.id {
                return Err(ApiError::new(ErrorCode::StateWrong).with(json!({"why": "own_account"})));
            }
            if !users::set_active(tx, org, id, active)? {
                return Err(ErrorCode::AlreadyDecided.into());
            }
            users::end_sessions(tx, org, id, None)?;
            audit::insert(tx, org, &record)?;
            Ok(())
        })
        .await
}

/// Replaces the asker's own password. Other sessions of the asker end.
///
/// # Errors
/// [`ErrorCode::SignInFailed`] when `current` is wrong, [`ErrorCode::TooManyTries`] after too many of that,
/// [`ErrorCode::PasswordTooShort`]; [`ErrorCode::FieldInvalid`] when the new one is the current one.
pub async fn change_password(
    app: &App,
    actor: &UserActor,
    current: String,
    new: String,
) -> Result<(), ApiError> {
    let (org, id, token, now) = (actor.org, actor.user.id, actor.token, app.now());
    if current == new {
        return Err(ApiError::field("new", "the same as before"));
    }
    let subjects = vec![format!("login:{}", actor.user.login)];
    let turn = CHECKING.acquire().await.map_err(ApiError::internal)?;
    refuse_if_waiting(app, org, &subjects).await?;
    let known = app.db.read(move |tx| users::password_hash(tx, org, id)).await?;
    let (fits, hash) = (passwords::fits(current, known).await?, hashed(new).await);
    // Too long: said about the field that asks for it here.
    let hash = hash.map_err(|error| match error.code {
        ErrorCode::FieldInvalid => ApiError::field("new", "too long"),
        _ => error,
    })?;
    if !fits {
        app.db.write(move |tx| failures::count(tx, org, &subjects[0], now)).await?;
        return Err(ErrorCode::SignInFailed.into());
    }
    drop(turn);
    let record = record(app, id, "user.password_changed", id, Value::Null);
    app.db
        .write(move |tx| {
            failures::forget(tx, org, &subjects[0])?;
            users::set_password(tx, org, id, &hash)?;
            users::end_sessions(tx, org, id, Some(&token))?;
            audit::insert(tx, org, &record)?;
            Ok(())
        })
        .await
}

fn record(app: &App, by: UserId, act: &str, id: UserId, details: Value) -> Record {
    let at = app.now();
    Record {
        id: DecisionId::new(at, app.random()),
        at,
        actor: format!("user:{by}"),
        act: act.to_owned(),
        subject: format!("user:{id}"),
        details,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NewUser, add, sign_in};
    use super::*;
    use crate::policy::Role;
    use crate::testing::{self, PASSWORD, World};
    use fieldproof_schema::suite::Digest;

    async fn signed_in(world: &World, login: &str, password: &str) -> Result<UserActor, ErrorCode> {
        let opened = sign_in(&world.app, login, password.into(), format!("peer:{login}")).await;
        let opened = opened.map_err(|error| error.code)?;
        let org = world.app.org().await.unwrap();
        Ok(UserActor { user: opened.user, org, token: Digest::of(opened.token.as_bytes()) })
    }

    async fn added(world: &World, login: &str, role: Role, unit: &str) -> UserActor {
        let new = NewUser {
            login: login.into(),
            name: "某人".into(),
            role,
            unit_code: unit.into(),
            password: PASSWORD.into(),
        };
        let org = world.app.org().await.unwrap();
        add(&world.app, org, "system".into(), new).await.unwrap();
        signed_in(world, login, PASSWORD).await.unwrap()
    }

    async fn end(world: &World, by: &UserActor, whom: &UserActor) -> Result<(), ErrorCode> {
        let ended = set_active(&world.app, by.org, &by.user, whom.user.id, false, "离职".into()).await;
        ended.map_err(|error| error.code)
    }

    #[tokio::test]
    async fn an_account_that_ends_takes_its_sessions_with_it_and_comes_back_without_them() {
        let world = testing::world().await;
        let admin = signed_in(&world, "admin", PASSWORD).await.unwrap();
        let other = added(&world, "other", Role::Supervisor, testing::CODE).await;
        end(&world, &admin, &other).await.unwrap();
        assert_eq!(end(&world, &admin, &other).await, Err(ErrorCode::AlreadyDecided));
        assert_eq!(signed_in(&world, "other", PASSWORD).await.unwrap_err(), ErrorCode::SignInFailed);
        let (app, org) = (&world.app, admin.org);
        set_active(app, org, &admin.user, other.user.id, true, "返聘".into()).await.unwrap();
        let (token, now) = (other.token, app.now());
        let old = app.db.read(move |tx| users::by_token(tx, org, &token, now)).await.unwrap();
        assert!(old.is_none(), "a session from before came back");
        signed_in(&world, "other", PASSWORD).await.unwrap();
    }

    #[tokio::test]
    async fn an_administrator_always_remains() {
        let world = testing::world().await;
        let one = signed_in(&world, "admin", PASSWORD).await.unwrap();
        assert_eq!(end(&world, &one, &one).await, Err(ErrorCode::StateWrong));
        let two = added(&world, "two", Role::Administrator, testing::CODE).await;
        end(&world, &one, &two).await.unwrap();
        // What was allowed when the session was read is not allowed any more.
        assert_eq!(end(&world, &two, &one).await, Err(ErrorCode::SignInRequired));
        signed_in(&world, "admin", PASSWORD).await.unwrap();
    }

    #[tokio::test]
    async fn accounts_outside_the_own_unit_do_not_exist() {
        let world = testing::city().await;
        let admin = signed_in(&world, "admin", PASSWORD).await.unwrap();
        let district = added(&world, "district", Role::Administrator, "ORG-D1").await;
        assert_eq!(end(&world, &district, &admin).await, Err(ErrorCode::NotFound));
        let supervisor = added(&world, "supervisor", Role::Supervisor, testing::CODE).await;
        assert_eq!(end(&world, &supervisor, &district).await, Err(ErrorCode::NotAllowed));
        end(&world, &admin, &district).await.unwrap();
    }

    #[tokio::test]
    async fn a_new_password_needs_the_current_one_and_ends_other_sessions() {
        let world = testing::world().await;
        let here = signed_in(&world, "admin", PASSWORD).await.unwrap();
        let elsewhere = signed_in(&world, "admin", PASSWORD).await.unwrap();
        let change = async |current: &str, new: &str| {
            let changed = change_password(&world.app, &here, current.into(), new.into()).await;
            changed.map_err(|error| error.code)
        };
        assert_eq!(change("wrong password", "another long one").await, Err(ErrorCode::SignInFailed));
        assert_eq!(change(PASSWORD, "short").await, Err(ErrorCode::PasswordTooShort));
        assert_eq!(change(PASSWORD, PASSWORD).await, Err(ErrorCode::FieldInvalid));
        change(PASSWORD, "another long one").await.unwrap();
        let open = async |token: Digest| {
            let (org, now) = (here.org, world.app.now());
            world.app.db.read(move |tx| users::by_token(tx, org, &token, now)).await.unwrap().is_some()
        };
        assert!(open(here.token).await && !open(elsewhere.token).await);
        assert_eq!(signed_in(&world, "admin", PASSWORD).await.unwrap_err(), ErrorCode::SignInFailed);
        signed_in(&world, "admin", "another long one").await.unwrap();
    }
}
