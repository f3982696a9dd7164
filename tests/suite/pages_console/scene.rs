//! A day in the office: visits in every state that reviewers meet, with what hostile hands would write into them.

use crate::support;
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::checklist::{Answer, ItemKind, Outcome};
use fieldproof_schema::document::{Actor, Document};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::seal::Party;
use fieldproof_schema::wire::row::Body;
use fieldproof_schema::wire::sync::Chunk;
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::{PASSWORD, Person, Task};
use fieldproof_tests::world::desk::Desk;
use fieldproof_tests::world::device::Device;
use fieldproof_tests::world::rogue::Rogue;
use serde_json::{Value, json};

/// What a hostile hand writes: a formula, markup, and characters that turn text around.
pub(super) const HOSTILE: &str =
    "=HYPERLINK(\"http://evil.example\")<script>alert('x')</script>\u{202E}格合不";

/// A visit with the terminals of its team.
pub(super) struct Visit {
    pub(super) id: InspectionId,
    pub(super) one: Device,
    pub(super) two: Device,
    /// Items answered by 合格 or 不合格.
    pub(super) items: Vec<String>,
}

impl Visit {
    pub(super) fn page(&self) -> String {
        format!("/console/inspections/{}", self.id)
    }
}

/// The office in the evening.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) administrator: Person,
    /// Sealed, not looked at; hostile notes, two photos, one of which is none.
    pub(super) review: Visit,
    /// Two answers to one item.
    pub(super) disputed: Visit,
    /// Sealed, while an original is still on the terminal.
    pub(super) incomplete: Visit,
    /// Tasks that nobody has begun.
    pub(super) tasks: Vec<Task>,
}

impl Scene {
    /// Sets it up.
    pub(super) async fn open(seed: u64) -> Self {
        Self::on(World::start(seed, None).await).await
    }

    /// Sets it up in a world without a bureau.
    pub(super) async fn on(world: World) -> Self {
        let (administrator, _) = world.found_city().await;
        rename_one_entity(&world, &administrator).await;
        for (login, role, unit) in [
            ("duchang", "inspector", "ORG-C"),
            ("waidi", "supervisor", "ORG-C-SUP"),
            ("guanli2", "administrator", "ORG-C"),
        ] {
            let user = json!({"login": login, "name": "某人（虚构）", "role": role, "unit": unit, "password": PASSWORD});
            administrator.post(&world, "/api/v1/users", user).await;
        }
        let mut tasks = administrator.draw_and_dispatch(&world).await;
        tasks.sort_by_key(|task| task.template.clone());
        let review = sealed(&world, &administrator, tasks.pop().unwrap(), "review", true).await;
        let incomplete = sealed(&world, &administrator, tasks.pop().unwrap(), "incomplete", false).await;
        let disputed = disputed(&world, &administrator, tasks.pop().unwrap()).await;
        Self { world, administrator, review, disputed, incomplete, tasks }
    }

    pub(super) async fn desk(&self, login: &str) -> Desk {
        Desk::sign_in(&self.world, login).await
    }

    /// The one open conflict's page.
    pub(super) async fn conflict(&self) -> String {
        let open = self.administrator.get(&self.world, "/api/v1/conflicts").await;
        format!("/console/conflicts/{}", open["conflicts"][0]["id"].as_str().unwrap())
    }

    /// Something that a stranger's terminal writes into a visit after its seal.
    pub(super) async fn write_late(
        &self,
        visit: InspectionId,
        task_team: &[fieldproof_schema::ids::OfficerId],
    ) {
        let code = self.administrator.enrolment_code(&self.world, task_team[0]).await;
        let mut rogue = Rogue::enrol(&self.world, &code, 99).await;
        let writer = Actor([0xce; 16]);
        let declared = rogue.declare(visit, writer);
        let pulled = rogue.sync(&self.world, vec![declared], vec![]).await;
        let changes = pulled.rows.iter().filter_map(|row| match &row.body {
            Body::Change(row) if row.inspection == visit => Some(row.change.0.as_slice()),
            _ => None,
        });
        let mut document = Document::from_changes(changes).unwrap();
        let written =
            document.edit(writer, self.world.app.now(), |edit| edit.narrative("定稿之后补写")).unwrap();
        let change = written.1.unwrap().1;
        let entry = rogue.cover(visit, &change);
        rogue.sync(&self.world, vec![entry], vec![Chunk { inspection: visit, changes: vec![change] }]).await;
    }
}

