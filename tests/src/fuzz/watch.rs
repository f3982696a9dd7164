//! A watch over a run: an input that takes too long or too much memory is a finding, too, and one that cannot be waited for.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often the watch looks.
const EVERY: Duration = Duration::from_millis(20);
/// Seconds that one input may take; the aim is one, the rest is for machines that do other things besides.
const SECONDS_MAX: u64 = 5;
/// Bytes that one input may take, beyond what was taken before it.
const MEMORY_MAX: u64 = 512 * 1024 * 1024;

/// The input that is being run.
#[derive(Default)]
struct Running {
    input: Option<(Vec<u8>, Instant)>,
    resident: u64,
}

/// Knows what is being run, since when and from how much memory.
pub struct Watch(Arc<Mutex<Running>>);

impl Watch {
    /// Starts watching; `alarm` is told the input and what is wrong with it, from another thread, and ends the program.
    pub fn start(alarm: impl Fn(&[u8], &str) + Send + 'static) -> Self {
        let running = Arc::new(Mutex::new(Running::default()));
        let seen = running.clone();
        thread::spawn(move || {
            loop {
                thread::sleep(EVERY);
                let running = seen.lock().unwrap_or_else(PoisonError::into_inner);
                let Some((input, since)) = &running.input else { continue };
                if since.elapsed().as_secs() >= SECONDS_MAX {
                    alarm(input, "takes too long");
                } else if resident().saturating_sub(running.resident) > MEMORY_MAX {
                    alarm(input, "takes too much memory");
                }
            }
        });
        Self(running)
    }

    /// The next input begins.
    pub fn begin(&self, input: &[u8]) {
        let resident = resident();
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *running = Running { input: Some((input.to_vec(), Instant::now())), resident };
    }

    /// Nothing is being run.
    pub fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).input = None;
    }
}

/// The resident memory of this program in bytes; 0 where the system does not say.
fn resident() -> u64 {
    const PAGE: u64 = 4096;
    let pages = fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok()).map_or(0, |pages| pages * PAGE)
}
