//! Users of the console and their sessions.

use super::page::{Page, rows_asked};
use super::within::in_scope;
use crate::db::{DbError, Row, Tx, params};
use crate::policy::{Role, User};
use fieldproof_schema::ids::{OrgId, UserId};
use fieldproof_schema::limits::{CONSOLE_IDLE_SECONDS, CONSOLE_SESSION_SECONDS};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use std::collections::BTreeSet;

/// Seconds after which the use of a session is noted again; a note per request would be a write per request.
const TOUCH_SECONDS: i64 = 60;

/// A user as lists show one.
#[derive(Debug, Clone)]
pub struct Account {
    /// Who.
    pub id: UserId,
    /// 登录名.
    pub login: String,
    /// As printed.
    pub name: String,
    /// What for.
    pub role: Role,
    /// The unit whose records the user may see, with everything below it.
    pub unit_code: String,
    /// Whether the user may sign in.
    pub active: bool,
    /// Since when.
    pub created_at: Moment,
}

fn read(r: &Row) -> Result<Account, DbError> {
    let role: String = r.get(3)?;
    Ok(Account {
        id: r.get(0)?,
        login: r.get(1)?,
        name: r.get(2)?,
        role: Role::find(&role).ok_or_else(|| r.invalid(3, role))?,
        unit_code: r.get(4)?,
        active: r.get(5)?,
        created_at: r.get(6)?,
    })
}

/// The user with a login, and the hash of the password.
pub fn by_login(tx: &mut Tx<'_>, org: OrgId, login: &str) -> Result<Option<(Account, String)>, DbError> {
    let row = tx.query_opt(
        "SELECT id, login, name, role, unit_code, active, created_at, password_hash FROM users
         WHERE org = $1 AND login = $2",
        &params![org, login],
    )?;
    row.map(|r| Ok((read(&r)?, r.get(7)?))).transpose()
}

/// One user.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: UserId) -> Result<Option<Account>, DbError> {
    let row = tx.query_opt(
        "SELECT id, login, name, role, unit_code, active, created_at FROM users WHERE org = $1 AND id = $2",
        &params![org, id],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// The hash of a user's password.
pub fn password_hash(tx: &mut Tx<'_>, org: OrgId, id: UserId) -> Result<Option<String>, DbError> {
    let row =
        tx.query_opt("SELECT password_hash FROM users WHERE org = $1 AND id = $2", &params![org, id])?;
    row.map(|r| r.get(0)).transpose()
}

/// Holds every active administrator until the transaction ends, so that two of them cannot end each other's accounts at
/// once, from several nodes.
pub fn hold_administrators(tx: &mut Tx<'_>, org: OrgId) -> Result<(), DbError> {
    tx.execute(
        "UPDATE users SET active = 1 WHERE org = $1 AND role = 'administrator' AND active = 1",
        &params![org],
    )?;
    Ok(())
}

/// Says whether a user may sign in; false when nothing changes by it.
pub fn set_active(tx: &mut Tx<'_>, org: OrgId, id: UserId, active: bool) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE users SET active = $3 WHERE org = $1 AND id = $2 AND active <> $3",
        &params![org, id, active],
    )?;
    Ok(changed > 0)
}

/// Replaces a password.
pub fn set_password(tx: &mut Tx<'_>, org: OrgId, id: UserId, hash: &str) -> Result<(), DbError> {
    tx.execute("UPDATE users SET password_hash = $3 WHERE org = $1 AND id = $2", &params![org, id, hash])?;
    Ok(())
}

/// Ends every session of a user but the one of the token `kept`.
pub fn end_sessions(tx: &mut Tx<'_>, org: OrgId, id: UserId, kept: Option<&Digest>) -> Result<(), DbError> {
    // No token has the digest of nothing.
    let kept = kept.copied().unwrap_or_else(|| Digest::of(&[]));
    tx.execute(
        "DELETE FROM user_sessions WHERE org = $1 AND user_id = $2 AND token <> $3",
        &params![org, id, kept],
    )?;
    Ok(())
}

