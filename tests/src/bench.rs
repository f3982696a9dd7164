//! How fast inspections travel: terminals and a durable server over loopback HTTP, one JSON line for each phase.
//!
//! The terminals are processes of their own; the server shares this one with the benchmark, which only waits meanwhile, but
//! for the phase `rate`. Memory and processor time are told by phase. The server fsyncs before it acknowledges, as always.

mod evidence;
pub mod handheld;
mod limits;
mod rate;
mod wire;
mod work;

use crate::demo::api::Failure;
use crate::measure::times::Times;
use crate::measure::{acts, memory};
use crate::stage;
use crate::world::World;
use crate::world::console::{Person, Task};
use fieldproof_presentation::http::{self, Limits};
use fieldproof_schema::ids::OfficerId;
use fieldproof_server::sync::judge;
use fieldproof_server::workers::Gate;
use fieldproof_server::workers::pool::{Pool, SUBCOMMAND};
use handheld::{Ask, Handheld, Told};
use serde_json::json;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use work::Each;

/// Single edits that are synced, each in a sync of its own.
const SINGLE_EDITS: usize = 50;
/// Inspections of which one answer each is changed.
const EDITED: usize = 100;

/// What can be measured, in the order in which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// What stands behind the others, each alone.
    Limits,
    /// Photos taken in and uploaded.
    Evidence,
    /// Writing off line, sending it, judging it, uploading captures.
    Push,
    /// Nothing to sync.
    Noop,
    /// One edit, also to a colleague's terminal; a hundred edits.
    Edit,
    /// A fresh terminal begins.
    Pull,
    /// Single edits from many terminals at once.
    Rate,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Phase; 7] =
        [Self::Limits, Self::Evidence, Self::Push, Self::Noop, Self::Edit, Self::Pull, Self::Rate];

    /// Finds a phase by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::Evidence => "evidence",
            Self::Push => "push",
            Self::Noop => "noop",
            Self::Edit => "edit",
            Self::Pull => "pull",
            Self::Rate => "rate",
        }
    }
}

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which phases; what others need is done, but not told.
    pub phases: BTreeSet<Phase>,
    /// Inspections.
    pub cases: usize,
    /// Captures of each inspection.
    pub captures: usize,
    /// Changes of each inspection besides.
    pub changes: usize,
    /// An empty PostgreSQL database; without one, SQLite.
    pub postgres: Option<String>,
    /// Processes that judge; 0: the server's own.
    pub gate_workers: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            phases: Phase::ALL.into(),
            cases: 1000,
            captures: 0,
            changes: work::CHANGES,
            postgres: None,
            gate_workers: 0,
        }
    }
}

/// Prints the figures of one phase.
struct Board<'a> {
    out: &'a mut dyn Write,
    options: &'a Options,
    /// One durable insert, the raw limit of whatever is durable: ratios to it hold on other machines, too.
    raw: Duration,
    /// The server's processor time until the last line.
    cpu: Option<f64>,
}

impl Board<'_> {
    /// A line about the server, and about the terminal that it dealt with.
    fn line(&mut self, phase: Phase, name: &str, took: Duration, told: &Told) -> Result<(), Failure> {
        let process = std::process::id();
        let cpu = memory::cpu_seconds(process);
        let used = cpu.zip(self.cpu).map(|(now, before)| ((now - before) * 100.0).round() / 100.0);
        self.cpu = cpu;
        let peak = memory::peak(process).map(f64::round);
        memory::forget_peak();
        if !self.options.phases.contains(&phase) {
            return Ok(());
        }
        let seconds = took.as_secs_f64();
        let engine = if self.options.postgres.is_some() { "postgresql" } else { "sqlite" };
        let mut line = json!({"phase": name, "engine": engine, "cases": self.options.cases,
            "captures": self.options.captures, "changes_each": self.options.changes, "seconds": (seconds * 100_000.0).round() / 100_000.0,
            "raw_inserts": (seconds / self.raw.as_secs_f64()).round(),
            "server_mib": memory::resident(process).map(f64::round), "server_peak_mib": peak, "server_cpu": used,
            "device_mib": told.resident_mib, "device_peak_mib": told.peak_mib, "device_cpu": told.cpu_seconds});
        if let (Some(line), Some(more)) = (line.as_object_mut(), told.more.as_object()) {
            line.extend(more.clone());
        }
        writeln!(self.out, "{line}")?;
        Ok(self.out.flush()?)
    }
}

/// The server on a port of its own.
struct Served {
    base: String,
    task: JoinHandle<()>,
}

impl Served {
    async fn of(world: &World) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let serving = http::serve(listener, world.router(), Limits::default(), std::future::pending());
        let task = tokio::spawn(async move { drop(serving.await) });
        Ok(Self { base, task })
    }
}

