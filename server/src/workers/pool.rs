//! The server's side: as many workers as cores, started when they are needed, a deadline for each job.

use super::message::{self, Answer, Ask, TEMPLATES_MAX};
use super::{Fault, Health};
use crate::sync::job::{Done, Job};
use crate::sync::look::{Look, Seen};
use crate::workers::picture::Original;
use fieldproof_schema::checklist::Template;
use fieldproof_schema::suite::Digest;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The subcommand of the server's program that is a worker.
pub const SUBCOMMAND: &str = "gate-worker";
/// How long every job may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// How much longer for each KiB that is opened.
const DEADLINE_PER_KIB: Duration = Duration::from_millis(5);
/// The second try may take so many times as long: the machine may have been busy.
const PATIENCE_FACTOR: u32 = 4;
/// A preview may take so many times as long as a job that opens nothing, whatever the size of its original: a photo of the most
/// pixels takes some two seconds, and one that takes longer is not worth a worker.
const PREVIEW_PATIENCE_FACTOR: u32 = 4;
/// A preview counts as so many jobs: with these two, no worker meets its bound on processor time.
const PREVIEW_JOBS: usize = 20;
/// Jobs after which a worker makes room for a fresh one, so that what it may have leaked ends.
const JOBS_MAX: usize = 1000;

/// Workers.
#[derive(Debug)]
pub struct Pool {
    program: PathBuf,
    arguments: Vec<OsString>,
    size: usize,
    deadline: Duration,
    desks: Semaphore,
    idle: Mutex<Vec<Worker>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    alive: AtomicUsize,
    busy: AtomicUsize,
    died: AtomicU64,
    /// The process ids of those that are at work.
    at_work: Mutex<BTreeSet<u32>>,
}

/// How long a job may take, and whether it is tried once more when it took longer.
#[derive(Debug, Clone, Copy)]
struct Patience {
    deadline: Duration,
    when_late: bool,
}

/// A process. Dropping it ends it.
#[derive(Debug)]
struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// The checklists that it has.
    templates: BTreeSet<Digest>,
    /// What it did, in ordinary jobs.
    jobs: usize,
    counts: Arc<Counts>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.counts.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// While a worker is at work.
struct AtWork<'a>(&'a Counts, u32);

impl<'a> AtWork<'a> {
    fn begin(counts: &'a Counts, id: u32) -> Self {
        counts.busy.fetch_add(1, Ordering::Relaxed);
        counts.at_work.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        Self(counts, id)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
        self.0.at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Pool {
    /// Workers of this very program, `size` at most.
    ///
    /// # Errors
    /// When the system does not say which program runs.
    pub fn of_this_program(size: usize) -> io::Result<Self> {
        // The link leads to what runs even after the file was replaced by a later version.
        #[cfg(target_os = "linux")]
        let program = PathBuf::from("/proc/self/exe");
        #[cfg(not(target_os = "linux"))]
        let program = std::env::current_exe()?;
        Ok(Self::of(program, vec![SUBCOMMAND.into()], size))
    }

    /// Workers of another program that speaks as [`super::process`] does.
    pub fn of(program: PathBuf, arguments: Vec<OsString>, size: usize) -> Self {
        let size = size.max(1);
        Self {
            program,
            arguments,
            size,
            deadline: DEADLINE,
            desks: Semaphore::new(size),
            idle: Mutex::new(Vec::new()),
            counts: Arc::default(),
        }
    }

    /// As many workers as said of the same program, which share nothing with these.
    #[must_use]
    pub fn apart(&self, size: usize) -> Self {
        Self::of(self.program.clone(), self.arguments.clone(), size).with_deadline(self.deadline)
    }

    /// With another time than two seconds that every job may take.
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How it does.
    pub fn health(&self) -> Health {
        let Counts { alive, busy, died, .. } = &*self.counts;
        Health {
            workers: self.size,
            alive: alive.load(Ordering::Relaxed),
            busy: busy.load(Ordering::Relaxed),
            died: died.load(Ordering::Relaxed),
        }
    }

    /// The process ids of those that are at work.
    pub fn at_work(&self) -> Vec<u32> {
        let ids = self.counts.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        ids.iter().copied().collect()
    }

    /// Has a job done. A worker that dies over it or is late is replaced, and the job is tried once more in a fresh one.
    ///
    /// # Errors
    /// Each [`Fault`].
    pub async fn judge(&self, job: Job, template: &Template) -> Result<Done, Fault> {
        let bytes = job.bytes();
        let ask = Ask::Judge { template: template.hash(), text: None, job: Box::new(job) };
        match self.ask(ask, Some(template), self.patience(bytes)).await? {
            Answer::Done(done) => Ok(done),
            Answer::Seen(_) | Answer::Preview(_) => Err(Fault::Strange),
            Answer::Refused(why) => Err(Fault::Refused(why)),
        }
    }

    /// Has something looked at that is held apart, in the same way.
    ///
    /// # Errors
    /// Each [`Fault`].
    pub async fn look(&self, look: Look) -> Result<Seen, Fault> {
        let bytes = look.bytes();
        match self.ask(Ask::Look(look), None, self.patience(bytes)).await? {
            Answer::Seen(seen) => Ok(seen),
            Answer::Done(_) | Answer::Preview(_) => Err(Fault::Strange),
            Answer::Refused(why) => Err(Fault::Refused(why)),
        }
    }

    /// Has a preview made, a JPEG, in the same way; a worker that is late is not asked once more.
    ///
    /// # Errors
    /// Each [`Fault`].
    pub async fn preview(&self, original: Original) -> Result<Vec<u8>, Fault> {
        let patience = Patience { deadline: self.deadline * PREVIEW_PATIENCE_FACTOR, when_late: false };
        match self.ask(Ask::Preview(original), None, patience).await? {
            Answer::Preview(jpeg) => Ok(jpeg),
            Answer::Done(_) | Answer::Seen(_) => Err(Fault::Strange),
            Answer::Refused(why) => Err(Fault::Refused(why)),
        }
    }

    /// That for a job that opens so many bytes.
    fn patience(&self, bytes: usize) -> Patience {
        let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
        Patience { deadline: self.deadline + DEADLINE_PER_KIB.saturating_mul(kib), when_late: true }
    }

    async fn ask(
        &self,
        mut ask: Ask,
        template: Option<&Template>,
        Patience { deadline, when_late }: Patience,
    ) -> Result<Answer, Fault> {
        let no_worker = |_| Fault::NoWorker(io::ErrorKind::Interrupted.into());
        let _desk = self.desks.acquire().await.map_err(no_worker)?;
        let idle = self.idle();
        match self.attempt(idle, &mut ask, template, deadline).await {
            Err(fault) if fault.is_of_the_job() && (when_late || !matches!(fault, Fault::Late(_))) => {
                tracing::warn!(error.cause = crate::error::chain(&fault), "a worker is replaced");
            }
            done => return done,
        }
        self.attempt(None, &mut ask, template, deadline * PATIENCE_FACTOR).await
    }

    /// One that waits for work; those that ended meanwhile are forgotten.
    fn idle(&self) -> Option<Worker> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut worker) = idle.pop() {
            if matches!(worker.child.try_wait(), Ok(None)) {
                return Some(worker);
            }
            self.counts.died.fetch_add(1, Ordering::Relaxed);
        }
        None
    }

