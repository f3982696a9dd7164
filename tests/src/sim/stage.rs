//! The world of one run: a server and terminals on disks of their own, and what happened to them so far.

use super::Run;
use super::apart;
use super::faults::NEWEST;
use super::hand::{Copy, Hand};
use super::model::{Deed, Model, Rulings};
use super::plan::Step;
use crate::faults::{Disk, Fault, Pattern, Tear};
use crate::postgres::{self, Database};
use crate::world::World;
use crate::world::backup::{Backup, copy_all};
use crate::world::console::Person;
use crate::world::rogue::Rogue;
use axum::http::StatusCode;
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId};
use fieldproof_server::db::{DbError, Tx};
use fieldproof_server::store::users;
use fieldproof_server::sync::judge;
use serde_json::Value;
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
    officers: [OfficerId; 3],
    /// The server's database, where that is PostgreSQL's.
    database: Option<Database>,
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
/// Requests of one sync: none needs half as many.
const REQUESTS_MAX: u64 = 200;
/// Visits in which people work: few, so that they meet.
pub const VISITS: usize = 2;

impl Stock {
    /// Makes it, with a server on SQLite.
    pub async fn make() -> Self {
        Self::make_on(None).await
    }

    /// Makes it, with a server on PostgreSQL: power and disks fail under terminals only.
    pub async fn make_on_postgresql() -> Self {
        Self::make_on(Some(&postgres::shared().create_database("stock"))).await
    }

