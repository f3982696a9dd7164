//! What a server does: a day of two terminals, an administrator and a supervisor, stage by stage, and stores of earlier
//! versions.
//!
//! While the story is told its requests are written down; afterwards they are sent again to a server that has the same clock
//! and chance, and answers the same.

use super::tape::{Exchange, Recorder};
use super::{Bench, Failure, Image, Side, Work, bench, host, is_small, runtime, said};
use crate::fixtures::{self, Fixture};
use crate::photo;
use crate::store;
use crate::world::console::{Person, Task};
use crate::world::device::{Device, PASSPHRASE};
use crate::world::link::{Link, Reach};
use crate::world::{World, key_of};
use fieldproof_client_core::{
    CaptureFacts, CaptureSource, Client, Enrolment, KeyCost, Method, Options, Transport, WireRequest,
};
use fieldproof_schema::checklist::{Answer, ItemKind, Outcome};
use fieldproof_schema::document::{self, Document};
use fieldproof_schema::migrations;
use fieldproof_schema::seal::Party;
use fieldproof_server::app::App;
use fieldproof_server::blobs::Blobs;
use fieldproof_server::db::{Db, DbUrl};
use fieldproof_server::sync::judge::{self, Judging};
use fieldproof_server::workers::Gate;
use fieldproof_server::{documents, restore, routes};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::Path;

/// Where terminals sync.
const SYNC: &str = "/api/v1/sync";
/// What everything follows from.
const SEED: u64 = 73;

/// One thing that a server does.
enum Step {
    /// It starts on what is stored.
    Start,
    /// It answers a request, and says this.
    Answer(Exchange),
    /// It begins a new epoch, as after a restore.
    Restore,
    /// It stops.
    Stop,
}

struct Stage {
    name: String,
    before: Image,
    steps: Vec<Step>,
    /// What its key comes from.
    seed: u64,
    number: u64,
}

fn is_stored(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.starts_with(Side::Server.database()) || name.starts_with("evidence")
}

async fn start(folder: &Path, seed: u64, number: u64) -> Result<App, String> {
    let url: DbUrl =
        format!("sqlite:{}", folder.join(Side::Server.database()).display()).parse().map_err(|e| said(&e))?;
    let db = Db::open(&url, migrations::SERVER).await.map_err(|error| said(&error))?;
    let blobs = Blobs::open(folder.join("evidence")).await.map_err(|error| format!("{error:?}"))?;
    let judging = Judging::at(None, Gate::InProcess);
    Ok(App::new(db, blobs, Box::new(key_of(seed)), host(SEED, number), judging))
}

async fn stop(app: App) {
    app.db.clone().close().await;
}

impl Stage {
    async fn play(
        &self,
        app: &mut Option<App>,
        folder: &Path,
        done: &mut (dyn FnMut() + Send),
    ) -> Result<(), String> {
        let mut starts = 0;
        for step in &self.steps {
            match step {
                Step::Start => {
                    *app = Some(start(folder, self.seed, self.number + 100 * starts).await?);
                    starts += 1;
                }
                Step::Answer((request, expected)) => {
                    let app = app.as_ref().ok_or("the server is off")?;
                    let link = Link::new(Reach::new(routes::router(app.clone())));
                    let answer = link.call(request.clone()).await.map_err(|error| said(&error))?;
                    if answer.status != expected.status {
                        let text = String::from_utf8_lossy(&answer.body).into_owned();
                        return Err(format!("{}: {} {text}", request.path, answer.status));
                    }
                    if answer.body != expected.body {
                        // For instance that something was received but is not judged yet.
                        return Err(format!("{}: it said something else", request.path));
                    }
                }
                Step::Restore => {
                    let app = app.as_ref().ok_or("the server is off")?;
                    let begun = restore::begin_anew(app, "system", "演练").await;
                    begun.map_err(|error| format!("{error:?}"))?;
                }
                Step::Stop => {
                    if let Some(app) = app.take() {
                        stop(app).await;
                    }
                }
            }
            done();
        }
        Ok(())
    }
}

impl Work for Stage {
    fn name(&self) -> &str {
        &self.name
    }

    fn side(&self) -> Side {
        Side::Server
    }

    fn before(&self) -> &Image {
        &self.before
    }

    fn run(&self, folder: &Path, done: &mut (dyn FnMut() + Send)) -> Result<(), String> {
        let runtime = runtime().map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let mut app = None;
            let ended = self.play(&mut app, folder, done).await;
            if let Some(app) = app {
                stop(app).await;
            }
            ended
        })
    }

    /// What cannot be judged at once is judged later, and that it could not be is written down.
    fn is_all_steps(&self) -> bool {
        let is_round = |step: &Step| matches!(step, Step::Answer((request, _)) if request.path == SYNC);
        !self.steps.iter().any(is_round)
    }

    fn check(&self, folder: &Path) -> Result<(), String> {
        let runtime = runtime().map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let app = start(folder, self.seed, self.number + 1000).await;
            let app = app.map_err(|why| format!("it does not start: {why}"))?;
            let looked = look(&app, folder).await;
            stop(app).await;
            looked
        })
    }
}

