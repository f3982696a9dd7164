//! Changes that are held apart: looking at them, and deciding what becomes of them.
//!
//! What the gate refuses for its form stays apart for ever, whoever decides: it would break the document or nobody vouches
//! for it. People can let in what is only in the wrong hands (its writer is not on the team, or the terminal was revoked), and have judged again what
//! made judging fail. Letting in waives that one check; everything else is checked as for any change.

mod contents;
mod export;

pub(crate) use contents::{Contents, Place, contents};
pub(crate) use export::{decisions, export};

use crate::api::{check, reason};
use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::resolve;
use crate::store::audit::{self, Record};
use crate::store::devices;
use crate::store::inbox::{self, Decided, Ruling, State};
use crate::store::page::{Before, Page};
use crate::store::quarantine::{self, Filter, Listed, Name};
use crate::sync::{declare, judge, settle};
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::journal::{Entry, Kind, body};
use fieldproof_schema::limits::{QUARANTINE_REASON_CHARS_MIN, REASON_CHARS_MAX};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;
use std::collections::BTreeSet;

/// What people may let in after all.
const WAIVABLE: [ErrorCode; 3] =
    [ErrorCode::ChangeOutOfScope, ErrorCode::DeviceRevoked, ErrorCode::ChangeUnjudgeable];
/// Changes of one decision besides the one that was looked at: more than an officer writes in a day.
pub(crate) const TOGETHER_MAX: i64 = 2000;

/// The act as the audit trail names it.
const ACT: &str = "quarantine.decided";

impl Listed {
    /// Whether people may let it in: they waive who wrote it, never what it is.
    pub fn may_be_accepted(&self) -> bool {
        let code = self.code.as_deref().and_then(ErrorCode::find);
        self.state == State::Quarantined
            && self.entity_name.is_some()
            && code.is_some_and(|code| WAIVABLE.contains(&code))
    }
}

/// What the audit trail calls a change that is held apart.
pub(crate) fn subject(name: &Name) -> String {
    format!("quarantine:{name}")
}

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// What waits for a decision.
    Open,
    /// What was decided.
    Decided,
}

/// A page of what is held apart in the asker's scope.
pub(crate) async fn list(
    app: &App,
    org: OrgId,
    user: &User,
    which: Which,
    filter: Filter,
    before: Before,
) -> Result<Page<Listed>, ApiError> {
    user.may(Act::DecideQuarantine)?;
    let asker = user.id;
    let read = move |tx: &mut Tx<'_>| match which {
        Which::Open => quarantine::open(tx, org, asker, &filter, &before),
        Which::Decided => quarantine::decided(tx, org, asker, &filter, &before),
    };
    Ok(app.db.read(read).await?)
}

/// What somebody decides.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// What becomes of it.
    pub(crate) ruling: Ruling,
    /// Why.
    pub(crate) reason: String,
    /// The decision that is replaced, as far as whoever decides has seen one.
    pub(crate) replaces: Option<DecisionId>,
    /// Whether it is about everything alike that the terminal sent for the visit.
    pub(crate) together: bool,
}

/// A reason for a decision about what is held apart.
pub(crate) fn reason_of(text: &str) -> Result<String, ApiError> {
    let text = reason(text)?;
    if text.chars().count() < QUARANTINE_REASON_CHARS_MIN {
        let details = json!({"shortest": QUARANTINE_REASON_CHARS_MIN, "longest": REASON_CHARS_MAX});
        return Err(ApiError::new(ErrorCode::ReasonMissing).with(details));
    }
    check::text("reason", &text, REASON_CHARS_MAX)
}

/// Decides about a change that is held apart; returns what became of it.
///
/// # Errors
/// [`ErrorCode::NotFound`] outside the scope; [`ErrorCode::ChoiceUnknown`] for what cannot be let in;
/// [`ErrorCode::AlreadyDecided`] when another decision stands than the one that is replaced; [`ErrorCode::StateWrong`] when
/// it is held apart no more.
pub(crate) async fn decide(
    app: &App,
    org: OrgId,
    user: &User,
    name: Name,
    verdict: Verdict,
) -> Result<Listed, ApiError> {
    user.may(Act::DecideQuarantine)?;
    let (worker, asker, ruling) = (app.clone(), user.clone(), verdict.ruling);
    let decided = app
        .db
        .write(move |tx| {
            let step = Step { app: &worker, org, user: &asker, verdict: &verdict, now: worker.now() };
            step.take(tx, &name)
        })
        .await?;
    if ruling == Ruling::Accept {
        judge::again(app, org, name.inspection, decided).await;
    }
    let asker = user.id;
    let found = app.db.read(move |tx| quarantine::find(tx, org, asker, &name)).await?;
    found.ok_or_else(|| ErrorCode::NotFound.into())
}

