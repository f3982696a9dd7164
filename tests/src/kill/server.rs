//! The server is killed while terminals bring it what their officers wrote and an administrator works at it.

use super::moment::{Pulse, answers, staged};
use super::{Chance, Tally};
use crate::crash::Failure;
use crate::demo::api::Api;
use crate::demo::city;
use crate::stage::{PASSPHRASE, Stage};
use crate::store;
use crate::world::host::{Clock, SimHost};
use fieldproof_client_core::{
    CaptureFacts, CaptureSource, Client, Enrolment, HttpTransport, KeyCost, Options, Timeouts,
};
use fieldproof_schema::document::{name, split};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::sync::Receipt;
use rusqlite::Connection;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Terminals that bring something at the same time.
const TERMINALS: usize = 3;
/// Answers before the kill, at most.
const ANSWERS_MAX: u64 = 12;
/// Moments between the last of them and the kill, at most.
const BEATS_MAX: u64 = 40;
/// Changes of one sync, at most.
const CHANGES_MAX: u64 = 6;
/// Bytes of most originals, at most, and of every fifth.
const BYTES_MAX: [u64; 2] = [100 * 1024, 3 * 1024 * 1024];
/// What a sync sends besides originals, at most.
const WITHOUT_ORIGINALS: u64 = 256 * 1024;
/// Syncs after which nothing may be left to say.
const ROUNDS_MAX: u32 = 6;

/// A terminal of the load.
struct Terminal {
    client: Client,
    http: HttpTransport,
    store: PathBuf,
    visit: InspectionId,
    items: Vec<String>,
    device: String,
}

/// What the server answered for.
#[derive(Default)]
struct Known {
    answered: u64,
    /// Rows of plans.
    plans: BTreeSet<String>,
    /// Receipts that were looked at, and all that they name.
    receipts: BTreeSet<Vec<u8>>,
    items: BTreeSet<Digest>,
}

/// Kills the server so many times.
pub(super) async fn kill(stage: &mut Stage, cycles: u64, mut chance: Chance) -> Result<Tally, Failure> {
    let mut terminals = Vec::new();
    for number in 0..TERMINALS {
        terminals.push(Arc::new(Terminal::start(stage, number, chance.below(u64::MAX)).await?));
    }
    let known = Arc::<Mutex<Known>>::default();
    let mut tally = Tally::default();
    for _ in 0..cycles {
        live(stage, &terminals, &known, &mut chance).await?;
        stage.start_server().await;
        tally.cycles += 1;
        look(stage, &terminals, &known, &mut tally).await?;
        for terminal in &terminals {
            terminal.go_on(stage, &mut tally).await?;
        }
    }
    compare(stage, &terminals, &known, &mut tally).await?;
    tally.answered = with(&known, |known| known.answered + known.items.len() as u64);
    let mut forgetful = Tally::default();
    live(stage, &terminals, &known, &mut chance).await?;
    fs::remove_file(log(stage))?;
    stage.start_server().await;
    look(stage, &terminals, &known, &mut forgetful).await?;
    tally.teeth = forgetful.lost.len();
    Ok(tally)
}

/// The log of the server's database.
fn log(stage: &Stage) -> PathBuf {
    stage.server_folder().join("fieldproof.db-wal")
}

