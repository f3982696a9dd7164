//! What people wait for, measured on real stores and programs: figures for people, ratios for comparing machines.
//!
//! `cargo measure` prints them, with what they should be. Nothing here is asserted: speed is no matter for tests.

pub(crate) mod acts;
pub mod fill;
pub(crate) mod memory;
mod pages;
pub(crate) mod times;

use crate::demo::api::Failure;
use crate::stage;
use crate::world::World;
use crate::world::console::Person;
use crate::world::device::{Device, PASSPHRASE};
use fill::{ENTITIES, INSPECTIONS};
use std::io::Write;
use std::time::Instant;
use times::Times;

/// The officer's share of the goals.
const GOALS: &str = "goals: any page 50 ms, tap to committed 10 ms (p99), start to first page 500 ms, memory 80 MiB each, \
     first console page 400 KB";

/// Measures and prints.
///
/// # Errors
/// When `out` cannot be written, or a program does not do what it is asked. A world that does not come about panics, as in
/// a test.
pub async fn measure(out: &mut dyn Write) -> Result<(), Failure> {
    stage::build();
    let world = World::start(1, None).await;
    let (administrator, _) = world.found_city().await;
    store(&world, &administrator, out).await?;
    memory::measure(out).await?;
    Ok(writeln!(out, "{GOALS}")?)
}

/// The store and the pages of one terminal, until it is full.
async fn store(world: &World, administrator: &Person, out: &mut dyn Write) -> Result<(), Failure> {
    let mut tasks = administrator.draw_and_dispatch(world).await;
    tasks.sort_by(|a, b| b.template.cmp(&a.template));
    let task = tasks.swap_remove(0);
    let mut device: Device = administrator.terminal(world, task.team[0], "measured").await;
    device.sync().await;

    let raw = acts::raw_commits(&world.folder().join("raw.db"));
    raw.line(out, "one durable SQLite insert (the raw limit)", None)?;
    acts::answers(&device, &task).line(out, "one answer, committed", Some(&raw))?;

    let filled = fill::fill(world, task.inspection, task.team[0], INSPECTIONS).await;
    filled.map_err(|error| error.code.as_str())?;
    let start = Instant::now();
    let rows = device.sync().await.rows_received;
    let took = start.elapsed().as_secs_f64();
    writeln!(out, "first sync of {INSPECTIONS} visits and {ENTITIES} entities: {rows} rows in {took:.1} s")?;
    let opened = Times::of(10, |_| {
        device.die();
        device.switch_on();
    });
    opened.line(out, "opening a store with 1,000 inspections", None)?;
    let listed = Times::of(20, |_| {
        device.client().inspections().expect("the list is readable");
    });
    listed.line(out, "listing 1,000 inspections", None)?;

    let visits = device.client().inspections().expect("the list is readable");
    let other = visits.iter().find(|visit| visit.id != task.inspection).ok_or("no other visit")?;
    let entity = device.client().inspection(other.id).expect("the visit is here").view.identity.entity.id;
    device.die();
    let full =
        pages::Full { folder: device.folder(), passphrase: PASSPHRASE, visit: task.inspection, entity };
    pages::measure(&full, out).await
}
