//! The world of one run: a server and terminals on disks of their own, and what happened to them so far.

use super::Run;
use super::model::{Deed, Model};
use super::plan::Step;
use crate::faults::{Disk, Fault, Pattern, Tear};
use crate::world::World;
use crate::world::backup::{Backup, copy_all};
use crate::world::console::{PASSWORD, Person};
use crate::world::device::Device;
use axum::http::StatusCode;
use fieldproof_schema::document::{ChangeId, name, split};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::suite::{Digest, DigestStream};
use fieldproof_server::db::{DbError, Tx};
use fieldproof_server::sync::judge;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// Where every world begins: a city, a draw, tasks, terminals that know them. Made once, copied for each.
pub struct Stock {
    folder: TempDir,
    seed: u64,
    people: BTreeMap<Who, Person>,
    visits: Vec<InspectionId>,
}

/// Somebody at the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Decides.
    Administrator,
    /// Reviews.
    Supervisor,
}

impl Who {
    fn login(self) -> &'static str {
        match self {
            Self::Administrator => "guanli",
            Self::Supervisor => "shenhe",
        }
    }
}

/// The terminals of the stock: two of one officer and one of a colleague.
const NAMES: [&str; 3] = ["one", "two", "car"];
/// Seconds between the stock's last moment and a world's first.
const LATER_SECONDS: i64 = 86_400;
/// Rounds of syncs within which there must be rest.
const ROUNDS_MAX: usize = 8;
/// Visits in which people work: few, so that they meet.
const VISITS: usize = 2;

impl Stock {
    /// Makes it.
    pub async fn make() -> Self {
        let seed = 7;
        let mut world = World::start(seed, None).await;
        let (administrator, supervisor) = world.found_city().await;
        let tasks = administrator.draw_and_dispatch(&world).await;
        let mut tasks: Vec<_> = tasks.into_iter().collect();
        tasks.sort_by(|a, b| b.template.cmp(&a.template).then(a.inspection.cmp(&b.inspection)));
        let team = tasks[0].team.clone();
        let mut visits: Vec<_> =
            tasks.iter().filter(|task| task.team == team).map(|task| task.inspection).collect();
        visits.truncate(VISITS);
        for (name, officer) in NAMES.into_iter().zip([team[0], team[1], team[0]]) {
            let device = administrator.terminal(&world, officer, name).await;
            device.sync().await;
            device.sync().await;
        }
        let folder = tempfile::tempdir().expect("a folder for the stock");
        let Backup(copy) = world.back_up("stock").await;
        copy_all(&copy, folder.path()).expect("the server's files can be copied");
        for name in NAMES {
            let to = folder.path().join(name);
            copy_all(&world.folder().join(name), &to).expect("a terminal's files can be copied");
        }
        let people = BTreeMap::from([(Who::Administrator, administrator), (Who::Supervisor, supervisor)]);
        Self { folder, seed, people, visits }
    }

    /// A world of its own that begins there.
    pub async fn world(&self, seed: u64) -> Sim {
        let folder = tempfile::tempdir().expect("a folder for the world");
        copy_all(self.folder.path(), folder.path()).expect("the stock can be copied");
        let world = World::resume(seed, self.seed, folder, LATER_SECONDS).await;
        let hands = NAMES.into_iter().map(|name| Hand::take(&world, name.to_owned())).collect();
        Sim {
            begun: world.clock.now().as_millis(),
            world,
            people: self.people.clone(),
            hands,
            visits: self.visits.clone(),
            model: Model::default(),
            backups: Vec::new(),
            copies: Vec::new(),
            clones: Vec::new(),
            words: 0,
            requests: 0,
            trace: Digest::stream(),
        }
    }
}

/// A terminal in somebody's hand.
pub struct Hand {
    /// The terminal.
    pub device: Device,
    /// What its store lies on.
    pub disk: Disk,
    /// What it is called in the world's folder.
    pub name: String,
    /// False for terminals of which there are copies, and for the copies: the server tells people about them.
    pub alone: bool,
    /// True once it is lost for good.
    pub lost: bool,
}

