//! When what was received is judged, and what happens when that fails.
//!
//! A receipt says that bytes are durable; it never waits for a judgement. A round judges what it brought as long as
//! somebody may be kept waiting, and leaves the rest to [`work`]. An inspection that cannot be judged holds nobody back:
//! the failure is kept and shown, it is tried again later and later, and after some tries the change that makes it fail
//! is looked for and held apart, so that the others go on.

use crate::app::{App, blocking};
use crate::db::{DbError, Tx};
use crate::documents;
use crate::error::{ApiError, chain};
use crate::findings;
use crate::store::inbox::{self, State};
use crate::store::judging::{self, Standing};
use crate::sync::job::{Job, Only, Outcome};
use crate::sync::look::{Look, Seen};
use crate::sync::offer::Name;
use crate::sync::settle::{self, Answered};
use crate::workers::{Fault, Gate};
use fieldproof_schema::checklist::Template;
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, Semaphore};

/// How long a round is kept waiting for judgements.
pub const PATIENCE: Duration = Duration::from_millis(1500);
/// How often left work is looked for when nobody points to it: another server's, and what failed before.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Changes that are looked up at a time, to judge their inspections.
const PAGE: i64 = 256;
/// Failures after which the change that causes them is looked for.
const TRIES_BEFORE_SEARCH: i64 = 3;
/// Seconds until the second try; each further wait is twice as long.
const WAIT_SECONDS: i64 = 4;
/// Doublings at most: a bit more than an hour.
const DOUBLINGS_MAX: u32 = 10;

/// Seconds for which what is begun under a mark belongs to whoever began it: longer than any deadline of a worker.
const BEGUN_SECONDS: i64 = 120;

/// What rounds and the background share.
#[derive(Debug)]
pub struct Judging {
    /// How long a round waits; none: to the end.
    patience: Option<Duration>,
    wake: Notify,
    /// One for each core: what computes away from the threads that serve, and may take much memory.
    desks: Semaphore,
    /// Where bytes are opened that have not passed the gate.
    gate: Gate,
    /// Inspections of the backlog in hand at a time.
    at_once: usize,
    /// Visits that are being judged: whoever else is to judge one of them waits, since two would do the same work and only
    /// the first could keep it.
    busy: StdMutex<HashMap<InspectionId, Arc<Mutex<()>>>>,
    /// Visits of which the last judging did not come to its end: those that an earlier run left, and those over which a
    /// worker died. What is begun of them is written down first; true once this run did that. None until it was looked up.
    wary: Mutex<Option<BTreeMap<InspectionId, bool>>>,
}

impl Judging {
    /// With the patience of a server with a background that takes over; in this process.
    pub fn new(patience: Option<Duration>) -> Self {
        Self::at(patience, Gate::InProcess)
    }

    /// With a gate of one's choice.
    pub fn at(patience: Option<Duration>, gate: Gate) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            patience,
            wake: Notify::new(),
            desks: Semaphore::new(cores),
            gate,
            at_once: cores * AT_ONCE_PER_CORE,
            busy: StdMutex::default(),
            wary: Mutex::new(None),
        }
    }

    /// One inspection of the backlog after another: what happens then has an order.
    #[must_use]
    pub fn one_by_one(self) -> Self {
        Self { at_once: 1, ..self }
    }

    /// Keeps others from judging a visit for as long as what is returned lives.
    async fn turn(&self, id: InspectionId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody waits for those that are held by this map alone.
            busy.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(busy.entry(id).or_default())
        };
        turn.lock_owned().await
    }

    /// Computes away from the threads that serve: on each core one at a time.
    pub async fn at_a_desk<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let _desk = self.desks.acquire().await.map_err(ApiError::internal)?;
        blocking(work).await
    }

    /// Where bytes are opened that have not passed the gate.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Lets what is pending through the gate, wherever that is done.
    pub async fn pass(&self, job: Job, template: &Arc<Template>) -> Result<Outcome, ApiError> {
        if job.pending.is_empty() {
            return Ok(Outcome::nothing());
        }
        match &self.gate {
            Gate::InProcess => {
                let template = Arc::clone(template);
                let passed = self.at_a_desk(move || job.run(&template)).await?;
                Ok(passed.map_err(ApiError::internal)?.into())
            }
            Gate::Workers(pool) => Ok(pool.judge(job, template).await.map_err(ApiError::internal)?.into()),
        }
    }

    /// Looks at something that is held apart, wherever the gate is.
    pub async fn look(&self, look: Look) -> Result<Seen, ApiError> {
        match &self.gate {
            Gate::InProcess => self.at_a_desk(move || look.run()).await,
            Gate::Workers(pool) => pool.look(look).await.map_err(ApiError::internal),
        }
    }

    /// Whether care is needed, and if so, whether this run has already begun with care.
    async fn is_wary_of(&self, app: &App, org: OrgId, id: InspectionId) -> Result<Option<bool>, ApiError> {
        let mut wary = self.wary.lock().await;
        if let Some(wary) = &*wary {
            return Ok(wary.get(&id).copied());
        }
        let left = app.db.read(move |tx| judging::left(tx, org)).await?;
        Ok(wary.insert(left.into_iter().map(|id| (id, false)).collect()).get(&id).copied())
    }

    async fn set_wary_of(&self, id: InspectionId, wary: bool) {
        if let Some(all) = &mut *self.wary.lock().await {
            if wary {
                all.insert(id, true)
            } else {
                all.remove(&id)
            };
        }
    }
}

