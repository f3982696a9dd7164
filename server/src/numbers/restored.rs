//! What is done about numbers when a server came back from a backup.
//!
//! It does not know what it gave out since: each series goes on behind what may have been given. The same backup can be put
//! back twice, and the second time the database knows nothing of the first. So where series went on is noted beside the
//! database, among the originals, before any number is given.

use super::tell;
use crate::db::{DbError, Tx};
use crate::store::numbers::{self, Lease};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::limits::{NUMBERS_SKIPPED_AFTER_RESTORE, SERIAL_MAX};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::numbering::{Block, Leased, Series};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The last number that is passed over, for each series.
pub(crate) type Ends = BTreeMap<Series, u32>;

/// One series of a note.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    series: Series,
    end: u32,
}

/// A note of where series go on.
pub(crate) fn note(ends: &Ends) -> Vec<u8> {
    let lines = ends.iter().map(|(series, end)| Line { series: series.clone(), end: *end });
    serde_json::to_vec(&lines.collect::<Vec<_>>()).expect("writing to memory cannot fail")
}

/// Takes over what was noted at earlier restores, from notes that can be read; false for one that cannot.
pub(crate) fn remember(known: &mut Ends, note: &[u8]) -> bool {
    let Ok(lines) = serde_json::from_slice::<Vec<Line>>(note) else { return false };
    for Line { series, end } in lines {
        let known = known.entry(series).or_default();
        *known = end.max(*known);
    }
    true
}

/// Where each series goes on: behind what may have been given since the backup, and since earlier restores.
pub(crate) fn ends(tx: &mut Tx<'_>, org: OrgId, noted: &Ends) -> Result<Ends, DbError> {
    let mut ends = noted.clone();
    for (series, last) in numbers::all_series(tx, org)? {
        let end = ends.entry(series).or_default();
        *end = last.max(*end);
    }
    for end in ends.values_mut() {
        *end = end.saturating_add(NUMBERS_SKIPPED_AFTER_RESTORE).min(SERIAL_MAX);
    }
    Ok(ends)
}

/// No number of before is given any more, and each series is counted on behind its end.
pub(crate) fn pass_over(tx: &mut Tx<'_>, org: OrgId, ends: &Ends, now: Moment) -> Result<(), DbError> {
    for device in numbers::close_all(tx, org, "restored", now)? {
        tell(tx, org, device);
    }
    for (series, end) in ends {
        let last = numbers::last(tx, org, series)?;
        if *end <= last || !numbers::advance(tx, org, series, last, *end)? {
            continue;
        }
        let block = Block::new(series.clone(), (last + 1, *end), 0);
        // Whoever was given some of it may use it.
        let leased = Leased { block, device: None, closed_at: None };
        let closed_why = Some("restored".to_owned());
        let lease = Lease { leased, officer: None, leased_at: now, closed_why, closed_note: None, used: 0 };
        numbers::insert_block(tx, org, &lease)?;
    }
    Ok(())
}
