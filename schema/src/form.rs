//! The register of document forms (执法文书目录): what officers fill in on paper, and how it is numbered.
//!
//! It ships with the product ([`crate::data::forms`]). Fields of forms and printing are not here. What the words of a number
//! mean is said by the register with its certainty; how a number is spelled is [`Numbering::spell`]'s to say.

use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// How sure a statement of the register is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Certainty {
    /// Confirmed in public pages, mostly extracts.
    Secondary,
    /// General knowledge, unverified.
    General,
}

/// The register.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormRegister {
    /// Digits to which serial numbers are filled up.
    pub serial_digits: usize,
    /// Words for what a matter is about (执法类别).
    pub categories: Vec<Category>,
    /// Every form, by code.
    pub forms: Vec<Form>,
}

/// A word for what a matter is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// As it stands in a number.
    pub word: String,
    /// What it stands for.
    pub name: String,
    /// The same in English.
    pub name_en: String,
    /// How sure that is.
    pub certainty: Certainty,
}

/// One form.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// For instance `DOC-03`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The same in English.
    pub name_en: String,
    /// Whether officers make it in the field.
    pub offline: bool,
    /// How it is numbered.
    pub numbering: Numbering,
    /// Where it is known from.
    pub source: String,
}

/// How a form is numbered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Numbering {
    /// Not at all.
    None,
    /// 编号: year and serial number.
    Serial(Pattern),
    /// 文号: the unit's prefix, what it is about, its nature, year and serial number.
    Reference(Pattern),
}

/// How a number is spelled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pattern {
    /// With `{prefix}`, `{category}`, `{nature}`, `{year}`, `{serial}` in place of the parts.
    pub pattern: String,
    /// As the source says it.
    pub stated: String,
    /// Which source.
    pub source: String,
    /// How sure the pattern is.
    pub certainty: Certainty,
    /// The word for the nature of the document (执法性质).
    #[serde(default)]
    pub nature: Option<String>,
    /// How sure that word is.
    #[serde(default)]
    pub nature_certainty: Option<Certainty>,
    /// How many numbers a terminal carries: enough for a few days. Absent for what is made in the office.
    #[serde(default)]
    pub block: Option<u32>,
}

/// The parts of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The word that starts the numbers of the unit's documents (文号代字).
    pub prefix: &'a str,
    /// What it is about: a [`Category::word`].
    pub category: &'a str,
    /// The year.
    pub year: u32,
    /// The serial number, from 1.
    pub serial: u32,
}

/// Why a register is not taken.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// Not of this form.
    #[error("the register of forms cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// A form says something that does not hold together.
    #[error("form {code}: {problem}")]
    Form {
        /// Which form.
        code: String,
        /// What is the matter.
        problem: &'static str,
    },
}

const PARTS: [&str; 5] = ["{prefix}", "{category}", "{nature}", "{year}", "{serial}"];

impl FormRegister {
    /// Reads and checks a register.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        let register: Self = serde_json::from_str(text)?;
        for (place, form) in register.forms.iter().enumerate() {
            let twice = register.forms[..place].iter().any(|before| before.code == form.code);
            let problem = if twice { Some("the code is there twice") } else { form.problem() };
            if let Some(problem) = problem {
                return Err(FormError::Form { code: form.code.clone(), problem });
            }
        }
        Ok(register)
    }

    /// The register that ships with the product.
    pub fn shipped() -> &'static Self {
        static REGISTER: OnceLock<FormRegister> = OnceLock::new();
        REGISTER
            .get_or_init(|| Self::parse(crate::data::forms()).expect("a test reads the register that ships"))
    }

    /// A form by its code.
    pub fn find(&self, code: &str) -> Option<&Form> {
        self.forms.iter().find(|form| form.code == code)
    }

    /// What officers make in the field.
    pub fn offline(&self) -> impl Iterator<Item = &Form> {
        self.forms.iter().filter(|form| form.offline)
    }

    /// A category by its word.
    pub fn category(&self, word: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.word == word)
    }

    /// Spells the number of a form; `None` for a form without numbers or one that is not known.
    pub fn spell(&self, form: &str, parts: Parts<'_>) -> Option<String> {
        let pattern = self.find(form)?.numbering.pattern()?;
        Some(pattern.spell(parts, self.serial_digits))
    }
}

impl Form {
    fn problem(&self) -> Option<&'static str> {
        if self.code.is_empty() || self.code.contains('/') || self.name.is_empty() {
            return Some("it has no code or no name");
        }
        let pattern = self.numbering.pattern()?;
        let mut rest = pattern.pattern.clone();
        for part in PARTS {
            if rest.matches(part).count() > 1 {
                return Some("a part of the number is there twice");
            }
            rest = rest.replacen(part, "", 1);
        }
        let has = |part: &str| pattern.pattern.contains(part);
        if rest.contains(['{', '}']) {
            Some("the number has a part that is not known")
        } else if !has("{year}") || !has("{serial}") {
            Some("the number has no year or no serial number")
        } else if matches!(self.numbering, Numbering::Serial(_)) && (has("{prefix}") || has("{category}")) {
            Some("a serial number has no prefix and no category")
        } else if has("{nature}") != pattern.nature.is_some() {
            Some("the nature is missing, or not part of the number")
        } else if pattern.nature.is_some() != pattern.nature_certainty.is_some() {
            Some("how sure the nature is must be said")
        } else if self.offline != pattern.block.is_some_and(|block| (1..=1000).contains(&block)) {
            Some("what is made in the field needs a block of numbers, and nothing else does")
        } else {
            None
        }
    }
}

