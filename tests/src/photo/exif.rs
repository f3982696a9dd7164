//! The EXIF block of a photo: a little TIFF with two directories (EXIF 2.32, section 4.6).

use jiff::civil::DateTime;

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;

const IMAGE_DESCRIPTION: u16 = 0x010E;
const ORIENTATION: u16 = 0x0112;
const EXIF_DIRECTORY: u16 = 0x8769;
const DATE_TIME_ORIGINAL: u16 = 0x9003;

/// Row 0 is the top, column 0 the left.
const UPRIGHT: u16 = 1;
const HEADER_BYTES: u32 = 8;

struct Field {
    tag: u16,
    kind: u16,
    count: u32,
    bytes: Vec<u8>,
}

impl Field {
    fn text(tag: u16, text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        Self { tag, kind: ASCII, count: length(&bytes), bytes }
    }
}

/// The block without the `Exif` marker in front. A caption is UTF-8, as cameras and viewers have it, although the
/// standard says ASCII.
pub(super) fn block(caption: Option<&str>, taken_at: Option<DateTime>) -> Vec<u8> {
    let captured = taken_at.map(|at| at.strftime("%Y:%m:%d %H:%M:%S").to_string());
    let main = |capture_at: u32| {
        let mut fields = Vec::new();
        fields.extend(caption.map(|text| Field::text(IMAGE_DESCRIPTION, text)));
        fields.push(Field { tag: ORIENTATION, kind: SHORT, count: 1, bytes: UPRIGHT.to_le_bytes().to_vec() });
        if captured.is_some() {
            let bytes = capture_at.to_le_bytes().to_vec();
            fields.push(Field { tag: EXIF_DIRECTORY, kind: LONG, count: 1, bytes });
        }
        directory(&fields, HEADER_BYTES)
    };
    let capture_at = HEADER_BYTES + length(&main(0));
    let mut block = b"II\x2a\0".to_vec();
    block.extend(HEADER_BYTES.to_le_bytes());
    block.extend(main(capture_at));
    block.extend(
        captured
            .map(|text| directory(&[Field::text(DATE_TIME_ORIGINAL, &text)], capture_at))
            .unwrap_or_default(),
    );
    block
}

/// A directory that starts at byte `at`, followed by the values that do not fit into their four bytes. The fields
/// stand in ascending order of their tags.
fn directory(fields: &[Field], at: u32) -> Vec<u8> {
    let count = u16::try_from(fields.len()).expect("a handful of fields");
    let mut values_at = at + 2 + u32::from(count) * 12 + 4;
    let (mut entries, mut values) = (count.to_le_bytes().to_vec(), Vec::new());
    for field in fields {
        entries.extend(field.tag.to_le_bytes());
        entries.extend(field.kind.to_le_bytes());
        entries.extend(field.count.to_le_bytes());
        let mut value = field.bytes.clone();
        if value.len() <= 4 {
            value.resize(4, 0);
            entries.extend(value);
        } else {
            entries.extend(values_at.to_le_bytes());
            // Values start on even bytes.
            value.resize(value.len().next_multiple_of(2), 0);
            values_at += length(&value);
            values.extend(value);
        }
    }
    // No directory follows this one.
    entries.extend([0; 4]);
    entries.extend(values);
    entries
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a block of metadata is small")
}
