//! A walk through a JSON value that notes every fault with its place and goes on.

use super::decimal::Decimal;
use super::violation::{Problem, Violation};
use crate::limits::{ITEM_ID_CHARS_MAX, ITEM_TEXT_CHARS_MAX};
use serde_json::{Map, Value};
use std::cell::RefCell;

/// A place in the value.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    value: &'a Value,
    path: String,
    item: Option<&'a str>,
    found: &'a RefCell<Vec<Violation>>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(value: &'a Value, found: &'a RefCell<Vec<Violation>>) -> Self {
        Self { value, path: String::new(), item: None, found }
    }

    /// Names the item in all faults below.
    pub(super) fn in_item(mut self, item: Option<&'a str>) -> Self {
        self.item = item;
        self
    }

    /// Notes a fault here; `None`, so that readers can end with it.
    pub(super) fn fault<T>(&self, problem: Problem) -> Option<T> {
        let item = self.item.map(str::to_owned);
        self.found.borrow_mut().push(Violation { path: self.path.clone(), item, problem });
        None
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// A field that may be absent; null counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Self { value, path: self.below(key), ..self.clone() })
    }

    /// A field that must be there.
    pub(super) fn need(&self, key: &str) -> Option<Self> {
        self.get(key).or_else(|| {
            let place = Self { path: self.below(key), ..self.clone() };
            place.fault(Problem::Missing)
        })
    }

    pub(super) fn object(&self) -> Option<&'a Map<String, Value>> {
        self.value.as_object().or_else(|| self.fault(Problem::Expected("an object")))
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.fault(Problem::Expected("true or false")))
    }

    pub(super) fn integer(&self, min: u32, max: u32) -> Option<u32> {
        let Some(number) = self.value.as_u64() else {
            return self.fault(Problem::Expected("a whole number"));
        };
        match u32::try_from(number) {
            Ok(number) if (min..=max).contains(&number) => Some(number),
            _ => self.fault(Problem::OutOfRange(min, max)),
        }
    }

    /// A JSON number of so few digits that reading it keeps all of them.
    pub(super) fn decimal(&self) -> Option<Decimal> {
        const EXACT_DIGITS: usize = 15;
        let Value::Number(number) = self.value else { return self.fault(Problem::Expected("a number")) };
        let text = number.to_string();
        if text.bytes().filter(u8::is_ascii_digit).count() > EXACT_DIGITS {
            return self.fault(Problem::NotDecimal);
        }
        text.parse().ok().or_else(|| self.fault(Problem::NotDecimal))
    }

    /// A text, possibly empty.
    pub(super) fn loose_text(&self) -> Option<&'a str> {
        let Some(text) = self.value.as_str() else { return self.fault(Problem::Expected("a text")) };
        if text.chars().count() > ITEM_TEXT_CHARS_MAX {
            return self.fault(Problem::TooLong(ITEM_TEXT_CHARS_MAX));
        }
        Some(text)
    }

    /// A text that says something.
    pub(super) fn text(&self) -> Option<&'a str> {
        let text = self.loose_text()?;
        if text.trim().is_empty() { self.fault(Problem::Blank) } else { Some(text) }
    }

    pub(super) fn id(&self) -> Option<&'a str> {
        let text = self.text()?;
        if text.len() > ITEM_ID_CHARS_MAX {
            return self.fault(Problem::TooLong(ITEM_ID_CHARS_MAX));
        }
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if text.bytes().all(fits) { Some(text) } else { self.fault(Problem::NotAnId) }
    }

    /// One of some words, turned into what it stands for.
    pub(super) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        let known = words.iter().find(|(word, _)| *word == text);
        known.map(|(_, meaning)| *meaning).or_else(|| {
            let allowed = words.iter().map(|(word, _)| *word).collect();
            self.fault(Problem::UnknownWord { found: text.to_owned(), allowed })
        })
    }

    pub(super) fn list(&self, max: usize) -> Option<Vec<Self>> {
        let Some(values) = self.value.as_array() else { return self.fault(Problem::Expected("a list")) };
        if values.len() > max {
            return self.fault(Problem::TooMany(max));
        }
        let below = |(index, value)| Self { value, path: format!("{}[{index}]", self.path), ..self.clone() };
        Some(values.iter().enumerate().map(below).collect())
    }

    /// A list of different texts.
    pub(super) fn texts(&self, max: usize) -> Option<Vec<String>> {
        let mut texts: Vec<String> = Vec::new();
        let mut whole = true;
        for entry in self.list(max)? {
            match entry.text() {
                Some(text) if texts.iter().any(|known| known == text) => {
                    whole = false;
                    entry.fault::<()>(Problem::Duplicate(text.to_owned()));
                }
                Some(text) => texts.push(text.to_owned()),
                None => whole = false,
            }
        }
        whole.then_some(texts)
    }

    fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