impl Numbering {
    /// How a number is spelled, where there is one.
    pub fn pattern(&self) -> Option<&Pattern> {
        match self {
            Self::None => None,
            Self::Serial(pattern) | Self::Reference(pattern) => Some(pattern),
        }
    }
}

impl Pattern {
    /// Whether a number says what it is about.
    pub fn asks_category(&self) -> bool {
        self.pattern.contains("{category}")
    }

    /// Whether a number begins with the unit's prefix.
    pub fn asks_prefix(&self) -> bool {
        self.pattern.contains("{prefix}")
    }

    /// Whether all of it was confirmed by a source.
    pub fn is_verified(&self) -> bool {
        self.certainty != Certainty::General
            && self.nature_certainty != Some(Certainty::General)
            && !self.asks_category()
    }

    /// Spells a number from its parts. What is put in is not looked at again: a prefix in braces stays as it is.
    fn spell(&self, parts: Parts<'_>, digits: usize) -> String {
        let (year, serial) = (parts.year.to_string(), format!("{:0digits$}", parts.serial));
        let mut spelled = String::new();
        let mut rest = self.pattern.as_str();
        while let Some(start) = rest.find('{') {
            let Some(length) = rest[start..].find('}') else { break };
            spelled.push_str(&rest[..start]);
            spelled.push_str(match &rest[start..=start + length] {
                "{prefix}" => parts.prefix,
                "{category}" => parts.category,
                "{nature}" => self.nature.as_deref().unwrap_or_default(),
                "{year}" => &year,
                "{serial}" => &serial,
                other => other,
            });
            rest = &rest[start + length + 1..];
        }
        spelled.push_str(rest);
        spelled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const PARTS: Parts<'static> = Parts { prefix: "棠卫", category: "公", year: 2026, serial: 7 };

    #[test]
    fn the_register_that_ships_has_every_form_and_says_what_is_unverified() {
        let register = FormRegister::shipped();
        assert_eq!((register.forms.len(), register.offline().count()), (45, 24));
        let numbered = register.offline().filter(|form| form.numbering.pattern().is_some());
        assert_eq!(numbered.count(), 14);
        for form in &register.forms {
            if let Numbering::Reference(pattern) = &form.numbering {
                assert!(!pattern.is_verified(), "{}", form.code);
            }
        }
        assert!(register.find("DOC-03").unwrap().numbering.pattern().unwrap().is_verified());
        assert!(register.categories.iter().all(|category| category.certainty == Certainty::General));
        assert!(register.category("公").is_some() && register.category("龙").is_none());
    }

    #[test]
    fn numbers_are_spelled_from_their_parts() {
        let spell = |form: &str, parts| FormRegister::shipped().spell(form, parts);
        assert_eq!(spell("DOC-03", PARTS).as_deref(), Some("2026-007"));
        assert_eq!(spell("DOC-35", PARTS).as_deref(), Some("棠卫公改〔2026〕007号"));
        assert_eq!(
            spell("DOC-09", Parts { serial: 12345, ..PARTS }).as_deref(),
            Some("棠卫公证保〔2026〕12345号")
        );
        assert_eq!(
            spell("DOC-35", Parts { prefix: "{year}", ..PARTS }).as_deref(),
            Some("{year}公改〔2026〕007号")
        );
        assert_eq!((spell("DOC-01", PARTS), spell("DOC-99", PARTS)), (None, None));
    }

    #[test]
    fn what_does_not_hold_together_is_not_taken() {
        let whole: Value = serde_json::from_str(crate::data::forms()).unwrap();
        let place = |code: &str| {
            let forms = whole["forms"].as_array().unwrap();
            forms.iter().position(|form| form["code"] == code).unwrap()
        };
        for (code, key, value) in [
            ("DOC-03", "/numbering/pattern", json!("{year}-{number}")),
            ("DOC-03", "/numbering/pattern", json!("{serial}")),
            ("DOC-03", "/numbering/pattern", json!("{year}{year}-{serial}")),
            ("DOC-03", "/numbering/pattern", json!("{prefix}{year}-{serial}")),
            ("DOC-35", "/numbering/nature", Value::Null),
            ("DOC-35", "/numbering/natureCertainty", Value::Null),
            ("DOC-35", "/numbering/block", json!(0)),
            ("DOC-35", "/code", json!("DOC-03")),
            ("DOC-35", "/code", json!("")),
            ("DOC-35", "/numbering/kind", json!("secret")),
        ] {
            let mut broken = whole.clone();
            *broken["forms"][place(code)].pointer_mut(key).unwrap() = value.clone();
            assert!(FormRegister::parse(&broken.to_string()).is_err(), "{code} {key} {value}");
        }
    }
}
