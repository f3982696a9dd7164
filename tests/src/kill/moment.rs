//! When a program is killed: told in what can be seen of it from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tokio::sync::mpsc;

/// What moves while a program works.
pub(super) struct Pulse<'a> {
    /// The log of its database.
    pub(super) log: PathBuf,
    /// Bytes on its link.
    pub(super) link: &'a (dyn Fn() -> u64 + Sync),
}

impl Pulse<'_> {
    fn now(&self) -> (u64, Option<(u64, SystemTime)>) {
        let log = fs::metadata(&self.log).ok();
        ((self.link)(), log.and_then(|log| Some((log.len(), log.modified().ok()?))))
    }

    /// Waits until something moved so many times, or nobody works any more.
    pub(super) async fn beats(&self, count: u64, works: impl Fn() -> bool) {
        let (mut last, mut left) = (self.now(), count);
        while left > 0 && works() {
            tokio::task::yield_now().await;
            let now = self.now();
            if now != last {
                (last, left) = (now, left - 1);
            }
        }
    }
}

/// Waits for so many answers; false when there are no more.
pub(super) async fn answers(told: &mut mpsc::UnboundedReceiver<()>, count: u64) -> bool {
    for _ in 0..count {
        if told.recv().await.is_none() {
            return false;
        }
    }
    true
}

/// Bytes of originals that a server has begun to receive from one terminal.
pub(super) fn staged(server: &Path, device: &str) -> u64 {
    let staging = fs::read_dir(server.join("staging")).into_iter().flatten().flatten();
    let of_device = staging.filter(|file| file.file_name().to_string_lossy().contains(device));
    of_device.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}