/// Whether the server works off what is left, and every document is what its changes make of it.
async fn look(app: &App, folder: &Path) -> Result<(), String> {
    while judge::sweep(app).await.map_err(|error| format!("judging: {error:?}"))? > 0 {}
    let org = app.org().await.map_err(|error| format!("the organisation: {error:?}"))?;
    for (visit, changes) in recorded(&folder.join(Side::Server.database())).map_err(|error| said(&error))? {
        let rebuilt =
            Document::from_changes(changes.iter().map(Vec::as_slice)).map_err(|error| said(&error))?;
        let (reader, id) = (app.clone(), visit.parse().map_err(|_| "a visit's id")?);
        let stored = app.db.read(move |tx| documents::read(tx, &reader, org, id)).await;
        let stored =
            stored.and_then(|stored| stored.open()).map_err(|error| format!("{visit}: {error:?}"))?;
        if stored.heads() != rebuilt.heads() {
            return Err(format!("visit {visit} is not what its changes make of it"));
        }
    }
    Ok(())
}

/// The accepted changes of every visit in which somebody wrote.
fn recorded(database: &Path) -> rusqlite::Result<Vec<(String, Vec<Vec<u8>>)>> {
    let connection = Connection::open(database)?;
    let sql = "SELECT inspection, bytes FROM changes WHERE inspection IN
               (SELECT inspection FROM changes WHERE position > 1) ORDER BY inspection, position";
    let broken = |_| rusqlite::Error::InvalidQuery;
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut found: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (visit, bytes) = (row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?);
        let run = document::split(&bytes).map_err(broken)?.into_iter().map(<[u8]>::to_vec);
        match found.last_mut() {
            Some((last, changes)) if *last == visit => changes.extend(run),
            _ => found.push((visit, run.collect())),
        }
    }
    Ok(found)
}

/// Tells the story; each stage becomes a bench.
pub(super) fn benches() -> Result<Vec<Bench>, Failure> {
    let runtime = runtime()?;
    let mut told = runtime.block_on(Story::begin())?;
    let mut stages = runtime.block_on(told.tell())?;
    stages.extend(migrations_of_earlier()?);
    stages.into_iter().map(|stage| Bench::new(Box::new(stage))).collect()
}

struct Story {
    _world: World,
    administrator: Person,
    supervisor: Person,
    task: Task,
    one: Device,
    two: Device,
    image: Image,
    number: u64,
}

/// What a stage's people have in their hands.
struct Scene<'s> {
    link: &'s Recorder<Link>,
    story: &'s Story,
}

impl Scene<'_> {
    async fn sync(&self, device: &Device) -> Result<(), Failure> {
        device.client().sync(self.link).await?;
        Ok(())
    }

    async fn ask(&self, method: Method, path: &str, person: &Person, body: Value) -> Result<Value, Failure> {
        let headers = vec![
            ("authorization", format!("Bearer {}", person.token())),
            ("content-type", "application/json".to_owned()),
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = WireRequest { method, path: path.to_owned(), headers, body: body.into() };
        let answer = self.link.call(request).await?;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status < 300 { Ok(value) } else { Err(format!("{path}: {} {value}", answer.status).into()) }
    }

    async fn post(&self, path: &str, person: &Person, body: Value) -> Result<Value, Failure> {
        self.ask(Method::Post, path, person, body).await
    }
}

impl Story {
    async fn begin() -> Result<Self, Failure> {
        let world = World::start(SEED, None).await;
        let (administrator, supervisor) = world.found_city_with(is_small).await;
        let tasks = administrator.draw_and_dispatch(&world).await;
        let task = tasks.into_iter().max_by_key(|task| task.template.clone()).ok_or("no task")?;
        let one = administrator.terminal(&world, task.team[0], "one").await;
        let two = administrator.terminal(&world, task.team[1], "two").await;
        one.sync().await;
        two.sync().await;
        stop(world.app.clone()).await;
        let image = Image::of_some(world.folder(), is_stored)?;
        Ok(Self { _world: world, administrator, supervisor, task, one, two, image, number: 0 })
    }