/// Who judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Round,
    Background,
}

impl By {
    /// True for who keeps somebody waiting, and may leave it to others.
    fn hurries(self, app: &App) -> bool {
        self == Self::Round && app.judging.patience.is_some()
    }
}

/// Looks up what an earlier run left, before anything new is received.
///
/// # Errors
/// When the database fails.
pub async fn look_back(app: &App, org: OrgId) -> Result<(), ApiError> {
    app.judging.is_wary_of(app, org, InspectionId::from_bytes([0; 16])).await.map(drop)
}

/// Judges what a round brought, one inspection after another, while there is patience: none when more follows at once.
pub async fn within_round(
    app: &App,
    org: OrgId,
    touched: &BTreeSet<InspectionId>,
    answered: &Answered,
    more_follows: bool,
) {
    if more_follows && app.judging.patience.is_some() {
        app.judging.wake.notify_one();
        return;
    }
    let begun = app.host.monotonic_ms();
    for id in touched {
        let waited = Duration::from_millis(app.host.monotonic_ms().saturating_sub(begun));
        if app.judging.patience.is_some_and(|patience| waited >= patience) {
            app.judging.wake.notify_one();
            return;
        }
        // One that cannot even be kept is met again by the background, and said there.
        judge(app, org, *id, answered, By::Round).await.ok();
    }
}

/// Judges one inspection; a failure is kept and not returned, unless it cannot be kept.
async fn judge(app: &App, org: OrgId, id: InspectionId, answered: &Answered, by: By) -> Result<(), ApiError> {
    let turn = app.judging.turn(id);
    let _turn = match app.judging.patience.filter(|_| by == By::Round) {
        Some(patience) => match tokio::time::timeout(patience, turn).await {
            Ok(turn) => turn,
            Err(_) => {
                app.judging.wake.notify_one();
                return Ok(());
            }
        },
        None => turn.await,
    };
    let wary = app.judging.is_wary_of(app, org, id).await?;
    if let Some(own) = wary {
        if by.hurries(app) {
            app.judging.wake.notify_one();
            return Ok(());
        }
        let before = begin(app, org, id).await?;
        app.judging.set_wary_of(id, true).await;
        if let Some(before) = before.filter(|before| before.begun && !own) {
            // Whoever judged it ended in the middle of it.
            if let Some(name) = before.alone {
                hold_apart(app, org, id, name).await?;
            }
            let cause = "the server ended while it was judged".to_owned();
            return note_failure(app, org, id, (before.tries, true), cause, by).await;
        }
    }
    let Err(error) = settle::settle(app, org, id, answered, &Only::All).await else {
        if wary.is_some() {
            app.judging.set_wary_of(id, false).await;
        }
        return Ok(());
    };
    let cause = chain(&error);
    tracing::error!(inspection.id = %id, error.cause = cause, "an inspection cannot be judged");
    let before = app.db.read(move |tx| judging::standing(tx, org, id)).await?;
    let ended = Fault::of(&error).is_some_and(Fault::is_of_the_job);
    note_failure(app, org, id, (before.map_or(0, |b| b.tries), ended), cause, by).await
}

/// Writes down that judging begins, and returns where it stood before.
async fn begin(app: &App, org: OrgId, id: InspectionId) -> Result<Option<Standing>, ApiError> {
    let next_at = app.now().plus_seconds(BEGUN_SECONDS);
    let begin = move |tx: &mut Tx<'_>| {
        let before = judging::standing(tx, org, id)?;
        judging::begin(tx, org, id, next_at, before.and_then(|before| before.alone))?;
        Ok::<_, DbError>(before)
    };
    Ok(app.db.write(begin).await?)
}

/// Judges changes that people let in after they had been held apart, and then what waited for them. One with which the
/// inspection still cannot be judged is held apart again at once: a decision must not hold back the others.
pub async fn again(app: &App, org: OrgId, id: InspectionId, names: BTreeSet<Name>) {
    let only = Only::These(names.clone());
    if settle::settle(app, org, id, &Answered::new(), &only).await.is_err()
        && let Err(error) = set_apart_what_fails(app, org, id, Some(&names)).await
    {
        tracing::error!(inspection.id = %id, error.cause = chain(&error), "what fails cannot be held apart");
    }
    judge(app, org, id, &Answered::new(), By::Background).await.ok();
}

