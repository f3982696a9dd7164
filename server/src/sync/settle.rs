//! Step two: everything received for an inspection is judged, merged and assessed, and the result is committed.
//!
//! Computing happens between a read and a write. The write counts only if nobody else changed the inspection in between;
//! otherwise it is done again with what is there now.

use crate::app::{App, blocking};
use crate::db::{DbError, Tx};
use crate::documents;
use crate::error::{ApiError, chain};
use crate::store::changes::Change;
use crate::store::inbox::State;
use crate::store::{changes, conflicts, feeds, inbox, inspections, journal, rows, seals};
use crate::sync::assess::{self, Assessment, Surroundings};
use crate::sync::gate::{self, Candidate, Judged, Passed};
use fieldproof_schema::document::Document;
use fieldproof_schema::ids::{InspectionId, OfficerId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;

/// Two devices of one team that push at the same moment collide once or twice; more means that something is wrong.
pub const TRIES_MAX: usize = 16;

/// An inspection with everything that settling needs.
#[derive(Clone)]
pub struct Unsettled {
    /// The inspection as stored.
    pub stored: documents::Stored,
    /// What is known besides the document.
    pub around: Surroundings,
    /// Who is told.
    pub team: Vec<OfficerId>,
    candidates: Vec<Candidate>,
    writers: Vec<journal::Writer>,
}

/// What settling writes.
#[derive(Clone)]
pub struct Settled {
    accepted: Vec<Change>,
    judged: Vec<Judged>,
    assessment: Assessment,
    snapshot: Vec<u8>,
}

/// Reads an inspection and everything around it.
pub fn read(tx: &mut Tx<'_>, app: &App, org: OrgId, id: InspectionId) -> Result<Unsettled, ApiError> {
    let stored = documents::read(tx, app, org, id)?;
    let mut candidates = Vec::new();
    for item in inbox::pending(tx, org, id)? {
        let cover = journal::cover(tx, org, item.device, id, &item.digest)?;
        candidates.push(Candidate { item, cover });
    }
    let writers = journal::writers(tx, org, id)?;
    Ok(Unsettled {
        around: Surroundings {
            info: stored.info.clone(),
            conflicts: conflicts::of_inspection(tx, org, id)?,
            writers: writers.clone(),
            seals: seals::list(tx, org, id)?,
            laws: app.laws.get(tx, org)?,
        },
        team: inspections::team(tx, org, id)?,
        writers,
        stored,
        candidates,
    })
}

impl Unsettled {
    /// What remains to be written when the inspection amounts to `document`, with `accepted` as its newest changes.
    pub fn settled(
        &self,
        document: &Document,
        accepted: Vec<Change>,
        judged: Vec<Judged>,
        now: Moment,
    ) -> Result<Settled, ApiError> {
        let assessment = assess::assess(document, &self.around, &self.stored.template, now)?;
        Ok(Settled { accepted, judged, assessment, snapshot: document.save() })
    }

    /// True when nothing has to be written: what came was known before.
    fn is_as_before(&self, settled: &Settled) -> bool {
        let Assessment { found, ended, completed, figures } = &settled.assessment;
        let waiting = |(_, state, _): &Judged| *state == State::Waiting;
        settled.accepted.is_empty()
            && settled.judged.iter().all(waiting)
            && found.is_empty()
            && ended.is_empty()
            && completed.is_empty()
            && *figures == self.around.info.figures()
            && self.candidates.iter().all(|c| c.item.state == State::Waiting)
    }

    /// Writes what settling found; false when the inspection has changed since it was read.
    pub fn write(
        &self,
        tx: &mut Tx<'_>,
        org: OrgId,
        settled: &Settled,
        now: Moment,
    ) -> Result<bool, DbError> {
        let info = &self.stored.info;
        let Settled { accepted, judged, assessment, snapshot } = settled;
        if !inspections::step(tx, org, info.id, info.version, &assessment.figures, now)? {
            return Ok(false);
        }
        changes::insert(tx, org, info.id, info.changes, accepted, now)?;
        changes::put_snapshot(tx, org, info.id, info.version + 1, snapshot)?;
        for (item, state, code) in judged {
            inbox::judge(tx, org, info.id, (&item.0, item.1), *state, code.map(ErrorCode::as_str))?;
        }
        for conflict in &assessment.found {
            conflicts::insert(tx, org, conflict, now)?;
        }
        for (conflict, resolution) in &assessment.ended {
            conflicts::close(tx, org, conflict, now, resolution.as_deref())?;
        }
        for digest in &assessment.completed {
            seals::complete(tx, org, info.id, digest, now)?;
        }
        for officer in &self.team {
            let feed = feeds::of_officer(*officer);
            for change in accepted {
                let subject = rows::change_subject(info.id, change.id);
                tx.publish(org, &feed, RowKind::Change.as_str(), &subject);
            }
        }
        feeds::publish_inspection(tx, org, &self.team, info.id);
        Ok(true)
    }
}

/// Settles an inspection. One that is not here has nothing to settle.
pub async fn settle(app: &App, org: OrgId, id: InspectionId) -> Result<(), ApiError> {
    for _ in 0..TRIES_MAX {
        let reader = app.clone();
        let unsettled = match app.db.read(move |tx| read(tx, &reader, org, id)).await {
            Ok(unsettled) => unsettled,
            Err(error) if error.code == ErrorCode::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let now = app.now();
        let (unsettled, settled) = blocking(move || {
            let document = unsettled.stored.open()?;
            let candidates = unsettled.candidates.clone();
            let Passed { document, accepted, judged } =
                gate::pass(document, candidates, &unsettled.writers, &unsettled.stored.template);
            let settled = unsettled.settled(&document, accepted, judged, now)?;
            Ok::<_, ApiError>((unsettled, settled))
        })
        .await??;
        if unsettled.is_as_before(&settled)
            || app.db.write(move |tx| unsettled.write(tx, org, &settled, now)).await?
        {
            return Ok(());
        }
    }
    Err(ErrorCode::Unavailable.into())
}

/// Judges what was received but not judged when the server last stopped.
pub async fn finish(app: &App) -> Result<usize, ApiError> {
    let org = app.org().await?;
    let left = app.db.read(move |tx| inbox::unjudged(tx, org)).await?;
    for id in &left {
        // One that cannot be settled must not keep the server from starting; what was received stays where it is.
        if let Err(error) = settle(app, org, *id).await {
            tracing::error!(inspection.id = %id, error.cause = chain(&error), "an inspection cannot be settled");
        }
    }
    Ok(left.len())
}
