//! Captures (证据): which kinds there are and what their files may be, where one was taken, and what another device's clock said.

use crate::moment::Moment;
use serde::{Deserialize, Serialize};

/// What a capture is (证据种类). One table: what a kind is called, in stored facts and in requests, and of which types its files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaptureKind {
    /// A photo (照片).
    Photo,
    /// A film of the terminal (录像).
    Video,
    /// A sound recording of the terminal (录音).
    Audio,
    /// A document or its scan (文件、扫描件).
    Document,
    /// A file of a measuring device (检测设备数据).
    Instrument,
    /// A file of a body recorder (执法记录仪文件).
    Recorder,
    /// A signature on the glass (签名): the picture, or its strokes.
    Signature,
    /// Where the terminal was from time to time (位置轨迹).
    Track,
}

const IMAGES: &[&str] = &["image/jpeg", "image/png", "image/webp", "image/heic"];
const VIDEOS: &[&str] = &["video/mp4", "video/quicktime", "video/webm"];
const SOUNDS: &[&str] =
    &["audio/webm", "audio/mp4", "audio/ogg", "audio/wav", "audio/mpeg", "audio/aac", "audio/amr"];
const PAPERS: &[&str] = &["application/pdf"];
const READINGS: &[&str] = &["text/csv", "text/plain", "application/json", "application/zip", XLSX];
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The type of a signature's strokes, and of a track's points.
pub const STROKES: &str = "application/json";

impl CaptureKind {
    /// All, in the order in which people are offered them.
    pub const ALL: [Self; 8] = [
        Self::Photo,
        Self::Video,
        Self::Audio,
        Self::Document,
        Self::Instrument,
        Self::Recorder,
        Self::Signature,
        Self::Track,
    ];

    const fn row(self) -> (&'static str, &'static [&'static [&'static str]]) {
        match self {
            Self::Photo => ("photo", &[IMAGES]),
            Self::Video => ("video", &[VIDEOS]),
            Self::Audio => ("audio", &[SOUNDS]),
            Self::Document => ("doc", &[PAPERS, IMAGES]),
            Self::Instrument => ("instrument", &[READINGS, PAPERS, IMAGES]),
            Self::Recorder => ("recorder", &[VIDEOS, SOUNDS, IMAGES]),
            Self::Signature => ("signature", &[&["image/png", STROKES]]),
            Self::Track => ("track", &[&[STROKES]]),
        }
    }

    /// What it is called in facts that are stored and sent.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The kind of this name; none for one that a later version made.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Of which media types its files may be.
    pub fn media_types(self) -> impl Iterator<Item = &'static str> {
        self.row().1.iter().flat_map(|types| types.iter().copied())
    }

    /// The kind of a file that somebody chose without saying what it is.
    pub fn of_file(media_type: &str) -> Self {
        let is_among = |kind: &Self| kind.media_types().any(|known| known == media_type);
        [Self::Photo, Self::Video, Self::Audio].into_iter().find(is_among).unwrap_or(Self::Document)
    }

    /// Whether another device made it, whose clock is its own: then it is told what that clock said and how far ahead it was.
    pub const fn has_own_clock(self) -> bool {
        matches!(self, Self::Instrument | Self::Recorder)
    }
}

/// Where a capture was taken, or why nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// What a position was found to be.
    At(Fix),
    /// Why there is none: one of [`Place::REASONS`], or a later version's.
    Unknown(String),
}

impl Place {
    /// Why there is no position: nobody asked for it, the officer or the terminal does not allow it, nothing was found, nothing was
    /// found in time.
    pub const REASONS: [&str; 4] = ["not_asked", "denied", "unavailable", "timeout"];

    /// Nobody asked.
    pub fn not_asked() -> Self {
        Self::Unknown(Self::REASONS[0].to_owned())
    }
}

/// A position as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// Degrees north of the equator (WGS 84), times ten million; within ±90°.
    pub latitude_e7: i64,
    /// Degrees east of Greenwich (WGS 84), times ten million; within ±180°.
    pub longitude_e7: i64,
    /// The radius in centimetres within which the terminal is with 95 %; as the source says it.
    pub accuracy_cm: u64,
    /// Who says so; `terminal` for what its system found by satellites or networks.
    pub source: String,
    /// When it was found, by the terminal's clock: it may be older than the capture.
    pub found_at: Moment,
}

/// What the source of a position is called that the terminal's system found.
pub const TERMINAL: &str = "terminal";

const E7: f64 = 1e7;

impl Fix {
    /// What a terminal's system found: degrees, and metres of accuracy. `None` for what is no place on earth.
    pub fn by_terminal(latitude: f64, longitude: f64, accuracy_m: f64, found_at: Moment) -> Option<Self> {
        let is_place = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        let is_circle = (0.0..=ACCURACY_M_MAX).contains(&accuracy_m);
        // Not a number is neither.
        (is_place && is_circle).then(|| Self {
            latitude_e7: (latitude * E7).round() as i64,
            longitude_e7: (longitude * E7).round() as i64,
            accuracy_cm: (accuracy_m * 100.0).ceil() as u64,
            source: TERMINAL.to_owned(),
            found_at,
        })
    }

    /// Latitude and longitude in degrees, with five decimals: about a metre.
    pub fn degrees(&self) -> (String, String) {
        let text = |e7: i64| format!("{:.5}", e7 as f64 / E7);
        (text(self.latitude_e7), text(self.longitude_e7))
    }