/// Plays all phases.
///
/// # Errors
/// When something fails that must not.
pub async fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let gate = match options.gate_workers {
        0 => Gate::InProcess,
        workers => {
            let program = stage::program("fieldproof");
            Gate::Workers(Arc::new(Pool::of(program, vec![SUBCOMMAND.into()], workers)))
        }
    };
    // At first rounds wait for no judgement and nobody judges in the background: receipts and judgements are timed apart.
    let mut world = World::start_at(1, options.postgres.as_deref(), Some(Duration::ZERO), gate).await;
    let raw = acts::raw_commits(&world.folder().join("raw.db")).at(50);
    let mut board = Board { out, options, raw, cpu: memory::cpu_seconds(std::process::id()) };
    board.line(Phase::Limits, "one_durable_insert", raw, &Told::default())?;
    let served = Served::of(&world).await?;
    limits::limits(&mut board, &served.base).await?;
    if options.phases.iter().all(|phase| *phase == Phase::Limits) {
        return Ok(());
    }

    let (administrator, _) = world.found_city().await;
    let mut tasks = administrator.draw_and_dispatch(&world).await;
    tasks.sort_by(|a, b| b.template.cmp(&a.template));
    let task = tasks.swap_remove(0);
    let filled = crate::measure::fill::fill(&world, task.inspection, task.team[0], options.cases).await;
    filled.map_err(|error| error.code.as_str())?;
    let mut one = handheld(&world, &administrator, task.team[0], ("one", 1), &served.base).await?;
    board.line(Phase::Push, "set_up", Duration::ZERO, &Told::default())?;
    let last = options.phases.last().copied();
    if options.phases.contains(&Phase::Evidence) {
        evidence::evidence(&mut board, &mut one).await?;
    }
    if last <= Some(Phase::Evidence) {
        return Ok(());
    }
    push(&mut board, &world, &mut one).await?;
    if last >= Some(Phase::Edit) {
        receipts(&mut board, &world, &mut one).await?;
    }

    // From here on the server is as it always is.
    served.task.abort();
    world.restart_with(Some(judge::PATIENCE)).await;
    let background = tokio::spawn(judge::work(world.app.clone()));
    let served = Served::of(&world).await?;
    one.ask(&Ask::TurnTo { base: served.base.clone() }).await?;
    one.ask(&Ask::Reopen).await?;
    noop(&mut board, &mut one).await?;
    if last >= Some(Phase::Edit) {
        edits(&mut board, (&world, &administrator, &task), &mut one, &served.base).await?;
    }
    background.abort();
    served.task.abort();
    if last >= Some(Phase::Rate) {
        // Receipts again, and the backlog drains afterwards.
        world.restart_with(Some(Duration::ZERO)).await;
        let served = Served::of(&world).await?;
        rate::rate(&mut board, &served.base, &world, &administrator, task.team[0]).await?;
        served.task.abort();
    }
    Ok(())
}

/// A fresh terminal of an officer.
async fn handheld(
    world: &World,
    administrator: &Person,
    officer: OfficerId,
    (name, seed): (&str, u64),
    base: &str,
) -> Result<Handheld, Failure> {
    let mut handheld = Handheld::start(&world.folder().join(name), seed, base).await?;
    handheld.ask(&Ask::Enrol { code: administrator.enrolment_code(world, officer).await }).await?;
    Ok(handheld)
}

/// Judges everything that waits for it.
async fn judge_all(world: &World) -> Result<Duration, Failure> {
    let begun = Instant::now();
    while judge::sweep(&world.app).await.map_err(|error| error.code.as_str())? > 0 {}
    Ok(begun.elapsed())
}

async fn push(board: &mut Board<'_>, world: &World, one: &mut Handheld) -> Result<(), Failure> {
    let pulled = one.sync().await?;
    board.line(Phase::Push, "pull_new", pulled.took(), &pulled)?;
    let each = Each { changes: board.options.changes, captures: board.options.captures };
    let edited = one.ask(&Ask::EditAll(each)).await?;
    board.line(Phase::Push, "edit_offline", edited.took(), &edited)?;
    let mut pushed = one.sync().await?;
    pushed.more["json_bytes"] = json!(edited.json_bytes);
    let share = pushed.up as f64 / edited.json_bytes as f64;
    pushed.more["share_of_json"] = json!((share * 1000.0).round() / 1000.0);
    board.line(Phase::Push, "push_receipted", pushed.took(), &pushed)?;
    let judged = judge_all(world).await?;
    board.line(Phase::Push, "push_judged_after", judged, &Told::default())?;
    if board.options.captures > 0 {
        let uploaded = one.ask(&Ask::Sync { uploads: true }).await?;
        board.line(Phase::Push, "upload", uploaded.took(), &uploaded)?;
        judge_all(world).await?;
    }
    one.sync().await?;
    let opened = one.ask(&Ask::Open { count: EDITED }).await?;
    board.line(Phase::Push, "open_one", opened.took(), &opened)
}

