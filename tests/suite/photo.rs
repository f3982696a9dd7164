//! Photos made for tests must be photos to everyone else.

use fieldproof_tests::photo::{Photo, jpeg};
use jiff::civil::date;
use jpeg_decoder::{Decoder, PixelFormat};

#[test]
fn another_decoder_reads_the_picture() {
    for (width, height) in [(640, 480), (1, 1), (33, 77)] {
        let file = jpeg(7, None, width, height);
        let mut decoder = Decoder::new(&file[..]);
        let pixels = decoder.decode().unwrap();
        let info = decoder.info().unwrap();
        assert_eq!((info.width, info.height, info.pixel_format), (width, height, PixelFormat::RGB24));
        assert_eq!(pixels.len(), usize::from(width) * usize::from(height) * 3);
    }
}

#[test]
fn the_metadata_tells_time_and_caption() {
    let photo = Photo {
        seed: 1,
        caption: Some("余氯 0.3 mg/L"),
        taken_at: Some(date(2026, 3, 2).at(9, 41, 7, 0)),
        width: 64,
        height: 48,
    };
    let file = photo.jpeg();
    let mut decoder = Decoder::new(&file[..]);
    decoder.read_info().unwrap();
    let exif = String::from_utf8_lossy(decoder.exif_data().unwrap());
    assert!(exif.starts_with("II*\0"));
    assert!(exif.contains("余氯 0.3 mg/L\0"));
    assert!(exif.contains("2026:03:02 09:41:07\0"));
}

#[test]
fn a_seed_gives_one_picture_and_another_seed_another() {
    assert_eq!(jpeg(1, None, 320, 240), jpeg(1, None, 320, 240));
    let pixels = |seed| Decoder::new(&jpeg(seed, None, 320, 240)[..]).decode().unwrap();
    assert_ne!(pixels(1), pixels(2));
}
