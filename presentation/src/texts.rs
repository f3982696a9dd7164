//! The catalogues: every text that people see, Chinese first, English complete.
//!
//! Texts live in `presentation/texts/<language>/<area>.json` under dotted keys. `{name}` in a text is replaced.

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

/// One file per area; the first part of a key names its file.
macro_rules! areas {
    ($($area:literal),*) => {
        /// Every area with its texts, Chinese and English.
        const AREAS: &[(&str, [&str; 2])] = &[$((
            $area,
            [
                include_str!(concat!("../texts/zh-CN/", $area, ".json")),
                include_str!(concat!("../texts/en/", $area, ".json")),
            ],
        )),*];
    };
}

areas!(
    "admin",
    "cli",
    "console",
    "demo",
    "error",
    "inspection",
    "kit",
    "law",
    "public",
    "review",
    "terminal"
);

static CHINESE: LazyLock<Catalogue> = LazyLock::new(|| read(0));
static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| read(1));

fn read(language: usize) -> Catalogue {
    AREAS.iter().flat_map(|(_, texts)| parse(texts[language])).collect()
}

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

    /// Finds a language by its tag.
    pub fn find(tag: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|language| language.tag() == tag)
    }

    /// The language that a browser asks for first (`Accept-Language`), of those that the product speaks; else Chinese.
    pub fn preferred(accept: &str) -> Self {
        let mut best = (0.0, Self::Chinese);
        for part in accept.split(',') {
            let mut parameters = part.split(';');
            let tag = parameters.next().unwrap_or_default().trim().to_ascii_lowercase();
            let quality =
                parameters.find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            let language = match tag.split('-').next() {
                Some("zh") => Self::Chinese,
                Some("en") => Self::English,
                _ => continue,
            };
            if quality > best.0 {
                best = (quality, language);
            }
        }
        best.1
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

/// Whether there is a text under `key`.
pub fn has(key: &str) -> bool {
    CHINESE.contains_key(key)
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
    fn every_text_is_in_the_file_that_its_key_names() {
        for (area, texts) in AREAS {
            for key in texts.iter().flat_map(|text| parse(text).into_keys()) {
                assert_eq!(key.split('.').next(), Some(*area), "{key}");
            }
        }
    }

    #[test]
    fn the_browsers_first_known_language_is_spoken() {
        for (accept, language) in [
            ("en-GB,en;q=0.9,zh;q=0.8", Language::English),
            ("fr,zh-CN;q=0.9,en;q=0.8", Language::Chinese),
            ("en;q=0.5, zh-TW", Language::Chinese),
            ("fr", Language::Chinese),
            ("", Language::Chinese),
            (";q=x,,", Language::Chinese),
        ] {
            assert_eq!(Language::preferred(accept), language, "{accept}");
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
