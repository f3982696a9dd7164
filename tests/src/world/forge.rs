//! Changes that no honest library writes.

use fieldproof_schema::document::RawChange;
use fieldproof_schema::suite::Digest;

/// An honest change with the name of an item exchanged for another of the same length, its checksum made right again.
pub fn with_item(change: &RawChange, honest: &str, forged: &str) -> RawChange {
    assert_eq!(honest.len(), forged.len(), "columns keep their lengths");
    let mut bytes = change.0.clone();
    let places: Vec<_> = bytes
        .windows(honest.len())
        .enumerate()
        .filter(|(_, w)| *w == honest.as_bytes())
        .map(|(i, _)| i)
        .collect();
    assert!(!places.is_empty(), "the change names the item");
    for place in places {
        bytes[place..place + forged.len()].copy_from_slice(forged.as_bytes());
    }
    let checksum = Digest::of(&bytes[8..]).value;
    bytes[4..8].copy_from_slice(&checksum[..4]);
    RawChange(bytes)
}