/// Users of the asker's scope by login, after the login `after`.
pub fn list(tx: &mut Tx<'_>, org: OrgId, asker: UserId, after: &str) -> Result<Page<Account>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT id, login, name, role, unit_code, active, created_at FROM users
             WHERE org = $1 AND unit_code IN (SELECT code FROM scope) AND login > $3 ORDER BY login LIMIT $4"
        ),
        &params![org, asker, after, rows_asked()],
    )?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(rows, |account| account.login.clone()))
}

/// Adds a user; false when the login is taken.
pub fn insert(tx: &mut Tx<'_>, org: OrgId, account: &Account, password_hash: &str) -> Result<bool, DbError> {
    let added = tx.execute(
        "INSERT INTO users (org, id, login, name, role, unit_code, password_hash, active, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (org, login) DO NOTHING",
        &params![
            org,
            account.id,
            &account.login,
            &account.name,
            account.role.as_str(),
            &account.unit_code,
            password_hash,
            account.active,
            account.created_at
        ],
    )?;
    Ok(added > 0)
}

/// The codes of the user's unit and of everything below it.
pub fn scope(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<BTreeSet<String>, DbError> {
    let rows = tx.query(in_scope!("SELECT code FROM scope ORDER BY code"), &params![org, user])?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// Opens a session; sessions that have ended go.
pub fn insert_session(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    token: &Digest,
    now: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "DELETE FROM user_sessions WHERE org = $1 AND (created_at <= $2 OR seen_at <= $3)",
        &params![org, now.plus_seconds(-CONSOLE_SESSION_SECONDS), now.plus_seconds(-CONSOLE_IDLE_SECONDS)],
    )?;
    tx.execute(
        "INSERT INTO user_sessions (org, token, user_id, created_at, seen_at) VALUES ($1, $2, $3, $4, $4)",
        &params![org, *token, user, now],
    )?;
    Ok(())
}

/// Ends a session.
pub fn delete_session(tx: &mut Tx<'_>, org: OrgId, token: &Digest) -> Result<(), DbError> {
    tx.execute("DELETE FROM user_sessions WHERE org = $1 AND token = $2", &params![org, *token])?;
    Ok(())
}

/// The user behind a token whose session was neither left alone nor open for too long.
pub fn by_token(tx: &mut Tx<'_>, org: OrgId, token: &Digest, now: Moment) -> Result<Option<User>, DbError> {
    let row = tx.query_opt(
        "SELECT u.id, u.login, u.name, u.role, u.unit_code, u.active, u.created_at FROM user_sessions s
         JOIN users u ON u.org = s.org AND u.id = s.user_id
         WHERE s.org = $1 AND s.token = $2 AND s.created_at > $3 AND s.seen_at > $4 AND u.active = 1",
        &params![
            org,
            *token,
            now.plus_seconds(-CONSOLE_SESSION_SECONDS),
            now.plus_seconds(-CONSOLE_IDLE_SECONDS)
        ],
    )?;
    let Some(row) = row else { return Ok(None) };
    let account = read(&row)?;
    let scope = scope(tx, org, account.id)?;
    Ok(Some(User { id: account.id, login: account.login, name: account.name, role: account.role, scope }))
}

/// When the session of a token ends at the latest.
pub fn session_ends_at(tx: &mut Tx<'_>, org: OrgId, token: &Digest) -> Result<Option<Moment>, DbError> {
    let row = tx.query_opt(
        "SELECT created_at FROM user_sessions WHERE org = $1 AND token = $2",
        &params![org, *token],
    )?;
    row.map(|r| Ok(r.get::<Moment>(0)?.plus_seconds(CONSOLE_SESSION_SECONDS))).transpose()
}

/// Notes that a session is in use, about once a minute.
pub fn touch(tx: &mut Tx<'_>, org: OrgId, token: &Digest, now: Moment) -> Result<(), DbError> {
    tx.execute(
        "UPDATE user_sessions SET seen_at = $3 WHERE org = $1 AND token = $2 AND seen_at < $4",
        &params![org, *token, now, now.plus_seconds(-TOUCH_SECONDS)],
    )?;
    Ok(())
}
