//! Listens for the server's wake-ups and passes them on to the sync loop. Whatever goes wrong here costs speed only: the
//! loop has a timer of its own.

use crate::app::App;
use fieldproof_client_core::{ClientError, backoff};
use fieldproof_schema::host::random;
use fieldproof_schema::wire::error::ErrorCode;
use std::time::Duration;
use tokio::time::sleep;

/// The least between two streams: a server that ends each at once is not asked all the time.
const REST: Duration = Duration::from_secs(2);
/// Between two looks whether the terminal is enrolled and unlocked, or whether the server knows wake-ups by now.
const SELDOM: Duration = Duration::from_secs(600);

/// Listens until the terminal closes.
pub async fn run(app: App) {
    let mut failures = 0;
    loop {
        let pause = match app.listen().await {
            Ok(true) => {
                failures = 0;
                REST
            }
            // The way to the server carries no streams.
            Ok(false) => return,
            Err(error) => {
                failures += 1;
                pause(&error, failures, &app)
            }
        };
        tokio::select! {
            () = app.closed() => return,
            // Somebody enrolled, or a sync went well after failures: the server is there.
            () = app.reached() => {}
            () = sleep(pause) => {}
        }
    }
}

fn pause(error: &ClientError, failures: u32, app: &App) -> Duration {
    let drawn = u64::from_le_bytes(random(app.host()));
    let own = REST + Duration::from_millis(backoff::delay_ms(failures, drawn));
    match error.code() {
        ErrorCode::NotEnrolled | ErrorCode::StoreLocked | ErrorCode::NotFound | ErrorCode::DeviceRevoked => {
            SELDOM
        }
        _ => own.max(Duration::from_secs(error.retry_after_seconds().unwrap_or_default())),
    }
}