/// `ended`: whoever judged it died over it. Then what it died of is looked for at once, unless somebody waits.
async fn note_failure(
    app: &App,
    org: OrgId,
    id: InspectionId,
    (tries, ended): (i64, bool),
    cause: String,
    by: By,
) -> Result<(), ApiError> {
    let tries = tries + 1;
    app.judging.set_wary_of(id, ended).await;
    let is_left = ended && by.hurries(app);
    let search = tries >= TRIES_BEFORE_SEARCH || ended;
    if search && !is_left && set_apart_what_fails(app, org, id, None).await? {
        app.judging.set_wary_of(id, false).await;
        return Ok(());
    }
    let doublings = u32::try_from(tries - 1).unwrap_or(DOUBLINGS_MAX).min(DOUBLINGS_MAX);
    let wait = if is_left { 0 } else { WAIT_SECONDS << doublings };
    let next_at = app.now().plus_seconds(wait);
    app.db.write(move |tx| judging::failed(tx, org, id, (tries, next_at), &cause)).await?;
    if is_left {
        app.judging.wake.notify_one();
    }
    Ok(())
}

/// Looks for the changes without which an inspection can be judged, and holds them apart: among all that are pending those
/// that cannot even be opened, then, among some or all, those that cannot be taken in. False when there is none: then it
/// is not they that are the matter.
async fn set_apart_what_fails(
    app: &App,
    org: OrgId,
    id: InspectionId,
    among: Option<&BTreeSet<Name>>,
) -> Result<bool, ApiError> {
    let mut found = false;
    for alone in [true, false] {
        let pending = app.db.read(move |tx| inbox::pending(tx, org, id)).await?;
        for item in pending {
            let name = (item.digest, item.device);
            if !alone && among.is_some_and(|among| !among.contains(&name)) {
                continue;
            }
            let next_at = app.now().plus_seconds(BEGUN_SECONDS);
            app.db.write(move |tx| judging::begin(tx, org, id, next_at, Some(name))).await?;
            let only = if alone { Only::Alone(name) } else { Only::These(BTreeSet::from([name])) };
            match settle::settle(app, org, id, &Answered::new(), &only).await {
                Ok(()) => continue,
                // Nobody looked at it, so nobody may blame it.
                Err(error) if error.code == ErrorCode::Unavailable => return Ok(found),
                Err(error) if Fault::of(&error).is_some_and(|fault| !fault.is_of_the_job()) => {
                    return Ok(found);
                }
                Err(_) => {}
            }
            // If it fails without it, too, it was not this change.
            let nothing = Only::These(BTreeSet::new());
            if settle::settle(app, org, id, &Answered::new(), &nothing).await.is_err() {
                return Ok(found);
            }
            found = true;
            hold_apart(app, org, id, name).await?;
        }
    }
    Ok(found)
}

/// Holds one change apart as what judging fails over.
async fn hold_apart(app: &App, org: OrgId, id: InspectionId, name: Name) -> Result<(), ApiError> {
    tracing::error!(inspection.id = %id, item.digest = %name.0, "a change that judging fails over is held apart");
    let code = ErrorCode::ChangeUnjudgeable.as_str();
    let apart = move |tx: &mut Tx<'_>| {
        inbox::judge(tx, org, id, (&name.0, name.1), State::Quarantined, Some(code))?;
        settle::tell_verdict(tx, org, id, name);
        judging::succeeded(tx, org, id)
    };
    Ok(app.db.write(apart).await?)
}

/// Inspections of the backlog in hand for each core. Computing is bounded by the desks; more than that wait for the database,
/// and what is written at the same time shares a commit.
const AT_ONCE_PER_CORE: usize = 8;

/// Judges whatever is left, for ever: what rounds had no patience for, what an earlier run or another server left, and
/// what failed before.
pub async fn work(app: App) {
    loop {
        match sweep(&app).await {
            Ok(0) => match findings::evidence::look(&app).await {
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error.cause = chain(&error), "missing evidence cannot be looked for");
                }
            },
            Ok(_) => continue,
            Err(error) => tracing::warn!(error.cause = chain(&error), "the backlog cannot be worked off"),
        }
        let left = app.judging.wake.notified();
        // Nobody points to it and nothing came: look again after a while.
        let _ = tokio::time::timeout(LOOK_EVERY, left).await;
    }
}

/// Judges what is due now, a page of it, several at a time; returns how many inspections that were.
///
/// # Errors
/// When the database fails, also in keeping a failure: what failed would be due again at once, so whoever repeats this
/// waits first.
pub async fn sweep(app: &App) -> Result<usize, ApiError> {
    use futures::StreamExt;
    let (org, now) = (app.org().await?, app.now());
    if let Err(error) = documents::mend(app, org).await {
        // Judging goes on: it says on its own of which inspection the changes are damaged, too.
        tracing::error!(error.cause = chain(&error), "a damaged snapshot cannot be made anew");
    }
    let due = app.db.read(move |tx| judging::due(tx, org, now, PAGE)).await?;
    let nobody = Answered::new();
    let count = due.len();
    let judged = futures::stream::iter(due).map(|id| judge(app, org, id, &nobody, By::Background));
    let outcomes: Vec<_> = judged.buffer_unordered(app.judging.at_once).collect().await;
    outcomes.into_iter().collect::<Result<(), _>>()?;
    Ok(count)
}
