//! Wake-ups: a device listens, and is told that rows wait. What they are it learns by a sync, as ever.
//!
//! An event names a state of the device's feeds and nothing else. A device makes the same name from its own cursors, so
//! that it knows without a request whether an event speaks of what it has already.

use super::sync::Cursor;
use crate::suite::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a device listens.
pub const EVENTS_PATH: &str = "/api/v1/events";
/// The media type of the stream.
pub const EVENTS_MEDIA_TYPE: &str = "text/event-stream";
/// The header with the state that the device has reached.
pub const LAST_EVENT_HEADER: &str = "last-event-id";

/// The `data` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Woken {
    /// Within how many milliseconds to sync, at a moment drawn by the device: many may have been woken at once.
    pub within_ms: u64,
}

/// The name of a state of feeds: 32 hex digits. Feeds that nothing was ever said in do not count.
pub fn mark<'a>(epoch: Digest, ends: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let ends: BTreeMap<&str, u64> = ends.into_iter().filter(|(_, seq)| *seq > 0).collect();
    let mut text = format!("fieldproof/1/mark\0{epoch}");
    for (feed, seq) in ends {
        // A feed's name holds no control characters.
        text.push_str(&format!("\0{feed}\0{seq}"));
    }
    hex::encode(&Digest::of(text.as_bytes()).to_bytes()[1..17])
}

/// The name of the state that cursors have reached.
pub fn mark_of(epoch: Digest, cursors: &[Cursor]) -> String {
    mark(epoch, cursors.iter().map(|cursor| (cursor.feed.as_str(), cursor.seq)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_its_released_name() {
        let epoch = Digest::of(b"epoch");
        let one = mark(epoch, [("everyone", 7), ("officer:x", 3), ("unit:U", 0)]);
        assert_eq!(one, mark(epoch, [("officer:x", 3), ("everyone", 7)]));
        assert_ne!(one, mark(epoch, [("officer:x", 4), ("everyone", 7)]));
        assert_ne!(one, mark(Digest::of(b"other"), [("officer:x", 3), ("everyone", 7)]));
        insta::assert_snapshot!(one, @"162a9b0f86780130f5b21b590b229622");
    }
}
