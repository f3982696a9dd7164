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
];

/// True when a file that begins with `head` can be of this media type; false for types that are not taken in.
pub(crate) fn looks_like(head: &[u8], media_type: &str) -> bool {
    // Parameters (`audio/webm;codecs=opus`) say nothing about the beginning.
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
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
            ("text/html", b"<html>", false),
            ("image/svg+xml", b"<svg", false),
            ("image/jpeg", b"", false),
        ] {
            assert_eq!(looks_like(head, media_type), fits, "{media_type}");
        }
    }
}
