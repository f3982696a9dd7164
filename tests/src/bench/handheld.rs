//! A terminal in a process of its own, so that its memory and processor time are its own, too.
//!
//! The benchmark asks by lines of JSON on its standard input; it answers each with one line.

use super::evidence;
use super::wire::Wire;
use super::work::{self, Each};
use crate::demo::api::Failure;
use crate::measure::memory;
use crate::measure::times::Times;
use crate::store;
use crate::world::device::PASSPHRASE;
use crate::world::host::{Clock, SimHost};
use fieldproof_client_core::{Client, Enrolment, KeyCost, Options};
use fieldproof_schema::ids::InspectionId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The argument that makes the benchmark's program a terminal.
pub const SUBCOMMAND: &str = "handheld";

/// What a terminal is asked to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// To use this server from now on.
    TurnTo { base: String },
    /// To enrol with a one-time code.
    Enrol { code: String },
    /// To sync; captures are uploaded only where it is said.
    Sync { uploads: bool },
    /// To write into all its visits.
    EditAll(Each),
    /// To change one answer in each of the visits from `first` on.
    EditSome { first: usize, count: usize },
    /// To open that many visits, each from the store.
    Open { count: usize },
    /// To close its store and open it again.
    Reopen,
    /// To take in the photos of a round, and to do the least with the same ones.
    Capture { round: usize },
    /// To send all photos to an endpoint that only keeps them.
    SendPlain { base: String },
}

/// What came of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) seconds: f64,
    /// Figures of this act.
    pub(super) more: Value,
    /// How many visits it lists.
    pub(super) listed: usize,
    /// Bytes, as JSON, of what was written.
    pub(super) json_bytes: u64,
    pub(super) up: u64,
    pub(super) resident_mib: Option<f64>,
    pub(super) peak_mib: Option<f64>,
    pub(super) cpu_seconds: Option<f64>,
}

