//! Who walks, and the pages that are the same for everybody.

mod directory;
mod draws;
mod people;
mod terminals;

use super::super::gate::token;
use crate::routes;
use crate::testing::World;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use form_urlencoded::Serializer;
use http_body_util::BodyExt;
use tower::ServiceExt;

/// Somebody at a browser.
pub(super) struct Browser<'a> {
    world: &'a World,
    session: String,
    language: &'static str,
}

/// What a browser was answered.
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) location: String,
    pub(super) text: String,
}

impl<'a> Browser<'a> {
    /// Signed in, in English.
    pub(super) async fn open(world: &'a World, login: &str) -> Self {
        Self { world, session: world.sign_in(login).await, language: "en" }
    }

    async fn ask(&self, request: axum::http::request::Builder, body: Body) -> Seen {
        let request = request
            .header(header::COOKIE, format!("__Host-fp-session={}", self.session))
            .header(header::ACCEPT_LANGUAGE, self.language)
            .header(header::HOST, "fieldproof.example.cn")
            .header(header::ORIGIN, "https://fieldproof.example.cn")
            .header("sec-fetch-site", "same-origin");
        let answer =
            routes::router(self.world.app.clone()).oneshot(request.body(body).unwrap()).await.unwrap();
        let location = answer.headers().get(header::LOCATION);
        let location = location.map(|l| l.to_str().unwrap().to_owned()).unwrap_or_default();
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Seen { status, location, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(super) async fn get(&self, path: &str) -> Seen {
        self.ask(Request::builder().uri(path), Body::empty()).await
    }

    /// A page that must be there.
    pub(super) async fn page(&self, path: &str) -> String {
        let seen = self.get(path).await;
        assert_eq!(seen.status, 200, "{path}: {}", seen.text);
        seen.text
    }

    /// Sends a form of ours.
    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut form = Serializer::new(String::new());
        form.append_pair("token", &token(&self.session)).extend_pairs(fields);
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request, form.finish().into()).await
    }

    /// Sends a form that must be taken; where it leads.
    pub(super) async fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let seen = self.post(path, fields).await;
        assert_eq!(seen.status, 303, "{path}: {}", seen.text);
        seen.location
    }

    /// Sends a form that must come back with something to mend: the page.
    pub(super) async fn sent_back(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let seen = self.post(path, fields).await;
        assert!((400..500).contains(&seen.status), "{path}: {} {}", seen.status, seen.text);
        assert!(seen.text.contains("fp-notice fp-fail\" role=\"alert\""), "{path}: {}", seen.text);
        seen.text
    }

    /// Sends a form with a file.
    pub(super) async fn upload(&self, path: &str, file: &str) -> Seen {
        let token = token(&self.session);
        let part = |head: &str, body: &str| {
            format!("--cut\r\ncontent-disposition: form-data; {head}\r\n\r\n{body}\r\n")
        };
        let body = part("name=\"token\"", &token)
            + &part("name=\"file\"; filename=\"a.json\"", file)
            + "--cut--\r\n";
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut");
        self.ask(request, body.into()).await
    }
}

/// The first id that follows `before` in a page.
pub(super) fn id_after(page: &str, before: &str) -> String {
    let rest = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}")).1;
    rest.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect()
}

/// Names of catalogue entries that a page shows instead of their text.
fn raw_keys(page: &str) -> Vec<&str> {
    let words = page.split(|c: char| !(c.is_ascii_alphanumeric() || "._/-".contains(c)));
    let areas = ["admin.", "console.", "public.", "kit.", "law."];
    words
        .filter(|word| areas.iter().any(|area| word.starts_with(area)))
        .filter(|word| !matches!(*word, "console.css" | "console.js"))
        .collect()
}

/// Every page, in both languages, with a sentence everywhere and nothing left open.
async fn walk(world: &World, login: &str, paths: &[String]) {
    let mut browser = Browser::open(world, login).await;
    for language in ["zh-CN", "en"] {
        browser.language = language;
        for path in paths {
            let page = browser.page(path).await;
            assert!(page.contains(&format!("<html lang=\"{language}\"")), "{path}");
            assert_eq!(page.matches("<h1").count(), 1, "{path}");
            assert!(!page.contains("/unknown/"), "{path} names an asset that is none");
            assert_eq!(raw_keys(&page), Vec::<&str>::new(), "{path}");
        }
    }
}

#[tokio::test]
async fn every_page_speaks_both_languages_with_nothing_in_it() {
    let world = crate::testing::world().await;
    let paths = [
        "units",
        "officers",
        "entities",
        "import",
        "checklists",
        "laws",
        "plans",
        "plans/new",
        "packages",
        "devices",
        "devices/enrol",
        "users",
        "users/new",
        "password",
        "audit",
    ];
    walk(&world, "admin", &paths.map(|path| format!("/console/{path}"))).await;
}