async fn noop(board: &mut Board<'_>, one: &mut Handheld) -> Result<(), Failure> {
    one.sync().await?;
    let mut times = Vec::new();
    let mut last = Told::default();
    for _ in 0..SINGLE_EDITS {
        last = one.sync().await?;
        times.push(last.took());
    }
    line_of(board, Phase::Noop, "noop", times, last)
}

/// The median of some times, with their 99th hundredth.
fn line_of(
    board: &mut Board<'_>,
    phase: Phase,
    name: &str,
    times: Vec<Duration>,
    mut last: Told,
) -> Result<(), Failure> {
    let times = Times::taken(times);
    if last.more.is_null() {
        last.more = json!({});
    }
    last.more["p99_seconds"] = json!((times.at(99).as_secs_f64() * 100_000.0).round() / 100_000.0);
    board.line(phase, name, times.at(50), &last)
}

/// One edit and a hundred until their receipts are stored; what the gate says of them comes later.
async fn receipts(board: &mut Board<'_>, world: &World, one: &mut Handheld) -> Result<(), Failure> {
    let (mut sent, mut last) = (Vec::new(), Told::default());
    for n in 0..SINGLE_EDITS {
        one.ask(&Ask::EditSome { first: n, count: 1 }).await?;
        last = one.sync().await?;
        sent.push(last.took());
        judge_all(world).await?;
    }
    line_of(board, Phase::Edit, "one_edit_receipted", sent, last)?;
    one.ask(&Ask::EditSome { first: 0, count: EDITED }).await?;
    let synced = one.sync().await?;
    board.line(Phase::Edit, "hundred_edits_receipted", synced.took(), &synced)?;
    let judged = judge_all(world).await?;
    board.line(Phase::Edit, "hundred_edits_judged_after", judged, &Told::default())
}

/// A fresh terminal of a colleague; one edit to the server and to her; a hundred edits.
async fn edits(
    board: &mut Board<'_>,
    (world, administrator, task): (&World, &Person, &Task),
    one: &mut Handheld,
    base: &str,
) -> Result<(), Failure> {
    let mut other = handheld(world, administrator, task.team[1], ("fresh", 2), base).await?;
    let mut pulled = other.sync().await?;
    pulled.more["listed"] = json!(pulled.listed);
    board.line(Phase::Pull, "pull_fresh", pulled.took(), &pulled)?;

    let (mut sent, mut arrived, mut last) = (Vec::new(), Vec::new(), Told::default());
    for n in 0..SINGLE_EDITS {
        one.ask(&Ask::EditSome { first: n, count: 1 }).await?;
        last = one.sync().await?;
        let read = other.sync().await?;
        sent.push(last.took());
        arrived.push(last.took() + read.took());
    }
    line_of(board, Phase::Edit, "one_edit", sent, last)?;
    line_of(board, Phase::Edit, "one_edit_to_the_other", arrived, Told::default())?;
    one.ask(&Ask::EditSome { first: 0, count: EDITED }).await?;
    let synced = one.sync().await?;
    board.line(Phase::Edit, "hundred_edits", synced.took(), &synced)
}

/// Reads the command line and measures, or is a terminal.
///
/// # Errors
/// What is wrong with the arguments, or when something fails that must not.
pub async fn main(mut arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let mut options = Options { phases: BTreeSet::new(), ..Options::default() };
    while let Some(name) = arguments.next() {
        if name == handheld::SUBCOMMAND {
            return handheld::be(arguments).await;
        }
        if let Some(phase) = Phase::find(&name) {
            options.phases.insert(phase);
            continue;
        }
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--cases" => options.cases = value.parse().map_err(|_| USAGE)?,
            "--changes" => {
                let changes = value.parse().ok().filter(|changes| *changes >= work::CHANGES_MIN);
                options.changes = changes.ok_or(USAGE)?;
            }
            "--captures" => options.captures = value.parse().map_err(|_| USAGE)?,
            "--gate-workers" => options.gate_workers = value.parse().map_err(|_| USAGE)?,
            "--postgres" => options.postgres = Some(value),
            _ => return Err(USAGE.into()),
        }
    }
    if options.phases.is_empty() {
        options.phases = Phase::ALL.into();
    }
    run(&options, &mut std::io::stdout()).await
}

/// How the benchmark is called.
const USAGE: &str = "fieldproof-bench [limits] [evidence] [push] [noop] [edit] [pull] [rate] [--cases N] [--changes N] [--captures N] [--postgres URL] [--gate-workers N]";
