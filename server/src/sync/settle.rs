//! Step two: everything received for an inspection is judged, merged and assessed, and the result is committed.
//!
//! Computing happens between a read and a write. The write counts only if nobody else changed the inspection in between;
//! otherwise it is done again with what is there now.

use crate::app::App;
use crate::db::{DbError, Tx};
use crate::documents;
use crate::error::ApiError;
use crate::findings;
use crate::resolve;
use crate::store::changes::Change;
use crate::store::inbox::State;
use crate::store::{changes, conflicts, feeds, inbox, inspections, journal, judging, rows, seals};
use crate::sync::assess::{self, Assessment, Surroundings};
use crate::sync::gate::{self, Candidate, Judged, Passed};
use fieldproof_schema::document::Document;
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;
use std::collections::BTreeSet;

/// Two devices of one team that push at the same moment collide once or twice; more means that something is wrong.
pub const TRIES_MAX: usize = 16;

/// Changes whose senders hear of the judgement by the answer to their round.
pub type Answered = BTreeSet<(Digest, DeviceId)>;

/// Which of the pending changes are judged.
#[derive(Debug, Clone)]
pub enum Only {
    /// All of them.
    All,
    /// These, when it is not known which of them makes judging fail.
    These(BTreeSet<(Digest, DeviceId)>),
}

impl Only {
    fn takes(&self, candidate: &Candidate) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(&(candidate.item.digest, candidate.item.device)),
        }
    }
}

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
    /// How often judging it failed before.
    tries: i64,
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
        tries: judging::tries(tx, org, id)?,
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
            && self.tries == 0
    }

    /// Writes what settling found; false when the inspection has changed since it was read.
    pub fn write(
        &self,
        tx: &mut Tx<'_>,
        org: OrgId,
        settled: &Settled,
        answered: &Answered,
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
            let waited = self.candidates.iter().any(|c| {
                (c.item.digest, c.item.device) == *item
                    && c.item.state == State::Waiting
                    && *state == State::Waiting
            });
            if !waited && !answered.contains(item) {
                tell_verdict(tx, org, info.id, *item);
            }
        }
        if self.tries > 0 {
            judging::succeeded(tx, org, info.id)?;
        }
        for conflict in &assessment.found {
            conflicts::insert(tx, org, conflict, &info.unit_code, now)?;
        }
        for (conflict, resolution) in &assessment.ended {
            resolve::history::end(tx, org, conflict, now, resolution.as_ref())?;
        }
        conflicts::recount(tx, org, info.id)?;
        for digest in &assessment.completed {
            seals::complete(tx, org, info.id, digest, now)?;
        }
        if !assessment.completed.is_empty() {
            findings::evidence::sealed(tx, org, info, now)?;
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

/// Tells the sender of a change what became of it, by its own feed: the round that brought it has ended.
pub fn tell_verdict(tx: &mut Tx<'_>, org: OrgId, id: InspectionId, (digest, device): (Digest, DeviceId)) {
    let subject = rows::verdict_subject(id, &digest, device);
    tx.publish(org, &feeds::of_device(device), RowKind::Verdict.as_str(), &subject);
}

/// Settles an inspection. One that is not here has nothing to settle.
pub async fn settle(
    app: &App,
    org: OrgId,
    id: InspectionId,
    answered: &Answered,
    only: &Only,
) -> Result<(), ApiError> {
    for _ in 0..TRIES_MAX {
        let reader = app.clone();
        let mut unsettled = match app.db.read(move |tx| read(tx, &reader, org, id)).await {
            Ok(unsettled) => unsettled,
            Err(error) if error.code == ErrorCode::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        unsettled.candidates.retain(|candidate| only.takes(candidate));
        let (now, answered) = (app.now(), answered.clone());
        let judge = move || {
            let document = unsettled.stored.open()?;
            let candidates = unsettled.candidates.clone();
            let Passed { document, accepted, judged } =
                gate::pass(document, candidates, &unsettled.writers, &unsettled.stored.template);
            let settled = unsettled.settled(&document, accepted, judged, now)?;
            Ok::<_, ApiError>((unsettled, settled))
        };
        let (unsettled, settled) = app.judging.at_a_desk(judge).await??;
        if unsettled.is_as_before(&settled)
            || app.db.write(move |tx| unsettled.write(tx, org, &settled, &answered, now)).await?
        {
            return Ok(());
        }
    }
    Err(ErrorCode::Unavailable.into())
}