#[tokio::test]
async fn every_page_speaks_both_languages_with_a_city_in_it() {
    let world = crate::testing::city().await;
    let admin = world.sign_in("admin").await;
    let draw = world.drawn(&admin).await;
    terminals::terminal(&world, "OFF-01", "终端甲").await;
    let browser = Browser::open(&world, "admin").await;
    let mut paths: Vec<String> = [
        "units",
        "officers",
        "entities",
        "entities?q=%E5%AE%BE%E9%A6%86",
        "entities?q=nothing",
        "checklists",
        "laws",
        "laws?q=GB37488",
        "laws?q=nothing",
        "plans",
        "plans/new?row=0",
        "plans/new?row=5",
        "devices",
        "devices/enrol",
        "users",
        "users/new",
        "audit",
        "audit?act=draw.committed",
        "audit?actor=system",
        "audit?subject=nothing",
        "checklists/public-swimming/2026.1",
        "checklists/water-central/2026.1",
    ]
    .map(|path| format!("/console/{path}"))
    .to_vec();
    let draw = format!("/console/draws/{draw}");
    let plan = id_after(&browser.page(&draw).await, "/console/plans/");
    for (list, link) in [
        ("entities", "/console/entities/"),
        ("devices", "href=\"/console/devices/"),
        ("users", "/console/users/0"),
    ] {
        let page = browser.page(&format!("/console/{list}")).await;
        let skip = if list == "devices" { page.find("<tbody").unwrap() } else { 0 };
        let id = id_after(&page[skip..], link);
        paths.push(format!("/console/{list}/{}{id}", if link.ends_with('0') { "0" } else { "" }));
    }
    paths.extend([draw, format!("/console/plans/{plan}")]);
    walk(&world, "admin", &paths).await;
}

#[tokio::test]
async fn a_role_sees_its_own_pages_and_of_others_a_designed_refusal() {
    let world = crate::testing::city().await;
    let admin = world.sign_in("admin").await;
    world.user(&admin, "reader", "inspector", "ORG-D1").await;
    world.user(&admin, "reviewer", "supervisor", "ORG-C").await;
    let open = ["units", "officers", "entities", "checklists", "laws", "plans", "password"];
    let closed = ["import", "plans/new", "devices", "devices/enrol", "users", "users/new"];
    for (login, audit) in [("reader", 403), ("reviewer", 200)] {
        let browser = Browser::open(&world, login).await;
        for path in open {
            browser.page(&format!("/console/{path}")).await;
        }
        for path in closed {
            let seen = browser.get(&format!("/console/{path}")).await;
            assert_eq!(seen.status, 403, "{path}");
            assert!(seen.text.contains("<h1") && seen.text.contains("not_allowed"), "{path}: {}", seen.text);
        }
        assert_eq!(browser.get("/console/audit").await.status, audit);
        // Those who review hand packages in.
        assert_eq!(browser.get("/console/packages").await.status, audit);
        let nav = browser.page("/console/units").await;
        assert!(!nav.contains("/console/devices") && !nav.contains("/console/import"), "{nav}");
        assert_eq!(browser.post("/console/laws", &[("reference", "GGTL-14")]).await.status, 403);
    }
}

#[tokio::test]
async fn a_forged_form_changes_nothing() {
    let world = crate::testing::city().await;
    let browser = Browser::open(&world, "admin").await;
    for (path, fields) in [
        ("/console/users/new", "login=x&name=x&role=administrator&unit=YUN&password=a+long+password"),
        (
            "/console/plans/new",
            "row=5&unit=ORG-C&year=2026&planNo=1&taskNo=1&ratioText=20%25&team=2&rest_days=0",
        ),
        ("/console/devices/enrol", "officer=x"),
        ("/console/password", "current=x&new=y&again=y"),
        ("/console/laws", "reference=GGTL-14"),
    ] {
        let foreign = Request::builder()
            .method("POST")
            .uri(path)
            .header(header::COOKIE, format!("__Host-fp-session={}", browser.session))
            .header(header::HOST, "fieldproof.example.cn")
            .header(header::ORIGIN, "https://evil.example")
            .header("sec-fetch-site", "cross-site")
            .body(Body::from(fields))
            .unwrap();
        let answer = routes::router(world.app.clone()).oneshot(foreign).await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        // From our own page, but without the session's token: asked once more, and not done.
        let body = Body::from(fields);
        let seen = browser.ask(Request::builder().method("POST").uri(path), body).await;
        assert_eq!(seen.status, 200, "{path}");
        assert!(seen.text.contains("Please") || seen.text.contains("go on"), "{path}: {}", seen.text);
    }
    let acts = browser.page("/console/audit?act=user.added").await;
    assert!(!acts.contains("<tbody"), "{acts}");
}
