//! What holds of every page: nobody else is answered, nothing leads outside, nothing is kept by caches.

use super::{ALL, Route};
use crate::testing::{AUTHORITY, Page, SECRET, Terminal};
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};

const ID: &str = "019ab000-0000-7000-8000-000000000001";

/// The address of a route with something in each of its places.
fn address(route: &Route) -> String {
    let parts = route.path.split('/').map(|part| match part.starts_with('{') {
        true if part == "{item}" => "SW-01",
        true if part == "{version}" || part == "{name}" => "app.css",
        true => ID,
        false => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

fn routes() -> impl Iterator<Item = &'static Route> {
    ALL.iter().copied().flatten()
}

fn request(method: &Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from("passphrase=x&language=en&theme=dark&lock_minutes=0")).unwrap()
}

/// What it is, the address, the headers.
type Attack = (&'static str, String, Vec<(&'static str, &'static str)>);

/// What another app, or a page of another site, can send to a loopback port.
fn attacks(path: &str) -> Vec<Attack> {
    let (bare, own) = (path.to_owned(), format!("/{SECRET}{path}"));
    let wrong = format!("/{}{path}", "0".repeat(SECRET.len()));
    let near = format!("/{SECRET}x{path}");
    let (host, evil) = (("host", AUTHORITY), ("host", "evil.example:4000"));
    vec![
        ("no secret", bare.clone(), vec![host]),
        ("a wrong secret", wrong, vec![host]),
        ("a longer secret", near, vec![host]),
        ("a name that was made to point here", own.clone(), vec![evil]),
        ("a name that points here, without a port", own.clone(), vec![("host", "localhost")]),
        ("no host", own.clone(), vec![]),
        ("another port", own.clone(), vec![("host", "127.0.0.1:4001")]),
        ("a page of another site", own.clone(), vec![host, ("origin", "http://evil.example")]),
        ("a page in a frame without a name", own.clone(), vec![host, ("origin", "null")]),
        ("another app's page on this machine", own.clone(), vec![host, ("origin", "http://127.0.0.1:9999")]),
        ("a browser that says cross-site", own.clone(), vec![host, ("sec-fetch-site", "cross-site")]),
        ("a browser that says same-site", own.clone(), vec![host, ("sec-fetch-site", "same-site")]),
        ("another app's bearer", bare.clone(), vec![host, ("authorization", "Bearer 0123456789abcdef")]),
        ("a bearer of another form", bare.clone(), vec![host, ("authorization", "Basic c2VzYW1l")]),
        (
            "a websocket of another page",
            own.clone(),
            vec![
                host,
                ("origin", "http://evil.example"),
                ("upgrade", "websocket"),
                ("connection", "upgrade"),
            ],
        ),
        (
            "an event stream of another page",
            own,
            vec![host, ("origin", "http://evil.example"), ("accept", "text/event-stream")],
        ),
        ("a cookie", bare, vec![host, ("cookie", "secret=sesame")]),
    ]
}

fn assert_closed(headers: &HeaderMap, about: &str) {
    let cors = headers.keys().any(|name| name.as_str().starts_with("access-control-"));
    assert!(!cors && !headers.contains_key(header::SET_COOKIE), "{about}: {headers:?}");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{about}");
    assert_eq!(headers["cross-origin-resource-policy"], "same-origin", "{about}");
    assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY), "{about}");
}

#[tokio::test]
async fn no_page_answers_other_apps_or_other_pages_and_nothing_changes() {
    let terminal = Terminal::unlocked().await;
    let before = (terminal.get("/settings").await.text, terminal.app.syncs().last.is_none());
    let methods = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD];
    for route in routes() {
        let path = address(route);
        for method in &methods {
            for (name, path, headers) in attacks(&path) {
                let reply = terminal.page(request(method, &path, &headers)).await;
                let about = format!("{method} {path}: {name}");
                assert_eq!(reply.status, StatusCode::FORBIDDEN, "{about}");
                assert_closed(&reply.headers, &about);
                assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store", "{about}");
                assert!(!reply.text.contains(SECRET), "{about}");
            }
        }
    }
    let after = (terminal.get("/settings").await.text, terminal.app.syncs().last.is_none());
    assert_eq!(before, after);
}

#[tokio::test]
async fn no_page_leads_outside_or_is_kept_by_a_cache() {
    let terminal = Terminal::unlocked().await;
    for route in routes() {
        let path = address(route);
        for partial in [false, true] {
            let reply = terminal.look(&path, partial).await;
            let about = format!("{path} partial {partial} {}", reply.status);
            assert_closed(&reply.headers, &about);
            let kept = reply.headers[header::CACHE_CONTROL].to_str().unwrap();
            let versioned = path.starts_with("/assets/");
            assert!(kept == "no-store" || versioned, "{about}: {kept}");
            if versioned {
                continue;
            }
            let outside: Vec<_> = reply
                .text
                .match_indices("://")
                .map(|(at, _)| &reply.text[at.saturating_sub(20)..at + 3])
                .collect();
            // The settings say which server the terminal belongs to, as a word and not as an address to follow.
            assert!(outside.is_empty() || path == "/settings", "{about}: {outside:?}");
            for attribute in ["href=\"", "src=\"", "action=\"", "hx-get=\"", "hx-post=\"", "formaction=\""] {
                for (at, _) in reply.text.match_indices(attribute) {
                    let value = &reply.text[at + attribute.len()..];
                    let own = value.starts_with(&format!("/{SECRET}")) || value.starts_with("#content");
                    assert!(own, "{about}: {attribute}{}", &value[..value.len().min(40)]);
                }
            }
            for never in ["<script>", "style=\"", "<style", "onclick", "javascript:", "<iframe"] {
                assert!(!reply.text.contains(never), "{about}: {never}");
            }
        }
    }
}

#[tokio::test]
async fn every_whole_page_says_what_it_is_and_tells_the_truth_at_its_foot() {
    let terminal = Terminal::unlocked().await;
    for path in ["/tasks", "/entities", "/sync", "/settings", "/verify", "/nowhere"] {
        let page: Page = terminal.get(path).await;
        assert_eq!(page.text.matches("<h1>").count(), 1, "{path}");
        assert_eq!(page.text.matches("id=\"strip-poll\"").count(), 1, "{path}");
        assert!(!page.text.contains("<!--fp-strip-->"), "{path}");
    }
}

#[tokio::test]
async fn every_text_of_every_page_is_in_the_catalogue() {
    let terminal = Terminal::unlocked().await;
    for route in routes().filter(|route| !route.path.starts_with("/assets/")) {
        let page = terminal.get(&address(route)).await;
        for area in ["terminal.", "kit.", "inspection.", "law.", "error."] {
            // A key that has no text shows as itself; a class or an address never has a point behind its first word.
            let key = page.text.match_indices(area).find(|(at, _)| {
                let before = page.text[..*at].chars().next_back();
                let after = page.text[at + area.len()..].chars().next();
                let asset = page.text[at + area.len()..].starts_with("css")
                    || page.text[at + area.len()..].starts_with("js");
                before.is_none_or(|c| !c.is_alphanumeric() && c != '/')
                    && after.is_some_and(|c| c.is_ascii_lowercase())
                    && !asset
            });
            assert!(key.is_none(), "{}: {}", route.path, &page.text[key.unwrap().0..][..40]);
        }
    }
}
