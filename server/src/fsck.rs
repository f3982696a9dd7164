//! Looks whether the originals that the database calls held are there and are what they were, and asks terminals for those that are
//! not. A terminal that still has one sends it again as soon as its visit's row says that it is not held.

use crate::api::reason;
use crate::app::App;
use crate::blobs::{Found, Tempo};
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::scrub;
use crate::store::audit::{self, Record};
use crate::store::captures::{self, Whose};
pub use crate::store::originals::Fault;
use crate::store::originals::{self, Look};
use crate::store::{feeds, inspections};
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use serde::Serialize;
use serde_json::json;

/// Originals that are looked for at a time.
const PAGE: i64 = 500;

/// How closely originals are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Whether they are there.
    Presence,
    /// Whether their bytes still have the hash that names them: reads everything.
    Contents,
    /// The same, with rests in between: somebody else may want the disk.
    Gently,
}

/// An original that is not what the database says.
#[derive(Debug, Clone, Serialize)]
pub struct Lost {
    /// Its hash.
    pub digest: Digest,
    /// What is the matter.
    pub fault: Fault,
    /// Who took it, where: they may still have it.
    pub captures: Vec<Whose>,
}

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Originals that were looked at.
    pub originals: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Those that are not what they should be, by hash.
    pub lost: Vec<Lost>,
}

/// Looks at every original that the database calls held, an organisation's all, and writes down what is found. Where only their
/// presence was looked for, only those that are missing are written down: of the others nothing is known.
///
/// # Errors
/// When the database fails; when the store cannot say whether an original is there. One that cannot be read is part of the report.
pub async fn look(app: &App, care: Care) -> Result<Report, ApiError> {
    let org = app.org().await?;
    let (mut report, mut after) = (Report::default(), None);
    loop {
        let page = app.db.read(move |tx| captures::said_to_be_held(tx, org, after, PAGE)).await?;
        let Some(last) = page.last() else { return Ok(report) };
        after = Some(*last);
        let mut looks = Vec::new();
        for digest in page {
            let look = look_at(app, org, digest, care).await?;
            report.originals += 1;
            report.bytes_read = report.bytes_read.saturating_add(look.size_bytes.unwrap_or_default());
            if let Some(fault) = look.fault {
                let captures = app.db.read(move |tx| captures::whose(tx, org, &digest)).await?;
                report.lost.push(Lost { digest, fault, captures });
            }
            if care != Care::Presence || look.fault.is_some() {
                looks.push(look);
            }
        }
        scrub::note(app, org, looks).await?;
    }
}

/// Looks at one original.
pub(crate) async fn look_at(app: &App, org: OrgId, digest: Digest, care: Care) -> Result<Look, ApiError> {
    // Before it is read: what comes meanwhile counts more.
    let at = app.now();
    let tempo = match care {
        Care::Presence => {
            let fault = if app.blobs.is_there(org, &digest).await? { None } else { Some(Fault::Missing) };
            return Ok(Look { digest, at, size_bytes: None, fault });
        }
        Care::Contents => Tempo::Full,
        Care::Gently => Tempo::Gentle,
    };
    let (size_bytes, fault) = match app.blobs.look_at(org, &digest, tempo).await {
        Ok(Found::Sound(bytes)) => (Some(bytes), None),
        Ok(Found::Altered(bytes)) => (Some(bytes), Some(Fault::Altered)),
        Ok(Found::Missing) => (None, Some(Fault::Missing)),
        Err(error) => {
            tracing::warn!(%error, %digest, "an original cannot be read");
            (None, Some(Fault::Unreadable))
        }
    };
    Ok(Look { digest, at, size_bytes, fault })
}

/// From now on these are not held, and terminals are asked for them: altered ones are put aside. Each is looked at once more before,
/// since the report may be old; those that cannot be read, and those of visits that are held apart, are left alone. Returns how many are
/// asked for.
///
/// # Errors
/// [`ErrorCode::ReasonMissing`](fieldproof_schema::wire::error::ErrorCode::ReasonMissing) for a reason that is empty or too long; when
/// database or store fail.
pub async fn ask_again(app: &App, actor: &str, why: &str, lost: &[Lost]) -> Result<usize, ApiError> {
    let (org, now) = (app.org().await?, app.now());
    let why = reason(why)?;
    let (mut asked, mut looks) = (Vec::new(), Vec::new());
    for original in lost.iter().filter(|original| !original.captures.is_empty()) {
        let digest = original.digest;
        let mut look = look_at(app, org, digest, Care::Contents).await?;
        // Whatever it is by now, it may tell what happened; and where it is, the right one could not be put.
        if look.fault == Some(Fault::Altered) && !app.blobs.put_aside(org, &digest, now).await? {
            look.fault = None;
        }
        looks.push(look);
        match look.fault {
            None | Some(Fault::Unreadable) => {}
            Some(Fault::Missing | Fault::Altered) => asked.push(digest),
        }
    }
    scrub::note(app, org, looks).await?;
    if asked.is_empty() {
        return Ok(0);
    }
    let (count, id, actor) = (asked.len(), DecisionId::new(now, app.random()), actor.to_owned());
    app.db
        .write(move |tx| {
            for digest in &asked {
                lose(tx, org, digest, now)?;
            }
            let record = Record {
                id,
                at: now,
                actor: actor.clone(),
                act: "evidence.asked_again".to_owned(),
                subject: format!("org:{org}"),
                details: json!({"originals": &asked, "reason": &why}),
            };
            audit::insert(tx, org, &record)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(count)
}

/// Notes that an original is not held any more, asked for from now on, and tells the teams.
///
/// # Errors
/// When the database fails.
pub fn lose(tx: &mut Tx<'_>, org: OrgId, digest: &Digest, now: Moment) -> Result<(), DbError> {
    originals::asked(tx, org, digest, now)?;
    for inspection in captures::lose(tx, org, digest, now)? {
        let team = inspections::team(tx, org, inspection)?;
        feeds::publish_inspection(tx, org, &team, inspection);
    }
    Ok(())
}
