use super::*;
use fieldproof_schema::ids::{DeviceId, OfficerId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::recovery::ShareBox;
use fieldproof_schema::suite::{CustodyKey, Suite};
use image::{DynamicImage, ImageFormat, Luma, Rgb, RgbImage};
use qrcode::{Color, QrCode};

/// A QR code with a margin, `scale` pixels per module, grey on paper as a camera sees it.
fn picture(text: &str, scale: u32, ink: u8, paper: u8) -> GrayImage {
    let code = QrCode::new(text.as_bytes()).unwrap();
    let (width, colors) = (code.width() as u32, code.to_colors());
    let side = (width + 8) * scale;
    GrayImage::from_fn(side, side, |x, y| {
        let (x, y) = ((x / scale).wrapping_sub(4), (y / scale).wrapping_sub(4));
        let dark = x < width && y < width && colors[(y * width + x) as usize] == Color::Dark;
        Luma([if dark { ink } else { paper }])
    })
}

fn encoded(picture: GrayImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(picture).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn a_code_is_read_from_jpeg_and_png_large_and_small() {
    for (scale, format) in [(3, ImageFormat::Png), (8, ImageFormat::Jpeg), (90, ImageFormat::Png)] {
        let photo = encoded(picture("fieldproof:enrol:1:K7M2-9QXD", scale, 40, 210), format);
        assert_eq!(read(&photo), Read::Code("K7M2-9QXD".into()), "{scale}");
    }
}

#[test]
fn a_small_code_in_a_large_photo_is_found_at_the_second_look() {
    let code = picture("fieldproof:enrol:1:K7M2-9QXD", 4, 30, 230);
    let mut photo = GrayImage::from_pixel(2_000, 1_500, Luma([200]));
    imageops::overlay(&mut photo, &code, 1_500, 1_100);
    assert_eq!(read(&encoded(photo, ImageFormat::Png)), Read::Code("K7M2-9QXD".into()));
}

#[test]
fn what_another_code_says_is_not_taken_over() {
    for text in [
        "https://example.cn",
        "fieldproof:enrol:2:K7M2",
        "fieldproof:enrol:1:",
        "fieldproof:enrol:1:<script>",
        "fieldproof:enrol:1:登记",
    ] {
        assert_eq!(read(&encoded(picture(text, 6, 0, 255), ImageFormat::Png)), Read::Other, "{text}");
    }
    let long = format!("{PREFIX}{}", "A".repeat(CODE_CHARS_MAX + 1));
    assert_eq!(code(&long), None);
}

#[test]
fn a_photo_without_a_code_says_nothing_and_what_is_no_photo_is_told_apart() {
    let wall = RgbImage::from_fn(320, 200, |x, y| Rgb([(x % 251) as u8, (y % 241) as u8, 90]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(wall).write_to(&mut bytes, ImageFormat::Png).unwrap();
    assert_eq!(read(bytes.get_ref()), Read::Nothing);
    for none in [&b""[..], b"%PDF-1.7", b"\xff\xd8\xff\xe0 not really", b"\x89PNG\r\n\x1a\n", b"<svg/>"] {
        assert_eq!(read(none), Read::NoPhoto);
    }
    let mut cut = bytes.into_inner();
    cut.truncate(cut.len() / 2);
    assert_eq!(read(&cut), Read::NoPhoto);
}

#[test]
fn a_photo_that_claims_to_be_huge_is_refused_before_it_is_unpacked() {
    let mut bytes = encoded(GrayImage::from_pixel(8, 8, Luma([255])), ImageFormat::Png);
    // Width and height of the header, and its checksum over them.
    bytes[16..24].copy_from_slice(&[0, 0, 0x40, 0x01, 0, 0, 0x40, 0x01]);
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(read(&bytes), Read::NoPhoto);
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[test]
fn what_custodians_send_each_other_is_read_at_the_size_that_screens_show() {
    let request = Request {
        format: Request::FORMAT,
        device: DeviceId::from_bytes([1; 16]),
        device_name: "现场平板 07".into(),
        officer: OfficerId::from_bytes([2; 16]),
        officer_name: "王芳".into(),
        made_at: Moment::from_micros(1_790_000_000_000_000),
        key: CustodyKey { suite: Suite::Std, value: [3; 32] },
        // Three custodians: what a bureau names.
        boxes: (0..3)
            .map(|n| ShareBox { custodian: DeviceId::from_bytes([n; 16]), sealed: vec![n; 112] })
            .collect(),
    };
    let text = request.to_string();
    assert!(text.len() <= fieldproof_presentation::qr::CHARS_MAX, "{}", text.len());
    for (scale, format) in [(4, ImageFormat::Png), (8, ImageFormat::Jpeg)] {
        let photo = encoded(picture(&text, scale, 40, 210), format);
        assert_eq!(read_recovery(&photo), Read::Code(text.clone()), "{scale}");
        assert_eq!(read(&photo), Read::Other);
    }
    let enrolment = encoded(picture("fieldproof:enrol:1:K7M2-9QXD", 4, 40, 210), ImageFormat::Png);
    assert_eq!(read_recovery(&enrolment), Read::Other);
}
