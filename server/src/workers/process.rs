//! The worker's side: limits for itself, then one job after another from stdin, until the server closes it.

use crate::sync::job::Job;
use crate::workers::message::{self, Answer, Ask, TEMPLATES_MAX};
use crate::workers::picture::Original;
use fieldproof_schema::checklist::Template;
use fieldproof_schema::suite::Digest;
use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::process::ExitCode;

/// Address space in bytes: all that one request may bring to one visit passes, and 768 MiB were too few for that.
pub const MEMORY_BYTES_MAX: u64 = 1536 * 1024 * 1024;
/// Processor time in seconds over all jobs: who ends a worker is the server, by its deadline; this ends one whose server
/// is gone.
#[cfg(target_os = "linux")]
const CPU_SECONDS_MAX: u64 = 600;
/// Open files: the three that it is given, and a few for the runtime.
#[cfg(target_os = "linux")]
const FILES_MAX: u64 = 16;

/// Judges, looks at or makes small what comes on stdin. This is all that `fieldproof gate-worker` does.
pub fn main() -> ExitCode {
    match limit_itself().and_then(|()| work(judge, preview)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::cli::tell(&[format!("gate-worker: {error}")]);
            ExitCode::FAILURE
        }
    }
}

/// Does a job.
pub fn judge(job: Job, template: &Template) -> Answer {
    match job.run(template) {
        Ok(passed) => Answer::Done(passed.into()),
        Err(error) => Answer::Refused(crate::error::chain(&error)),
    }
}

/// Makes a preview.
pub fn preview(original: &Original) -> Answer {
    original.preview()
}

/// Reads jobs from stdin and writes answers to stdout, until stdin ends.
///
/// # Errors
/// When something comes that is no job, or nobody reads the answer.
pub fn work(
    judge: impl Fn(Job, &Template) -> Answer,
    preview: impl Fn(&Original) -> Answer,
) -> io::Result<()> {
    let (mut input, mut output) = (BufReader::new(io::stdin().lock()), io::stdout().lock());
    let mut known: BTreeMap<Digest, Template> = BTreeMap::new();
    while let Some(ask) = message::read(&mut input)? {
        let (hash, text, job) = match ask {
            Ask::Judge { template, text, job } => (template, text, *job),
            Ask::Look(look) => {
                message::write(&mut output, &Answer::Seen(look.run()))?;
                continue;
            }
            Ask::Preview(original) => {
                message::write(&mut output, &preview(&original))?;
                continue;
            }
        };
        if let Some(text) = text {
            if known.len() >= TEMPLATES_MAX {
                known.clear();
            }
            match Template::parse(&text) {
                Ok(template) => known.insert(hash, template),
                Err(error) => {
                    message::write(&mut output, &Answer::Refused(crate::error::chain(&error)))?;
                    continue;
                }
            };
        }
        let answer = match known.get(&hash) {
            Some(template) => judge(job, template),
            None => Answer::Refused(format!("no checklist {hash}")),
        };
        message::write(&mut output, &answer)?;
    }
    Ok(())
}

/// Gives up what is not needed, for good: memory, processor time, files, core dumps.
///
/// # Errors
/// When the system refuses: then nothing may be opened.
#[cfg(target_os = "linux")]
pub fn limit_itself() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limits = [
        (Resource::As, MEMORY_BYTES_MAX),
        (Resource::Cpu, CPU_SECONDS_MAX),
        (Resource::Nofile, FILES_MAX),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        // Whoever started the server may have set less.
        let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Only the server's deadline limits a worker on this system.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn limit_itself() -> io::Result<()> {
    Ok(())
}
