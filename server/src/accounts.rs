//! Users of the console: passwords, signing in, adding users.
//!
//! An unknown login costs as much as a wrong password and is answered alike. Tries are
//! counted per login and per address; checks run one after another, so that nobody tries many at once.

mod change;
mod passwords;

pub use change::{change_password, set_active};
pub use passwords::{PASSWORD_CHARS_MIN, hashed};

use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::policy::{Role, User};
use crate::store::audit::Record;
use crate::store::users::{Account, by_login, insert_session, scope, session_ends_at};
use crate::store::{audit, failures, users};
use fieldproof_schema::ids::{DecisionId, OrgId, UserId};
use fieldproof_schema::limits::CONSOLE_SESSION_SECONDS;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;
use tokio::sync::Semaphore;

/// Characters of a login.
pub const LOGIN_CHARS_MAX: usize = 64;

/// One password check at a time.
static CHECKING: Semaphore = Semaphore::const_new(1);

/// A session that was opened.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// What to send with every request.
    pub token: String,
    /// When it ends at the latest.
    pub expires_at: Moment,
    /// Who.
    pub user: User,
    /// The user's unit.
    pub unit_code: String,
}

/// A login in its one spelling: lower case, without blanks around it.
pub fn login(text: &str) -> Result<String, ApiError> {
    let login = text.trim().to_lowercase();
    let fit = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    if login.is_empty() || login.chars().count() > LOGIN_CHARS_MAX || !login.chars().all(fit) {
        let why = format!("1 to {LOGIN_CHARS_MAX} letters, digits, '.', '_', '-' or '@'");
        return Err(ApiError::field("login", why));
    }
    Ok(login)
}

/// Signs somebody in. `peer` names where the request comes from.
///
/// # Errors
/// [`ErrorCode::SignInFailed`] whatever is wrong; [`ErrorCode::TooManyTries`] after too many failures.
pub async fn sign_in(app: &App, name: &str, password: String, peer: String) -> Result<SignedIn, ApiError> {
    let org = app.org().await?;
    // A text that cannot be a login is nobody's, and counts against the address alone.
    let login = login(name).ok().filter(|_| password.chars().count() <= passwords::PASSWORD_CHARS_MAX);
    let subjects: Vec<String> = login.iter().map(|login| format!("login:{login}")).chain([peer]).collect();
    refuse_if_waiting(app, org, &subjects).await?;
    let turn = CHECKING.acquire().await.map_err(ApiError::internal)?;
    refuse_if_waiting(app, org, &subjects).await?;
    let wanted = login.unwrap_or_default();
    let known =
        app.db.read(move |tx| by_login(tx, org, &wanted)).await?.filter(|(account, _)| account.active);
    let hash = known.as_ref().map(|(_, hash)| hash.clone());
    let fits = passwords::fits(password, hash).await?;
    let now = app.now();
    let Some((account, _)) = known.filter(|_| fits) else {
        app.db.write(move |tx| subjects.iter().try_for_each(|s| failures::count(tx, org, s, now))).await?;
        return Err(ErrorCode::SignInFailed.into());
    };
    drop(turn);
    let (token, digest) = app.token("u");
    let user = app
        .db
        .write(move |tx| {
            // The address keeps its count: a colleague's success says nothing about who else tries from there.
            failures::forget(tx, org, &subjects[0])?;
            insert_session(tx, org, account.id, &digest, now)?;
            let scope = scope(tx, org, account.id)?;
            let Account { id, login, name, role, unit_code, .. } = account.clone();
            Ok::<_, DbError>((User { id, login, name, role, scope }, unit_code))
        })
        .await?;
    let (user, unit_code) = user;
    Ok(SignedIn { token, expires_at: now.plus_seconds(CONSOLE_SESSION_SECONDS), user, unit_code })
}

/// When the asker's session ends at the latest.
pub async fn ends_at(app: &App, org: OrgId, token: Digest) -> Result<Moment, ApiError> {
    let ends_at = app.db.read(move |tx| session_ends_at(tx, org, &token)).await?;
    ends_at.ok_or_else(|| ErrorCode::SignInRequired.into())
}

async fn refuse_if_waiting(app: &App, org: OrgId, subjects: &[String]) -> Result<(), ApiError> {
    let (subjects, now) = (subjects.to_vec(), app.now());
    let longest = move |tx: &mut Tx<'_>| {
        let mut longest = None;
        for subject in &subjects {
            longest = longest.max(failures::wait_seconds(tx, org, subject, now)?);
        }
        Ok::<_, DbError>(longest)
    };
    match app.db.read(longest).await? {
        Some(seconds) => {
            Err(ApiError::new(ErrorCode::TooManyTries).with(json!({"retry_after_seconds": seconds})))
        }
        None => Ok(()),
    }
}