/// Decides about everything that a terminal sent for a visit and that is held apart because its officer is not on the team;
/// what was decided so before stays. Returns the changes that are to be judged again.
pub(crate) fn decide_about_sender(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    user: &User,
    name: (InspectionId, DeviceId),
    ruling: Ruling,
    reason: &str,
) -> Result<Names, ApiError> {
    user.may(Act::DecideQuarantine)?;
    let code = ErrorCode::ChangeOutOfScope.as_str();
    let mut all = quarantine::of_sender(tx, org, user.id, name, code, TOGETHER_MAX)?;
    all.retain(|listed| listed.decided.as_ref().is_none_or(|(decided, _)| decided.ruling != ruling));
    let verdict = Verdict { ruling, reason: reason.to_owned(), replaces: None, together: true };
    let step = Step { app, org, user, verdict: &verdict, now: app.now() };
    if !all.is_empty() {
        return step.rule(tx, &all);
    }
    if ruling == Ruling::Accept
        && let Some(device) = devices::find(tx, org, name.1)?
    {
        // Nothing but entries: captures, for instance.
        let device = DeviceActor::of(&device, org);
        for (hash, _) in declare::declare_regardless(tx, &device, name.0, step.now)? {
            settle::tell_verdict(tx, org, name.0, (hash, device.id));
        }
    }
    Ok(Names::new())
}

/// An officer is on the team now: what the officer's terminals sent for the visit, and was held apart for that alone, counts
/// from now on. What people decided to keep apart stays so, and so does what a revoked terminal sent. Returns the changes
/// that are to be judged again.
pub(crate) fn let_in_on_joining(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    user: &User,
    (inspection, officer): (InspectionId, OfficerId),
    reason: &str,
) -> Result<Names, ApiError> {
    let mut names = Names::new();
    for device in devices::in_use_by(tx, org, officer)? {
        let device = DeviceActor::of(&device, org);
        let counting = declare::declare_regardless(tx, &device, inspection, app.now())?;
        let mut kept = BTreeSet::new();
        loop {
            let code = ErrorCode::ChangeOutOfScope.as_str();
            let all = quarantine::of_sender(tx, org, user.id, (inspection, device.id), code, TOGETHER_MAX)?;
            let (open, others): (Vec<_>, Vec<_>) = all.into_iter().partition(Listed::is_open);
            kept.extend(others.iter().map(|listed| listed.name.digest));
            for Listed { name, .. } in &open {
                inbox::judge(tx, org, inspection, (&name.digest, name.device), State::Received, None)?;
                names.insert((name.digest, name.device));
            }
            if open.is_empty() {
                break;
            }
        }
        for (hash, _) in counting.iter().filter(|(_, e)| e.content.is_none_or(|c| !kept.contains(&c))) {
            settle::tell_verdict(tx, org, inspection, (*hash, device.id));
        }
        resolve::follow_quarantine(tx, app, org, user, (inspection, device.id), Ruling::Accept, reason)?;
    }
    Ok(names)
}

/// Changes of one visit, by digest and sender.
pub(crate) type Names = BTreeSet<(Digest, DeviceId)>;

/// One decision in its transaction.
struct Step<'a> {
    app: &'a App,
    org: OrgId,
    user: &'a User,
    verdict: &'a Verdict,
    now: Moment,
}

