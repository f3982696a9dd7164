//! Step two: everything received for an inspection is judged, merged and assessed, and the result is committed.
//!
//! Computing happens between a read and a write. The write counts only if nobody else changed the inspection in between;
//! otherwise it is done again with what is there now.

use crate::app::App;
use crate::db::{DbError, Tx};
use crate::documents;
use crate::error::ApiError;
use crate::findings;
use crate::numbers;
use crate::proposals;
use crate::resolve;
use crate::store::changes::Change;
use crate::store::inbox::{Item, State};
use crate::store::snapshots::{self, Snapshot};
use crate::store::{carried, changes, conflicts, feeds, inbox, inspections, journal, judging, rows, seals};
use crate::sync::assess::{self, Assessment, Surroundings};
use crate::sync::cover::{self, Covers};
use crate::sync::gate::{Apart, Judged};
pub use crate::sync::job::Only;
use crate::sync::job::{self, Job};
use crate::sync::offer::Came;
use fieldproof_schema::document::{Document, RawChange};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::journal::{Entry, SignedEntry};
use fieldproof_schema::limits::{QUARANTINE_BESIDE_BYTES_MAX, QUARANTINE_BESIDE_MAX};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::server::SERVER;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;
use std::collections::BTreeSet;

/// Two devices of one team that push at the same moment collide once or twice; more means that something is wrong.
pub const TRIES_MAX: usize = 16;

/// Changes whose senders hear of the judgement by the answer to their round.
pub type Answered = BTreeSet<(Digest, DeviceId)>;

/// An inspection with everything that settling needs.
#[derive(Clone)]
pub struct Unsettled {
    /// The inspection as stored.
    pub stored: documents::Stored,
    /// What is known besides the document.
    pub around: Surroundings,
    /// Who is told.
    pub team: Vec<OfficerId>,
    pending: Vec<Item>,
    beside: Vec<Item>,
    covers: Covers,
    writers: Vec<journal::Writer>,
    /// Whether judging it did not succeed at once: then it is said when it does.
    ailing: bool,
}

/// What settling writes.
#[derive(Clone)]
pub struct Settled {
    accepted: Vec<Change>,
    judged: Vec<Judged>,
    apart: Vec<Apart>,
    assessment: Assessment,
    snapshot: Snapshot,
    /// What the server wrote itself, as it signed it.
    own: Option<(Entry, SignedEntry)>,
}

impl Settled {
    /// With the server's signature under what it wrote itself.
    pub fn signed(self, own: (Entry, SignedEntry)) -> Self {
        let own = Some(own).filter(|_| !planted::is(Bug::ServerUnsigned));
        Self { own, ..self }
    }
}

/// Reads an inspection and everything around it.
pub fn read(tx: &mut Tx<'_>, app: &App, org: OrgId, id: InspectionId) -> Result<Unsettled, ApiError> {
    let stored = documents::read(tx, app, org, id)?;
    let pending = inbox::pending(tx, org, id)?;
    let covers = if pending.is_empty() { Covers::default() } else { cover::read(tx, org, id)? };
    let mut beside = Vec::new();
    for device in covers.ends_apart() {
        let (bytes_max, most) = (QUARANTINE_BESIDE_BYTES_MAX, QUARANTINE_BESIDE_MAX);
        let apart = inbox::apart(tx, org, id, device, bytes_max, most)?;
        beside.extend(apart.into_iter().filter(|item| !item.is_unjudgeable()));
    }
    let writers = journal::writers(tx, org, id)?;
    let own = covers.actors_of(SERVER);
    Ok(Unsettled {
        around: Surroundings {
            info: stored.info.clone(),
            conflicts: conflicts::of_inspection(tx, org, id)?,
            writers: writers.clone(),
            own: own.clone(),
            seals: seals::list(tx, org, id)?,
            laws: app.laws.get(tx, org)?,
        },
        team: inspections::team(tx, org, id)?,
        ailing: judging::standing(tx, org, id)?.is_some(),
        writers: writers.into_iter().chain(own.into_iter().map(journal::Writer::server)).collect(),
        stored,
        pending,
        beside,
        covers,
    })
}

fn came(item: &mut Item) -> Came {
    // Names and states stay: the bytes are not needed after this.
    Came { name: (item.digest, item.device), raw: RawChange(std::mem::take(&mut item.bytes)) }
}

impl Unsettled {
    /// The gate's part, with the bytes of all that was received.
    fn job(&mut self, only: Only) -> Job {
        let (snapshot, changes) =
            if self.pending.is_empty() { (None, Vec::new()) } else { self.stored.saved() };
        Job {
            snapshot,
            changes,
            pending: self.pending.iter_mut().map(came).collect(),
            beside: self.beside.iter_mut().map(came).collect(),
            covers: std::mem::take(&mut self.covers),
            writers: std::mem::take(&mut self.writers),
            only,
        }
    }

    /// What remains to be written when the inspection amounts to `document`, with `accepted` as its newest changes.
    pub fn settled(
        &self,
        document: &Document,
        accepted: Vec<Change>,
        judged: Vec<Judged>,
        now: Moment,
    ) -> Result<Settled, ApiError> {
        let assessment = assess::assess(document, &self.around, &self.stored.template, now)?;
        let written_at =
            accepted.iter().filter(|c| c.device.is_some()).filter_map(|c| c.written.latest).max();
        let before = match planted::is(Bug::SnapshotBehind) {
            true => Some(self.stored.open()?),
            false => None,
        };
        let kept = before.as_ref().unwrap_or(document);
        let snapshot = documents::snapshot(kept, &self.stored.template, written_at)?;
        Ok(Settled { accepted, judged, apart: Vec::new(), assessment, snapshot, own: None })
    }

