//! How new a terminal must be to be given rows: set by people, signed, and only rising.
//!
//! Whoever is below it still hands over everything and has receipts for it. Terminals keep the highest floor that they
//! were told, so a server that came back from a backup learns it from the first of them.

use crate::api::reason;
use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::Tx;
use crate::error::ApiError;
use crate::store::audit::{self, Record};
use crate::store::floors::{self, Alike, Set};
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::floor::{Floor, ProgramVersion, SignedFloor};
use fieldproof_schema::wire::{PROTOCOL, PROTOCOL_MIN};
use serde_json::json;

/// What somebody asks of terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The least version of the protocol.
    pub protocol: u16,
    /// The least version of the program; as before, where it is absent.
    pub program: Option<ProgramVersion>,
}

/// The floor that counts, what terminals in use say that they are, and how many are below the floor.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The floor; none where none was set.
    pub set: Option<Set>,
    /// Terminals in use by protocol and program, as they said.
    pub said: Vec<Alike>,
}

impl Standing {
    /// Reads it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(tx: &mut Tx<'_>, org: OrgId) -> Result<Self, crate::db::DbError> {
        Ok(Self { set: floors::current(tx, org)?, said: floors::said(tx, org)? })
    }

    /// How many terminals in use are below the floor. Those that never spoke are not counted.
    pub fn below(&self) -> u64 {
        let Some(set) = &self.set else { return 0 };
        let is_below = |alike: &&Alike| {
            alike.protocol.is_some_and(|protocol| !set.floor.admits(protocol, alike.program))
        };
        self.said.iter().filter(is_below).map(|alike| alike.terminals).sum()
    }

    /// The latest program that is known to exist: one that a terminal runs, or the one of this server's own release.
    pub fn latest(&self) -> Option<ProgramVersion> {
        let said = self.said.iter().filter_map(|alike| alike.program);
        said.chain(env!("CARGO_PKG_VERSION").parse()).max()
    }
}

/// Sets a higher floor.
///
/// # Errors
/// [`ErrorCode::FloorFalls`] where it would be lower in anything, or change nothing; [`ErrorCode::FieldInvalid`] for a
/// protocol that this server does not speak, or a program that no terminal runs: a slip of the pen cannot be taken back;
/// [`ErrorCode::ReasonMissing`]; [`ErrorCode::AlreadyDecided`] when somebody else set one at the same moment.
pub async fn raise(app: &App, actor: &str, wanted: Wanted, why: &str) -> Result<Set, ApiError> {
    let (org, now, why) = (app.org().await?, app.now(), reason(why)?);
    if !(PROTOCOL_MIN..=PROTOCOL).contains(&wanted.protocol) {
        return Err(ApiError::field("protocol", format!("{PROTOCOL_MIN} to {PROTOCOL}")));
    }
    let (signer, id, actor) = (app.clone(), DecisionId::new(now, app.random()), actor.to_owned());
    let set = app
        .db
        .write(move |tx| {
            let standing = Standing::read(tx, org)?;
            if let Some(latest) = standing.latest().filter(|latest| wanted.program > Some(*latest)) {
                return Err(ApiError::field(
                    "program",
                    format!("{latest} is the latest that a terminal runs"),
                ));
            }
            let known = standing.set.map(|set| set.floor);
            let next = Floor {
                version: known.map_or(1, |known| known.version.saturating_add(1)),
                protocol: wanted.protocol,
                program: wanted.program.or(known.and_then(|known| known.program)),
                at: now,
            };
            if let Some(known) = known.filter(|known| !next.replaces(known) || known.is_no_lower_than(&next))
            {
                return Err(ApiError::new(ErrorCode::FloorFalls)
                    .with(json!({"protocol": known.protocol, "program": known.program})));
            }
            let signed = next.sign(signer.key.as_ref());
            let set = Set { floor: next, signed, at: now, by: actor.clone(), reason: why.clone() };
            if !keep(tx, org, (id, now), "floor.raised", &set)? {
                return Err(ErrorCode::AlreadyDecided.into());
            }
            Ok(set)
        })
        .await?;
    app.events.poke();
    Ok(set)
}

/// Takes over the floor that a terminal was told, when this server has lost it: genuine, and higher in something.
///
/// # Errors
/// When the database fails; one that is not this server's is left alone.
pub async fn learn(app: &App, device: &DeviceActor, said: Option<SignedFloor>) -> Result<(), ApiError> {
    let Some(signed) = said else { return Ok(()) };
    let told = match signed.verify(&app.key.public_key()) {
        Ok(told) => told,
        Err(error) => {
            tracing::warn!(device.id = %device.id, %error, "a terminal names a floor that this server never signed");
            return Ok(());
        }
    };
    let org = device.org;
    let is_new = move |known: Option<&Set>| {
        known.is_none_or(|known| !known.floor.is_no_lower_than(&told) || known.floor.version < told.version)
    };
    let known = app.db.read(move |tx| floors::current(tx, org)).await?;
    if !is_new(known.as_ref()) || planted::is(Bug::FloorFalls) {
        return Ok(());
    }
    let (signer, now, by) = (app.clone(), app.now(), format!("device:{}", device.id));
    let id = DecisionId::new(now, app.random());
    app.db
        .write(move |tx| {
            let known = floors::current(tx, org)?;
            if !is_new(known.as_ref()) {
                return Ok(false);
            }
            // What was set here meanwhile, and is lower in something, is joined with it: neither ever falls.
            let (floor, signed) = match known.filter(|known| !told.replaces(&known.floor)) {
                None => (told, signed.clone()),
                Some(known) => {
                    let joined = told.above_both(&known.floor, now);
                    (joined, joined.sign(signer.key.as_ref()))
                }
            };
            let set = Set { floor, signed, at: now, by: by.clone(), reason: String::new() };
            // At another node somebody else brought it at the same moment: this one says it again with its next request.
            keep(tx, org, (id, now), "floor.learned", &set)
        })
        .await
        .map(|kept| {
            if kept {
                tracing::warn!(device.id = %device.id, "a terminal brought back the floor that this server had lost");
            }
        })
}

fn keep(
    tx: &mut Tx<'_>,
    org: OrgId,
    (id, at): (DecisionId, Moment),
    act: &str,
    set: &Set,
) -> Result<bool, ApiError> {
    if !floors::insert(tx, org, set)? {
        return Ok(false);
    }
    let details = json!({
        "version": set.floor.version, "protocol": set.floor.protocol, "program": set.floor.program,
        "reason": set.reason,
    });
    let subject = format!("org:{org}");
    audit::insert(tx, org, &Record { id, at, actor: set.by.clone(), act: act.to_owned(), subject, details })?;
    Ok(true)
}
