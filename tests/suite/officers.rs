//! Officers change on a shared terminal: nobody loses what was not sent, and nobody reads another's.

use crate::support::{self, City};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use fieldproof_client_core::{Client, KeyCost, Options};
use fieldproof_presentation::fields::query;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_terminal::app::App;
use fieldproof_terminal::config::ServeSettings;
use fieldproof_terminal::officers::Officers;
use fieldproof_tests::world::World;
use fieldproof_tests::world::link::Link;
use http_body_util::BodyExt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tower::ServiceExt;

const AUTHORITY: &str = "127.0.0.1:4000";
const FIRST: &str = "雨过天青云破处也";
const SECOND: &str = "这般颜色做将来也";
const CANARY: &str = "更衣室积水二十八平方";

/// A terminal that is switched on.
struct Terminal {
    officers: Officers,
    router: Router,
    /// Where the first officer's pages begin.
    first: String,
}

/// What came back.
struct Answer {
    status: StatusCode,
    location: String,
    text: String,
}

impl Terminal {
    fn on(data: &Path, link: &Link) -> Self {
        let settings = ServeSettings {
            data: data.to_owned(),
            server: "http://server.invalid".into(),
            listen: AUTHORITY.parse().unwrap(),
            ready_file: None,
            auto_sync: false,
        };
        let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
        let way = (options, Arc::new(link.clone()) as Arc<_>);
        let officers = Officers::open(settings.listen, &settings, way, ["first", "for-programs"]).unwrap();
        Self { router: officers.router(), officers, first: "/first".into() }
    }

    async fn send(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", AUTHORITY)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form_of(form)))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status, location: location.unwrap_or_default(), text }
    }

    async fn get(&self, path: String) -> Answer {
        self.send(Method::GET, &path, &[]).await
    }

    async fn post(&self, path: String, form: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, &path, form).await
    }

    /// Makes a part of the terminal an officer's, who has her tasks then.
    async fn enrol(&self, root: &str, code: &str, passphrase: &str) {
        let form =
            [("code", code), ("device_name", "共用平板"), ("passphrase", passphrase), ("again", passphrase)];
        let enrolled = self.post(format!("{root}/enrol"), &form).await;
        assert_eq!(enrolled.location, format!("{root}/enrol/first"), "{}", enrolled.text);
        self.sync(root).await;
    }

    fn app(&self, root: &str) -> App {
        self.officers.app(root).expect("it is an officer's")
    }

    /// Syncs one officer's part; how many changes are unsent then.
    async fn sync(&self, root: &str) -> u64 {
        self.app(root).sync().await.unwrap();
        self.unsent(root).await
    }

    async fn unsent(&self, root: &str) -> u64 {
        self.app(root).read(Client::status).await.unwrap().unsent.changes
    }

    /// Asks as a program does, with a secret.
    async fn program(&self, secret: &str) -> StatusCode {
        let request = Request::builder().uri("/api/v1/inspections").header("host", AUTHORITY);
        let request =
            request.header("authorization", format!("Bearer {secret}")).body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    async fn unlock(&self, root: &str, passphrase: &str) -> StatusCode {
        self.post(format!("{root}/unlock"), &[("passphrase", passphrase)]).await.status
    }
}

/// A form as a browser sends it: what is empty, too.
fn form_of(fields: &[(&str, &str)]) -> String {
    let empty = fields.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| format!("&{name}="));
    format!("{}{}", query(fields).trim_start_matches('?'), empty.collect::<String>())
}

/// Whether some words stand in a file somewhere below.
fn stands(below: &Path, words: &str) -> bool {
    fs::read_dir(below).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return stands(&path, words);
        }
        fs::read(&path).unwrap().windows(words.len()).any(|part| part == words.as_bytes())
    })
}