    async fn attempt(
        &self,
        worker: Option<Worker>,
        ask: &mut Ask,
        checklist: Option<&Template>,
        deadline: Duration,
    ) -> Result<Answer, Fault> {
        let mut worker = match worker {
            Some(worker) => worker,
            None => self.start().map_err(Fault::NoWorker)?,
        };
        if let (Ask::Judge { template, text, .. }, Some(checklist)) = (&mut *ask, checklist) {
            *text = worker.misses(*template).then(|| checklist.canonical().to_owned());
        }
        let message = message::framed(ask).map_err(Fault::Died)?;
        let at_work = AtWork::begin(&self.counts, worker.child.id().unwrap_or_default());
        let cost = if matches!(ask, Ask::Preview(_)) { PREVIEW_JOBS } else { 1 };
        let answered = timeout(deadline, worker.ask(&message, cost)).await;
        drop(at_work);
        let fault = match answered {
            Ok(Ok(answer)) => {
                if worker.jobs < JOBS_MAX {
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
                }
                return Ok(answer);
            }
            Ok(Err(fault)) => fault,
            Err(_) => Fault::Late(deadline),
        };
        self.counts.died.fetch_add(1, Ordering::Relaxed);
        // It is gone before another begins: two must not use up memory for one job.
        worker.child.kill().await.ok();
        Err(fault)
    }

    fn start(&self) -> io::Result<Worker> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        // The address of the database, with its password, may be in the environment.
        command.env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command.kill_on_drop(true);
        // A signal to the server's group is for the server: it ends its workers when nothing is in their hands.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| io::Error::other("a worker without pipes"))?;
        self.counts.alive.fetch_add(1, Ordering::Relaxed);
        let counts = Arc::clone(&self.counts);
        Ok(Worker { child, input, output, templates: BTreeSet::new(), jobs: 0, counts })
    }
}

impl Worker {
    /// Whether it has to be sent a checklist; notes that it is.
    fn misses(&mut self, template: Digest) -> bool {
        if self.templates.contains(&template) {
            return false;
        }
        if self.templates.len() >= TEMPLATES_MAX {
            self.templates.clear();
        }
        self.templates.insert(template)
    }

    async fn ask(&mut self, message: &[u8], cost: usize) -> Result<Answer, Fault> {
        self.jobs += cost;
        let bytes = self.exchange(message).await.map_err(Fault::Died)?;
        minicbor::decode(&bytes).map_err(|_| Fault::Strange)
    }

    async fn exchange(&mut self, message: &[u8]) -> io::Result<Vec<u8>> {
        self.input.write_all(message).await?;
        self.input.flush().await?;
        let mut head = [0; 4];
        self.output.read_exact(&mut head).await?;
        let mut bytes = vec![0; message::length(head)?];
        self.output.read_exact(&mut bytes).await?;
        Ok(bytes)
    }
}
