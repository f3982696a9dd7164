//! The worker's side of previews: an original comes in, a small JPEG goes out. Whoever sent an original decided what its bytes
//! are, so nothing decodes it but a process that may die of it.

use super::message::Answer;
use fieldproof_schema::limits::{
    PREVIEW_DECODED_BYTES_MAX, PREVIEW_PIXELS_MAX, PREVIEW_REASON_CHARS_MAX, PREVIEW_SIDE_MAX,
};
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage, Rgba};
use minicbor::{Decode, Encode};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Good for looking at; half of what a camera's default costs.
const QUALITY: u8 = 80;
/// What is behind a picture that can be seen through.
const WHITE: u8 = 255;

/// The bytes of an original of which a preview is wanted.
#[derive(Debug, Encode, Decode)]
pub struct Original(
    /// All of them, whatever they are.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub Vec<u8>,
);

impl Original {
    /// Makes the preview. May take as long and as much memory as hostile bytes can make it.
    pub(super) fn preview(&self) -> Answer {
        // A decoder that panics says no more than one that refuses.
        let made = catch_unwind(AssertUnwindSafe(|| small(&self.0)));
        match made.unwrap_or_else(|_| Err("the decoder panicked".to_owned())) {
            Ok(jpeg) => Answer::Preview(jpeg),
            Err(why) => Answer::Refused(why.chars().take(PREVIEW_REASON_CHARS_MAX).collect()),
        }
    }
}

fn small(original: &[u8]) -> Result<Vec<u8>, String> {
    let (picture, orientation) = open(original)?;
    let is_large = picture.width().max(picture.height()) > PREVIEW_SIDE_MAX;
    // It is turned when it is small already: turning needs a second picture of the same size.
    let mut picture = if is_large { picture.thumbnail(PREVIEW_SIDE_MAX, PREVIEW_SIDE_MAX) } else { picture };
    picture.apply_orientation(orientation);
    let mut jpeg = Vec::new();
    // Nothing of the original but what is seen: neither its metadata nor its colour profile goes to a browser.
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    opaque(&picture).write_with_encoder(encoder).map_err(|error| error.to_string())?;
    Ok(jpeg)
}

/// The picture as it is stored, and how it is to be turned.
fn open(original: &[u8]) -> Result<(DynamicImage, Orientation), String> {
    // By the bytes: what the sender called them is of no use to a decoder.
    let format = image::guess_format(original).map_err(|error| error.to_string())?;
    if !matches!(format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) {
        return Err(format!("{format:?} is not decoded"));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(PREVIEW_DECODED_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(original), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > PREVIEW_PIXELS_MAX {
        return Err(format!("{width} by {height} pixels"));
    }
    let bounded = limits.reserve(decoder.total_bytes()).and_then(|()| decoder.set_limits(limits));
    bounded.map_err(|error| error.to_string())?;
    // Metadata that cannot be read turns nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    Ok((picture, orientation))
}

/// The picture on white: a JPEG cannot be seen through.
fn opaque(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let through = picture.to_rgba8();
    let mut opaque = RgbImage::new(through.width(), through.height());
    for (to, Rgba([red, green, blue, alpha])) in opaque.pixels_mut().zip(through.pixels()) {
        let on_white = |part: u8| {
            let (part, alpha, white) = (u16::from(part), u16::from(*alpha), u16::from(WHITE));
            u8::try_from((part * alpha + white * (255 - alpha)) / 255).unwrap_or(WHITE)
        };
        *to = Rgb([on_white(*red), on_white(*green), on_white(*blue)]);
    }
    opaque
}
