//! What a terminal does: one visit from the enrolment to the seal, stage by stage, and stores of earlier versions.
//!
//! The server of the story is a real one while it is told; afterwards its answers come from a tape, since a terminal that does
//! the same asks the same.

mod stages;

use super::tape::{Exchange, Player, Recorder};
use super::{Bench, Failure, Image, Side, Work, bench, host, is_small, runtime, said};
use crate::fixtures::{self, Fixture};
use crate::store;
use crate::world::World;
use crate::world::device::{Device, PASSPHRASE};
use crate::world::host::SimHost;
use fieldproof_client_core::{Answering, Client, ClientError, KeyCost, Options, Transport, WireRequest};
use fieldproof_schema::checklist::{Answer, ItemKind, Outcome};
use fieldproof_schema::ids::InspectionId;
use stages::Steps;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What everything follows from.
const SEED: u64 = 71;
/// SQLite empties its log into the database when it has a thousand pages: the stage begins a little before.
const LOG_BYTES: usize = 950 * 4120;

/// What the steps of the story are about.
pub(super) struct Facts {
    visit: InspectionId,
    items: Vec<(String, Answer)>,
    code: String,
    package: PathBuf,
}

/// A stage of the story as a piece of work.
struct Stage {
    name: String,
    before: Image,
    steps: Steps,
    facts: Arc<Facts>,
    tape: Vec<Exchange>,
    number: u64,
    runtime: Runtime,
}

/// A terminal in the hand of a stage.
pub(super) struct Hand<'h> {
    folder: &'h Path,
    facts: &'h Facts,
    link: Asking<'h>,
    runtime: &'h Runtime,
    host: Arc<SimHost>,
    client: Option<Client>,
}

/// A link on which every request counts as a step: whatever is on the disk when a terminal speaks must stay there.
struct Asking<'h> {
    link: &'h dyn Transport,
    done: Mutex<&'h mut (dyn FnMut() + Send)>,
}

impl Asking<'_> {
    fn step(&self) {
        (self.done.lock().unwrap_or_else(PoisonError::into_inner))();
    }
}

impl Transport for Asking<'_> {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        self.step();
        self.link.call(request)
    }
}

fn options() -> Options {
    Options { key_cost: KeyCost::CHEAP, version: "1.0.0".to_owned(), ..Options::default() }
}

impl Hand<'_> {
    fn open(&mut self) -> Result<(), String> {
        let client = Client::open(self.folder, Arc::clone(&self.host) as Arc<_>, options(), store::unlock());
        self.client = Some(client.map_err(|error| said(&error))?);
        self.link.step();
        Ok(())
    }

    fn close(&mut self) {
        self.client = None;
    }

    fn act<T>(&mut self, act: impl FnOnce(&Client, &Facts) -> Result<T, ClientError>) -> Result<T, String> {
        let client = self.client.as_ref().ok_or("the terminal is off")?;
        let value = act(client, self.facts).map_err(|error| said(&error))?;
        self.link.step();
        Ok(value)
    }

    fn call<T>(
        &mut self,
        act: impl AsyncFnOnce(&Client, &dyn Transport, &Facts) -> Result<T, ClientError>,
    ) -> Result<T, String> {
        let client = self.client.as_ref().ok_or("the terminal is off")?;
        self.runtime.block_on(act(client, &self.link, self.facts)).map_err(|error| said(&error))
    }

    /// A sync, and then the folding of what is settled, which a terminal would try again after the next one without a word.
    fn sync(&mut self) -> Result<(), String> {
        let report = self.call(async |client, link, _| client.sync_only(link).await)?;
        if !report.refused.is_empty() {
            return Err(format!("{:?}", report.refused));
        }
        let client = self.client.as_ref().ok_or("the terminal is off")?;
        if client.retain() { Ok(()) } else { Err("what is settled was not folded".to_owned()) }
    }
}

impl Stage {
    fn play(
        &self,
        folder: &Path,
        link: &dyn Transport,
        done: &mut (dyn FnMut() + Send),
    ) -> Result<(), String> {
        let mut hand = Hand {
            folder,
            facts: &self.facts,
            link: Asking { link, done: Mutex::new(done) },
            runtime: &self.runtime,
            host: host(SEED, self.number),
            client: None,
        };
        (self.steps)(&mut hand)
    }
}