impl Told {
    pub(super) fn took(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

/// A terminal, as the benchmark sees it.
pub(super) struct Handheld {
    // Ends with this value.
    _child: Child,
    ask: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

impl Handheld {
    /// Starts one with its store in `folder`.
    pub(super) async fn start(folder: &Path, seed: u64, base: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(SUBCOMMAND)
            .arg(folder)
            .arg(seed.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (ask, told) = (child.stdin.take(), child.stdout.take());
        let (Some(ask), Some(told)) = (ask, told) else { return Err("a terminal without pipes".into()) };
        let mut handheld = Self { _child: child, ask, told: BufReader::new(told).lines() };
        handheld.ask(&Ask::TurnTo { base: base.to_owned() }).await?;
        Ok(handheld)
    }

    /// Asks, and waits until it was done.
    pub(super) async fn ask(&mut self, ask: &Ask) -> Result<Told, Failure> {
        self.ask.write_all(format!("{}\n", serde_json::to_string(ask)?).as_bytes()).await?;
        let line = self.told.next_line().await?.ok_or("a terminal ended")?;
        let told: Result<Told, String> = serde_json::from_str(&line)?;
        Ok(told?)
    }

    /// Syncs without its captures.
    pub(super) async fn sync(&mut self) -> Result<Told, Failure> {
        self.ask(&Ask::Sync { uploads: false }).await
    }
}

/// The terminal's own side.
struct Terminal {
    client: Option<Client>,
    host: Arc<SimHost>,
    folder: PathBuf,
    wire: Option<Wire>,
}

/// Is a terminal until its standard input ends: the arguments are its folder and its seed.
///
/// # Errors
/// When it cannot begin, or nobody listens any more.
pub async fn be(mut arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let folder = PathBuf::from(arguments.next().ok_or("a terminal needs a folder")?);
    let seed = arguments.next().ok_or("a terminal needs a seed")?.parse()?;
    let host = Arc::new(SimHost::new(&Clock::default(), seed, 0));
    let mut terminal = Terminal { client: None, host, folder, wire: None };
    terminal.open()?;
    for line in io::stdin().lock().lines() {
        let ask = serde_json::from_str(&line?)?;
        memory::forget_peak();
        let process = std::process::id();
        let cpu = memory::cpu_seconds(process);
        let told = terminal.play(ask).await.map(|told| Told {
            resident_mib: memory::resident(process).map(f64::round),
            peak_mib: memory::peak(process).map(f64::round),
            cpu_seconds: memory::cpu_seconds(process).zip(cpu).map(|(now, before)| now - before),
            ..told
        });
        let told = told.map_err(|failure| failure.to_string());
        let mut out = io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&told)?)?;
        out.flush()?;
    }
    Ok(())
}

impl Terminal {
    fn open(&mut self) -> Result<(), Failure> {
        self.client = None;
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let host: Arc<SimHost> = Arc::clone(&self.host);
        self.client = Some(Client::open(&self.folder, host, options, store::unlock())?);
        Ok(())
    }

    fn client(&self) -> Result<&Client, Failure> {
        Ok(self.client.as_ref().ok_or("the store is not open")?)
    }

    fn wire(&self) -> Result<&Wire, Failure> {
        Ok(self.wire.as_ref().ok_or("there is no server")?)
    }

    fn visits(&self) -> Result<Vec<InspectionId>, Failure> {
        Ok(self.client()?.inspections()?.iter().map(|visit| visit.id).collect())
    }

    async fn play(&mut self, ask: Ask) -> Result<Told, Failure> {
        let begun = Instant::now();
        let mut told = Told { more: json!({}), ..Told::default() };
        match ask {
            Ask::TurnTo { base } => self.wire = Some(Wire::new(&base)?),
            Ask::Enrol { code } => {
                let enrolment =
                    Enrolment { code: &code, device_name: "测试终端", passphrase: PASSPHRASE };
                self.client()?.enrol(self.wire()?, &enrolment).await?;
            }
            Ask::Sync { uploads } => {
                let synced = self.wire()?.sync(self.client()?, uploads).await?;
                told.seconds = synced.took.as_secs_f64();
                told.up = synced.up;
                told.more = synced.figures();
                told.listed = self.client()?.inspections()?.len();
                return Ok(told);
            }
            Ask::EditAll(each) => {
                let edited = work::edit_all(self.client()?, &self.visits()?, each)?;
                let figures = json!({"changes": edited.changes, "captures": edited.captures,
                    "commit_p50_ms": edited.commits.at(50).as_secs_f64() * 1000.0,
                    "commit_p99_ms": edited.commits.at(99).as_secs_f64() * 1000.0});
                return Ok(Told {
                    seconds: edited.took.as_secs_f64(),
                    json_bytes: edited.json_bytes,
                    more: figures,
                    ..told
                });
            }
            Ask::EditSome { first, count } => {
                let visits = self.visits()?;
                for n in first..first + count {
                    work::edit_one(self.client()?, visits[n % visits.len()])?;
                }
            }
            Ask::Open { count } => {
                self.open()?;
                let visits: Vec<_> = self.visits()?.into_iter().take(count).collect();
                let client = self.client()?;
                let mut failed = None;
                let times = Times::of(visits.len(), |n| {
                    if let Err(error) = client.inspection(visits[n]) {
                        failed = Some(error);
                    }
                });
                failed.map_or(Ok(()), Err)?;
                told.seconds = times.at(50).as_secs_f64();
                told.more = json!({"p99_seconds": times.at(99).as_secs_f64()});
                return Ok(told);
            }
            Ask::Reopen => self.open()?,
            Ask::Capture { round } => {
                let visit = *self.visits()?.first().ok_or("there is no visit")?;
                let (raw, took) = evidence::capture(self.client()?, visit, &self.folder, round)?;
                told.seconds = took.as_secs_f64();
                told.more = json!({"raw_seconds": raw.as_secs_f64()});
                return Ok(told);
            }
            Ask::SendPlain { base } => {
                told.seconds = evidence::send_plain(&base).await?.as_secs_f64();
                return Ok(told);
            }
        }
        told.seconds = begun.elapsed().as_secs_f64();
        Ok(told)
    }
}
