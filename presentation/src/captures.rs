//! What pages say of captures (证据): what one is, where it was taken, what another device's clock said.

use crate::page::Page;
use crate::texts;
use fieldproof_schema::capture::{MadeAt, Place};

impl Page {
    /// What a capture is, by its kind; one that a later version made is a capture.
    pub fn capture_kind(&self, kind: &str) -> String {
        let key = format!("kit.capture.kind.{kind}");
        if texts::has(&key) { self.t(key) } else { self.t("kit.capture.kind.other") }
    }

    /// Where a capture was taken, or why nobody knows; empty where nothing is said of it.
    pub fn capture_place(&self, place: Option<&Place>) -> String {
        match place {
            None => String::new(),
            Some(Place::Unknown(why)) => {
                let key = format!("kit.capture.place.{why}");
                if texts::has(&key) { self.t(key) } else { self.t("kit.capture.place.unavailable") }
            }
            Some(Place::At(fix)) => {
                let ((latitude, longitude), accuracy) = (fix.degrees(), fix.accuracy_m().to_string());
                let values = [
                    ("latitude", latitude.as_str()),
                    ("longitude", longitude.as_str()),
                    ("accuracy", accuracy.as_str()),
                ];
                texts::text(self.language, "kit.capture.place.at", &values)
            }
        }
    }

    /// When another device made a file: by its clock, how that one stood, and by the terminal's.
    pub fn capture_made_at(&self, made: &MadeAt) -> String {
        let (device, terminal) = (self.moment(&made.device_clock), self.moment(&made.terminal_clock()));
        let seconds = made.ahead_seconds.unsigned_abs().to_string();
        let key = match made.ahead_seconds {
            0 => "kit.capture.made.equal",
            ahead if ahead > 0 => "kit.capture.made.ahead",
            _ => "kit.capture.made.behind",
        };
        let values =
            [("device", device.as_str()), ("seconds", seconds.as_str()), ("terminal", terminal.as_str())];
        texts::text(self.language, key, &values)
    }
}
