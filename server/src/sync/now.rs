//! Today's work before last year's: what a device that begins at the beginning is given first.
//!
//! An officer's feed is in the order of the last word, so visits under way can stand behind thousands that are closed. A
//! device whose cursor of that feed is 0 is given the open visits whole, with all that one needs to work on them, before
//! any feed is read. How far that went is a cursor of its own, `now:<OfficerId>`, which the device gives back like any
//! other; the feed itself is then read from its beginning and leaves out what was given and did not change (ADR 0021).

use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::store::feeds;
use crate::store::visits_open::{self, Open};
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::limits::PULL_ROWS_MAX;
use fieldproof_schema::wire::row::RowKind;
use fieldproof_schema::wire::sync::Cursor;

/// How far a device has been given the visits that are under way.
#[derive(Debug)]
pub(super) struct Now {
    /// The name of its own cursor.
    pub(super) feed: String,
    /// The officer's feed, which is read after it.
    pub(super) of: String,
    /// The end of that feed when the device began.
    until: u64,
    /// Visits up to this place were given.
    reached: u64,
    /// The next visits under way of which nothing was said since, in the order in which the last word about them was said.
    open: Vec<Open>,
    /// Whether there are more behind them.
    goes_on: bool,
    was_told: bool,
}

/// Visits that are looked up at a time: as many as an answer can take, each with its row and its document.
const PAGE: usize = PULL_ROWS_MAX / 2;

/// The name of the cursor.
fn name(officer: OfficerId) -> String {
    format!("now:{officer}")
}

impl Now {
    /// Where a device stands whose valid cursors are these, and whose officer's feed ends at `end`; none where nothing is to
    /// be given before the feed.
    pub(super) fn of(
        tx: &mut Tx<'_>,
        device: &DeviceActor,
        cursors: &[Cursor],
        end: u64,
    ) -> Result<Option<Self>, DbError> {
        let (feed, of) = (name(device.officer), feeds::of_officer(device.officer));
        let find = |feed: &str| cursors.iter().find(|cursor| cursor.feed == feed && cursor.seq > 0);
        let started = find(&of).is_some_and(|cursor| cursor.seq <= end);
        let told = find(&feed).and_then(|told| Some((told.seq, told.since?)));
        // One that is not of this history counts as none.
        let told = told.filter(|(reached, until)| reached <= until && *until <= end);
        let (reached, until) = match told {
            Some(told) => told,
            None if started || end == 0 => return Ok(None),
            None => (0, end),
        };
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let open = visits_open::told(tx, device.org, device.officer, &of, (reached, until), limit)?;
        if open.is_empty() && told.is_none() {
            return Ok(None);
        }
        let goes_on = open.len() == PAGE;
        Ok(Some(Self { feed, of, until, reached, open, goes_on, was_told: told.is_some() }))
    }

    /// The next visit that is to be given.
    pub(super) fn next(&self) -> Option<&Open> {
        self.open.iter().find(|visit| visit.told > self.reached)
    }

    /// Whether any visit is left to give.
    pub(super) fn is_giving(&self) -> bool {
        self.goes_on || self.next().is_some()
    }

    /// Notes that the next visit was given.
    pub(super) fn gave(&mut self, told: u64) {
        self.reached = told;
    }

    /// Whether a reference of the officer's feed says nothing that was not given. Whatever was said of the visit since the
    /// device began, a change of its state or team too, has a place behind `until` and is said then.
    pub(super) fn has_given(
        &self,
        tx: &mut Tx<'_>,
        device: &DeviceActor,
        (feed, kind, subject): (&str, RowKind, &str),
        newest: u64,
    ) -> Result<bool, DbError> {
        let may_be = matches!(kind, RowKind::Inspection | RowKind::Document)
            && feed == self.of
            && newest <= self.until;
        match subject.parse() {
            Ok(visit) if may_be => {
                visits_open::is_told(tx, device.org, device.officer, feed, self.until, visit)
            }
            _ => Ok(false),
        }
    }

    /// What the device keeps of it, once the officer's feed was read up to `reached`.
    pub(super) fn cursor(&self, reached: u64) -> Option<Cursor> {
        if reached >= self.until {
            // The feed has caught up: from now on it says everything.
            return self.was_told.then(|| Cursor { feed: self.feed.clone(), seq: 0, since: Some(0) });
        }
        let reached = if self.is_giving() { self.reached } else { self.until };
        Some(Cursor { feed: self.feed.clone(), seq: reached, since: Some(self.until) })
    }
}
