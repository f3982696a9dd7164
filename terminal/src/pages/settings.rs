//! What the officer chose about the pages, and where she was last. Kept beside the store, in a file that may be lost.

use super::sync::uploads::network_words;
use super::{Ask, Posted, Route};
use crate::error::ApiError;
use crate::uploads::METERED_MEGABYTES;
use askama::Template;
use axum::extract::OriginalUri;
use axum::response::Response;
use axum::routing::get;
use fieldproof_client_core::{Client, EnrolledAs};
use fieldproof_presentation::page::{Choice, Page, Theme};
use fieldproof_presentation::texts::Language;
use fieldproof_schema::suite::{Digest, PublicKey};
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The file in the data directory.
const FILE: &str = "face.json";
/// Minutes without a look at a page after which it asks for the passphrase again; 0 is never.
pub(super) const LOCK_MINUTES: [u32; 5] = [5, 15, 30, 60, 0];

pub(super) const ROUTES: &[Route] = &[Route { path: "/settings", answer: || get(show).post(save) }];

/// What the officer chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    file: PathBuf,
    /// The language; the browser's where none was chosen.
    pub language: Option<Language>,
    /// The appearance.
    pub theme: Theme,
    /// See [`LOCK_MINUTES`].
    pub lock_minutes: u32,
    /// The page that she was on, below the root.
    pub place: String,
    /// The address of the server that this terminal belongs to, as it was said at the start. Not kept.
    pub server: String,
}

impl Settings {
    /// Reads the settings of a data directory; a missing or damaged file means the defaults.
    pub fn open(data: &Path) -> Self {
        let file = data.join(FILE);
        let known: Value =
            fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let text = |name: &str| known[name].as_str().unwrap_or_default();
        let minutes = known["lock_minutes"].as_u64().and_then(|minutes| u32::try_from(minutes).ok());
        Self {
            language: Language::find(text("language")),
            theme: Theme::find(text("theme")).unwrap_or_default(),
            lock_minutes: minutes.filter(|minutes| LOCK_MINUTES.contains(minutes)).unwrap_or(15),
            place: if text("place").is_empty() { "/tasks".to_owned() } else { text("place").to_owned() },
            server: String::new(),
            file,
        }
    }

    /// The same, for a terminal of this server.
    pub fn of_server(self, server: &str) -> Self {
        Self { server: server.to_owned(), ..self }
    }

    /// Keeps them: whole or not at all.
    pub(super) fn keep(&self) -> Result<(), ApiError> {
        let known = json!({
            "language": self.language.map(Language::tag),
            "theme": self.theme.as_str(),
            "lock_minutes": self.lock_minutes,
            "place": self.place,
        });
        let fresh = self.file.with_extension("json.partial");
        let kept = fs::write(&fresh, known.to_string()).and_then(|()| fs::rename(&fresh, &self.file));
        kept.map_err(|source| ApiError::File { what: "keeping the settings", source })
    }
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    p: Page,
    languages: Vec<Choice>,
    themes: Vec<Choice>,
    lock: Vec<Choice>,
    uploads: Vec<Choice>,
    /// What is known about the network, in words.
    network: String,
    server: String,
    version: &'static str,
    who: EnrolledAs,
    /// The beginnings of the officer's key and the server's, as people compare them.
    keys: [String; 2],
    /// The choices were just kept.
    saved: bool,
}

/// The beginning of a key's hash, in groups of four.
fn fingerprint(key: &PublicKey) -> String {
    let hash = Digest::of(&key.to_bytes());
    let pairs: Vec<String> =
        hash.value.chunks(2).take(4).map(|pair| format!("{:02X}{:02X}", pair[0], pair[1])).collect();
    pairs.join(" ")
}

async fn show(ask: Ask, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let (p, settings) = (ask.p.clone(), ask.face.settings());
    let status = ask.app().read(Client::status).await?;
    let who = status.enrolled.ok_or(ApiError::from(ErrorCode::NotEnrolled))?;
    let lock = LOCK_MINUTES.map(|minutes| {
        let label = match minutes {
            0 => p.t("terminal.settings.lock.never"),
            minutes => p.t1("kit.minutes", "n", minutes),
        };
        Choice::new(minutes.to_string(), label, minutes == settings.lock_minutes)
    });
    let kept = ask.app().uploads().choices().metered_megabytes_max;
    let uploads = METERED_MEGABYTES.map(|most| {
        let label = match most {
            None => p.t("terminal.uploads.rule.all"),
            Some(0) => p.t("terminal.uploads.rule.none"),
            Some(most) => p.t1("terminal.uploads.rule.most", "n", most),
        };
        Choice::new(value_of(most), label, most == kept)
    });
    let (languages, themes) = (p.languages(settings.language.as_ref()), p.themes(&settings.theme));
    Ok(ask.show(&SettingsPage {
        keys: [fingerprint(&who.officer_key), fingerprint(&who.server_key)],
        server: settings.server,
        version: env!("CARGO_PKG_VERSION"),
        saved: uri.query() == Some("saved"),
        lock: lock.to_vec(),
        uploads: uploads.to_vec(),
        network: network_words(&p, ask.app().uploads().network()),
        p,
        languages,
        themes,
        who,
    }))
}

/// What the form calls a choice of [`METERED_MEGABYTES`].
fn value_of(most: Option<u32>) -> String {
    most.map_or_else(|| "all".to_owned(), |most| most.to_string())
}

async fn save(ask: Ask, Posted(fields): Posted) -> Result<Response, ApiError> {
    let minutes = fields.get("lock_minutes").parse().ok().filter(|minutes| LOCK_MINUTES.contains(minutes));
    ask.face.set(|settings| {
        settings.language = Language::find(fields.get("language"));
        settings.theme = Theme::find(fields.get("theme")).unwrap_or_default();
        settings.lock_minutes = minutes.unwrap_or(settings.lock_minutes);
    })?;
    let chosen = METERED_MEGABYTES.into_iter().find(|most| value_of(*most) == fields.get("uploads"));
    if let Some(most) = chosen {
        ask.app().choose_uploads(|choices| choices.metered_megabytes_max = most)?;
    }
    Ok(ask.go("/settings?saved"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_and_damaged_ones_are_the_defaults() {
        let data = tempfile::tempdir().unwrap();
        let mut settings = Settings::open(data.path());
        assert_eq!((settings.theme, settings.place.as_str()), (Theme::Auto, "/tasks"));
        settings.theme = Theme::Dark;
        settings.language = Some(Language::English);
        settings.lock_minutes = 0;
        settings.keep().unwrap();
        assert_eq!(Settings::open(data.path()), settings);
        fs::write(data.path().join(FILE), "{\"theme\": 7, \"lock_minutes\": -1}").unwrap();
        assert_eq!(Settings::open(data.path()).lock_minutes, 15);
    }
}
