//! How much of one device may lie here that is not part of the record: whoever sends without end fills its own share only.
//!
//! What goes beyond is not taken: it is in no receipt, so the device keeps it and offers it again.

use crate::store::inbox::Backlog;
use fieldproof_schema::limits::{
    DEVICE_BACKLOG_BYTES_MAX, DEVICE_BACKLOG_ITEMS_MAX, DEVICE_BACKLOG_NEAR_PERCENT,
};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a device may have here at most.
#[derive(Debug)]
pub struct Quota {
    items: AtomicU64,
    bytes: AtomicU64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            items: AtomicU64::new(DEVICE_BACKLOG_ITEMS_MAX),
            bytes: AtomicU64::new(DEVICE_BACKLOG_BYTES_MAX),
        }
    }
}

impl Quota {
    /// Sets other bounds.
    pub fn set(&self, items: u64, bytes: u64) {
        self.items.store(items, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Whether one more change of so many bytes has room.
    pub fn has_room(&self, backlog: Backlog, bytes: u64) -> bool {
        backlog.items < self.items.load(Ordering::Relaxed)
            && backlog.bytes.saturating_add(bytes) <= self.bytes.load(Ordering::Relaxed)
    }

    /// How full a share is, in percent of whichever bound is nearer.
    pub fn percent(&self, backlog: Backlog) -> u64 {
        let of = |held: u64, most: u64| held.saturating_mul(100) / most.max(1);
        let items = of(backlog.items, self.items.load(Ordering::Relaxed));
        items.max(of(backlog.bytes, self.bytes.load(Ordering::Relaxed)))
    }

    /// Whether people are told about it.
    pub fn is_near(&self, backlog: Backlog) -> bool {
        self.percent(backlog) >= DEVICE_BACKLOG_NEAR_PERCENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_full_by_items_or_by_bytes() {
        let quota = Quota::default();
        quota.set(10, 1000);
        let backlog = |items, bytes| Backlog { items, bytes };
        assert!(quota.has_room(backlog(9, 900), 100) && !quota.has_room(backlog(9, 901), 100));
        assert!(!quota.has_room(backlog(10, 0), 0) && !quota.has_room(backlog(0, 1), u64::MAX));
        assert_eq!((quota.percent(backlog(5, 900)), quota.percent(backlog(8, 100))), (90, 80));
        assert!(quota.is_near(backlog(8, 0)) && !quota.is_near(backlog(7, 799)));
    }
}