/// One of the pools gets a name of 300 hostile characters before anything is drawn.
async fn rename_one_entity(world: &World, administrator: &Person) {
    let mut city: Value = serde_json::from_str(fieldproof_schema::data::sample_org()).unwrap();
    for entity in city["entities"].as_array_mut().unwrap() {
        let is_pool = entity["specialties"].to_string().contains("publicPlace");
        if is_pool {
            let name = format!("{HOSTILE}{}", entity["name"].as_str().unwrap());
            let name: String = name.chars().chain(std::iter::repeat('长')).take(300).collect();
            entity["name"] = json!(name);
        }
    }
    administrator.post(world, "/api/v1/import/organisation", city).await;
}

async fn visit(world: &World, administrator: &Person, task: &Task, name: &str) -> Visit {
    let one = administrator.terminal(world, task.team[0], &format!("{name}-one")).await;
    let two = administrator.terminal(world, task.team[1], &format!("{name}-two")).await;
    one.sync().await;
    two.sync().await;
    let items = support::plain_items(&one, task.inspection).into_iter().map(|(item, _)| item).collect();
    Visit { id: task.inspection, one, two, items }
}

fn answer(result: Outcome) -> Answer {
    Answer::Conformity { result }
}

async fn sealed(world: &World, administrator: &Person, task: Task, name: &str, whole: bool) -> Visit {
    let visit = visit(world, administrator, &task, name).await;
    let client = visit.one.client();
    for (at, item) in visit.items.iter().enumerate() {
        let result = if at == 0 { Outcome::Fail } else { Outcome::Pass };
        client.answer(visit.id, item, &answer(result)).unwrap();
    }
    measure(&visit);
    client.note(visit.id, &visit.items[0], None, &format!("{HOSTILE}{}", "长".repeat(5000))).unwrap();
    client.narrative(visit.id, None, "上午检查泳池与更衣室。").unwrap();
    let photo = photo::jpeg(3, None, 320, 240);
    let facts = CaptureFacts { item: Some(&visit.items[0]), caption: HOSTILE, ..CaptureFacts::PHOTO };
    client.capture(visit.id, CaptureSource::Bytes(&photo), &facts).unwrap();
    let broken = [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3];
    client
        .capture(visit.id, CaptureSource::Bytes(&broken), &CaptureFacts { caption: "坏图", ..facts })
        .unwrap();
    if !whole {
        visit.one.link.lose_evidence();
    }
    let party = Party::Signed { name: "现场负责人（虚构）".into() };
    client.seal(visit.id, fieldproof_tests::world::device::PASSPHRASE, &party, None).unwrap();
    assert_eq!(visit.one.try_sync().await.is_ok(), whole);
    visit.two.sync().await;
    visit.two.client().cosign(visit.id, fieldproof_tests::world::device::PASSPHRASE).unwrap();
    visit.two.sync().await;
    let _ = visit.one.try_sync().await;
    visit
}

/// The first number of the checklist, as an instrument would show it.
fn measure(visit: &Visit) {
    let detail = visit.one.client().inspection(visit.id).unwrap();
    let template = detail.template.unwrap();
    let number = template.items.iter().find_map(|item| match &item.kind {
        ItemKind::Number(number) if item.condition.is_none() => Some((item.id.clone(), number.unit.clone())),
        _ => None,
    });
    if let Some((item, unit)) = number {
        let given =
            Answer::Number { value: "99".parse().unwrap(), unit, case: None, result: Some(Outcome::Fail) };
        visit.one.client().answer(visit.id, &item, &given).unwrap();
    }
}

async fn disputed(world: &World, administrator: &Person, task: Task) -> Visit {
    let visit = visit(world, administrator, &task, "disputed").await;
    visit.one.client().answer(visit.id, &visit.items[0], &answer(Outcome::Pass)).unwrap();
    visit.two.client().answer(visit.id, &visit.items[0], &answer(Outcome::Fail)).unwrap();
    for device in [&visit.one, &visit.two, &visit.one] {
        device.sync().await;
    }
    visit
}
