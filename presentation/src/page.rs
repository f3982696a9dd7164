//! What every page has: language, appearance, addresses, icons, and the words for states and verdicts.
//!
//! Templates see it as `p`.

use crate::html::{self, Html};
use crate::texts::{self, Language};
use crate::{assets, format};
use askama::Template;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fieldproof_schema::checklist::{Severity, Verdict};
use fieldproof_schema::law::Mark;
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::reference::InspectionState;
use std::fmt::Display;

/// Nothing but our own files; no script or style inside a page, no frame around it.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    media-src 'self' blob:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Characters of a long text that a page shows before the reader asks for the rest.
const LONG_TEXT_CHARS: usize = 1200;
/// Characters of a text that a cell of a table shows.
const BRIEF_CHARS: usize = 120;

/// Light, dark, or as the system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the system is.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Every appearance.
    pub const ALL: &[Theme] = &[Self::Auto, Self::Light, Self::Dark];

    /// The name in settings and markup.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Finds an appearance by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|theme| theme.as_str() == name)
    }
}

/// One option of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is posted.
    pub value: String,
    /// What is read.
    pub label: String,
    /// Whether it is the one that holds.
    pub chosen: bool,
}

impl Choice {
    /// An option.
    pub fn new(value: impl Into<String>, label: impl Into<String>, chosen: bool) -> Self {
        Self { value: value.into(), label: label.into(), chosen }
    }
}

/// What every page has.
#[derive(Debug, Clone)]
pub struct Page {
    /// The language of the page.
    pub language: Language,
    /// The appearance.
    pub theme: Theme,
    /// What stands before every address of the program: empty, or a path without a slash at its end.
    pub root: String,
}

impl Page {
    /// The language's tag.
    pub fn lang(&self) -> &'static str {
        self.language.tag()
    }

    /// The name of the appearance.
    pub fn theme(&self) -> &'static str {
        self.theme.as_str()
    }

    /// The text under a key.
    pub fn t(&self, key: impl AsRef<str>) -> String {
        texts::text(self.language, key.as_ref(), &[])
    }

    /// The text under a key, with one place filled.
    pub fn t1(&self, key: impl AsRef<str>, name: &str, value: impl Display) -> String {
        texts::text(self.language, key.as_ref(), &[(name, &value.to_string())])
    }

    /// The text under a key, with two places filled.
    pub fn t2(&self, key: &str, one: &str, first: impl Display, two: &str, second: impl Display) -> String {
        texts::text(self.language, key, &[(one, &first.to_string()), (two, &second.to_string())])
    }

    /// Several words, one after another.
    pub fn list<I: IntoIterator<Item: Display>>(&self, words: I) -> String {
        let words: Vec<_> = words.into_iter().map(|word| word.to_string()).collect();
        words.join(&self.t("kit.list"))
    }

    /// Chinese or English, where data hold both.
    pub fn either<'a>(&self, chinese: &'a str, english: &'a str) -> &'a str {
        match self.language {
            Language::Chinese => chinese,
            Language::English if english.is_empty() => chinese,
            Language::English => english,
        }
    }

    /// An address of the program.
    pub fn url(&self, path: impl AsRef<str>) -> String {
        format!("{}{}", self.root, path.as_ref())
    }

    /// The address of an asset.
    pub fn asset(&self, name: &str) -> String {
        self.url(assets::address(name))
    }

    /// The languages, and none of them: as the browser asks. Templates pass references, so this takes them.
    pub fn languages(&self, chosen: Option<&Language>) -> Vec<Choice> {
        let auto = Choice::new("", self.t("kit.language.auto"), chosen.is_none());
        let known = Language::ALL.iter().map(|language| {
            let tag = language.tag();
            Choice::new(tag, self.t(format!("kit.language.{tag}")), chosen == Some(language))
        });
        std::iter::once(auto).chain(known).collect()
    }

    /// The appearances.
    pub fn themes(&self, chosen: &Theme) -> Vec<Choice> {
        let choice = |theme: &Theme| {
            let name = theme.as_str();
            Choice::new(name, self.t(format!("kit.theme.{name}")), chosen == theme)
        };
        Theme::ALL.iter().map(choice).collect()
    }

    /// An icon, silent for those who listen: a word always stands beside it.
    pub fn icon(&self, name: &str) -> Html {
        let sprite = self.asset("icons.svg");
        Html::new(format!("<svg class=\"icon\" aria-hidden=\"true\"><use href=\"{sprite}#{name}\"/></svg>"))
    }

    /// An icon and a word in the colour of a tone: `pass`, `fail`, `warn`, `none`, `info`.
    pub fn badge(&self, tone: &str, icon: &str, word: &str) -> Html {
        let (icon, word) = (self.icon(icon), html::text(word));
        Html::new(format!("<span class=\"fp-badge fp-{tone}\">{icon}<span>{word}</span></span>"))
    }

    /// A verdict.
    pub fn verdict(&self, verdict: &Verdict) -> Html {
        let (tone, icon, key) = match verdict {
            Verdict::Pass => ("pass", "circle-check", "kit.verdict.pass"),
            Verdict::Fail => ("fail", "circle-x", "kit.verdict.fail"),
            Verdict::NotApplicable => ("none", "circle-minus", "kit.verdict.not_applicable"),
            Verdict::Recorded => ("info", "note", "kit.verdict.recorded"),
            Verdict::NotDecided => ("warn", "help-circle", "kit.verdict.not_decided"),
        };
        self.badge(tone, icon, &self.t(key))
    }

    /// Where an inspection stands.
    pub fn state(&self, state: &InspectionState) -> Html {
        let (tone, icon) = match state {
            InspectionState::Dispatched => ("none", "circle"),
            InspectionState::InProgress => ("info", "pencil"),
            InspectionState::Sealed => ("info", "lock"),
            InspectionState::Returned => ("warn", "arrow-back-up"),
            InspectionState::Accepted => ("pass", "circle-check"),
            InspectionState::Disclosed => ("pass", "world"),
        };
        self.badge(tone, icon, &self.state_word(state))
    }

    /// The word for where an inspection stands.
    pub fn state_word(&self, state: &InspectionState) -> String {
        self.t(format!("kit.state.{}", state.as_str()))
    }

    /// How well a text is known.
    pub fn mark(&self, mark: &Mark) -> Html {
        let (tone, icon) = match mark {
            Mark::Verified => ("pass", "shield-check"),
            Mark::SecondarySource => ("info", "eye"),
            Mark::Unverified => ("warn", "help-circle"),
            Mark::Superseded => ("fail", "alert-triangle"),
        };
        self.badge(tone, icon, &self.t(mark.label_key()))
    }

    /// How grave a failure of an item is.
    pub fn severity(&self, severity: &Severity) -> String {
        self.t(match severity {
            Severity::Critical => "kit.severity.critical",
            Severity::Major => "kit.severity.major",
            Severity::Minor => "kit.severity.minor",
        })
    }

    /// `2026-11-23 14:05`.
    pub fn moment(&self, moment: &Moment) -> String {
        format::moment(*moment)
    }

    /// `2026-11-23 周一`.
    pub fn day(&self, iso: &str) -> String {
        format::day(self.language, iso)
    }

    /// The span in which something happened.
    pub fn interval(&self, interval: &Interval) -> String {
        format::interval(self.language, interval)
    }

    /// Bytes in a readable unit.
    pub fn size(&self, bytes: &u64) -> String {
        format::size(*bytes)
    }

    /// Text inside a field or an attribute of one, character by character as it is stored.
    pub fn raw(&self, text: &str) -> Html {
        html::field(text)
    }

    /// The beginning of a text in one line, for cells of tables.
    pub fn brief(&self, text: &str) -> Html {
        let (beginning, cut) = format::cut(text, BRIEF_CHARS);
        Html::new(format!("{}{}", html::text(beginning), if cut.is_some() { "…" } else { "" }))
    }

    /// A name where markup has no place, for instance in the title of a page: controls are left out, what is long is cut.
    pub fn name(&self, text: &str) -> String {
        let plain: String = text.chars().filter(|c| !html::is_hidden(*c)).collect();
        let (beginning, cut) = format::cut(&plain, BRIEF_CHARS);
        format!("{beginning}{}", if cut.is_some() { "…" } else { "" })
    }

    /// A text of any length with its line breaks; of a long one the beginning, and the rest when it is asked for.
    pub fn long(&self, text: &str) -> Html {
        let (beginning, chars) = format::cut(text, LONG_TEXT_CHARS);
        let shown = html::text(beginning);
        match chars {
            None => Html::new(format!("<div class=\"fp-text\">{shown}</div>")),
            Some(chars) => Html::new(format!(
                "<div class=\"fp-text\">{shown}…</div><details class=\"fp-rest\"><summary>{}</summary><div \
                 class=\"fp-text\" tabindex=\"0\">{}</div></details>",
                html::text(&self.t1("kit.show_all", "n", chars)),
                html::text(text),
            )),
        }
    }
}