impl Step<'_> {
    /// Keeps the decision; returns the changes that are to be judged again.
    fn take(&self, tx: &mut Tx<'_>, name: &Name) -> Result<Names, ApiError> {
        let listed = quarantine::find(tx, self.org, self.user.id, name)?.ok_or(ErrorCode::NotFound)?;
        self.is_allowed(&listed)?;
        let mut all = vec![listed];
        if self.verdict.together {
            all.extend(quarantine::alike(tx, self.org, self.user.id, &all[0], TOGETHER_MAX)?);
        }
        let again = self.rule(tx, &all)?;
        let Verdict { ruling, reason, .. } = self.verdict;
        let sender = (name.inspection, name.device);
        resolve::follow_quarantine(tx, self.app, self.org, self.user, sender, *ruling, reason)?;
        Ok(again)
    }

    /// The same for changes of one terminal for one visit, of which there is at least one.
    fn rule(&self, tx: &mut Tx<'_>, all: &[Listed]) -> Result<Names, ApiError> {
        let name = &all[0].name;
        // What the server wrote itself declares nothing that would wait for this.
        if self.verdict.ruling == Ruling::Accept
            && let Some(device) = devices::find(tx, self.org, name.device)?
        {
            let device = DeviceActor::of(&device, self.org);
            let counting = declare::declare_regardless(tx, &device, name.inspection, self.now)?;
            self.tell_entries(tx, name, all, &counting);
        }
        let mut again = BTreeSet::new();
        for (at, listed) in all.iter().enumerate() {
            let (state, code) = self.fate(listed);
            let replaces = listed.decided.as_ref().map(|(decided, _)| decided.id);
            let id = DecisionId::new(self.now, self.app.random());
            let (ruling, reason) = (self.verdict.ruling, self.verdict.reason.clone());
            let decided = Decided { id, ruling, by: self.user.id, at: self.now, reason };
            let item = (&listed.name.digest, listed.name.device);
            let code = code.as_deref();
            if inbox::decide(tx, self.org, name.inspection, item, &decided, replaces, (state, code))? {
                audit::insert(tx, self.org, &self.record(listed, &decided, replaces))?;
                if state == State::Received {
                    again.insert((listed.name.digest, listed.name.device));
                }
            } else if at == 0 {
                // Another node was faster.
                return Err(ErrorCode::AlreadyDecided.into());
            }
        }
        Ok(again)
    }

    fn is_allowed(&self, listed: &Listed) -> Result<(), ApiError> {
        let standing = listed.decided.as_ref().map(|(decided, _)| decided.id);
        if standing != self.verdict.replaces {
            return Err(already_decided(listed));
        }
        if listed.state != State::Quarantined {
            return Err(ApiError::new(ErrorCode::StateWrong).with(json!({"state": listed.state.as_str()})));
        }
        if self.verdict.ruling == Ruling::Accept && !listed.may_be_accepted() {
            return Err(ApiError::new(ErrorCode::ChoiceUnknown).with(json!({"code": listed.code})));
        }
        Ok(())
    }

    /// What becomes of a change by the decision itself: the team is waived, the journal's word is not, and the gate asks
    /// for it.
    fn fate(&self, listed: &Listed) -> (State, Option<String>) {
        match self.verdict.ruling {
            Ruling::Keep => (State::Quarantined, listed.code.clone()),
            Ruling::Accept => (State::Received, None),
        }
    }

    /// Tells the terminal which journal entries count after all. Those that cover nothing but what stays apart do not.
    fn tell_entries(&self, tx: &mut Tx<'_>, name: &Name, all: &[Listed], counting: &[(Digest, Entry)]) {
        let covered: BTreeSet<_> = all.iter().map(|listed| listed.name.digest).collect();
        for (hash, entry) in counting {
            let is_of_these = entry.content.is_some_and(|content| covered.contains(&content));
            let saved = body::read::<body::Saved>(&entry.body).unwrap_or_default();
            if entry.kind != Kind::Saved || is_of_these || saved.run.is_some() {
                settle::tell_verdict(tx, self.org, name.inspection, (*hash, name.device));
            }
        }
    }

    fn record(&self, listed: &Listed, decided: &Decided, replaces: Option<DecisionId>) -> Record {
        Record {
            id: decided.id,
            at: decided.at,
            actor: format!("user:{}", self.user.id),
            act: ACT.to_owned(),
            subject: subject(&listed.name),
            details: json!({
                "decision": decided.ruling.as_str(),
                "reason": decided.reason,
                "code": listed.code,
                "replaces": replaces,
            }),
        }
    }
}

/// Another decision stands: which one.
fn already_decided(listed: &Listed) -> ApiError {
    let details = listed.decided.as_ref().map(|(decided, by)| {
        json!({
            "id": decided.id,
            "decision": decided.ruling.as_str(),
            "reason": decided.reason,
            "by": by,
            "at": decided.at,
        })
    });
    ApiError::new(ErrorCode::AlreadyDecided).with(details.unwrap_or_default())
}

/// The decisions about a change, oldest first: what, why, by whom, when.
pub(crate) fn history(tx: &mut Tx<'_>, org: OrgId, name: &Name) -> Result<Vec<audit::Listed>, DbError> {
    audit::of_subject(tx, org, &subject(name))
}
