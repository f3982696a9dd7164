//! When what was received is judged, and what happens when that fails.
//!
//! A receipt says that bytes are durable; it never waits for a judgement. A round judges what it brought as long as
//! somebody may be kept waiting, and leaves the rest to [`work`]. An inspection that cannot be judged holds nobody back:
//! the failure is kept and shown, it is tried again later and later, and after some tries the change that makes it fail
//! is looked for and held apart, so that the others go on.

use crate::app::{App, blocking};
use crate::documents;
use crate::error::{ApiError, chain};
use crate::findings;
use crate::store::inbox::{self, State};
use crate::store::judging;
use crate::sync::settle::{self, Answered, Only};
use fieldproof_schema::ids::{DeviceId, InspectionId, OrgId};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// How long a round is kept waiting for judgements.
pub const PATIENCE: Duration = Duration::from_millis(1500);
/// How often left work is looked for when nobody points to it: another server's, and what failed before.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Inspections that are looked up at a time.
const PAGE: i64 = 64;
/// Failures after which the change that causes them is looked for.
const TRIES_BEFORE_SEARCH: i64 = 3;
/// Seconds until the second try; each further wait is twice as long.
const WAIT_SECONDS: i64 = 4;
/// Doublings at most: a bit more than an hour.
const DOUBLINGS_MAX: u32 = 10;

/// What rounds and the background share.
#[derive(Debug)]
pub struct Judging {
    /// How long a round waits; none: to the end.
    patience: Option<Duration>,
    wake: Notify,
    /// One for each core: what looks at bytes that nobody has judged yet, and so may take much memory.
    desks: Semaphore,
}

impl Judging {
    /// With the patience of a server with a background that takes over.
    pub fn new(patience: Option<Duration>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { patience, wake: Notify::new(), desks: Semaphore::new(cores) }
    }

    /// Looks at bytes that nobody has judged yet, away from the threads that serve: on each core one at a time.
    pub async fn at_a_desk<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let _desk = self.desks.acquire().await.map_err(ApiError::internal)?;
        blocking(work).await
    }
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
        judge(app, org, *id, answered).await.ok();
    }
}

/// Judges one inspection; a failure is kept and not returned, unless it cannot be kept.
async fn judge(app: &App, org: OrgId, id: InspectionId, answered: &Answered) -> Result<(), ApiError> {
    let Err(error) = settle::settle(app, org, id, answered, &Only::All).await else { return Ok(()) };
    let cause = chain(&error);
    tracing::error!(inspection.id = %id, error.cause = cause, "an inspection cannot be judged");
    note_failure(app, org, id, cause).await
}

/// Judges changes that people let in after they had been held apart, and then what waited for them. One with which the
/// inspection still cannot be judged is held apart again at once: a decision must not hold back the others.
pub async fn again(app: &App, org: OrgId, id: InspectionId, names: BTreeSet<(Digest, DeviceId)>) {
    let only = Only::These(names.clone());
    if settle::settle(app, org, id, &Answered::new(), &only).await.is_err()
        && let Err(error) = set_apart_what_fails(app, org, id, Some(&names)).await
    {
        tracing::error!(inspection.id = %id, error.cause = chain(&error), "what fails cannot be held apart");
    }
    judge(app, org, id, &Answered::new()).await.ok();
}

async fn note_failure(app: &App, org: OrgId, id: InspectionId, cause: String) -> Result<(), ApiError> {
    let tries = app.db.read(move |tx| judging::tries(tx, org, id)).await? + 1;
    if tries >= TRIES_BEFORE_SEARCH && set_apart_what_fails(app, org, id, None).await? {
        return Ok(());
    }
    let doublings = u32::try_from(tries - 1).unwrap_or(DOUBLINGS_MAX).min(DOUBLINGS_MAX);
    let next_at = app.now().plus_seconds(WAIT_SECONDS << doublings);
    Ok(app.db.write(move |tx| judging::failed(tx, org, id, next_at, &cause)).await?)
}

/// Looks for the changes without which an inspection can be judged (among all that are pending, or among some), and holds
/// them apart. False when there is none: then it is not they that are the matter.
async fn set_apart_what_fails(
    app: &App,
    org: OrgId,
    id: InspectionId,
    among: Option<&BTreeSet<(Digest, DeviceId)>>,
) -> Result<bool, ApiError> {
    let nobody = Answered::new();
    if settle::settle(app, org, id, &nobody, &Only::These(BTreeSet::new())).await.is_err() {
        return Ok(false);
    }
    let pending = app.db.read(move |tx| inbox::pending(tx, org, id)).await?;
    let mut found = false;
    for item in pending {
        let name = (item.digest, item.device);
        if among.is_some_and(|among| !among.contains(&name)) {
            continue;
        }
        if settle::settle(app, org, id, &nobody, &Only::These(BTreeSet::from([name]))).await.is_ok() {
            continue;
        }
        found = true;
        let code = ErrorCode::ChangeUnjudgeable.as_str();
        let apart = move |tx: &mut crate::db::Tx<'_>| {
            inbox::judge(tx, org, id, (&name.0, name.1), State::Quarantined, Some(code))?;
            settle::tell_verdict(tx, org, id, name);
            judging::succeeded(tx, org, id)
        };
        app.db.write(apart).await?;
    }
    Ok(found)
}

/// Inspections of the backlog in hand for each core.
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
    // Computing is bounded by the desks; more than that wait for the database, and what is written at the same time shares a
    // commit.
    let at_once = std::thread::available_parallelism().map_or(1, usize::from) * AT_ONCE_PER_CORE;
    let nobody = Answered::new();
    let count = due.len();
    let judged = futures::stream::iter(due).map(|id| judge(app, org, id, &nobody));
    let outcomes: Vec<_> = judged.buffer_unordered(at_once).collect().await;
    outcomes.into_iter().collect::<Result<(), _>>()?;
    Ok(count)
}
