//! `serve`: the loopback service until the process is told to stop.

use super::output::Output;
use super::passphrase;
use crate::config::ServeSettings;
use crate::error::StartError;
use crate::service::Service;
use fieldproof_client_core::Options;
use std::io;
use std::path::Path;
use std::process::ExitCode;

pub(super) async fn run(settings: &ServeSettings, output: &Output) -> Result<ExitCode, StartError> {
    // Before anyone is told that it runs, so that whoever is told can stop it.
    let stop = stop_signal().map_err(|source| StartError::File { what: "listening for signals", source })?;
    let service = Service::open(settings, Options::default(), passphrase::given()).await?;
    let written = ReadyFile::write(&service, settings.ready_file.as_deref())?;
    output.line(service.ready().line().trim_end())?;
    let served = service.run(stop).await;
    drop(written);
    served.map_err(|source| StartError::File { what: "serving", source })?;
    Ok(ExitCode::SUCCESS)
}

/// The file that holds the secret; it goes when the secret is worth nothing any more.
struct ReadyFile<'a>(Option<&'a Path>);

impl<'a> ReadyFile<'a> {
    fn write(service: &Service, path: Option<&'a Path>) -> Result<Self, StartError> {
        if let Some(path) = path {
            let failed = |source| StartError::File { what: "writing the ready file", source };
            service.ready().write(path).map_err(failed)?;
        }
        Ok(Self(path))
    }
}

impl Drop for ReadyFile<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            // A secret that stays behind opens nothing.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Ready at SIGTERM or SIGINT; it listens from the call on.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ready at Ctrl-C; it listens from the call on.
#[cfg(windows)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
