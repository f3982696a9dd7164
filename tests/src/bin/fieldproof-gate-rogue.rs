//! A worker of the gate that misbehaves over marked items and is the product's own over all others. Only tests start it.
//!
//! `fieldproof-gate-rogue FILE`: over `GATE-ONCE` it makes the file and hangs, but only while there is no file. Over photos it
//! misbehaves alike.

use fieldproof_schema::checklist::Template;
use fieldproof_server::sync::job::Job;
use fieldproof_server::workers::message::Answer;
use fieldproof_server::workers::picture::Original;
use fieldproof_server::workers::process;
use std::path::Path;
use std::process::ExitCode;

/// Far more than a worker may have, and little for the machine.
const MEMORY_BYTES: u64 = 2 * process::MEMORY_BYTES_MAX;

fn main() -> ExitCode {
    let once = std::env::args().nth(1).unwrap_or_default();
    let judge = |job: Job, template: &Template| -> Answer {
        let opened: Vec<_> = job.opened().map(|came| came.raw.0.as_slice()).collect();
        misbehave(&opened, Path::new(&once));
        process::judge(job, template)
    };
    let preview = |original: &Original| -> Answer {
        misbehave(&[&original.0], Path::new(&once));
        process::preview(original)
    };
    let done = process::limit_itself().and_then(|()| process::work(judge, preview));
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Acts upon what is opened, as a decoder would.
fn misbehave(opened: &[&[u8]], once: &Path) {
    let marked = |mark: &str| {
        let holds = |bytes: &[u8]| bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
        opened.iter().any(|bytes| holds(bytes))
    };
    if marked("GATE-PANIC") {
        panic!("as told");
    }
    if marked("GATE-SPIN") {
        loop {
            std::hint::spin_loop();
        }
    }
    if marked("GATE-EAT") {
        // Whoever lets it have all of this gets an honest judgement.
        let mut eaten: Vec<Vec<u8>> = Vec::new();
        while (eaten.len() as u64) << 24 < MEMORY_BYTES {
            eaten.push(vec![1; 1 << 24]);
        }
        std::hint::black_box(&eaten);
    }
    if marked("GATE-HANG") || (marked("GATE-ONCE") && std::fs::File::create_new(once).is_ok()) {
        loop {
            std::thread::park();
        }
    }
}