impl Hand {
    /// Takes up a terminal whose files are there.
    pub fn take(world: &World, name: String) -> Self {
        let disk = Disk::under(&world.folder().join(&name)).expect("the terminal's folder is there");
        Self { device: Device::new(world, &name), disk, name, alone: true, lost: false }
    }
}

impl Hand {
    /// What its journal holds, in a few words: for whoever reads a failure.
    pub fn journal(&self) -> String {
        let read = || {
            let store = rusqlite::Connection::open(self.disk.folder().join("store.db"))?;
            let mut rows =
                store.prepare("SELECT seq, kind, bytes, receipt IS NOT NULL FROM journal ORDER BY seq")?;
            let lines = rows.query_map([], |row| {
                let bytes: Vec<u8> = row.get(2)?;
                let entry = minicbor::decode::<fieldproof_schema::journal::Entry>(&bytes);
                let body = entry.map(|entry| entry.body).unwrap_or_default();
                Ok(format!(
                    "{} {} {} {body}",
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, bool>(3)?
                ))
            })?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_or_else(|error| error.to_string(), |lines| lines.join(", "))
    }
}

/// How a terminal was.
pub struct Copy {
    /// Which.
    pub hand: usize,
    /// Its files.
    pub folder: PathBuf,
    /// What it had.
    pub deeds: BTreeSet<Deed>,
}

/// Everything that belongs to one run.
pub struct Sim {
    /// The server and the clock.
    pub world: World,
    /// Who is signed in.
    people: BTreeMap<Who, Person>,
    /// The terminals.
    pub hands: Vec<Hand>,
    /// The visits in which people work.
    pub visits: Vec<InspectionId>,
    /// What was acknowledged.
    pub model: Model,
    /// Backups of the server, and what it had.
    pub backups: Vec<(Backup, BTreeSet<Deed>)>,
    /// Copies of terminals.
    pub copies: Vec<Copy>,
    /// Terminals that go on twice: the first, its copy, and what the first had said is saved by then.
    pub clones: Vec<(usize, usize, usize)>,
    begun: u64,
    words: u32,
    requests: u64,
    trace: DigestStream,
}

impl Sim {
    /// Words that nobody used before.
    pub fn word(&mut self) -> String {
        self.words += 1;
        format!("第{}笔。", self.words)
    }

    /// The terminal that a step is about.
    pub fn hand(&self, step: Step) -> usize {
        let in_use = self.in_use();
        in_use[step.among(in_use.len())]
    }

    /// The terminals that are not lost.
    pub fn in_use(&self) -> Vec<usize> {
        (0..self.hands.len()).filter(|hand| !self.hands[*hand].lost).collect()
    }

    /// The visit that a step is about.
    pub fn visit(&self, step: Step) -> InspectionId {
        self.visits[step.roll(0, self.visits.len())]
    }

    /// Adds to the trace.
    pub fn note(&mut self, said: &str) {
        self.trace.update(said.as_bytes());
        self.trace.update(b"\n");
    }

    /// Notes the change that a terminal wrote last, which it said is saved.
    pub fn written(&mut self, hand: usize, visit: InspectionId) {
        // A disk that cannot be read now is not asked again: what was saved is looked for when the others are.
        let Ok(last) = self.hands[hand].device.client().changes(visit, 0, 1) else { return };
        if let Some(line) = last.rows.first() {
            self.model.done(hand, Deed::Change(visit, line.change));
        }
    }

    /// What a terminal has of that which was ever acknowledged.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn has(&self, hand: usize) -> Result<BTreeSet<Deed>, String> {
        let client = self.hands[hand].device.client();
        let mut has = BTreeSet::new();
        for visit in &self.visits {
            let detail = match client.inspection(*visit) {
                Ok(detail) => detail,
                // A store that was begun anew knows nothing until it has synced.
                Err(error) if error.code().as_str() == "not_found" => continue,
                Err(error) => return Err(format!("{}: {visit}: {error}", self.hands[hand].name)),
            };
            let changes = client.changes(*visit, 0, u64::MAX).map_err(|error| error.to_string())?;
            has.extend(changes.rows.into_iter().map(|line| Deed::Change(*visit, line.change)));
            let captures =
                detail.evidence.iter().filter(|item| client.evidence_file(*visit, item.record).is_ok());
            has.extend(captures.map(|item| Deed::Capture(*visit, item.digest)));
        }
        Ok(has)
    }

