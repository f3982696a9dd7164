//! A running server reads its originals by itself, slowly: what a disk lost shows while somebody can still send it again.
//!
//! An original is due when nobody has looked at it for half of [`SCRUB_DAYS_MAX`], and whatever is due is read within the other
//! half. Nothing is deleted, moved or asked for here: what is found is written down, and people decide ([`crate::fsck`]).

use crate::app::App;
use crate::error::{ApiError, chain};
use crate::fsck::{self, Care};
use crate::store::originals::{self, Fault, Look, Total};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::limits::{
    SCRUB_AGAIN_SECONDS, SCRUB_BYTES_MIN, SCRUB_DAYS_MAX, SCRUB_ORIGINALS_MIN, SCRUB_REST_SECONDS,
};
use fieldproof_schema::suite::Digest;
use std::time::Duration;
use tokio::time::sleep;

const DAY_SECONDS: i64 = 24 * 3600;
/// Seconds for which an original is not due after a look; as many are left for reading all that are due.
const DUE_SECONDS: i64 = SCRUB_DAYS_MAX * DAY_SECONDS / 2;
/// Between two looks.
const REST: Duration = Duration::from_secs(SCRUB_REST_SECONDS.unsigned_abs());
/// Rest after a look for which there was nothing, or that failed.
const LONG_REST: Duration = Duration::from_secs(60);
/// Looks after which it is counted again how much there is to read: about an hour's.
const LOOKS_PER_COUNT: u32 = 360;
/// Seconds that a look may lie ahead of the clock: those of several nodes are never quite alike.
const AHEAD_SECONDS: i64 = DAY_SECONDS;

/// How much one look takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Originals, at most.
    pub originals: u64,
    /// Bytes: the original that reaches them is the last one.
    pub bytes: u64,
}

impl Share {
    /// The least.
    pub const LEAST: Self = Self { originals: SCRUB_ORIGINALS_MIN, bytes: SCRUB_BYTES_MIN };

    /// Enough for reading everything once in the time for which nothing is due again, though reading takes as long as resting. Those
    /// whose size is not known are taken to be like the others.
    pub fn of(total: &Total) -> Self {
        let bytes = match total.measured {
            0 => 0,
            measured => u128::from(total.bytes) * u128::from(total.originals) / u128::from(measured),
        };
        let looks = (DUE_SECONDS / (2 * SCRUB_REST_SECONDS)).unsigned_abs();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(looks);
        Self {
            originals: total.originals.div_ceil(looks).max(Self::LEAST.originals),
            bytes: bytes.max(Self::LEAST.bytes),
        }
    }
}

/// What one look came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// Originals that were looked at, in this order.
    pub originals: Vec<Digest>,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Those with which something is the matter.
    pub found: Vec<(Digest, Fault)>,
}

/// Counts how much there is to read; how much one look takes up.
///
/// # Errors
/// When the database fails.
pub async fn share(app: &App) -> Result<Share, ApiError> {
    let (org, now) = (app.org().await?, app.now());
    let (ahead, due) = (now.plus_seconds(AHEAD_SECONDS), now.plus_seconds(-DUE_SECONDS - 1));
    if app.db.write(move |tx| originals::distrust(tx, org, ahead, due)).await? > 0 {
        tracing::warn!("originals were looked at in what is the future by this clock: they are read again");
    }
    Ok(Share::of(&app.db.read(move |tx| originals::total(tx, org)).await?))
}