impl Work for Stage {
    fn name(&self) -> &str {
        &self.name
    }

    fn side(&self) -> Side {
        Side::Device
    }

    fn before(&self) -> &Image {
        &self.before
    }

    fn run(&self, folder: &Path, done: &mut (dyn FnMut() + Send)) -> Result<(), String> {
        let player = Player::new(&self.tape);
        let ended = self.play(folder, &player, done);
        if player.is_astray() && ended.is_ok() {
            return Err("the terminal asked what was not on the tape".to_owned());
        }
        ended
    }

    fn is_all_steps(&self) -> bool {
        true
    }

    fn check(&self, folder: &Path) -> Result<(), String> {
        for entry in fs::read_dir(folder).map_err(|error| said(&error))? {
            let name = entry.map_err(|error| said(&error))?.file_name();
            if name.to_string_lossy().contains(".damaged-") {
                return Err("the store was set aside".to_owned());
            }
        }
        // Another start of the program: another chance, and later.
        let client = Client::open(folder, host(SEED, self.number + 1000), options(), store::unlock());
        let client = client.map_err(|error| format!("it does not open: {}", said(&error)))?;
        look(&client, self.facts.visit).map_err(|error| said(&error))?
    }
}

/// Whether a store that was opened is sound, and can be worked on.
fn look(client: &Client, visit: InspectionId) -> Result<Result<(), String>, ClientError> {
    let status = client.status()?;
    if status.recovering {
        return Ok(Err("the store was set aside".to_owned()));
    }
    let faults = client.verify()?.faults;
    if let Some(fault) = faults.first() {
        return Ok(Err(format!("{} faults, the first: {fault}", faults.len())));
    }
    let list = client.inspections()?;
    let here = list.iter().any(|line| line.id == visit);
    let before = if here { Some(client.inspection(visit)?) } else { None };
    client.rebuild()?;
    if client.inspections()? != list {
        return Ok(Err("the list is not what the changes make of it".to_owned()));
    }
    let Some(before) = before else { return Ok(Ok(())) };
    let after = client.inspection(visit)?;
    if (&after.view, &after.heads) != (&before.view, &before.heads) {
        return Ok(Err("the visit is not what its changes make of it".to_owned()));
    }
    if after.editable {
        client
            .note(visit, "afterwards", None, "x")
            .or_else(|_| client.narrative(visit, None, "afterwards"))?;
    }
    Ok(Ok(()))
}

/// Tells the story; each stage becomes a bench.
pub(super) fn benches() -> Result<Vec<Bench>, Failure> {
    let runtime = runtime()?;
    let mut told = runtime.block_on(Story::begin())?;
    for (name, steps) in stages::BEFORE_THE_COLLEAGUE {
        told.stage(&runtime, name, *steps)?;
    }
    told.long_log(stages::LOG)?;
    runtime.block_on(told.colleague_writes());
    for (name, steps) in stages::WITH_THE_COLLEAGUE {
        told.stage(&runtime, name, *steps)?;
    }
    runtime.block_on(told.colleague_signs())?;
    for (name, steps) in stages::AFTER_THE_SEAL {
        told.stage(&runtime, name, *steps)?;
    }
    told.migrations()?;
    Ok(told.benches)
}

struct Story {
    world: World,
    two: Device,
    facts: Arc<Facts>,
    /// Where the terminal was at each stage. In each the store is a copy, as it is on every bench; none goes before the end,
    /// so that no file gets the place of another.
    folders: Vec<TempDir>,
    image: Image,
    benches: Vec<Bench>,
    number: u64,
}

