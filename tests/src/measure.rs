//! What an officer waits for, measured on real stores: figures for people, ratios for comparing machines.
//!
//! `cargo measure` prints them. Nothing here is asserted: speed is no matter for tests.

use crate::world::World;
use crate::world::console::Task;
use crate::world::device::Device;
use fieldproof_schema::checklist::{Answer, ItemKind, Outcome};
use fieldproof_schema::document::Identity;
use fieldproof_schema::ids::{CaseId, InspectionId};
use fieldproof_server::app::App;
use fieldproof_server::documents;
use fieldproof_server::error::ApiError;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Acts that are timed.
const ACTS: usize = 1000;
/// Inspections on the terminal whose opening is timed.
const INSPECTIONS: usize = 1000;

/// Times of one act, sorted.
struct Times(Vec<Duration>);

impl Times {
    fn of(count: usize, mut act: impl FnMut(usize)) -> Self {
        let mut times: Vec<_> = (0..count)
            .map(|n| {
                let start = Instant::now();
                act(n);
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        Self(times)
    }

    fn at(&self, hundredths: usize) -> Duration {
        self.0[(self.0.len() * hundredths / 100).min(self.0.len() - 1)]
    }

    fn line(&self, out: &mut dyn Write, what: &str, raw: Option<&Times>) -> io::Result<()> {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let ratio = raw.map(|raw| format!("  {:.1} x the raw limit", ms(self.at(50)) / ms(raw.at(50))));
        let (median, p99, most) = (ms(self.at(50)), ms(self.at(99)), ms(self.at(100)));
        let ratio = ratio.unwrap_or_default();
        writeln!(out, "{what:<44} median {median:8.3} ms  p99 {p99:8.3} ms  most {most:8.3} ms{ratio}")
    }
}

/// Measures and prints.
///
/// # Errors
/// When `out` cannot be written. A world that does not come about panics, as in a test.
pub async fn measure(out: &mut dyn Write) -> io::Result<()> {
    let world = World::start(1, None).await;
    let (administrator, _) = world.found_city().await;
    let mut tasks = administrator.draw_and_dispatch(&world).await;
    tasks.sort_by(|a, b| b.template.cmp(&a.template));
    let task = tasks.swap_remove(0);
    let device = administrator.terminal(&world, task.team[0], "measured").await;
    device.sync().await;

    let raw = raw_commits(&world.folder().join("raw.db"));
    raw.line(out, "one durable SQLite insert (the raw limit)", None)?;
    answers(&device, &task).line(out, "one answer, committed", Some(&raw))?;

    many(&world.app, &device, &task).await.map_err(io::Error::other)?;
    let start = Instant::now();
    let report = device.sync().await;
    let (rows, took) = (report.rows_received, start.elapsed().as_secs_f64());
    writeln!(out, "first sync of {INSPECTIONS} more inspections: {rows} rows in {took:.1} s")?;
    let mut device = device;
    let opened = Times::of(10, |_| {
        device.die();
        device.switch_on();
    });
    opened.line(out, "opening a store with 1,000 inspections", None)?;
    let listed = Times::of(20, |_| {
        device.client().inspections().expect("the list is readable");
    });
    listed.line(out, "listing 1,000 inspections", None)
}

fn raw_commits(path: &Path) -> Times {
    let db = rusqlite::Connection::open(path).expect("a fresh database");
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (a INTEGER, b BLOB) STRICT;",
    )
    .expect("a fresh database");
    let bytes = [7_u8; 400];
    let mut insert = db.prepare("INSERT INTO t VALUES (?1, ?2)").expect("a statement");
    Times::of(ACTS, |n| {
        insert.execute((n as i64, bytes)).expect("an insert");
    })
}

fn answers(device: &Device, task: &Task) -> Times {
    let detail = device.client().inspection(task.inspection).expect("the visit is here");
    let template = detail.template.expect("the checklist is here");
    let items: Vec<_> =
        template.items.iter().filter(|i| matches!(i.kind, ItemKind::Conformity { .. })).collect();
    Times::of(ACTS, |n| {
        let result = if n / items.len() % 2 == 0 { Outcome::Pass } else { Outcome::Fail };
        let item = &items[n % items.len()].id;
        device
            .client()
            .answer(task.inspection, item, &Answer::Conformity { result })
            .expect("the answer fits");
    })
}

/// Gives the terminal's officer many more visits of the same kind.
async fn many(app: &App, device: &Device, task: &Task) -> Result<(), ApiError> {
    let org = app.org().await?;
    let view = documents::view(app, org, task.inspection).await?;
    let template = device.client().template(&view.identity.template).expect("the store is readable");
    let template = template.expect("the checklist is here");
    for _ in 0..INSPECTIONS {
        let now = app.now();
        let identity = Identity {
            inspection: InspectionId::new(now, app.random()),
            case: CaseId::new(now, app.random()),
            task: None,
            ..view.identity.clone()
        };
        let new = documents::prepare(identity, &template, now)?;
        app.db.write(move |tx| documents::create(tx, org, &new, "ORG-C", now)).await?;
    }
    Ok(())
}
