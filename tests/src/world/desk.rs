//! Somebody in front of the console's pages, as a browser would ask for them, without one.

use super::World;
use super::console::PASSWORD;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use fieldproof_presentation::fields::query;
use fieldproof_server::routes;
use http_body_util::BodyExt;
use tower::ServiceExt;

/// The host that the pages are asked from.
pub const HOST: &str = "fieldproof.example.cn";

/// An answer.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as text.
    pub text: String,
    /// The body as it is.
    pub bytes: Vec<u8>,
}

impl Seen {
    /// Where the answer leads; empty where it leads nowhere.
    pub fn leads_to(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default()
    }

    /// The value of the first field of this name, as the page holds it.
    pub fn field(&self, name: &str) -> Option<String> {
        let at = self.text.find(&format!("name=\"{name}\""))?;
        let rest = &self.text[at..];
        let value = rest[..rest.find('>')?].split_once("value=\"")?.1;
        Some(plain(value.split('"').next()?))
    }
}

/// Text without the entities that the pages write.
fn plain(text: &str) -> String {
    let entities = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
}

/// A browser with its cookie.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The session's cookie; empty before signing in.
    pub cookie: String,
    /// The token of the session's forms.
    pub token: String,
    /// `zh-CN` or `en`.
    pub language: &'static str,
}

impl Desk {
    /// A browser in which nobody is signed in.
    pub fn new() -> Self {
        Self { cookie: String::new(), token: String::new(), language: "zh-CN" }
    }

    /// Signs somebody in through the page.
    pub async fn sign_in(world: &World, login: &str) -> Self {
        let mut desk = Self::new();
        let fields = [("login", login), ("password", PASSWORD)];
        let seen = desk.send(world, "/console/login", &fields).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
        desk.keep(&seen);
        let page = desk.get(world, "/console").await;
        assert_eq!(page.status, StatusCode::OK);
        desk.token = page.field("token").expect("the forms of a page carry a token");
        desk
    }

    /// Takes over the cookie that an answer sets.
    pub fn keep(&mut self, seen: &Seen) {
        let set = seen.headers.get_all(header::SET_COOKIE).iter().filter_map(|set| set.to_str().ok());
        for cookie in set.filter(|set| set.starts_with("__Host-fp-session=")) {
            self.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        }
    }

    /// Asks for a page.
    pub async fn get(&self, world: &World, path: &str) -> Seen {
        self.ask(world, Request::builder().uri(path), Body::empty()).await
    }

    /// Sends a form as a page of the console does, with the token.
    pub async fn post(&self, world: &World, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut all = vec![("token", self.token.as_str())];
        all.extend(fields);
        self.send(world, path, &all).await
    }

    /// Sends exactly these fields from our own page.
    pub async fn send(&self, world: &World, path: &str, fields: &[(&str, &str)]) -> Seen {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header(header::ORIGIN, format!("https://{HOST}"))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = query(fields);
        self.ask(world, request, Body::from(body.trim_start_matches('?').to_owned())).await
    }

    /// Sends a request with the cookie.
    pub async fn ask(&self, world: &World, request: axum::http::request::Builder, body: Body) -> Seen {
        let request = request.header(header::HOST, HOST).header(header::ACCEPT_LANGUAGE, self.language);
        let request = request.header(header::COOKIE, &self.cookie).body(body).expect("a request");
        let router = routes::router(world.app.clone());
        let answer = router.oneshot(request).await.unwrap_or_else(|never| match never {});
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Seen { status: head.status, headers: head.headers, text, bytes: bytes.into() }
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}
