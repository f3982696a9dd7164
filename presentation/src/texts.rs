//! The catalogues: every text that people see, Chinese first, English complete.
//!
//! Texts live in `presentation/texts/*.json`, one file per language, under dotted keys. `{name}` in a text is replaced.

use fieldproof_schema::wire::error::ErrorCode;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A language that the product speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// 简体中文.
    Chinese,
    /// English.
    English,
}

type Catalogue = BTreeMap<String, String>;

static CHINESE: LazyLock<Catalogue> = LazyLock::new(|| parse(include_str!("../texts/zh-CN.json")));
static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| parse(include_str!("../texts/en.json")));

fn parse(json: &str) -> Catalogue {
    serde_json::from_str(json).expect("the catalogues are part of the program and a test reads them")
}

impl Language {
    /// Every language, Chinese first.
    pub const ALL: &[Language] = &[Self::Chinese, Self::English];

    /// Its tag (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    fn catalogue(self) -> &'static Catalogue {
        match self {
            Self::Chinese => &CHINESE,
            Self::English => &ENGLISH,
        }
    }
}

/// The text under `key`, with `{name}` replaced; the key itself where there is none, so that a gap is seen.
pub fn text(language: Language, key: &str, values: &[(&str, &str)]) -> String {
    let mut text = language.catalogue().get(key).map_or(key, String::as_str).to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

/// What a code says to people, by language tag.
pub fn error_messages(code: ErrorCode) -> BTreeMap<String, String> {
    let key = format!("error.{}", code.as_str());
    Language::ALL.iter().map(|l| (l.tag().to_owned(), text(*l, &key, &[]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_keys_and_the_same_places() {
        let places = |text: &str| {
            let mut places: Vec<_> = text
                .split('{')
                .skip(1)
                .filter_map(|p| p.split_once('}'))
                .map(|(n, _)| n.to_owned())
                .collect();
            places.sort();
            places
        };
        assert_eq!(CHINESE.keys().collect::<Vec<_>>(), ENGLISH.keys().collect::<Vec<_>>());
        for (key, chinese) in CHINESE.iter() {
            assert!(!chinese.trim().is_empty(), "{key}");
            assert_eq!(places(chinese), places(&ENGLISH[key]), "{key}");
        }
    }

    #[test]
    fn every_code_says_something_in_both_languages() {
        for code in ErrorCode::ALL {
            for (tag, message) in error_messages(*code) {
                assert!(!message.starts_with("error."), "{tag} has no text for {}", code.as_str());
            }
        }
        let codes = CHINESE.keys().filter(|key| key.starts_with("error.")).count();
        assert_eq!(codes, ErrorCode::ALL.len(), "the catalogues hold texts of codes that do not exist");
    }
}