    /// What the server has: in the record, or held apart, or waiting.
    pub async fn server_has(&self) -> BTreeSet<Deed> {
        let read = |tx: &mut Tx<'_>| {
            let mut has = BTreeSet::new();
            for row in tx.query("SELECT inspection, bytes FROM changes", &[])? {
                let (visit, bytes): (InspectionId, Vec<u8>) = (row.get(0)?, row.get(1)?);
                let run = split(&bytes).unwrap_or_default().into_iter();
                has.extend(run.filter_map(|change| Some(Deed::Change(visit, name(change).ok()?))));
            }
            for row in tx.query("SELECT inspection, bytes FROM inbox", &[])? {
                let (visit, bytes): (InspectionId, Vec<u8>) = (row.get(0)?, row.get(1)?);
                has.extend(changes_in(&bytes).into_iter().map(|change| Deed::Change(visit, change)));
            }
            for row in tx.query("SELECT inspection, digest FROM captures WHERE held_at IS NOT NULL", &[])? {
                has.insert(Deed::Capture(row.get(0)?, row.get(1)?));
            }
            Ok::<_, DbError>(has)
        };
        self.world.app.db.read(read).await.expect("the server's store can be read")
    }

    /// What all terminals have together, but for one. Nothing fails meanwhile that was about to.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn others_have(&self, but: Option<usize>) -> Result<BTreeSet<Deed>, String> {
        let mut has = BTreeSet::new();
        for hand in &self.hands {
            hand.disk.calm();
        }
        for hand in self.in_use().into_iter().filter(|hand| Some(*hand) != but) {
            has.append(&mut self.has(hand)?);
        }
        Ok(has)
    }

    /// Machines without power get it back, and must have what they had said is saved.
    ///
    /// # Errors
    /// What is missing.
    pub async fn recover(&mut self, step: &Step) -> Result<(), String> {
        let pattern = Pattern::ALL[step.roll(90, Pattern::ALL.len())];
        let tear = Tear { pattern, seed: u64::from(step.dice) };
        if self.world.disk().is_some_and(Disk::is_dead) {
            self.world.recover(tear).await;
        } else if self.world.disk().is_some_and(Disk::struck) {
            self.world.restart_calm().await;
        }
        for hand in self.in_use() {
            let Hand { device, disk, .. } = &mut self.hands[hand];
            if disk.is_dead() {
                device.die();
                disk.recover(tear).map_err(|error| error.to_string())?;
            } else if disk.struck() {
                device.die();
                disk.calm();
            } else if device.is_on() {
                continue;
            }
            device.switch_on();
            self.keeps(hand)?;
        }
        Ok(())
    }

    /// Whether a terminal has everything that it said is saved.
    ///
    /// # Errors
    /// What is missing.
    pub fn keeps(&self, hand: usize) -> Result<(), String> {
        let has = self.has(hand)?;
        match self.model.on(hand).find(|deed| !has.contains(deed)) {
            Some(lost) => Err(format!("{} has lost {lost:?}", self.hands[hand].name)),
            None => Ok(()),
        }
    }

    /// Syncs a terminal; what came of it.
    pub async fn sync(&mut self, hand: usize) -> String {
        let link = &self.hands[hand].device.link;
        let before = link.traffic().0;
        let said = match self.hands[hand].device.try_sync().await {
            Ok(report) => format!(
                "{} rounds, {} changes, {} refused{}",
                report.rounds,
                report.changes_sent,
                report.refused.len(),
                if report.rolled_back { ", rolled back" } else { "" }
            ),
            Err(error) => error.code().as_str().to_owned(),
        };
        self.requests += self.hands[hand].device.link.traffic().0 - before;
        said
    }

    /// All faults end, and everybody comes by until there is nothing left to say.
    ///
    /// # Errors
    /// Who does not come to rest.
    pub async fn come_to_rest(&mut self) -> Result<(), String> {
        if let Some(disk) = self.world.disk() {
            disk.calm();
        }
        for hand in &self.hands {
            hand.disk.calm();
            hand.device.link.calm();
        }
        let mut last = String::new();
        for round in 0..ROUNDS_MAX {
            last.clear();
            for hand in self.in_use() {
                let said = self.sync(hand).await;
                self.note(&said);
                let name = &self.hands[hand].name;
                let status = self.hands[hand].device.client().status().map_err(|error| error.to_string())?;
                if !status.unsent.is_empty() || status.waiting > 0 {
                    let apart = self.hands[hand].device.client().apart(3).unwrap_or_default();
                    last = format!("{name}: {said}; unsent {:?}, apart {apart:?}", status.unsent);
                }
            }
            while judge::sweep(&self.world.app).await.map_err(|error| error.to_string())? > 0 {}
            // What is backed off is looked at again.
            self.world.clock.advance_seconds(7200);
            if last.is_empty() && round > 2 {
                return Ok(());
            }
        }
        Err(format!("no rest after {ROUNDS_MAX} rounds: {last}"))
    }

    /// What the console's API says to somebody, who signs in again when the session has ended.
    ///
    /// # Errors
    /// The code with which it is refused.
    pub async fn ask(&mut self, who: Who, method: &str, path: &str, body: Value) -> Result<Value, String> {
        let code = |answer: &Value| answer["code"].as_str().unwrap_or("no code").to_owned();
        let (status, answer) = self.call(who, method, path, &body).await;
        if status != StatusCode::UNAUTHORIZED {
            return if status.is_success() { Ok(answer) } else { Err(code(&answer)) };
        }
        let login = json!({"login": who.login(), "password": PASSWORD});
        let (status, session) = self.world.call("POST", "/api/v1/session", None, &login).await;
        if !status.is_success() {
            return Err(code(&session));
        }
        self.people.insert(who, Person::with(session["token"].as_str().unwrap_or_default()));
        let (status, answer) = self.call(who, method, path, &body).await;
        if status.is_success() { Ok(answer) } else { Err(code(&answer)) }
    }

    async fn call(&self, who: Who, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        self.world.call(method, path, Some(self.people[&who].token()), body).await
    }

    /// What the run came to.
    pub async fn run(self, steps: usize) -> Run {
        let seconds = (self.world.clock.now().as_millis() - self.begun) / 1000;
        Run {
            steps,
            deeds: self.model.count(),
            requests: self.requests,
            seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
            trace: self.trace.finish(),
        }
    }

    /// Copies a terminal's files while it is off.
    pub fn copy_of(&mut self, hand: usize, to: &str) -> PathBuf {
        let folder = self.world.folder().join(to);
        let Hand { device, disk, .. } = &mut self.hands[hand];
        // Closing writes, too.
        disk.calm();
        device.die();
        fs::remove_dir_all(&folder).ok();
        copy_all(disk.folder(), &folder).expect("a terminal's files can be copied");
        device.switch_on();
        folder
    }
}

/// The changes in something that was received.
fn changes_in(bytes: &[u8]) -> Vec<ChangeId> {
    use fieldproof_schema::document::{Document, inspect, is_document};
    if is_document(bytes) {
        let changes = Document::load(bytes).map(|document| document.changes()).unwrap_or_default();
        return changes.into_iter().map(|(id, _)| id).collect();
    }
    inspect(bytes).map(|header| vec![header.id]).unwrap_or_default()
}

/// Errors of disks that a program survives.
pub fn error(step: Step) -> Fault {
    Fault::ERRORS[step.roll(2, Fault::ERRORS.len())]
}