    /// One stage: a server starts, people act, it stops and starts again.
    async fn stage(
        &mut self,
        name: &str,
        act: impl AsyncFnOnce(&Scene<'_>) -> Result<(), Failure>,
    ) -> Result<Stage, Failure> {
        self.number += 1;
        let folder = bench::temporary()?;
        self.image.lay_out(folder.path())?;
        let app = start(folder.path(), SEED, self.number).await?;
        let link = Recorder::new(Link::new(Reach::new(routes::router(app.clone()))));
        act(&Scene { link: &link, story: self }).await.map_err(|why| format!("{name}: {why}"))?;
        stop(app).await;
        let mut steps = vec![Step::Start];
        steps.extend(link.tape().into_iter().map(Step::Answer));
        steps.extend([Step::Stop, Step::Start]);
        let before = std::mem::replace(&mut self.image, Image::of(folder.path())?);
        Ok(Stage { name: name.to_owned(), before, steps, seed: SEED, number: self.number })
    }

    async fn tell(&mut self) -> Result<Vec<Stage>, Failure> {
        let visit = self.task.inspection;
        let about = format!("/api/v1/inspections/{visit}");
        let template = self.one.client().inspection(visit)?.template.ok_or("the checklist is not there")?;
        let items: Vec<String> = template
            .items
            .iter()
            .filter(|item| matches!(item.kind, ItemKind::Conformity { .. }) && item.condition.is_none())
            .map(|item| item.id.clone())
            .collect();
        let answer = |result| Answer::Conformity { result };
        let party = Party::Signed { name: "现场负责人（虚构）".into() };
        let mut stages = Vec::new();

        stages.push(
            self.stage("receive", async |scene| {
                let one = scene.story.one.client();
                for item in &items[..3] {
                    one.answer(visit, item, &answer(Outcome::Pass))?;
                }
                one.narrative(visit, None, "现场检查：池水清澈。")?;
                let bytes = photo::jpeg(1, None, 48, 48);
                let facts = CaptureFacts::PHOTO;
                one.capture(visit, CaptureSource::Bytes(&bytes), &facts)?;
                scene.sync(&scene.story.one).await?;
                scene.sync(&scene.story.two).await
            })
            .await?,
        );
        stages.push(
            self.stage("dispute", async |scene| {
                let Story { one, two, administrator, .. } = scene.story;
                one.client().answer(visit, &items[3], &answer(Outcome::Pass))?;
                two.client().answer(visit, &items[3], &answer(Outcome::Fail))?;
                scene.sync(one).await?;
                scene.sync(two).await?;
                let open = scene.ask(Method::Get, "/api/v1/conflicts", administrator, Value::Null).await?;
                let conflict = &open["conflicts"][0];
                let id = conflict["id"].as_str().ok_or("a conflict is open")?;
                let decision = json!({"side": conflict["sides"][0]["change"], "reason": "照片为证"});
                scene.post(&format!("/api/v1/conflicts/{id}/decision"), administrator, decision).await?;
                scene.sync(one).await?;
                scene.sync(two).await
            })
            .await?,
        );
        stages.push(
            self.stage("seal", async |scene| {
                let Story { one, two, .. } = scene.story;
                one.client().seal(visit, PASSPHRASE, &party, None)?;
                scene.sync(one).await?;
                scene.sync(two).await?;
                two.client().cosign(visit, PASSPHRASE)?;
                scene.sync(two).await
            })
            .await?,
        );
        stages.push(
            self.stage("decide", async |scene| {
                let Story { supervisor, .. } = scene.story;
                let comment = json!({"comment": "同意"});
                scene.post(&format!("{about}/accept"), supervisor, comment).await?;
                scene.post(&format!("{about}/disclose"), supervisor, json!({})).await.map(drop)
            })
            .await?,
        );
        stages.push(self.stage("enrol", enrol).await?);
        stages.push(self.restored().await?);
        Ok(stages)
    }

    /// The server has come back from a backup: a new epoch, and a terminal offers everything again.
    async fn restored(&mut self) -> Result<Stage, Failure> {
        self.number += 1;
        let folder = bench::temporary()?;
        self.image.lay_out(folder.path())?;
        let app = start(folder.path(), SEED, self.number).await?;
        restore::begin_anew(&app, "system", "演练").await.map_err(|error| format!("{error:?}"))?;
        let link = Recorder::new(Link::new(Reach::new(routes::router(app.clone()))));
        self.one.client().sync(&link).await?;
        stop(app).await;
        let mut steps = vec![Step::Start, Step::Restore];
        steps.extend(link.tape().into_iter().map(Step::Answer));
        steps.push(Step::Stop);
        let before = self.image.clone();
        Ok(Stage { name: "restore".to_owned(), before, steps, seed: SEED, number: self.number })
    }
}

/// A third terminal comes, and pulls.
async fn enrol(scene: &Scene<'_>) -> Result<(), Failure> {
    let Story { administrator, task, .. } = scene.story;
    let path = format!("/api/v1/officers/{}/enrolment-codes", task.team[0]);
    let code = scene.post(&path, administrator, json!({})).await?;
    let code = code["code"].as_str().ok_or("a code")?;
    let folder = bench::temporary()?;
    let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
    let client = Client::open(folder.path(), host(SEED, 700), options, store::unlock())?;
    let enrolment = Enrolment { code, device_name: "新终端", passphrase: PASSPHRASE };
    client.enrol(scene.link, &enrolment).await?;
    client.sync(scene.link).await?;
    Ok(())
}

/// Stores of earlier versions are opened by this one, twice.
fn migrations_of_earlier() -> Result<Vec<Stage>, Failure> {
    let mut stages = Vec::new();
    for version in fixtures::versions()? {
        let fixture = Fixture::unpack(version)?;
        let before = Image::of_some(fixture.folder(), is_stored)?;
        let seed = fixture.expected["seed"].as_u64().ok_or("the fixture has a seed")?;
        let steps = vec![Step::Start, Step::Stop, Step::Start];
        stages.push(Stage { name: format!("migrate-{version:04}"), before, steps, seed, number: 900 });
    }
    Ok(stages)
}