#[tokio::test]
async fn officers_change_on_a_terminal_and_lose_and_read_nothing() {
    let world = World::start(611, None).await;
    let City { administrator, task, one, .. } = support::city(&world).await;
    let (data, link) = (world.folder().join("shared"), one.link.clone());
    let narrative = format!("/inspections/{}/narrative", task.inspection);
    let terminal = Terminal::on(&data, &link);
    let first = terminal.first.clone();
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    terminal.enrol(&first, &code, FIRST).await;
    let own = terminal.get(format!("{first}/settings")).await;
    let name = own.text.split("<dd><bdi>").nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned();

    // In a cellar, and then she hands it over.
    link.down();
    let written = terminal
        .post(format!("{first}{narrative}"), &[("of", "narrative"), ("base", ""), ("text", CANARY)])
        .await;
    assert!(written.status.is_redirection() || written.status.is_success(), "{}", written.text);
    assert!(terminal.get(format!("{first}{narrative}")).await.text.contains(CANARY));
    assert!(terminal.unsent(&first).await > 0);
    let added = terminal.post(format!("{first}/officers"), &[]).await;
    let mut second = added.location.strip_suffix("/enrol").expect("a part of her own").to_owned();
    assert_ne!(second, first);
    // Asked again, it is the same one: nobody has begun in it.
    assert_eq!(terminal.post(format!("{first}/officers"), &[]).await.location, added.location);
    let page = terminal.get(format!("{second}/enrol")).await;
    assert!(
        page.text.contains(&format!("href=\"{first}/unlock\"")) && page.text.contains(&name),
        "{}",
        page.text
    );
    // Somebody who begins and goes away without a link does not stop the next one.
    let form = [("code", "AAAA-AAAA"), ("device_name", "共用平板"), ("passphrase", FIRST), ("again", FIRST)];
    assert_eq!(terminal.post(format!("{second}/enrol"), &form).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let added = terminal.post(format!("{first}/officers"), &[]).await;
    let begun = std::mem::replace(&mut second, added.location.strip_suffix("/enrol").unwrap().to_owned());
    assert_ne!(second, begun);
    link.up();
    let code = administrator.enrolment_code(&world, task.team[1]).await;
    terminal.enrol(&second, &code, SECOND).await;

    // The same visit, without what the first one has not sent; and her pages are shut.
    let seen = terminal.get(format!("{second}{narrative}")).await;
    assert!(seen.status == StatusCode::OK && !seen.text.contains(CANARY));
    let shut = terminal.get(format!("{first}{narrative}")).await;
    assert!(shut.location.starts_with(&format!("{first}/unlock")), "{}", shut.location);
    assert_eq!(terminal.unlock(&first, SECOND).await, StatusCode::FORBIDDEN);
    let door = terminal.get(format!("{first}/unlock")).await;
    assert!(door.text.contains(&format!("href=\"{second}/unlock\"")) && !door.text.contains(CANARY));
    // Nobody locked the first one's pages by hand: that the second one took the terminal did it, for what is written, too.
    let late = [("of", "narrative"), ("base", ""), ("text", "第二个人的手")];
    let late = terminal.post(format!("{first}{narrative}"), &late).await;
    assert!(late.text.contains("name=\"waiting.text\""), "it waits for her passphrase: {}", late.text);
    // Whoever has neither secret has nothing, and what pages tell is no secret for programs.
    assert_eq!(terminal.get("/third/unlock".into()).await.status, StatusCode::FORBIDDEN);
    for root in [&first, &second] {
        assert_eq!(terminal.program(&root[1..]).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(terminal.program("for-programs").await, StatusCode::OK);
    assert!(!stands(&data, CANARY));

    // After a start both are shut; the second one works on, and what the first one did not send waits.
    terminal.officers.end().await;
    drop(terminal);
    let terminal = Terminal::on(&data, &link);
    let door = terminal.get(format!("{first}/unlock")).await;
    let (_, others) = door.text.split_once("id=\"others\"").expect("the others are named");
    let (_, second) = others.split_once("<a class=\"btn fp-wide\" href=\"").expect("a way to her pages");
    let second = second.split("/unlock\"").next().unwrap().to_owned();
    assert_eq!(terminal.unlock(&second, FIRST).await, StatusCode::FORBIDDEN);
    assert_eq!(terminal.unlock(&second, SECOND).await, StatusCode::SEE_OTHER);
    assert_eq!(terminal.sync(&second).await, 0);
    assert_eq!(terminal.app(&first).sync().await.unwrap_err().code(), ErrorCode::StoreLocked);
    assert!(!stands(&data, CANARY));
    assert_eq!(terminal.unlock(&first, FIRST).await, StatusCode::SEE_OTHER);
    assert!(terminal.get(format!("{first}{narrative}")).await.text.contains(CANARY));
    assert_eq!(terminal.sync(&first).await, 0);
    assert_eq!(terminal.sync(&second).await, 0);
    assert_eq!(terminal.unlock(&second, SECOND).await, StatusCode::SEE_OTHER);
    assert!(
        terminal.get(format!("{second}{narrative}")).await.text.contains(CANARY),
        "the team's, once it was sent"
    );
    // The server knows two devices, each with its own officer.
    let devices = administrator.get(&world, "/api/v1/devices").await;
    let shared = devices["rows"].as_array().unwrap().iter().filter(|row| row["name"] == "共用平板");
    let officers: Vec<_> = shared.map(|row| row["officer"].as_str().unwrap().to_owned()).collect();
    assert_eq!(officers.len(), 2);
    assert_ne!(officers[0], officers[1]);
    terminal.officers.end().await;
}
