//! Checks of single fields, each with an error that names the field.

use crate::error::ApiError;
use jiff::civil::Date;

/// A text that says something in at most `chars_max` characters, without blanks around it.
pub(crate) fn text(field: &str, text: &str, chars_max: usize) -> Result<String, ApiError> {
    let text = optional_text(field, text, chars_max)?;
    if text.is_empty() { Err(ApiError::field(field, "missing")) } else { Ok(text) }
}

/// A text of at most `chars_max` characters, without blanks around it; may be empty.
pub(crate) fn optional_text(field: &str, text: &str, chars_max: usize) -> Result<String, ApiError> {
    let text = text.trim();
    if text.chars().count() > chars_max {
        return Err(ApiError::field(field, format!("longer than {chars_max} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(ApiError::field(field, "holds control characters"));
    }
    Ok(text.to_owned())
}

/// An ISO date.
pub(crate) fn date(field: &str, text: &str) -> Result<Date, ApiError> {
    let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
    date.ok_or_else(|| ApiError::field(field, "not a date (YYYY-MM-DD)"))
}

/// A key under which lists go on: any text that a code can be.
pub(crate) fn after(text: Option<String>) -> Result<String, ApiError> {
    optional_text("after", &text.unwrap_or_default(), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_cannot_be_is_named() {
        let error = text("name", " \n ", 5).unwrap_err();
        assert_eq!(
            (error.details["field"].as_str(), error.details["why"].as_str()),
            (Some("name"), Some("missing"))
        );
        assert!(text("name", "六个字太长了", 5).is_err());
        assert!(text("name", "a\0b", 5).is_err());
        assert_eq!(text("name", " 五个字正好 ", 5).unwrap(), "五个字正好");
        assert!(date("due", "2026-2-1").is_err());
        assert!(date("due", "2026-02-01").is_ok());
    }
}