impl Story {
    async fn begin() -> Result<Self, Failure> {
        let world = World::start(SEED, None).await;
        let (administrator, _) = world.found_city_with(is_small).await;
        let tasks = administrator.draw_and_dispatch(&world).await;
        let task = tasks.into_iter().max_by_key(|task| task.template.clone()).ok_or("no task")?;
        let two = administrator.terminal(&world, task.team[1], "two").await;
        two.sync().await;
        let detail = two.client().inspection(task.inspection)?;
        let template = detail.template.ok_or("the checklist is not there")?;
        let items = template
            .items
            .iter()
            .filter(|item| matches!(item.kind, ItemKind::Conformity { .. }) && item.condition.is_none());
        let items =
            items.map(|item| (item.id.clone(), Answer::Conformity { result: Outcome::Pass })).collect();
        let code = administrator.enrolment_code(&world, task.team[0]).await;
        let package = world.folder().join("visit.package");
        let facts = Arc::new(Facts { visit: task.inspection, items, code, package });
        let (image, folders, benches) = (Image::default(), Vec::new(), Vec::new());
        Ok(Self { world, two, facts, folders, image, benches, number: 0 })
    }

    fn work(&mut self, name: &str, before: Image, steps: Steps) -> Result<Stage, Failure> {
        self.number += 1;
        Ok(Stage {
            name: name.to_owned(),
            before,
            steps,
            facts: Arc::clone(&self.facts),
            tape: Vec::new(),
            number: self.number,
            runtime: runtime()?,
        })
    }

    /// One stage with the server, which is remembered for the bench.
    fn stage(&mut self, live: &Runtime, name: &str, steps: Steps) -> Result<(), Failure> {
        let before = self.image.clone();
        let mut stage = self.work(name, before, steps)?;
        let folder = bench::temporary()?;
        self.image.lay_out(folder.path())?;
        let recorder = Recorder::new(self.world.link());
        let mut nobody = || {};
        let mut hand = Hand {
            folder: folder.path(),
            facts: &self.facts,
            link: Asking { link: &recorder, done: Mutex::new(&mut nobody) },
            runtime: live,
            host: host(SEED, self.number),
            client: None,
        };
        steps(&mut hand).map_err(|why| format!("{name}: {why}"))?;
        drop(hand);
        stage.tape = recorder.tape();
        self.image = Image::of(folder.path())?;
        self.folders.push(folder);
        self.benches.push(Bench::new(Box::new(stage))?);
        Ok(())
    }

    /// A store whose power was cut when its log was almost full.
    fn long_log(&mut self, steps: Steps) -> Result<(), Failure> {
        let folder = bench::temporary()?;
        self.image.lay_out(folder.path())?;
        let client = Client::open(folder.path(), host(SEED, 500), options(), store::unlock())?;
        let mut image = Image::of(folder.path())?;
        while image.length("store.db-wal") < LOG_BYTES {
            for n in 0..4 {
                client.statement(self.facts.visit, None, &format!("{n}"))?;
            }
            image = Image::of(folder.path())?;
        }
        drop(client);
        let work = self.work("log", image, steps)?;
        self.benches.push(Bench::new(Box::new(work))?);
        Ok(())
    }

    /// The colleague answers otherwise, and hands over a package.
    async fn colleague_writes(&self) {
        let client = self.two.client();
        let fail = Answer::Conformity { result: Outcome::Fail };
        self.two.sync().await;
        for (item, _) in &self.facts.items[stages::ANSWERED..][..2] {
            client.answer(self.facts.visit, item, &fail).expect("the answer fits");
        }
        client.export_package(self.facts.visit, &self.facts.package, true).expect("a package");
        self.two.sync().await;
    }

    async fn colleague_signs(&self) -> Result<(), Failure> {
        self.two.sync().await;
        self.two.client().cosign(self.facts.visit, PASSPHRASE)?;
        self.two.sync().await;
        Ok(())
    }

    /// Stores of earlier versions are opened by this one.
    fn migrations(&mut self) -> Result<(), Failure> {
        for version in fixtures::versions()? {
            let fixture = Fixture::unpack(version)?;
            let visit = fixture.expected["second"].as_str().ok_or("the fixture has a visit")?.parse()?;
            let before = Image::of(&fixture.folder().join("device"))?;
            let mut work = self.work(&format!("migrate-{version:04}"), before, stages::MIGRATE)?;
            work.facts =
                Arc::new(Facts { visit, items: vec![], code: String::new(), package: PathBuf::new() });
            self.benches.push(Bench::new(Box::new(work))?);
        }
        Ok(())
    }
}
