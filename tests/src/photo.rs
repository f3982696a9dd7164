//! Makes real JPEG photos, so that tests and the demo handle what a camera would give: different every time by
//! seed, the same every time for one seed. It knows nothing of evidence.

mod exif;
mod scene;

use jiff::civil::DateTime;
use jpeg_encoder::{ColorType, Encoder};

/// Good for a phone camera; size grows with it.
const QUALITY: u8 = 85;

/// A photo to be made.
#[derive(Clone, Copy, Debug)]
pub struct Photo<'a> {
    /// What is seen.
    pub seed: u64,
    /// Written into the metadata, not into the picture.
    pub caption: Option<&'a str>,
    /// When the camera says it was taken, in its local time.
    pub taken_at: Option<DateTime>,
    /// Pixels, at least 1.
    pub width: u16,
    /// Pixels, at least 1.
    pub height: u16,
}

impl Photo<'_> {
    /// The file a camera would write, with orientation, time and caption as EXIF.
    ///
    /// # Panics
    /// When a side is 0, or the caption is longer than EXIF allows (about 65,000 bytes).
    #[must_use]
    pub fn jpeg(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, QUALITY);
        encoder.add_exif_metadata(&exif::block(self.caption, self.taken_at)).expect("the caption fits");
        let pixels = scene::draw(self.seed, self.width, self.height);
        encoder.encode(&pixels, self.width, self.height, ColorType::Rgb).expect("a picture has pixels");
        file
    }
}

/// A photo without a time; see [`Photo`].
///
/// # Panics
/// As [`Photo::jpeg`].
#[must_use]
pub fn jpeg(seed: u64, caption: Option<&str>, width: u16, height: u16) -> Vec<u8> {
    Photo { seed, caption, taken_at: None, width, height }.jpeg()
}
