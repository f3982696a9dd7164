//! A server that came back from a backup: it says so to every terminal by a new epoch.
//!
//! Putting the files back is the operator's work, before this. Left to the terminals: forgetting their cursors and the
//! receipts of other epochs, and offering again whatever no receipt of the new one names.

use crate::api::reason;
use crate::app::App;
use crate::error::ApiError;
use crate::fsck::{self, Care};
use crate::numbers::restored::{self, Ends};
use crate::store::audit::{self, Record};
use crate::store::captures_apart;
use crate::store::tenants::{self, Epoch};
use fieldproof_schema::ids::DecisionId;
use fieldproof_schema::limits::BACKUP_HORIZON_SECONDS;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::suite::Digest;
use serde_json::json;

/// What a new epoch began with.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The epoch.
    pub epoch: Epoch,
    /// Originals that the database called held and that were not put back: terminals are asked for them again.
    pub originals_missing: usize,
}

/// Begins a new epoch in one transaction with its record in the audit trail. Originals that the database calls held but
/// that are not there count as not held from then on, so that terminals send them again instead of hearing that all is well.
/// Repeating it begins another one, which costs
/// every terminal a round in which it offers everything; nothing is lost by that.
///
/// # Errors
/// [`ErrorCode::ReasonMissing`](fieldproof_schema::wire::error::ErrorCode::ReasonMissing) for a reason that is empty or too
/// long; when there is no organisation, or the database fails.
pub async fn begin_anew(app: &App, actor: &str, why: &str) -> Result<Begun, ApiError> {
    let (org, now) = (app.org().await?, app.now());
    let why = reason(why)?;
    let missing: Vec<Digest> =
        fsck::look(app, Care::Presence).await?.lost.into_iter().map(|lost| lost.digest).collect();
    let originals_missing = missing.len();
    let mut noted = Ends::new();
    for note in app.blobs.noted_restores(org).await? {
        if !restored::remember(&mut noted, &note) {
            tracing::warn!(
                "a note of an earlier restore cannot be read: numbers given since may be given again"
            );
        }
    }
    let ends = app.db.read(move |tx| restored::ends(tx, org, &noted)).await?;
    let next = Epoch { epoch: Digest::of(&app.random::<32>()), began_at: now, reason: why };
    let (begun, id, actor) = (next.clone(), DecisionId::new(now, app.random()), actor.to_owned());
    app.blobs.note_restore(org, &next.epoch, restored::note(&ends)).await?;
    app.db
        .write(move |tx| {
            let ended = match planted::is(Bug::EpochKept) {
                true => tenants::epoch(tx, org)?,
                false => tenants::begin_epoch(tx, org, &begun)?,
            };
            for digest in &missing {
                captures_apart::lose(tx, org, digest)?;
                fsck::lose(tx, org, digest, now)?;
            }
            restored::pass_over(tx, org, &ends, now)?;
            let record = Record {
                id,
                at: now,
                actor: actor.clone(),
                act: "server.restored".to_owned(),
                subject: format!("org:{org}"),
                details: json!({
                    "epoch": begun.epoch, "ended": ended, "reason": begun.reason, "originals_missing": missing.len(),
                }),
            };
            audit::insert(tx, org, &record)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    tracing::warn!(epoch = %next.epoch, "the server began a new epoch after a restore");
    Ok(Begun { epoch: next, originals_missing })
}

/// Whether people should still be reminded of a restore: as long as terminals may come back that have not heard of it.
pub fn is_recent(restored: &Epoch, now: Moment) -> bool {
    now < restored.began_at.plus_seconds(BACKUP_HORIZON_SECONDS)
}