fn with<T>(known: &Mutex<Known>, act: impl FnOnce(&mut Known) -> T) -> T {
    act(&mut known.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Has everybody work until the server is killed.
async fn live(
    stage: &mut Stage,
    terminals: &[Arc<Terminal>],
    known: &Arc<Mutex<Known>>,
    chance: &mut Chance,
) -> Result<(), Failure> {
    let link = stage.day.link()?;
    let pulse = Pulse { log: log(stage), link: &|| link.bytes_up() + link.bytes_down() };
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut working = Vec::new();
    for terminal in terminals {
        let (terminal, chance, tell) = (Arc::clone(terminal), chance.another(), tell.clone());
        working.push(tokio::spawn(async move { terminal.work(chance, tell).await }));
    }
    let administrator = stage.administrator().at(&stage.server());
    let plans = plan(administrator, Arc::clone(known), chance.another(), tell.clone());
    working.push(tokio::spawn(plans));
    drop(tell);
    let answered = answers(&mut told, 1 + chance.below(ANSWERS_MAX)).await;
    let works = || working.iter().all(|work| !work.is_finished());
    pulse.beats(chance.below(BEATS_MAX), works).await;
    let early = !works();
    stage.kill_server().await;
    let mut said = Vec::new();
    for work in working {
        said.push(work.await?.to_string());
    }
    if !answered || early {
        return Err(format!("somebody stopped before the kill: {said:?}").into());
    }
    Ok(())
}

/// An administrator writes rows of plans until the server answers no more.
async fn plan(
    api: Api,
    known: Arc<Mutex<Known>>,
    mut chance: Chance,
    tell: mpsc::UnboundedSender<()>,
) -> Failure {
    loop {
        let mut row = match city::district_row(2026) {
            Ok(row) => row,
            Err(why) => return why,
        };
        row["taskNo"] = json!(format!("区{}号", chance.below(u64::MAX)));
        match api.post("/api/v1/plans", &row).await {
            Ok(added) => {
                let id = added["id"].as_str().unwrap_or_default().to_owned();
                with(&known, |known| {
                    known.answered += 1;
                    known.plans.insert(id);
                });
                tell.send(()).ok();
            }
            Err(why) => return why,
        }
    }
}

impl Terminal {
    async fn start(stage: &Stage, number: usize, seed: u64) -> Result<Self, Failure> {
        let task = &stage.day.tasks[number % stage.visits().min(2)];
        let (officer, _) = task.team[number % task.team.len()];
        let code = stage
            .administrator()
            .post(&format!("/api/v1/officers/{officer}/enrolment-codes"), &json!({}))
            .await?;
        let code = code["code"].as_str().ok_or("no enrolment code")?;
        let folder = stage.folder().join(format!("load-{number}"));
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let client = Client::open(
            &folder,
            Arc::new(SimHost::new(&Clock::default(), seed, 0)),
            options,
            store::unlock(),
        )?;
        let http = HttpTransport::new(&stage.server(), Timeouts::default())?;
        let enrolment = Enrolment { code, device_name: "测试终端", passphrase: PASSPHRASE };
        let status = client.enrol(&http, &enrolment).await?;
        let device = status.enrolled.ok_or("the terminal is nobody's")?.device.to_string();
        client.sync(&http).await?;
        let template = client.inspection(task.inspection)?.template.ok_or("the checklist is not here")?;
        let items = template.items.iter().map(|item| item.id.clone()).collect();
        Ok(Self { client, http, store: folder.join("store.db"), visit: task.inspection, items, device })
    }

    /// Writes, captures and syncs until the server answers no more.
    async fn work(&self, mut chance: Chance, tell: mpsc::UnboundedSender<()>) -> Failure {
        loop {
            if let Err(why) = self.write(&mut chance) {
                return why;
            }
            if let Err(why) = self.client.sync(&self.http).await {
                return why.into();
            }
            tell.send(()).ok();
        }
    }

    fn write(&self, chance: &mut Chance) -> Result<(), Failure> {
        for _ in 0..=chance.below(CHANGES_MAX) {
            let item = &self.items[chance.below(self.items.len() as u64) as usize];
            let text = format!("第{}笔。", chance.below(u64::MAX));
            self.client.note(self.visit, item, None, &text)?;
        }
        if chance.below(2) == 0 {
            let most = BYTES_MAX[usize::from(chance.below(5) == 0)];
            let bytes = chance.below(most) as usize;
            let photo = chance.photo(bytes);
            let facts = CaptureFacts { caption: "大厅", ..CaptureFacts::PHOTO };
            self.client.capture(self.visit, CaptureSource::Bytes(&photo), &facts)?;
        }
        Ok(())
    }

    /// What the receipts name that came since the last look.
    fn receipts(&self, known: &mut Known) -> Result<Vec<Digest>, Failure> {
        let store = reader(&self.store)?;
        let mut all = store.prepare("SELECT id, bytes FROM receipts")?;
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut items = Vec::new();
        for row in rows {
            let (id, bytes): (Vec<u8>, Vec<u8>) = row?;
            if known.receipts.insert(id) {
                items.extend(minicbor::decode::<Receipt>(&bytes)?.items);
            }
        }
        known.items.extend(&items);
        Ok(items)
    }

    /// Syncs with the server that came back: it is the same as ever, and originals go on where it stands.
    async fn go_on(&self, stage: &Stage, tally: &mut Tally) -> Result<(), Failure> {
        let unsent = self.client.status()?.unsent.evidence_bytes;
        let staged = staged(&stage.server_folder(), &self.device);
        let report = self.client.sync(&self.http).await?;
        tally.resumed += u64::from(staged > 0);
        let cycle = tally.cycles;
        if report.server_restored || report.rolled_back || !report.refused.is_empty() {
            tally.lost.push(format!("after kill {cycle}: {report:?}"));
        }
        if report.bytes_sent > unsent.saturating_sub(staged) + WITHOUT_ORIGINALS {
            let sent = report.bytes_sent;
            tally.lost.push(format!("after kill {cycle}: sent {sent} where {staged} of {unsent} were there"));
        }
        Ok(())
    }
}

/// Whether all that was answered for is there.
async fn look(
    stage: &Stage,
    terminals: &[Arc<Terminal>],
    known: &Mutex<Known>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let held = Held::read(&stage.server_folder())?;
    let cycle = tally.cycles;
    let mut miss = |what: String| tally.lost.push(format!("after kill {cycle}: {what}"));
    if held.check != "ok" {
        miss(held.check.clone());
    }
    with(known, |known| {
        for terminal in terminals {
            for item in terminal.receipts(known)? {
                if !held.has(&item)? {
                    miss(format!("{item}, which a receipt of {} names", terminal.device));
                }
            }
        }
        for plan in known.plans.difference(&held.plans) {
            miss(format!("plan {plan}"));
        }
        Ok(())
    })
}

/// Whether everybody has everything in the end.
async fn compare(
    stage: &Stage,
    terminals: &[Arc<Terminal>],
    known: &Mutex<Known>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let mut rounds = 0;
    loop {
        let mut unsent = 0;
        for terminal in terminals {
            let report = terminal.client.sync(&terminal.http).await?;
            unsent += report.changes_sent + u64::from(!report.still_unsent.is_empty());
        }
        let waiting = Held::read(&stage.server_folder())?.received;
        if unsent == 0 && waiting == 0 {
            break;
        }
        rounds += 1;
        if rounds > ROUNDS_MAX {
            tally.lost.push(format!("{unsent} unsent and {waiting} not judged after {rounds} rounds"));
            break;
        }
    }
    let held = Held::read(&stage.server_folder())?;
    with(known, |known| {
        for item in &known.items {
            if !held.has(item)? {
                tally.lost.push(format!("{item} in the end"));
            }
        }
        Ok::<_, Failure>(())
    })?;
    for terminal in terminals {
        let (client, visit) = (&terminal.client, terminal.visit);
        for fault in client.verify()?.faults {
            tally.lost.push(format!("{}: {fault}", terminal.device));
        }
        let here: BTreeSet<Vec<u8>> =
            client.changes(visit, 0, u64::MAX)?.rows.iter().map(|line| line.change.0.to_vec()).collect();
        if held.changes.get(&visit.to_string()) != Some(&here) {
            tally.lost.push(format!("{} and the server differ in {visit} in the end", terminal.device));
        }
    }
    Ok(())
}

fn reader(path: &Path) -> Result<Connection, Failure> {
    Ok(store::look_into(path)?)
}

/// What the server's folder holds.
struct Held {
    folder: PathBuf,
    check: String,
    /// Entries and what was received, by digest.
    items: BTreeSet<Vec<u8>>,
    /// Originals that were noted as held.
    originals: BTreeSet<Vec<u8>>,
    plans: BTreeSet<String>,
    changes: BTreeMap<String, BTreeSet<Vec<u8>>>,
    /// How much was not judged yet.
    received: i64,
}

impl Held {
    fn read(folder: &Path) -> Result<Self, Failure> {
        let database = reader(&folder.join("fieldproof.db"))?;
        let all = |sql: &str| {
            let mut statement = database.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<BTreeSet<Vec<u8>>>>()
        };
        let mut changes: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
        let mut statement = database.prepare("SELECT inspection, bytes FROM changes")?;
        for row in statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (inspection, bytes): (String, Vec<u8>) = row?;
            let known = changes.entry(inspection).or_default();
            for change in split(&bytes)? {
                known.insert(name(change)?.0.to_vec());
            }
        }
        let mut plans = database.prepare("SELECT id FROM plans")?;
        Ok(Self {
            folder: folder.to_owned(),
            check: database.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?,
            items: all("SELECT hash FROM journal_entries UNION SELECT item FROM inbox")?,
            originals: all("SELECT digest FROM captures WHERE held_at IS NOT NULL")?,
            plans: plans.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?,
            changes,
            received: database.query_row(
                "SELECT COUNT(*) FROM inbox WHERE state IN ('received', 'waiting')",
                [],
                |row| row.get(0),
            )?,
        })
    }

    /// Whether something that a receipt names is there; an original byte for byte.
    fn has(&self, item: &Digest) -> Result<bool, Failure> {
        let name = item.to_bytes();
        if self.items.contains(&name) {
            return Ok(true);
        }
        if !self.originals.contains(&name) {
            return Ok(false);
        }
        for org in fs::read_dir(self.folder.join("blobs"))? {
            let name = item.to_string();
            if let Ok(bytes) = fs::read(org?.path().join(&name[4..6]).join(&name)) {
                return Ok(Digest::of(&bytes) == *item);
            }
        }
        Ok(false)
    }
}