    /// The radius in whole metres, rounded up.
    pub fn accuracy_m(&self) -> u64 {
        self.accuracy_cm.div_ceil(100)
    }
}

/// Half the way round the earth: a wider circle says nothing.
const ACCURACY_M_MAX: f64 = 20_037_508.0;

/// When a file of another device was made, by that device's clock, and how that clock stood to the terminal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeAt {
    /// What the device's clock said.
    pub device_clock: Moment,
    /// Seconds by which the device's clock was ahead of the terminal's when they were compared; negative when it was behind.
    pub ahead_seconds: i64,
}

/// Seconds that a device's clock may be said to be ahead or behind: a recorder that was never set shows another year.
pub const AHEAD_SECONDS_MAX: i64 = 50 * 366 * 86_400;

impl MadeAt {
    /// `None` where the clocks are further apart than [`AHEAD_SECONDS_MAX`].
    pub fn new(device_clock: Moment, ahead_seconds: i64) -> Option<Self> {
        (ahead_seconds.unsigned_abs() <= AHEAD_SECONDS_MAX.unsigned_abs())
            .then_some(Self { device_clock, ahead_seconds })
    }

    /// The same by the terminal's clock.
    pub fn terminal_clock(&self) -> Moment {
        self.device_clock.plus_seconds(self.ahead_seconds.saturating_neg())
    }
}

/// What was drawn on the glass: lines of points in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Strokes {
    /// The form of this text; 1.
    pub format: u32,
    /// Width of the field in its own pixels.
    pub width: f64,
    /// Height of the field in its own pixels.
    pub height: f64,
    /// When the first line began, in milliseconds since 1970, by the terminal's clock.
    pub began_at_ms: i64,
    /// Lines of points: from the left, from the top (pixels), since the beginning (ms), pressure (0 to 1).
    pub strokes: Vec<Vec<[f64; 4]>>,
}

impl Strokes {
    /// Reads them; `None` for what is none, or no line.
    pub fn parse(text: &str) -> Option<Self> {
        let read: Self = serde_json::from_str(text).ok()?;
        let is_drawn = read.strokes.iter().any(|line| !line.is_empty());
        (read.format == 1 && read.width > 0.0 && read.height > 0.0 && is_drawn).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(seconds: i64) -> Moment {
        Moment::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn every_kind_is_found_by_its_name_and_takes_some_file() {
        for kind in CaptureKind::ALL {
            assert_eq!(CaptureKind::find(kind.as_str()), Some(kind));
            assert!(kind.media_types().next().is_some());
        }
        assert_eq!(CaptureKind::find("hologram"), None);
        assert_eq!(CaptureKind::of_file("video/mp4"), CaptureKind::Video);
        assert_eq!(CaptureKind::of_file("application/pdf"), CaptureKind::Document);
    }

    #[test]
    fn a_position_is_on_earth_or_none() {
        let fix = Fix::by_terminal(30.123_456_78, -120.5, 12.301, moment(5)).unwrap();
        assert_eq!((fix.latitude_e7, fix.longitude_e7, fix.accuracy_cm), (301_234_568, -1_205_000_000, 1231));
        assert_eq!(fix.degrees(), ("30.12346".to_owned(), "-120.50000".to_owned()));
        assert_eq!(fix.accuracy_m(), 13);
        for (latitude, longitude, accuracy) in [
            (90.1, 0.0, 1.0),
            (0.0, 180.5, 1.0),
            (0.0, 0.0, -1.0),
            (f64::NAN, 0.0, 1.0),
            (0.0, 0.0, f64::INFINITY),
            (0.0, 0.0, f64::NAN),
        ] {
            assert_eq!(Fix::by_terminal(latitude, longitude, accuracy, moment(5)), None);
        }
    }

    #[test]
    fn a_clock_that_is_ahead_says_later() {
        let made = MadeAt::new(moment(1000), 90).unwrap();
        assert_eq!(made.terminal_clock(), moment(910));
        assert_eq!(MadeAt::new(moment(0), AHEAD_SECONDS_MAX + 1), None);
        assert_eq!(MadeAt::new(moment(0), i64::MIN), None);
    }

    #[test]
    fn a_place_is_readable_in_json() {
        let unknown = serde_json::to_string(&Place::not_asked()).unwrap();
        assert_eq!(unknown, r#"{"unknown":"not_asked"}"#);
        let at = Place::At(Fix::by_terminal(30.1, 120.2, 5.0, moment(5)).unwrap());
        let text = serde_json::to_string(&at).unwrap();
        assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), at);
    }

    #[test]
    fn strokes_are_lines_of_points_or_none() {
        let text = |strokes| {
            format!(r#"{{"format":1,"width":300,"height":224,"began_at_ms":1,"strokes":{strokes}}}"#)
        };
        let read = Strokes::parse(&text("[[[1.5,2,0,0.5],[3,4,16,0.7]]]")).unwrap();
        assert_eq!(read.strokes[0][1], [3.0, 4.0, 16.0, 0.7]);
        for none in ["[]", "[[]]", "[[[1,2]]]", "[[1,2,3,4]]", r#"[[["<",2,3,4]]]"#] {
            assert_eq!(Strokes::parse(&text(none)), None, "{none}");
        }
    }
}