/// Looks at the next originals that are due, longest unseen first, one after the other, and before them at one with which something
/// was the matter a day ago. Writes down what is found and logs what is new of it. Done twice at the same time, by two nodes, the
/// same is read twice and written down once.
///
/// # Errors
/// When the database fails: what was looked at is due as before. An original that cannot be read is a finding.
pub async fn some(app: &App, share: Share) -> Result<Looked, ApiError> {
    let (org, now) = (app.org().await?, app.now());
    let limit = i64::try_from(share.originals).unwrap_or(i64::MAX);
    let due = app
        .db
        .read(move |tx| {
            let doubtful = originals::doubtful(tx, org, now.plus_seconds(-SCRUB_AGAIN_SECONDS))?;
            let due = originals::due(tx, org, now.plus_seconds(-DUE_SECONDS), limit)?;
            let others = due.into_iter().filter(|digest| Some(*digest) != doubtful);
            Ok::<_, crate::db::DbError>(doubtful.into_iter().chain(others).collect::<Vec<_>>())
        })
        .await?;
    let (mut looked, mut looks) = (Looked::default(), Vec::new());
    for digest in due {
        if looked.originals.len() as u64 >= share.originals || looked.bytes_read >= share.bytes {
            break;
        }
        let look = fsck::look_at(app, org, digest, Care::Gently).await?;
        looked.originals.push(digest);
        looked.bytes_read = looked.bytes_read.saturating_add(look.size_bytes.unwrap_or_default());
        looked.found.extend(look.fault.map(|fault| (digest, fault)));
        looks.push(look);
    }
    note(app, org, looks).await?;
    Ok(looked)
}

/// Writes down what was found, and logs what was not known.
pub(crate) async fn note(app: &App, org: OrgId, looks: Vec<Look>) -> Result<(), ApiError> {
    if looks.is_empty() {
        return Ok(());
    }
    let write = move |tx: &mut crate::db::Tx<'_>| {
        let mut news = Vec::new();
        for look in &looks {
            let before = originals::looked(tx, org, look)?;
            news.extend(before.filter(|before| *before != look.fault).map(|_| (look.digest, look.fault)));
        }
        Ok::<_, crate::db::DbError>(news)
    };
    for (digest, fault) in app.db.write(write).await? {
        match fault.map(Fault::as_str) {
            Some(fault) => tracing::warn!(%digest, fault, "an original is not what it should be"),
            None => tracing::info!(%digest, "an original is what it should be again"),
        }
    }
    Ok(())
}

/// Looks at originals, for ever.
pub async fn work(app: App) {
    // Nodes that are started together do not read the same at the same moment.
    let first = u64::from_le_bytes(app.random()) % SCRUB_REST_SECONDS.unsigned_abs().saturating_mul(1000);
    sleep(Duration::from_millis(first)).await;
    let (mut known, mut looks) = (None, 0);
    loop {
        let rest = match look(&app, &mut known).await {
            Ok(looked) if looked.originals.is_empty() => LONG_REST,
            Ok(_) => REST,
            Err(error) => {
                tracing::warn!(error.cause = chain(&error), "originals cannot be looked at");
                LONG_REST
            }
        };
        looks += 1;
        if looks >= LOOKS_PER_COUNT {
            (known, looks) = (None, 0);
        }
        sleep(rest).await;
    }
}

async fn look(app: &App, known: &mut Option<Share>) -> Result<Looked, ApiError> {
    let share = match *known {
        Some(share) => share,
        None => *known.insert(share(app).await?),
    };
    some(app, share).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_read_in_the_days_that_are_left_when_it_is_due() {
        let looks = u64::try_from(DUE_SECONDS / (2 * SCRUB_REST_SECONDS)).unwrap();
        const { assert!(2 * DUE_SECONDS <= SCRUB_DAYS_MAX * DAY_SECONDS) };
        for total in [
            Total::default(),
            Total { originals: 1, measured: 0, bytes: 0 },
            Total { originals: 7_000_000, measured: 7_000_000, bytes: 20_000_000_000_000 },
            Total { originals: u64::MAX, measured: 1, bytes: u64::MAX },
        ] {
            let share = Share::of(&total);
            assert!(share.originals.saturating_mul(looks) >= total.originals, "{total:?}: {share:?}");
            assert!(share.bytes.saturating_mul(looks) >= total.bytes, "{total:?}: {share:?}");
        }
        assert_eq!(Share::of(&Total { originals: 1000, measured: 1000, bytes: 4_000_000_000 }), Share::LEAST);
        // One in ten was measured: the others are taken to be as large.
        let all = Share::of(&Total { originals: 1_000_000, measured: 1_000_000, bytes: 10_u64.pow(13) });
        let some = Share::of(&Total { originals: 1_000_000, measured: 100_000, bytes: 10_u64.pow(12) });
        assert!(all == some && all.bytes > SCRUB_BYTES_MIN, "{all:?} {some:?}");
    }
}
