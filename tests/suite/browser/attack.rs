//! A page from elsewhere, in the browser in which the terminal is open: it reads nothing and changes nothing.

use crate::browser::open_terminal;
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use fieldproof_tests::browser::{Album, Browser, Look};
use fieldproof_tests::stage::Stage;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Tries everything that a page can try against an address, and answers with what it got out of it.
const ATTEMPTS: &str = r#"
const [addresses, posts, done] = arguments
const got = []
const note = (how, address, what) => got.push({ how, address, what })
const read = async (how, address, options) => {
    try {
        const answer = await fetch(address, options)
        if (answer.type !== 'opaque') note(how, address, await answer.text())
    } catch (refused) { /* As it should be. */ }
}
const load = (how, element, address) => new Promise(end => {
    element.onload = () => { note(how, address, 'loaded'); end() }
    element.onerror = () => end()
    element.src = address
    document.body.append(element)
})
const frame = address => new Promise(end => {
    const element = document.createElement('iframe')
    element.onload = () => {
        try { note('iframe', address, element.contentDocument.body.innerText) } catch (refused) { /* Likewise. */ }
        end()
    }
    element.src = address
    document.body.append(element)
})
const post = (address, fields, type) => new Promise(end => {
    const target = document.createElement('iframe')
    target.name = 'target' + Math.random()
    document.body.append(target)
    const form = document.createElement('form')
    Object.assign(form, { method: 'post', action: address, target: target.name, enctype: type })
    for (const [name, value] of Object.entries(fields)) {
        const field = document.createElement('input')
        Object.assign(field, { name, value })
        form.append(field)
    }
    document.body.append(form)
    target.onload = () => end()
    form.submit()
})
const socket = address => new Promise(end => {
    const socket = new WebSocket(address.replace('http:', 'ws:'))
    socket.onopen = () => { note('socket', address, 'open'); end() }
    socket.onerror = () => end()
})
const events = address => new Promise(end => {
    const source = new EventSource(address)
    source.onopen = () => { note('events', address, 'open'); end() }
    source.onerror = () => { source.close(); end() }
})
const all = async () => {
    for (const address of addresses) {
        await read('fetch', address, {})
        await read('fetch with cookies', address, { credentials: 'include' })
        await read('fetch with headers', address, { headers: { authorization: 'Bearer x', 'hx-request': 'true' } })
        await read('opaque', address, { mode: 'no-cors' })
        await load('img', new Image(), address)
        await load('script', document.createElement('script'), address)
        await frame(address)
        await socket(address)
        await events(address)
    }
    for (const [address, fields] of posts) {
        await read('post', address, { method: 'POST', body: new URLSearchParams(fields) })
        await read('put', address, { method: 'PUT', body: JSON.stringify(fields) })
        await read('beacon', address, { method: 'POST', mode: 'no-cors', body: new URLSearchParams(fields) })
        navigator.sendBeacon(address, new URLSearchParams(fields))
        await post(address, fields, 'application/x-www-form-urlencoded')
        await post(address, fields, 'multipart/form-data')
        await post(address, fields, 'text/plain')
    }
    return got
}
all().then(done, error => done([{ how: 'script', address: '', what: String(error) }]))
"#;