    async fn make_on(url: Option<&str>) -> Self {
        let seed = 7;
        let mut world = World::start(seed, url).await;
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
        let officers = administrator.get(&world, "/api/v1/officers").await;
        let officers: Vec<OfficerId> = officers["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|row| row["active"] != false)
            .filter_map(|row| serde_json::from_value(row["id"].clone()).ok())
            .collect();
        let third =
            officers.into_iter().find(|officer| !team.contains(officer)).expect("an officer of another team");
        let officers = [team[0], team[1], third];
        let folder = tempfile::tempdir().expect("a folder for the stock");
        let Backup { folder: copy, database } = world.back_up("stock").await;
        copy_all(&copy, folder.path()).expect("the server's files can be copied");
        for name in NAMES {
            let to = folder.path().join(name);
            copy_all(&world.folder().join(name), &to).expect("a terminal's files can be copied");
        }
        let people = BTreeMap::from([(Who::Administrator, administrator), (Who::Supervisor, supervisor)]);
        Self { folder, seed, people, visits, officers, database }
    }

    /// A world of its own that begins there.
    pub async fn world(&self, seed: u64) -> Sim {
        let folder = tempfile::tempdir().expect("a folder for the world");
        copy_all(self.folder.path(), folder.path()).expect("the stock can be copied");
        let database = self.database.as_ref().map(|stock| Database::like(stock.name()));
        let world = World::resume((seed, self.seed), folder, database, LATER_SECONDS).await;
        let hands = NAMES.into_iter().map(|name| Hand::take(&world, name.to_owned())).collect();
        Sim {
            begun: world.clock.now().as_millis(),
            world,
            people: self.people.clone(),
            hands,
            visits: self.visits.clone(),
            officers: self.officers,
            model: Model::default(),
            backups: Vec::new(),
            copies: Vec::new(),
            clones: Vec::new(),
            revoked: BTreeMap::new(),
            reassigned: false,
            rogue: None,
            broken: None,
            words: 0,
            requests: 0,
            trace: Vec::new(),
        }
    }
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
    /// The officers of the team as it was dispatched, and one who is on no team.
    pub officers: [OfficerId; 3],
    /// Backups of the server, with the terminals that were revoked by then and what was decided about what is held apart.
    pub backups: Vec<(Backup, BTreeMap<DeviceId, BTreeSet<Deed>>, Rulings)>,
    /// Copies of terminals.
    pub copies: Vec<Copy>,
    /// Terminals that go on twice: the first, its copy, and what the first had said is saved by then.
    pub clones: Vec<(usize, usize, usize)>,
    /// Terminals that are revoked, and what the server had when they were.
    pub revoked: BTreeMap<DeviceId, BTreeSet<Deed>>,
    /// True once a team was changed: only then may a terminal give up a visit.
    pub reassigned: bool,
    /// A terminal in a stranger's hand, once there is one.
    pub rogue: Option<Rogue>,
    /// A promise that was found broken in the middle of a step, and what was found.
    pub broken: Option<(&'static str, String)>,
    begun: u64,
    words: u32,
    requests: u64,
    trace: Vec<String>,
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

    /// Says that a promise does not hold; the first one counts.
    pub fn breaks(&mut self, promise: &'static str, what: String) {
        self.broken.get_or_insert((promise, what));
    }

    /// The visit that a step is about.
    pub fn visit(&self, step: Step) -> InspectionId {
        self.visits[step.roll(0, self.visits.len())]
    }

    /// Adds to the trace, with all that shows whether the same happened: what the clock says, what every disk did.
    pub fn note(&mut self, said: &str) {
        let disks = self.world.disk().into_iter().chain(self.hands.iter().map(|hand| &hand.disk));
        let counts: Vec<String> = disks.map(|disk| disk.counts().to_string()).collect();
        let moved = self.world.clock.moved();
        self.trace.push(format!("{said} | {moved} | {}", counts.join(" | ")));
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

    /// Syncs a terminal; what came of it.
    pub async fn sync(&mut self, hand: usize) -> String {
        let link = &self.hands[hand].device.link;
        let before = link.traffic().0;
        link.limit(Some(REQUESTS_MAX));
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
        let link = &self.hands[hand].device.link;
        self.requests += link.traffic().0 - before;
        if link.limit(None) == Some(0) {
            let what = format!("a sync of {} does not end", self.hands[hand].name);
            self.breaks("I15", what);
        }
        self.look_at_what_was_given_up(hand).await;
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
        for hand in self.in_use() {
            self.hands[hand].disk.calm();
            self.hands[hand].device.link.calm();
            let link = self.hands[hand].device.link.clone();
            link.arrive().await;
            // Below the floor a terminal would be given nothing.
            if self.hands[hand].device.program() != NEWEST {
                self.hands[hand].device.update_to(NEWEST);
            }
        }
        let (mut last, mut quiet) = (String::new(), 0);
        for _ in 0..ROUNDS_MAX {
            last.clear();
            for hand in self.in_use() {
                let said = self.sync(hand).await;
                self.note(&said);
                let name = &self.hands[hand].name;
                let status = self.hands[hand].device.client().status().map_err(|error| error.to_string())?;
                // What waits for something that is held apart waits until people decide otherwise.
                let waits = status.waiting > 0 && !apart::waits_for_people(self, hand).await?;
                if !status.unsent.is_empty() || waits {
                    let apart = self.hands[hand].device.client().apart(3).unwrap_or_default();
                    last = format!("{name}: {said}; unsent {:?}, apart {apart:?}", status.unsent);
                }
            }
            while judge::sweep(&self.world.app).await.map_err(|error| error.to_string())? > 0 {}
            // What is backed off is looked at again.
            self.world.clock.advance_seconds(7200);
            quiet = if last.is_empty() { quiet + 1 } else { 0 };
            // People decide about what is left when terminals have nothing more to say; then everybody hears of it.
            if quiet > 1 && apart::rule_on_all(self).await? {
                quiet = 0;
            }
            if quiet > 1 {
                return Ok(());
            }
        }
        Err(format!("no rest after {ROUNDS_MAX} rounds: {last}"))
    }

    /// What the console's API says to somebody.
    ///
    /// # Errors
    /// The code with which it is refused.
    pub async fn ask(&mut self, who: Who, method: &str, path: &str, body: Value) -> Result<Value, String> {
        let code = |answer: &Value| answer["code"].as_str().unwrap_or("no code").to_owned();
        let (mut status, mut answer) = self.call(who, method, path, &body).await;
        if status == StatusCode::UNAUTHORIZED {
            self.sign_in(who).await?;
            (status, answer) = self.call(who, method, path, &body).await;
        }
        if status.is_success() { Ok(answer) } else { Err(code(&answer)) }
    }

    /// Opens a session when the one before has ended, as the server does once a password fits: checking it takes longer than
    /// all that happens in a world besides.
    async fn sign_in(&mut self, who: Who) -> Result<(), String> {
        let app = self.world.app.clone();
        let org = app.org().await.map_err(|error| error.code.as_str().to_owned())?;
        let (token, digest) = app.token("u");
        let now = app.now();
        let open = move |tx: &mut Tx<'_>| {
            let (account, _) = users::by_login(tx, org, who.login())?.ok_or(DbError::NoRow { sql: "" })?;
            users::insert_session(tx, org, account.id, &digest, now)
        };
        app.db.write(open).await.map_err(|error| error.to_string())?;
        self.people.insert(who, Person::with(&token));
        Ok(())
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
            trace: self.trace,
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

/// Errors of disks that a program survives.
pub fn error(step: Step) -> Fault {
    Fault::ERRORS[step.roll(2, Fault::ERRORS.len())]
}