/// A user to be added.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// 登录名.
    pub login: String,
    /// As printed.
    pub name: String,
    /// What for.
    pub role: Role,
    /// The user's unit.
    pub unit_code: String,
    /// The first password.
    pub password: String,
}

/// Adds a user. `actor` is who adds, as the audit trail names it.
///
/// # Errors
/// [`ErrorCode::LoginTaken`], [`ErrorCode::PasswordTooShort`], [`ErrorCode::FieldInvalid`].
pub async fn add(app: &App, org: OrgId, actor: String, new: NewUser) -> Result<Account, ApiError> {
    let now = app.now();
    let hash = hashed(new.password).await?;
    let account = Account {
        id: UserId::new(now, app.random()),
        login: login(&new.login)?,
        name: crate::api::check::text("name", &new.name, 100)?,
        role: new.role,
        unit_code: new.unit_code,
        active: true,
        created_at: now,
    };
    let record = Record {
        id: DecisionId::new(now, app.random()),
        at: now,
        actor,
        act: "user.added".to_owned(),
        subject: format!("user:{}", account.id),
        details: json!({"role": account.role.as_str(), "unit": account.unit_code}),
    };
    let kept = account.clone();
    app.db
        .write(move |tx| {
            if !users::insert(tx, org, &kept, &hash)? {
                return Err(ApiError::new(ErrorCode::LoginTaken));
            }
            audit::insert(tx, org, &record)?;
            Ok(())
        })
        .await?;
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_login_has_one_spelling() {
        assert_eq!(login(" Zhang.San ").unwrap(), "zhang.san");
        for wrong in ["", "a b", "a\0", "x".repeat(65).as_str()] {
            assert_eq!(login(wrong).unwrap_err().code, ErrorCode::FieldInvalid);
        }
    }

    #[tokio::test]
    async fn after_five_failures_even_the_right_password_must_wait() {
        let world = testing::world().await;
        let app = &world.app;
        let try_in = |password: &str, peer: &str| {
            let (password, peer) = (password.to_owned(), peer.to_owned());
            async move { sign_in(app, "admin", password, peer).await.map_err(|error| error.code) }
        };
        for n in 0..5 {
            let error = try_in("wrong password", &format!("peer:{n}")).await.unwrap_err();
            assert_eq!(error, ErrorCode::SignInFailed);
        }
        assert_eq!(try_in(testing::PASSWORD, "peer:9").await.unwrap_err(), ErrorCode::TooManyTries);
        world.clock.advance_seconds(15 * 60);
        let signed_in = try_in(testing::PASSWORD, "peer:9").await.unwrap();
        assert_eq!(signed_in.user.role, Role::Administrator);
    }

    #[tokio::test]
    async fn failures_of_unknown_logins_count_against_the_address() {
        let world = testing::world().await;
        for n in 0..5 {
            let error =
                sign_in(&world.app, &format!("nobody{n}"), "some password".into(), "peer:1".into()).await;
            assert_eq!(error.unwrap_err().code, ErrorCode::SignInFailed);
        }
        let error =
            sign_in(&world.app, "admin", testing::PASSWORD.into(), "peer:1".into()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::TooManyTries);
        assert!(error.details["retry_after_seconds"].as_i64().unwrap() > 0);
        sign_in(&world.app, "admin", testing::PASSWORD.into(), "peer:2".into()).await.unwrap();
    }

    #[tokio::test]
    async fn a_session_ends_when_it_is_left_alone_and_when_it_is_too_old() {
        let world = testing::world().await;
        let app = &world.app;
        let org = app.org().await.unwrap();
        let signed_in = sign_in(app, "admin", testing::PASSWORD.into(), "peer:1".into()).await.unwrap();
        let token = Digest::of(signed_in.token.as_bytes());
        let known = || async {
            let now = app.now();
            let user = app.db.read(move |tx| users::by_token(tx, org, &token, now)).await.unwrap();
            if user.is_some() {
                app.db.write(move |tx| users::touch(tx, org, &token, now)).await.unwrap();
            }
            user.is_some()
        };
        for _ in 0..24 {
            world.clock.advance_seconds(29 * 60);
            assert!(known().await);
        }
        world.clock.advance_seconds(29 * 60);
        assert!(!known().await, "older than a working day");
        let signed_in = sign_in(app, "admin", testing::PASSWORD.into(), "peer:1".into()).await.unwrap();
        let token = Digest::of(signed_in.token.as_bytes());
        world.clock.advance_seconds(30 * 60);
        let now = app.now();
        assert!(app.db.read(move |tx| users::by_token(tx, org, &token, now)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_login_is_given_once() {
        let world = testing::world().await;
        let org = world.app.org().await.unwrap();
        let new = NewUser {
            login: "ADMIN".into(),
            name: "另一人".into(),
            role: Role::Inspector,
            unit_code: testing::CODE.into(),
            password: "another password".into(),
        };
        let error = add(&world.app, org, "system".into(), new).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::LoginTaken);
    }
}
