//! The inspection's pages of the terminal, as a browser without scripts (and one with them) meets them, against the real
//! server.

mod answers;
mod evidence;
mod hands;
mod hostile;
mod package;
mod papers;
mod proposals;
mod recording;
mod recovery;
mod team;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use fieldproof_client_core::{Client, KeyCost, Options, SystemHost};
use fieldproof_presentation::fields::query;
use fieldproof_schema::data;
use fieldproof_schema::ids::InspectionId;
use fieldproof_terminal::app::App;
use fieldproof_terminal::guard::Guard;
use fieldproof_terminal::pages::Settings;
use fieldproof_terminal::{incoming, service};
use fieldproof_tests::store;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::device::{Device, PASSPHRASE};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

const AUTHORITY: &str = "127.0.0.1:4000";

/// A terminal's pages, unlocked.
pub(crate) struct Pages {
    router: Router,
    /// The store below them.
    client: Arc<Client>,
    app: App,
    /// Where the inspection of the story begins.
    visit: String,
    id: InspectionId,
}

/// What came back.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What a reader sees: no markup, no addresses.
    fn read(&self) -> String {
        let (html, mut text, mut inside) = (self.text(), String::new(), false);
        for c in html.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => text.push(c),
                _ => {}
            }
        }
        text
    }

    /// Where the browser is sent, below the root.
    fn place(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text());
        self.headers["location"].to_str().unwrap().strip_prefix("/secret").unwrap()
    }

    /// The value of the first hidden field with this name after `mark`.
    fn field(&self, mark: &str, name: &str) -> String {
        let html = self.text();
        let rest = &html[html.find(mark).unwrap_or_else(|| panic!("no {mark} in {html}"))..];
        let rest = &rest[rest.find(&format!("name=\"{name}\"")).unwrap()..];
        let rest = &rest[rest.find("value=\"").unwrap() + 7..];
        rest[..rest.find('"').unwrap()].to_owned()
    }
}

/// Sends a request to a terminal.
async fn send(
    router: &Router,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(format!("/secret{path}"));
    for (name, value) in [("host", AUTHORITY)].iter().chain(headers) {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
    Answer { status, headers, body }
}

impl Pages {
    /// Takes a device over as its app does after a restart, and unlocks it.
    pub(crate) async fn of(mut device: Device, id: InspectionId) -> Self {
        device.die();
        let host = Arc::new(SystemHost::new());
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let client = Arc::new(Client::open(device.folder(), host.clone(), options, store::unlock()).unwrap());
        let uploads = incoming::prepare(device.folder()).unwrap();
        let app = App::new(client.clone(), Arc::new(device.link.clone()), host, uploads);
        let guard = Guard::new(AUTHORITY.parse().unwrap(), "secret");
        let router = service::router(app.clone(), guard, Settings::open(device.folder()));
        let pages = Self { router, client, app, visit: format!("/inspections/{id}"), id };
        let unlocked = pages.post("/unlock", &[("passphrase", PASSPHRASE), ("then", "/tasks")]).await;
        assert_eq!(unlocked.place(), "/tasks");
        pages
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        send(&self.router, method, path, headers, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    /// A page of the inspection, which must be there.
    pub(crate) async fn page(&self, path: &str) -> Answer {
        let answer = self.get(&format!("{}{path}", self.visit)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        answer
    }

    /// A form as a browser without scripts posts it.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, &[FORM], form(fields)).await
    }

    /// A form as the page's script posts it.
    pub(crate) async fn swap(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, &[FORM, ("hx-request", "true")], form(fields)).await
    }

    fn item(&self, item: &str, act: &str) -> String {
        format!("{}/items/{item}/{act}", self.visit)
    }

    async fn sync(&self) {
        self.app.sync().await.unwrap();
    }

    /// The register that stands as the answer to an item.
    fn register(&self, item: &str) -> Option<String> {
        let view = self.client.inspection(self.id).unwrap().view;
        view.answers.get(item).map(|register| register.standing.value.clone())
    }

    fn note(&self, item: &str) -> String {
        self.client.inspection(self.id).unwrap().view.notes.get(item).cloned().unwrap_or_default()
    }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn form(fields: &[(&str, &str)]) -> Body {
    // Empty fields are posted too; `query` leaves them out.
    let empty = fields.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| format!("&{name}="));
    let filled = query(fields);
    Body::from(format!("{}{}", filled.trim_start_matches('?'), empty.collect::<String>()))
}

/// A form with a file, as browsers send it.
fn multipart(fields: &[(&str, &str)], name: &str, media_type: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let boundary = "----fieldproof-boundary";
    let mut body = Vec::new();
    for (field, value) in fields {
        body.extend_from_slice(
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    let head = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: {media_type}\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A checklist of pools that asks every kind of question.
fn every_kind() -> Value {
    let json = data::checklists().iter().find(|(name, _)| *name == "public-swimming.json").unwrap().1;
    let mut checklist: Value = serde_json::from_str(json).unwrap();
    checklist["version"] = json!("2026.9");
    let items = checklist["items"].as_array_mut().unwrap();
    let plain = items.iter().find(|item| item["id"] == "PP-SWIM-023").unwrap().clone();
    let extra = [
        ("X-TEXT", json!({"type": "text"})),
        ("X-DATE", json!({"type": "date"})),
        ("X-PHOTO", json!({"type": "photo", "min": 2})),
        (
            "X-MANY",
            json!({"type": "choice", "options": ["甲", "乙", "丙"], "nonCompliantOptions": ["丙"], "multiple": true}),
        ),
        (
            "X-CASE",
            json!({
                "type": "number", "unit": "mg/L", "decimals": 3, "allowNA": true,
                "limit": {"min": null, "max": 1, "inclusive": true}, "limitByType": {"室内": 1, "室外": 2},
                "standard": {"id": "GB37488", "no": "GB 37488-2019", "certainty": "secondary"},
            }),
        ),
    ];
    for (n, (id, answer)) in extra.into_iter().enumerate() {
        let mut item = plain.clone();
        item["id"] = json!(id);
        item["seq"] = json!(100 + n);
        item["text"] = json!(format!("另加的项目 {id}"));
        item["group"] = json!("另加");
        item["answer"] = answer;
        items.push(item);
    }
    let mut depends = plain;
    depends["id"] = json!("X-DEPENDS");
    depends["seq"] = json!(200);
    depends["group"] = json!("另加");
    depends["answer"] = json!({"type": "text"});
    depends["appliesWhen"] = json!({"field": "item.PP-SWIM-001", "op": "==", "value": "不合格"});
    items.push(depends);
    let count = items.len();
    checklist["itemCount"] = json!(count);
    checklist
}

/// A pool's inspection with every kind of item, dispatched; both officers' pages, synced.
pub(crate) async fn pool(world: &World, change: impl FnOnce(&mut Value)) -> (Person, Person, Pages, Pages) {
    let (administrator, supervisor) = world.found_city().await;
    let mut city: Value = serde_json::from_str(data::sample_org()).unwrap();
    change(&mut city);
    administrator.post(world, "/api/v1/import/organisation", city).await;
    administrator.post(world, "/api/v1/import/checklists", every_kind()).await;
    let tasks = administrator.draw_and_dispatch(world).await;
    let task = tasks.into_iter().find(|task| task.template == "public-swimming").expect("a pool was drawn");
    let one = administrator.terminal(world, task.team[0], "one").await;
    let two = administrator.terminal(world, task.team[1], "two").await;
    one.sync().await;
    two.sync().await;
    let (one, two) = (Pages::of(one, task.inspection).await, Pages::of(two, task.inspection).await);
    (administrator, supervisor, one, two)
}
