//! How fast inspections travel: a device and a durable server over loopback HTTP, one JSON line for each phase.
//!
//! Server and device share the process, so memory and processor time are those of both. The peak of memory and the seconds of
//! all cores are told by phase, since the line before. The server fsyncs before it acknowledges, as always.

mod rate;
mod wire;
mod work;

use crate::demo::api::Failure;
use crate::measure::times::Times;
use crate::measure::{acts, memory};
use crate::stage;
use crate::world::World;
use crate::world::console::Person;
use crate::world::device::Device;
use fieldproof_presentation::http::{self, Limits};
use fieldproof_schema::ids::InspectionId;
use fieldproof_server::sync::judge;
use fieldproof_server::workers::Gate;
use fieldproof_server::workers::pool::{Pool, SUBCOMMAND};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use wire::Wire;

/// Single edits that are synced, each in a sync of its own.
const SINGLE_EDITS: usize = 50;
/// Inspections of which one answer each is changed.
const EDITED: usize = 100;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// Inspections.
    pub cases: usize,
    /// An empty PostgreSQL database; without one, SQLite.
    pub postgres: Option<String>,
    /// Processes that judge; 0: the server's own.
    pub gate_workers: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { cases: 1000, postgres: None, gate_workers: 0 }
    }
}

/// Prints the figures of one phase.
struct Board<'a> {
    out: &'a mut dyn Write,
    cases: usize,
    engine: &'static str,
    /// One durable insert, the raw limit of whatever is durable: ratios to it hold on other machines, too.
    raw: Duration,
    /// Processor time until the last line: figures of time can be read on a machine that others use, too.
    cpu: Option<f64>,
}

impl Board<'_> {
    fn line(&mut self, phase: &str, took: Duration, more: &Value) -> Result<(), Failure> {
        let seconds = took.as_secs_f64();
        let process = std::process::id();
        let cpu = memory::cpu_seconds(process);
        let mut line = json!({"phase": phase, "engine": self.engine, "cases": self.cases,
            "seconds": (seconds * 10_000.0).round() / 10_000.0,
            "raw_inserts": (seconds / self.raw.as_secs_f64()).round(),
            "resident_mib": memory::resident(process).map(f64::round),
            "peak_mib": memory::peak(process).map(f64::round),
            "cpu_seconds": cpu.zip(self.cpu).map(|(now, before)| ((now - before) * 100.0).round() / 100.0)});
        if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
            line.extend(more.clone());
        }
        writeln!(self.out, "{line}")?;
        self.cpu = cpu;
        memory::forget_peak();
        Ok(self.out.flush()?)
    }
}

/// Plays all phases.
///
/// # Errors
/// When something fails that must not.
pub async fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    // Rounds wait for no judgement, so that receipts and judgements are timed apart.
    let gate = match options.gate_workers {
        0 => Gate::InProcess,
        workers => {
            let program = stage::program("fieldproof");
            Gate::Workers(Arc::new(Pool::of(program, vec![SUBCOMMAND.into()], workers)))
        }
    };
    let world = World::start_at(1, options.postgres.as_deref(), Some(Duration::ZERO), gate).await;
    let engine = if options.postgres.is_some() { "postgresql" } else { "sqlite" };
    let raw = acts::raw_commits(&world.folder().join("raw.db")).at(50);
    let mut board =
        Board { out, cases: options.cases, engine, raw, cpu: memory::cpu_seconds(std::process::id()) };
    board.line("raw_durable_insert", raw, &json!({}))?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let serving =
        tokio::spawn(http::serve(listener, world.router(), Limits::default(), std::future::pending()));

    let (administrator, _) = world.found_city().await;
    let mut tasks = administrator.draw_and_dispatch(&world).await;
    tasks.sort_by(|a, b| b.template.cmp(&a.template));
    let task = tasks.swap_remove(0);
    let device = administrator.terminal(&world, task.team[0], "one").await;
    let wire = Wire::new(&base)?;
    wire.sync(&device).await?;
    let filled =
        crate::measure::fill::fill(&world, &device, task.inspection, task.team[0], options.cases).await;
    filled.map_err(|error| error.code.as_str())?;

    let took = wire.sync(&device).await?;
    board.line("pull_new", took.took, &took.figures())?;
    let visits: Vec<InspectionId> = device.client().inspections()?.iter().map(|visit| visit.id).collect();
    let (edited, raw_bytes) = work::edit_all(&device, &visits)?;
    board.line(
        "edit_offline",
        edited,
        &json!({"changes": visits.len() * work::CHANGES, "json_bytes": raw_bytes}),
    )?;

    let pushed = wire.sync(&device).await?;
    let share = pushed.up as f64 / raw_bytes as f64;
    let mut figures = pushed.figures();
    figures["share_of_json"] = json!((share * 1000.0).round() / 1000.0);
    board.line("push_receipted", pushed.took, &figures)?;
    let judged = Instant::now();
    while judge::sweep(&world.app).await.map_err(|error| error.code.as_str())? > 0 {}
    board.line("push_judged_after", judged.elapsed(), &json!({}))?;
    wire.sync(&device).await?;

    small(&mut board, &wire, &world, &device, &visits).await?;
    pull(&mut board, &wire, &world, &administrator, task.team[1]).await?;
    let one = (task.team[0], task.inspection);
    rate::rate(&mut board, &base, &world, &administrator, one).await?;
    serving.abort();
    Ok(())
}

/// Nothing to sync, one edit, a hundred edits.
async fn small(
    board: &mut Board<'_>,
    wire: &Wire,
    world: &World,
    device: &Device,
    visits: &[InspectionId],
) -> Result<(), Failure> {
    let mut times = Vec::new();
    let mut last = wire.sync(device).await?;
    for _ in 0..SINGLE_EDITS {
        last = wire.sync(device).await?;
        times.push(last.took);
    }
    board.line("noop", Times::taken(times).at(50), &last.figures())?;
    let mut times = Vec::new();
    for n in 0..SINGLE_EDITS {
        work::edit_one(device, visits[n % visits.len()])?;
        last = wire.sync(device).await?;
        times.push(last.took);
    }
    let times = Times::taken(times);
    let mut figures = last.figures();
    figures["p99_seconds"] = json!(times.at(99).as_secs_f64());
    board.line("one_edit", times.at(50), &figures)?;
    let edited = visits.iter().take(EDITED);
    for visit in edited {
        work::edit_one(device, *visit)?;
    }
    let synced = wire.sync(device).await?;
    board.line("hundred_edits", synced.took, &synced.figures())?;
    while judge::sweep(&world.app).await.map_err(|error| error.code.as_str())? > 0 {}
    Ok(())
}

/// A fresh device of the colleague pulls everything.
async fn pull(
    board: &mut Board<'_>,
    wire: &Wire,
    world: &World,
    administrator: &Person,
    officer: fieldproof_schema::ids::OfficerId,
) -> Result<(), Failure> {
    let fresh = administrator.terminal(world, officer, "fresh").await;
    let pulled = wire.sync(&fresh).await?;
    let listed = fresh.client().inspections()?.len();
    let mut figures = pulled.figures();
    figures["listed"] = json!(listed);
    board.line("pull_fresh", pulled.took, &figures)
}