/// Answers with a page or a part of one. Nothing of it is kept by caches.
pub fn answer(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let headers = [
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CACHE_CONTROL, "no-store"),
                (CONTENT_SECURITY_POLICY, POLICY),
            ];
            (status, headers.map(|(name, value)| (name, HeaderValue::from_static(value))), html)
                .into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Whether a script of a page asks for a part of it.
pub fn is_partial(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(language: Language) -> Page {
        Page { language, theme: Theme::Auto, root: "/x".into() }
    }

    #[test]
    fn every_state_and_verdict_has_a_word_and_an_icon() {
        for language in Language::ALL {
            let p = page(*language);
            let verdicts = [
                Verdict::Pass,
                Verdict::Fail,
                Verdict::NotApplicable,
                Verdict::Recorded,
                Verdict::NotDecided,
            ];
            let badges = InspectionState::ALL
                .iter()
                .map(|state| p.state(state))
                .chain(verdicts.iter().map(|verdict| p.verdict(verdict)))
                .chain(Mark::ALL.iter().map(|mark| p.mark(mark)));
            for badge in badges {
                assert!(badge.as_str().contains("<use ") && !badge.as_str().contains("kit."), "{badge}");
            }
        }
    }

    #[test]
    fn a_long_text_is_whole_behind_its_beginning() {
        let p = page(Language::Chinese);
        assert_eq!(p.long("<短>").as_str(), "<div class=\"fp-text\">&#60;短&#62;</div>");
        let long = "长".repeat(LONG_TEXT_CHARS + 1);
        assert!(p.long(&long).as_str().contains(&long));
        assert!(p.long(&long).as_str().contains("<details"));
    }

    #[test]
    fn addresses_stand_below_the_root() {
        let p = page(Language::English);
        assert!(p.asset("app.css").starts_with("/x/assets/"));
        assert!(!p.asset("app.css").contains("unknown"));
    }
}
