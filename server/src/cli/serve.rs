//! `fieldproof serve`.

use super::{CliError, answer};
use crate::config::Place;
use crate::error::ApiError;
use crate::events;
use crate::quota::Bounds;
use crate::routes;
use crate::scrub;
use crate::store::usage::Amount;
use crate::sync::judge;
use clap::Args;
use fieldproof_presentation::http::{self, Limits};
use fieldproof_schema::limits::{
    DEVICE_APART_EVIDENCE_BYTES_MAX, DEVICE_BACKLOG_BYTES_MAX, DEVICE_BACKLOG_ITEMS_MAX,
    DEVICE_DAY_BYTES_MAX, DEVICE_DAY_EVIDENCE_BYTES_MAX, DEVICE_DAY_ITEMS_MAX, DEVICE_ENTRIES_BYTES_MAX,
    DEVICE_ENTRIES_MAX, PACKAGE_BYTES_MAX,
};
use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

/// Serves until SIGTERM or SIGINT, then lets requests in flight finish.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    place: Place,
    /// Where to listen; port 0 takes a free one. What it came to is the first line on stdout.
    #[arg(long, default_value = "127.0.0.1:8080", env = "FIELDPROOF_LISTEN")]
    listen: SocketAddr,
    /// A file that appears with the same line once requests are answered.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// How many processes judge what terminals send; by default one for each core. 0: this process does, without limits.
    #[arg(long, env = "FIELDPROOF_GATE_WORKERS")]
    gate_workers: Option<usize>,
    /// Changes of one terminal that may lie here before they are part of the record.
    #[arg(long, env = "FIELDPROOF_DEVICE_BACKLOG_ITEMS", default_value_t = DEVICE_BACKLOG_ITEMS_MAX)]
    device_backlog_items: u64,
    /// Their size, in MiB.
    #[arg(long, env = "FIELDPROOF_DEVICE_BACKLOG_MIB", default_value_t = DEVICE_BACKLOG_BYTES_MAX / MIB)]
    device_backlog_mib: u64,
    /// Journal entries of one terminal, in all.
    #[arg(long, env = "FIELDPROOF_DEVICE_ENTRIES", default_value_t = DEVICE_ENTRIES_MAX)]
    device_entries: u64,
    /// Their size, in MiB.
    #[arg(long, env = "FIELDPROOF_DEVICE_ENTRIES_MIB", default_value_t = DEVICE_ENTRIES_BYTES_MAX / MIB)]
    device_entries_mib: u64,
    /// Journal entries, and changes, that are taken of one terminal on one day (UTC).
    #[arg(long, env = "FIELDPROOF_DEVICE_DAY_ITEMS", default_value_t = DEVICE_DAY_ITEMS_MAX)]
    device_day_items: u64,
    /// The size of either, in MiB.
    #[arg(long, env = "FIELDPROOF_DEVICE_DAY_MIB", default_value_t = DEVICE_DAY_BYTES_MAX / MIB)]
    device_day_mib: u64,
    /// Originals that are taken of one terminal on one day (UTC), in MiB.
    #[arg(long, env = "FIELDPROOF_DEVICE_DAY_EVIDENCE_MIB", default_value_t = DEVICE_DAY_EVIDENCE_BYTES_MAX / MIB)]
    device_day_evidence_mib: u64,
    /// Originals of one terminal that are held apart, in MiB.
    #[arg(long, env = "FIELDPROOF_DEVICE_APART_EVIDENCE_MIB", default_value_t = DEVICE_APART_EVIDENCE_BYTES_MAX / MIB)]
    device_apart_evidence_mib: u64,
    /// A package that somebody hands in at the console, in MiB.
    #[arg(long, env = "FIELDPROOF_PACKAGE_MIB", default_value_t = PACKAGE_BYTES_MAX / MIB)]
    package_mib: u64,
}

const MIB: u64 = 1024 * 1024;

impl Serve {
    fn bounds(&self) -> Bounds {
        let bytes = |mib: u64| mib.saturating_mul(MIB);
        let amount = |items, mib| Amount { items, bytes: bytes(mib) };
        Bounds {
            backlog: amount(self.device_backlog_items, self.device_backlog_mib),
            entries: amount(self.device_entries, self.device_entries_mib),
            day: amount(self.device_day_items, self.device_day_mib),
            day_evidence: bytes(self.device_day_evidence_mib),
            apart_evidence: bytes(self.device_apart_evidence_mib),
            package: bytes(self.package_mib),
        }
    }

    pub(super) async fn run(self) -> Result<(), CliError> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let app = self.place.open_to_serve(self.gate_workers.unwrap_or_else(cores)).await?;
        app.quota.set(self.bounds());
        judge::look_back(&app, app.org().await?).await?;
        let address = PathBuf::from(self.listen.to_string());
        let listener = TcpListener::bind(self.listen).await.map_err(CliError::file(&address))?;
        let local = listener.local_addr().map_err(CliError::file(&address))?;
        // Signals are caught before anybody is told that the server is there.
        let stop = Signals::new().map_err(CliError::file(&address))?;
        let line = json!({"listening": format!("http://{local}")});
        answer(&line)?;
        if let Some(path) = &self.ready_file {
            appear(path, &format!("{line}\n"))?;
        }
        tracing::info!(server.address = %local, "listening");
        let judging = tokio::spawn(judge::work(app.clone()));
        let looking = tokio::spawn(events::work(app.clone()));
        let scrubbing = tokio::spawn(scrub::work(app.clone()));
        let (stopping, signals) = (app.clone(), stop.any());
        // Streams end by themselves then, and hold up nobody.
        let stop = async move {
            signals.await;
            stopping.events.close();
        };
        let router = routes::router(app.clone());
        let ended = http::serve(listener, router, Limits::default(), stop).await;
        judging.abort();
        looking.abort();
        scrubbing.abort();
        app.db.clone().close().await;
        tracing::info!("stopped");
        ended.map_err(|error| ApiError::internal(error).into())
    }
}

/// Makes a file appear whole under its name.
fn appear(path: &Path, text: &str) -> Result<(), CliError> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path)).map_err(CliError::file(path))
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn any(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn any(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
