//! A visit done over the terminal's own JSON service, as its pages do it, against the real server.

use crate::support::{self, City};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;
use fieldproof_client_core::{Client, KeyCost, Options, SystemHost};
use fieldproof_schema::checklist::{Answer, Outcome};
use fieldproof_terminal::app::App;
use fieldproof_terminal::guard::Guard;
use fieldproof_terminal::pages::Settings;
use fieldproof_terminal::{incoming, service};
use fieldproof_tests::photo;
use fieldproof_tests::store;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::{Device, PASSPHRASE};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

const AUTHORITY: &str = "127.0.0.1:4000";

/// A terminal behind its service.
struct Page(Router);

impl Page {
    /// Takes a device over as its app does after a restart.
    fn of(mut device: Device) -> Self {
        device.die();
        let host = Arc::new(SystemHost::new());
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let client = Client::open(device.folder(), host.clone(), options, store::unlock()).unwrap();
        let uploads = incoming::prepare(device.folder()).unwrap();
        let app = App::new(Arc::new(client), Arc::new(device.link.clone()), host, uploads);
        let guard = Guard::new(AUTHORITY.parse().unwrap(), "secret");
        Self(service::router(app, guard, Settings::open(device.folder())))
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> (StatusCode, Bytes) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header("host", AUTHORITY)
            .header("authorization", "Bearer secret")
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        (response.status(), response.into_body().collect().await.unwrap().to_bytes())
    }

    async fn json(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, bytes) =
            self.send(method, path, "application/json", body.to_string().into_bytes()).await;
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    async fn get(&self, path: &str) -> Value {
        self.json(Method::GET, path, Value::Null).await
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        self.json(Method::PUT, path, body).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.json(Method::POST, path, body).await
    }
}

#[tokio::test]
async fn a_visit_is_answered_settled_and_sealed_over_the_terminals_service() {
    let world = World::start(1, None).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let items = support::plain_items(&one, task.inspection);
    let visit = format!("inspections/{}", task.inspection);
    let (one, two) = (Page::of(one), Page::of(two));

    // The checklist and what it rests on are here.
    let list = one.get("inspections").await;
    assert!(list["inspections"].as_array().unwrap().iter().any(|line| line["id"] == json!(task.inspection)));
    let detail = one.get(&visit).await;
    let pin = &detail["view"]["identity"]["template"];
    let (id, revision) = (pin["id"].as_str().unwrap(), pin["revision"].as_str().unwrap());
    let template = one.get(&format!("templates/{id}/{revision}")).await;
    assert_eq!(template["items"].as_array().unwrap().len(), detail["items"].as_array().unwrap().len());
    assert_eq!(one.get("provisions/GGTL-14").await["cited"]["type"], "provision");

    // Both answer one item, one of them writes and photographs.
    let (contested, answer) = &items[0];
    for (item, answer) in &items {
        let judged = one.put(&format!("{visit}/answers/{item}"), json!({"answer": answer})).await;
        assert_eq!(judged["judgement"]["verdict"], "pass");
    }
    let fail = Answer::Conformity { result: Outcome::Fail };
    let judged = two.put(&format!("{visit}/answers/{contested}"), json!({"answer": fail})).await;
    assert_eq!(judged["judgement"]["verdict"], "fail");
    one.put(&format!("{visit}/notes/{contested}"), json!({"text": "已复测"})).await;
    one.put(&format!("{visit}/narrative"), json!({"text": "上午检查。"})).await;
    one.put(&format!("{visit}/statement"), json!({"text": "无异议。"})).await;
    let finding = one.post(&format!("{visit}/findings"), json!({"register": {"text": "a"}})).await;
    let changed = json!({"record": finding["record"], "register": {"text": "b"}});
    assert_eq!(one.post(&format!("{visit}/findings"), changed).await, finding);
    one.post(&format!("{visit}/measurements"), json!({"register": {"value": "0.4"}})).await;
    let bytes = photo::jpeg(1, None, 64, 48);
    let (status, taken) = one
        .send(
            Method::POST,
            &format!("{visit}/evidence?kind=photo&item={contested}&caption=pool"),
            "image/jpeg",
            bytes.clone(),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let taken: Value = serde_json::from_slice(&taken).unwrap();
    let file = format!("{visit}/evidence/{}/file", taken["record"].as_str().unwrap());
    let (_, shown) = one.send(Method::GET, &file, "", Vec::new()).await;
    assert_eq!(shown, bytes);

    // They meet on the server and settle.
    two.post("sync", Value::Null).await;
    let report = one.post("sync", Value::Null).await;
    assert_eq!(report["evidence_completed"], 1);
    let detail = one.get(&visit).await;
    assert_eq!(detail["evidence"][0]["stage"], "held");
    let conflict = &detail["conflicts"][0];
    assert!(conflict["sides"].as_array().unwrap().iter().all(|side| side["author"]["name"].is_string()));
    let settle = format!("{visit}/conflicts/{}/settle", conflict["id"].as_str().unwrap());
    one.post(&settle, json!({"answer": answer, "reason": "当场复核"})).await;
    assert_eq!(one.get(&visit).await["conflicts"], json!([]));

    // One draws up the seal, the other signs it too.
    let preview = one.get(&format!("{visit}/seal?outcome=signed&name=Li")).await;
    assert_eq!(preview["statement"]["party"], json!({"outcome": "signed", "name": "Li"}));
    let party = json!({"outcome": "signed", "name": "Li"});
    one.post(&format!("{visit}/seal"), json!({"passphrase": PASSPHRASE, "party": party})).await;
    one.post("sync", Value::Null).await;
    two.post("sync", Value::Null).await;
    two.post(&format!("{visit}/cosign"), json!({"passphrase": PASSPHRASE})).await;
    two.post("sync", Value::Null).await;
    one.post("sync", Value::Null).await;
    let history = one.get(&format!("{visit}/history")).await;
    assert_eq!(history["seals"][0]["complete"], true);
    assert!(history["entries"].as_array().unwrap().iter().all(|entry| entry["received"] == true));
    assert_eq!(one.get(&visit).await["summary"]["state"], "sealed");
    assert_eq!(one.get("verify").await["faults"], json!([]));

    // What is sealed stays as it is.
    let late = json!({"answer": fail}).to_string().into_bytes();
    let path = format!("{visit}/answers/{contested}");
    let (status, refused) = one.send(Method::PUT, &path, "application/json", late).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(serde_json::from_slice::<Value>(&refused).unwrap()["code"], "sealed");
}
