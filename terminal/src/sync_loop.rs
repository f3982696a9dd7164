//! Syncs in the background: soon after the officer acted, otherwise now and then, more rarely while the server is away; and
//! beside that sends originals, which may take hours, whenever an exchange of records has reached the server.
//!
//! It only logs how a sync went. What is unsent is a matter of receipts, and the next sync takes up whatever the last one
//! left.

use crate::app::App;
use crate::error::chain;
use fieldproof_client_core::{Client, backoff};
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::wire::error::ErrorCode;
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;

/// Rest after the last act before it is sent, so that a burst of answers travels as one push.
const QUIET: Duration = Duration::from_secs(2);
/// The longest that acts which keep coming can put off a sync.
const QUIET_MAX: Duration = Duration::from_secs(20);
/// Between syncs while nobody acts: what colleagues and supervisors did arrives at this pace.
const IDLE: Duration = Duration::from_secs(120);

/// The longest that the server can have a wake-up wait; what takes longer the timer does as well.
const WAKE_MS_MAX: u64 = 60_000;

/// Syncs until the terminal closes; the first time at once.
pub async fn run(app: App) {
    tokio::join!(exchange(&app), upload(&app));
}

async fn exchange(app: &App) {
    loop {
        let asked = attempt(app).await;
        tokio::select! {
            () = app.closed() => return,
            () = wait(app, asked) => {}
        }
    }
}

/// Sends originals whenever some may be due: an exchange reached the server, or the officer chose anew.
async fn upload(app: &App) {
    loop {
        tokio::select! {
            () = app.closed() => return,
            () = app.due() => {}
        }
        tokio::select! {
            () = app.closed() => return,
            () = send(app) => {}
        }
    }
}

/// Sends what may go. What fails is tried again by its own count of failures, as long as exchanges reach the server; where
/// they do not, the next that does says so.
async fn send(app: &App) {
    let mut failures = 0;
    loop {
        let (report, result) = app.upload().await;
        if report.completed > 0 {
            app.note_sent();
        }
        let Err(error) = result else { return };
        if matches!(error.code(), ErrorCode::NotEnrolled | ErrorCode::StoreLocked) {
            return;
        }
        // A link that carries something before it is cut is tried again soon.
        failures = if report.bytes_sent > 0 { 1 } else { failures + 1 };
        let (code, cause) = (error.code().as_str(), chain(&error));
        tracing::info!(error.code = code, error.cause = cause, failures, "originals were not all sent");
        let asked = error.retry_after_seconds().map(Duration::from_secs);
        tokio::select! {
            () = sleep(pause(failures, asked, app.host())) => {}
            // The officer let it go on, or the network is another one; the server's own word counts for more.
            () = app.due(), if asked.is_none() => {}
        }
        if app.sync_failures() > 0 {
            return;
        }
    }
}

/// Syncs; returns how long the server asks to be left alone.
async fn attempt(app: &App) -> Option<Duration> {
    // A page that went away in the middle of a recording: what it recorded is sent with the rest.
    if let Err(error) = app.read(Client::end_left_recordings).await {
        tracing::debug!(error.cause = chain(&error), "no recordings are looked at");
    }
    let result = app.exchange().await;
    match &result {
        Ok(report) if !report.refused.is_empty() => {
            tracing::warn!(
                sync.refused = report.refused.len(),
                "the server refused some items; they stay here"
            );
        }
        Ok(_) => {}
        Err(error) if matches!(error.code(), ErrorCode::NotEnrolled | ErrorCode::StoreLocked) => {}
        Err(error) => {
            let (code, cause) = (error.code().as_str(), chain(error));
            tracing::info!(error.code = code, error.cause = cause, failures = app.sync_failures(), "no sync");
        }
    }
    result.err().and_then(|error| error.retry_after_seconds()).map(Duration::from_secs)
}

/// How long to wait when nothing happens. Always drawn at random, so that terminals do not come in step.
fn pause(failures: u32, asked: Option<Duration>, host: &dyn Host) -> Duration {
    let drawn = u64::from_le_bytes(random(host));
    let own = match failures {
        0 => IDLE / 2 + Duration::from_millis(drawn % (IDLE.as_millis() as u64)),
        failures => Duration::from_millis(backoff::delay_ms(failures, drawn)),
    };
    // The server spreads whom it asks to return; a proxy says the same to all.
    let asked =
        asked.map(|asked| asked + Duration::from_millis(drawn % (1_000 + asked.as_millis() as u64 / 8)));
    own.max(asked.unwrap_or_default())
}

/// Waits for the next reason to sync. While the server is away an act is none: the radio would be on all day.
async fn wait(app: &App, asked: Option<Duration>) {
    let pause = pause(app.sync_failures(), asked, app.host());
    expect(app, pause);
    let mut timer = pin!(sleep(pause));
    loop {
        tokio::select! {
            () = &mut timer => return,
            () = app.acted() => {
                if app.sync_failures() == 0 {
                    return settle(app).await;
                }
            }
            () = app.woken() => {
                if app.sync_failures() == 0 && rows_wait(app).await {
                    return;
                }
            }
        }
    }
}

/// Whether a wake-up speaks of something that is not here: asked after a moment drawn within what the server allows, for
/// others were woken by the same commit, and what this terminal sent itself has come back with its own sync.
async fn rows_wait(app: &App) -> bool {
    let Some(wake) = app.waits() else { return false };
    let drawn = u64::from_le_bytes(random(app.host()));
    sleep(Duration::from_millis(drawn % (wake.within_ms.min(WAKE_MS_MAX) + 1))).await;
    app.waits().is_some()
}

fn expect(app: &App, pause: Duration) {
    let seconds = i64::try_from(pause.as_secs()).unwrap_or(i64::MAX);
    app.expect_sync(Some(app.host().now().plus_seconds(seconds)));
}

/// Waits until the officer pauses.
async fn settle(app: &App) {
    expect(app, QUIET);
    let mut limit = pin!(sleep(QUIET_MAX));
    loop {
        tokio::select! {
            () = &mut limit => return,
            () = sleep(QUIET) => return,
            () = app.acted() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_client_core::SystemHost;

    #[test]
    fn an_idle_terminal_asks_at_a_random_moment_of_the_next_minutes() {
        let host = SystemHost::new();
        let drawn: Vec<_> = (0..50).map(|_| pause(0, None, &host)).collect();
        assert!(drawn.iter().all(|pause| (IDLE / 2..IDLE * 2).contains(pause)));
        assert!(drawn.iter().any(|pause| *pause != drawn[0]));
    }

    #[test]
    fn a_failing_terminal_waits_as_the_backoff_says() {
        struct Zero;
        impl Host for Zero {
            fn now(&self) -> fieldproof_schema::moment::Moment {
                fieldproof_schema::moment::Moment::from_micros(0)
            }
            fn monotonic_ms(&self) -> u64 {
                0
            }
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0);
            }
        }
        for failures in [1, 2, 30] {
            assert_eq!(pause(failures, None, &Zero), Duration::from_millis(backoff::delay_ms(failures, 0)));
        }
        let asked = Duration::from_secs(90);
        assert_eq!(pause(1, Some(asked), &Zero), asked);
        let host = SystemHost::new();
        let drawn: Vec<_> = (0..50).map(|_| pause(1, Some(asked), &host)).collect();
        assert!(drawn.iter().all(|pause| (asked..asked * 9 / 8 + Duration::from_secs(1)).contains(pause)));
        assert!(drawn.iter().any(|pause| *pause != drawn[0]));
    }
}
