//! Reads QR codes out of photos, on the terminal itself: those of enrolments, and what custodians of a terminal's key send each other.
//!
//! The console prints `fieldproof:enrol:1:` and the code. A photo comes from outside: its size in pixels and the memory for
//! it are bounded, and whatever it says is only ever a text in a field.

use fieldproof_schema::recovery::{Answer, Request};
use image::imageops::{self, FilterType};
use image::{GrayImage, ImageReader, Limits};
use std::io::Cursor;

/// Bytes of a photo: more than any camera of a terminal makes.
pub const PHOTO_BYTES_MAX: usize = 24 * 1024 * 1024;
/// Pixels of a side of a photo.
const SIDE_MAX: u32 = 16_384;
/// Bytes of a photo in memory: fifty megapixels in colour.
const MEMORY_MAX: u64 = 160 * 1024 * 1024;
/// Longest sides at which a code is looked for: small is quick and forgives noise, large finds what is far away.
const LOOKS: [u32; 2] = [960, 2_048];
/// What stands before the code.
const PREFIX: &str = "fieldproof:enrol:1:";
/// Characters of the longest code that is taken over.
const CODE_CHARS_MAX: usize = 64;

/// What a photo says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// What was looked for.
    Code(String),
    /// A QR code of something else.
    Other,
    /// No QR code that could be read.
    Nothing,
    /// Not a photo of a kind that is known, or too large.
    NoPhoto,
}

/// Looks for the code of an enrolment in a photo.
pub fn read(bytes: &[u8]) -> Read {
    find(bytes, code)
}

/// Looks for a request of a recovery in a photo, or for an answer to one.
pub fn read_recovery(bytes: &[u8]) -> Read {
    find(bytes, |text| {
        (text.parse::<Request>().is_ok() || text.parse::<Answer>().is_ok()).then(|| text.to_owned())
    })
}

fn find(bytes: &[u8], wanted: impl Fn(&str) -> Option<String>) -> Read {
    let Some(photo) = decode(bytes) else { return Read::NoPhoto };
    let mut found = Read::Nothing;
    for side in LOOKS {
        for text in texts(&shrunk(&photo, side)) {
            match wanted(&text) {
                Some(code) => return Read::Code(code),
                None => found = Read::Other,
            }
        }
        if photo.width().max(photo.height()) <= side {
            break;
        }
    }
    found
}

fn decode(bytes: &[u8]) -> Option<GrayImage> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    // Straight to grey, so that the colours are gone before anything else is made of it.
    Some(reader.decode().ok()?.into_luma8())
}

fn shrunk(photo: &GrayImage, side: u32) -> GrayImage {
    let longest = photo.width().max(photo.height());
    if longest <= side {
        return photo.clone();
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longest)).max(1);
    let [width, height] = [photo.width(), photo.height()].map(|length| scaled(length) as u32);
    imageops::resize(photo, width, height, FilterType::Triangle)
}

fn texts(photo: &GrayImage) -> Vec<String> {
    let (width, height) = (photo.width() as usize, photo.height() as usize);
    let raw = photo.as_raw();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| raw[y * width + x]);
    let grids = prepared.detect_grids();
    grids.iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
}

fn code(text: &str) -> Option<String> {
    let code = text.strip_prefix(PREFIX)?.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!code.is_empty() && code.len() <= CODE_CHARS_MAX && code.chars().all(plain)).then(|| code.to_owned())
}

#[cfg(test)]
mod tests;
