//! What all pages share: the terminal, the officer's settings, whether it is unlocked, where the officer was last.

use super::settings::Settings;
use crate::app::App;
use crate::error::ApiError;
use crate::officers::{Named, Others};
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::header::{ACCEPT_LANGUAGE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fieldproof_presentation::page::{self, Page};
use fieldproof_presentation::texts::Language;
use fieldproof_schema::wire::error::ErrorCode;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Shared by all pages.
#[derive(Clone)]
pub struct Face(Arc<Shared>);

struct Shared {
    app: App,
    root: String,
    /// Who else uses this terminal; none where nobody can.
    others: Option<Others>,
    settings: Mutex<Settings>,
    /// Milliseconds of the monotonic clock at the last look at a page, plus one; 0 while locked.
    used_at: AtomicU64,
}

impl Face {
    /// Pages of `app` below `root`, locked.
    pub fn new(app: App, root: &str, settings: Settings, others: Option<Others>) -> Self {
        let (root, settings) = (root.to_owned(), Mutex::new(settings));
        Self(Arc::new(Shared { app, root, others, settings, used_at: AtomicU64::new(0) }))
    }

    /// Who else uses this terminal.
    pub async fn others(&self) -> Vec<Named> {
        match &self.0.others {
            Some(others) => others.named(&self.0.root).await,
            None => Vec::new(),
        }
    }

    /// Whether others can use this terminal, too.
    pub fn is_shared(&self) -> bool {
        self.0.others.is_some()
    }

    /// Where somebody who is new on this terminal enrols.
    pub async fn newcomer(&self) -> Result<String, ApiError> {
        match &self.0.others {
            Some(others) => others.add().await,
            None => Err(ErrorCode::NotFound.into()),
        }
    }

    /// The terminal.
    pub fn app(&self) -> &App {
        &self.0.app
    }

    /// The officer's settings.
    pub fn settings(&self) -> Settings {
        self.0.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the settings and keeps them.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) -> Result<(), ApiError> {
        let mut settings = self.0.settings.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut settings);
        settings.keep()
    }

    /// Whether somebody who knows the officer's passphrase is at it, and has been within the time that the settings allow.
    pub fn is_open(&self) -> bool {
        let used = self.used_at();
        let idle_ms = u64::from(self.settings().lock_minutes) * 60_000;
        used > 0 && (idle_ms == 0 || self.0.app.host().monotonic_ms() < used.saturating_add(idle_ms))
    }

    /// Whether it was unlocked since the start and not locked by hand. What is written on a page that was opened then is
    /// taken, however long it was written on.
    pub fn was_opened(&self) -> bool {
        self.used_at() > 0
    }

    /// When it was looked at; 0 while it is locked, also because another officer took the terminal over.
    fn used_at(&self) -> u64 {
        if self.0.others.as_ref().is_some_and(|others| !others.is_at(&self.0.root)) {
            self.lock();
        }
        self.0.used_at.load(Ordering::Relaxed)
    }

    /// Notes that the officer looks at it.
    pub fn touch(&self) {
        if let Some(others) = &self.0.others {
            others.take(&self.0.root);
        }
        self.0.used_at.store(self.0.app.host().monotonic_ms() + 1, Ordering::Relaxed);
    }

    /// Locks it.
    pub fn lock(&self) {
        self.0.used_at.store(0, Ordering::Relaxed);
    }

    /// What every page has, for a request with these headers.
    pub fn page(&self, headers: &HeaderMap) -> Page {
        let settings = self.settings();
        let asked = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = settings.language.unwrap_or_else(|| Language::preferred(asked.unwrap_or_default()));
        Page { language, theme: settings.theme, root: self.0.root.clone() }
    }

    /// Sends the browser to another page.
    pub fn go(&self, path: &str) -> Response {
        let location = HeaderValue::try_from(format!("{}{path}", self.0.root));
        match location {
            Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
            Err(_) => ApiError::field("path", "not an address").into_response(),
        }
    }

    /// An address of the program.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.root)
    }

    /// The path below the root of a whole address of a page; the beginning, where it is none of ours.
    pub fn path_of<'a>(&self, address: &'a str) -> &'a str {
        let below = address.split_once(self.0.root.as_str()).map_or("/", |(_, below)| below);
        self.path_within(below.split('#').next().unwrap_or_default())
    }

    /// Remembers where the officer is, so that the next start lands there.
    pub fn remember(&self, place: &str) {
        if self.settings().place == place {
            return;
        }
        if let Err(error) = self.set(|settings| place.clone_into(&mut settings.place)) {
            tracing::warn!(error.code = error.code().as_str(), "the place was not kept");
        }
    }

    /// A path below the root out of what a form or an address says; the beginning, where it is none.
    pub fn path_within<'a>(&self, path: &'a str) -> &'a str {
        let fits = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']);
        if fits && path.is_ascii() { path } else { "/" }
    }
}

/// One request for a page.
pub struct Ask {
    /// What the pages share.
    pub face: Face,
    /// What every page has.
    pub p: Page,
    /// Whether a script asks for a part of it.
    pub partial: bool,
    /// The address below the root, with its query.
    pub here: String,
}

impl Ask {
    /// The terminal.
    pub fn app(&self) -> &App {
        self.face.app()
    }

    /// Answers with a page or a part of one.
    pub fn show(&self, page: &impl askama::Template) -> Response {
        page::answer(StatusCode::OK, page)
    }

    /// Sends the browser to another page.
    pub fn go(&self, path: &str) -> Response {
        self.face.go(path)
    }
}

impl FromRequestParts<Face> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Infallible> {
        let here = parts.extensions.get::<OriginalUri>().map_or_else(
            || parts.uri.to_string(),
            |original| original.0.path_and_query().map(ToString::to_string).unwrap_or_default(),
        );
        let here = here.strip_prefix(face.0.root.as_str()).unwrap_or("/").to_owned();
        Ok(Self {
            face: face.clone(),
            p: face.page(&parts.headers),
            partial: page::is_partial(&parts.headers),
            here,
        })
    }
}