    /// True when nothing has to be written: what came was known before.
    fn is_as_before(&self, settled: &Settled) -> bool {
        let waiting = |(_, state, _): &Judged| *state == State::Waiting;
        self.says_the_same(settled)
            && settled.judged.iter().all(waiting)
            && self.pending.iter().all(|item| item.state == State::Waiting)
    }

    /// True when the visit reads as before, whatever became of what came.
    fn says_the_same(&self, settled: &Settled) -> bool {
        // Proposals and paper forms change with changes only.
        let Assessment { found, ended, completed, figures, proposals: _, papers: _ } = &settled.assessment;
        settled.accepted.is_empty()
            && found.is_empty()
            && ended.is_empty()
            && completed.is_empty()
            && *figures == self.around.info.figures()
            && !self.ailing
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
        let Settled { accepted, judged, apart, assessment, snapshot, own } = settled;
        if !inspections::step(tx, org, info.id, info.version, &assessment.figures, now)? {
            return Ok(false);
        }
        changes::insert(tx, org, info.id, info.changes, accepted, now)?;
        if let Some((entry, signed)) = own {
            carried::insert(tx, org, (entry, info.id), (signed, &signed.hash()), &SERVER.to_string(), now)?;
        }
        snapshots::put(tx, org, info.id, info.version + 1, snapshot)?;
        for (item, state, code) in judged {
            inbox::judge(tx, org, info.id, (&item.0, item.1), *state, code.map(ErrorCode::as_str))?;
            let waited = *state == State::Waiting
                && self.pending.iter().any(|p| (p.digest, p.device) == *item && p.state == State::Waiting);
            if !waited && !answered.contains(item) {
                tell_verdict(tx, org, info.id, *item);
            }
        }
        // After the documents that they came in: what is said last about a change is what counts for its sender.
        for Apart { name, raw, code } in apart {
            let foreign = *code == ErrorCode::ChangeUncovered;
            if foreign && inbox::is_apart_of_another(tx, org, info.id, (&name.0, name.1))? {
                // A colleague's, who is decided about under her own name; nobody could vouch for it under this one.
                continue;
            }
            let item = Item {
                digest: name.0,
                device: name.1,
                state: State::Quarantined,
                code: Some(code.as_str().to_owned()),
                bytes: raw.0.clone(),
                received_at: now,
                ruling: None,
            };
            inbox::insert(tx, org, info.id, &item)?;
            tell_verdict(tx, org, info.id, *name);
        }
        if !accepted.is_empty() {
            self.count_what_was_apart(tx, org, accepted)?;
        }
        if self.ailing {
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
        if let Some(standing) = assessment.proposals.as_ref().filter(|_| !accepted.is_empty()) {
            proposals::arrive(tx, org, info, standing, accepted, &self.around.writers, now)?;
        }
        if let Some(papers) = assessment.papers.as_ref().filter(|_| !accepted.is_empty()) {
            numbers::arrive(tx, org, info, papers, (accepted, &self.around.writers), now)?;
        }
        if !accepted.is_empty() {
            feeds::publish_document(tx, org, &self.team, info.id, info.changes);
        }
        if self.is_news(settled) {
            feeds::publish_inspection(tx, org, &self.team, info.id);
        }
        Ok(true)
    }

    /// False when all that was judged is held apart as it was before. Told again, it would wake its sender, which offers it
    /// with every sync.
    fn is_news(&self, settled: &Settled) -> bool {
        let was_apart = |(name, state, code): &Judged| {
            let came = self.pending.iter().find(|item| (item.digest, item.device) == *name);
            let before = came.and_then(|item| item.code.as_deref());
            *state == State::Quarantined && before.is_some() && before == code.map(ErrorCode::as_str)
        };
        let apart_as_before = !settled.judged.is_empty() && settled.judged.iter().all(was_apart);
        !(apart_as_before && settled.apart.is_empty() && self.says_the_same(settled))
    }

    /// A change that was held apart alone, because no entry covered it, may have come again inside a document, and counts:
    /// nobody has to decide about it any more.
    fn count_what_was_apart(&self, tx: &mut Tx<'_>, org: OrgId, accepted: &[Change]) -> Result<(), DbError> {
        let id = self.stored.info.id;
        let apart = inbox::uncovered(tx, org, id)?;
        if apart.is_empty() {
            return Ok(());
        }
        let counts: BTreeSet<Digest> = accepted.iter().map(|change| Digest::of(&change.bytes)).collect();
        for (digest, device) in apart.into_iter().filter(|(digest, _)| counts.contains(digest)) {
            inbox::judge(tx, org, id, (&digest, device), State::Accepted, None)?;
            tell_verdict(tx, org, id, (digest, device));
        }
        Ok(())
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
        let unsettled = match app.db.read(move |tx| read(tx, &reader, org, id)).await {
            Ok(unsettled) => unsettled,
            Err(error) if error.code == ErrorCode::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let (now, answered) = (app.now(), answered.clone());
        let mut unsettled = unsettled;
        let job = unsettled.job(only.clone());
        let mut outcome = app.judging.pass(job, &unsettled.stored.template).await?;
        let judge = move || {
            let document = outcome.document(&unsettled.stored)?;
            let job::Outcome { accepted, judged, apart, .. } = outcome;
            let settled = Settled { apart, ..unsettled.settled(&document, accepted, judged, now)? };
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
