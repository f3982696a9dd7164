//! People at the console, and how a world's city comes about: through the API, as in a real bureau.

use super::World;
use super::device::Device;
use fieldproof_schema::data;
use fieldproof_schema::ids::{InspectionId, OfficerId};
use fieldproof_server::setup::{self, Beginning};
use serde_json::{Value, json};

/// The password of everybody in the world.
pub const PASSWORD: &str = "夜来风雨声，花落知多少？";

/// Someone who is signed in to the console.
#[derive(Clone)]
pub struct Person {
    token: String,
}

/// A dispatched task as the stories need it.
#[derive(Debug, Clone)]
pub struct Task {
    /// The visit.
    pub inspection: InspectionId,
    /// The checklist.
    pub template: String,
    /// The team.
    pub team: Vec<OfficerId>,
}

impl World {
    /// Founds the bureau: an administrator (`guanli`) and a supervisor (`shenhe`), the sample city, laws, checklists.
    pub async fn found_city(&self) -> (Person, Person) {
        self.found_city_with(|_| true).await
    }

    /// The same with only those files of laws and checklists that are wanted: a smaller city for who builds many.
    pub async fn found_city_with(&self, wanted: fn(&str) -> bool) -> (Person, Person) {
        let beginning = Beginning {
            code: "YZ".into(),
            name: "云泽市卫生健康委员会（虚构）".into(),
            login: "guanli".into(),
            administrator: "管理员甲（虚构）".into(),
            password: PASSWORD.into(),
        };
        setup::begin(&self.app, beginning).await.expect("an organisation on an empty database");
        let administrator = Person::sign_in(self, "guanli").await;
        administrator.load_city_with(self, wanted).await;
        let supervisor = json!({"login": "shenhe", "name": "审核员乙（虚构）", "role": "supervisor", "unit": "ORG-C", "password": PASSWORD});
        administrator.post(self, "/api/v1/users", supervisor).await;
        (administrator, Person::sign_in(self, "shenhe").await)
    }
}

impl Person {
    /// Signs in.
    pub async fn sign_in(world: &World, login: &str) -> Self {
        let body = json!({"login": login, "password": PASSWORD});
        let session: Value = world.expect("POST", "/api/v1/session", None, body).await;
        Self { token: session["token"].as_str().expect("a token").to_owned() }
    }

    /// Somebody whose session has this token.
    pub fn with(token: &str) -> Self {
        Self { token: token.to_owned() }
    }

    /// The session's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// `GET`, which must succeed.
    pub async fn get(&self, world: &World, path: &str) -> Value {
        world.expect("GET", path, Some(&self.token), Value::Null).await
    }

    /// `POST`, which must succeed.
    pub async fn post(&self, world: &World, path: &str, body: Value) -> Value {
        world.expect("POST", path, Some(&self.token), body).await
    }

    /// `POST`, which must be refused: the error's code.
    pub async fn refused(&self, world: &World, path: &str, body: Value) -> String {
        let (status, answer) = world.call("POST", path, Some(&self.token), &body).await;
        assert!(!status.is_success(), "{path} was expected to be refused: {answer}");
        answer["code"].as_str().expect("a code").to_owned()
    }

    /// A page of the console, which must be there.
    pub async fn page(&self, world: &World, path: &str) -> String {
        let (status, page) = world.browse(path, &self.token, None).await;
        assert!(status.is_success(), "{path}: {status} {page}");
        page
    }

    /// A form of the console, already encoded, which must be taken.
    pub async fn submit(&self, world: &World, path: &str, form: &str) {
        let page = self.page(world, "/console/password").await;
        let token = page.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let form = format!("token={}&{form}", token.expect("a form"));
        let (status, page) = world.browse(path, &self.token, Some(form)).await;
        assert!(status.is_redirection(), "{path}: {status} {page}");
    }

    /// A one-time code for an officer's terminal.
    pub async fn enrolment_code(&self, world: &World, officer: OfficerId) -> String {
        let path = format!("/api/v1/officers/{officer}/enrolment-codes");
        let code = self.post(world, &path, json!({})).await;
        code["code"].as_str().expect("a code").to_owned()
    }

    /// Enrols a fresh terminal for an officer.
    pub async fn terminal(&self, world: &World, officer: OfficerId, name: &str) -> Device {
        let device = Device::new(world, name);
        device.enrol(&self.enrolment_code(world, officer).await).await;
        device
    }

    /// Loads the sample city: directory, laws, checklists.
    pub async fn load_city(&self, world: &World) {
        self.load_city_with(world, |_| true).await;
    }

    async fn load_city_with(&self, world: &World, wanted: fn(&str) -> bool) {
        let city = serde_json::from_str(data::sample_org()).expect("the sample city");
        self.post(world, "/api/v1/import/organisation", city).await;
        if wanted("legal-basis.json") {
            let laws = serde_json::from_str(data::legal_basis()).expect("the register of laws");
            self.post(world, "/api/v1/import/laws", laws).await;
        }
        for (_, checklist) in data::checklists().iter().filter(|(name, _)| wanted(name)) {
            let checklist = serde_json::from_str(checklist).expect("a checklist");
            self.post(world, "/api/v1/import/checklists", checklist).await;
        }
    }

    /// Plans row 003 for this year, draws and dispatches it.
    pub async fn draw_and_dispatch(&self, world: &World) -> Vec<Task> {
        let draw = self.draw(world).await;
        let id = draw["id"].as_str().expect("the draw's id").to_owned();
        self.dispatch(world, &id).await
    }

    /// Plans row 003 for this year and draws it: the draw as the API shows it.
    pub async fn draw(&self, world: &World) -> Value {
        let plans: Value = serde_json::from_str(data::draw_plan_beidaihe_2020()).expect("the plans");
        let mut row = plans["plans"][2].clone();
        row["population"]["choice"] = json!("combinedRule");
        row["unit"] = json!("ORG-C");
        let plan = self.post(world, "/api/v1/plans", row).await;
        let path = format!("/api/v1/plans/{}/copy", plan["id"].as_str().expect("an id"));
        let plan = self.post(world, &path, json!({"year": 2026})).await;
        let path = format!("/api/v1/plans/{}/draws", plan["id"].as_str().expect("an id"));
        let committed = self.post(world, &path, json!({})).await;
        let id = committed["id"].as_str().expect("an id").to_owned();
        self.post(world, &format!("/api/v1/draws/{id}/reveal"), json!({"entropy": "31415926"})).await;
        self.get(world, &format!("/api/v1/draws/{id}")).await
    }

    /// Dispatches a draw. Where an entity's specialties fit several checklists, the public places' own one is taken.
    pub async fn dispatch(&self, world: &World, draw: &str) -> Vec<Task> {
        let answer = self.post(world, &format!("/api/v1/draws/{draw}/dispatch"), json!({})).await;
        let tasks = answer["tasks"].as_array().expect("tasks");
        tasks
            .iter()
            .map(|task| Task {
                inspection: read(&task["inspection"]),
                template: read(&task["template"]["id"]),
                team: task["team"].as_array().expect("a team").iter().map(|m| read(&m["officer"])).collect(),
            })
            .collect()
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("the answer's form")
}