/// A page on another port of this machine, so of another origin on the same site.
async fn elsewhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let page = async || Html("<!doctype html><title>elsewhere</title><body><p>elsewhere</p>");
    let router = Router::new().route("/", get(page));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn a_page_from_elsewhere_reads_and_changes_nothing_on_the_terminal() {
    let stage = Stage::open().await;
    let browser = Browser::open(Album::new("attack").unwrap(), Look::TERMINAL).await;
    open_terminal(&browser, &stage, 0).await;
    let visit = format!("/api/v1/inspections/{}", stage.visit(0));
    let before = stage.terminal_api(0).get(&visit).await.unwrap();
    let evil = elsewhere().await;

    // Even one that learned the secret gets nowhere.
    let start = stage.terminal(0);
    let (origin, _) = start.rsplit_once('/').unwrap();
    let paths = ["/tasks", "/settings", "/sync", "/strip", "/ping", "/unlock", "/nowhere"];
    let mut addresses: Vec<String> = paths.iter().map(|path| format!("{start}{path}")).collect();
    addresses.extend(["/", "/tasks", "/api/v1/healthz"].map(|path| format!("{origin}{path}")));
    addresses.push(format!("{origin}{visit}"));
    let item = &before["items"][0]["item"].as_str().unwrap();
    let posts: Value = json!([
        [format!("{start}/settings"), {"language": "en", "theme": "dark", "lock_minutes": "0"}],
        [format!("{start}/lock"), {}],
        [format!("{start}/inspections/{}/items/{item}", stage.visit(0)), {"result": "pass"}],
        [format!("{origin}{visit}/answers/{item}"), {"answer": {"type": "conformity", "result": "pass"}}],
        [format!("{origin}/api/v1/sync"), {}],
    ]);

    browser.new_tab().await;
    // Against its own place the same page gets what it wants: the attempts are real.
    browser.goto(&evil).await;
    let own = browser.script_to_end(ATTEMPTS, vec![json!([evil]), json!([])]).await;
    let ways: Vec<&str> = own.as_array().unwrap().iter().filter_map(|got| got["how"].as_str()).collect();
    assert!(ways.contains(&"fetch") && ways.contains(&"iframe"), "{ways:?}");
    for name in [evil.clone(), evil.replace("127.0.0.1", "localhost")] {
        browser.goto(&name).await;
        browser.read("p", "elsewhere").await;
        let got = browser.script_to_end(ATTEMPTS, vec![json!(addresses), posts.clone()]).await;
        assert_eq!(got, json!([]), "from {name}");
    }
    // A link from there to the terminal shows nothing of it either.
    browser.goto(&evil).await;
    let link = "const a = document.createElement('a'); a.href = arguments[0]; a.id = 'out'; a.textContent = 'x'; \
                document.body.append(a)";
    browser.script(link, vec![json!(format!("{start}/tasks"))]).await;
    browser.follow("#out").await;
    browser.read("body", "foreign_origin").await;
    assert_eq!(browser.count("main").await, 0);

    let after = stage.terminal_api(0).get(&visit).await.unwrap();
    assert_eq!(after, before);
    browser.goto(&format!("{start}/settings")).await;
    assert_eq!(
        browser.value("[name=theme]").await,
        "auto",
        "the settings are as before, and it is still open"
    );
}

/// What is refused whatever the address: (name, headers put over an honest request's, how its path begins).
#[tokio::test]
async fn every_address_of_the_terminal_refuses_who_is_not_its_own_page() {
    let stage = Stage::open().await;
    let start = stage.terminal(0);
    let (origin, _) = start.rsplit_once('/').unwrap();
    let host = origin.trim_start_matches("http://");
    let visit = format!("/inspections/{}", stage.visit(0));
    let below = fieldproof_terminal::pages::addresses().map(|path| path.replace("{id}", "x"));
    let pages = below.chain([visit.clone()]).map(|path| format!("{start}{path}"));
    let data =
        ["/api/v1/inspections", "/api/v1/status", "/api/v1/verify"].map(|path| format!("{origin}{path}"));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let foreign: &[(&str, &str)] = &[
        ("host", "evil.example"),
        ("host", "127.0.0.1"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    let mut asked = 0;
    for address in pages.chain(data) {
        for (name, value) in foreign {
            for method in [reqwest::Method::GET, reqwest::Method::POST, reqwest::Method::OPTIONS] {
                let request = client.request(method, &address).header("host", host).header(*name, *value);
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), 403, "{address} {name}: {value}");
                let headers = answer.headers();
                assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control")), "{address}");
                asked += 1;
            }
        }
        let guess = address.replace(start.rsplit('/').next().unwrap(), &"0".repeat(64));
        if guess != address {
            assert_eq!(client.get(&guess).send().await.unwrap().status(), 403, "{guess}");
        }
    }
    assert!(asked > 100);
}
