//! What a file's first bytes say about its kind. The declared type is believed only when they do not contradict it.

/// A kind of file and how it begins: (media type, offset, bytes).
const BEGINNINGS: &[(&str, usize, &[u8])] = &[
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/webp", 8, b"WEBP"),
    ("image/heic", 4, b"ftyp"),
    ("video/mp4", 4, b"ftyp"),
    ("video/quicktime", 4, b"ftyp"),
    ("video/webm", 0, b"\x1a\x45\xdf\xa3"),
    ("audio/webm", 0, b"\x1a\x45\xdf\xa3"),
    ("audio/mp4", 4, b"ftyp"),
    ("audio/ogg", 0, b"OggS"),
    ("audio/wav", 8, b"WAVE"),
    ("audio/mpeg", 0, b"ID3"),
    ("audio/mpeg", 0, b"\xff\xfb"),
    ("audio/mpeg", 0, b"\xff\xf3"),
    ("audio/aac", 0, b"\xff\xf1"),
    ("audio/amr", 0, b"#!AMR"),
    ("application/pdf", 0, b"%PDF-"),
    ("application/zip", 0, b"PK\x03\x04"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 0, b"PK\x03\x04"),
];

/// Types that are text and begin like nothing in particular: no byte of them is one that no text has.
const TEXTS: &[&str] = &["text/csv", "text/plain"];

/// A media type without its parameters (`audio/webm;codecs=opus`), which say nothing about how a file begins.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// True when a file that begins with `head` can be of this media type; false for types that are not taken in.
pub(crate) fn looks_like(head: &[u8], media_type: &str) -> bool {
    let essence = essence(media_type);
    if TEXTS.contains(&essence.as_str()) {
        return !head.is_empty() && head.iter().all(|byte| *byte >= b' ' || b"\t\r\n".contains(byte));
    }
    if essence == "application/json" {
        return head.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| b"{[".contains(byte));
    }
    BEGINNINGS.iter().any(|(known, offset, bytes)| {
        *known == essence && head.get(*offset..).is_some_and(|h| h.starts_with(bytes))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_begins_like() {
        for (media_type, head, fits) in [
            ("image/jpeg", b"\xff\xd8\xff\xe0rest".as_slice(), true),
            ("image/jpeg", b"\x89PNG\r\n\x1a\n", false),
            ("image/png", b"\x89PNG\r\n\x1a\n", true),
            ("image/webp", b"RIFF\0\0\0\0WEBPVP8 ", true),
            ("audio/webm;codecs=opus", b"\x1a\x45\xdf\xa3", true),
            ("video/mp4", b"\0\0\0\x18ftypmp42", true),
            ("text/csv", "\u{feff}时间,余氯\r\n".as_bytes(), true),
            ("text/csv", b"a\0b", false),
            ("text/csv", b"", false),
            ("application/json", b" {\"a\":1}", true),
            ("application/json", b"<html>", false),
            ("text/html", b"<html>", false),
            ("image/svg+xml", b"<svg", false),
            ("image/jpeg", b"", false),
        ] {
            assert_eq!(looks_like(head, media_type), fits, "{media_type}");
        }
    }
}
