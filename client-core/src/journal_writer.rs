//! Writing the device's journal: every entry is signed and attached to the one before, inside the caller's transaction.

use crate::error::{ClientError, Obstacle};
use crate::runs;
use crate::store::{journal, meta};
use fieldproof_schema::host::Host;
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId};
use fieldproof_schema::journal::{Entry, Kind, body};
use fieldproof_schema::limits::JOURNAL_ENTRY_BYTES_MAX;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::{Digest, MemoryKey};
use rusqlite::Connection;
use serde::Serialize;

/// How far the wall clock may move against the monotonic one before it is noted: more than any correction of a drift.
const CLOCK_JUMP_MICROS: u64 = 120 * 1_000_000;

/// Both clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) now: Moment,
    pub(crate) monotonic_ms: u64,
}

impl Clocks {
    pub(crate) fn read(host: &dyn Host) -> Self {
        Self { now: host.now(), monotonic_ms: host.monotonic_ms() }
    }

    /// What the wall clock should say, when it says something else.
    pub(crate) fn jumped_since(self, earlier: Self) -> Option<Moment> {
        let passed_ms = self.monotonic_ms.saturating_sub(earlier.monotonic_ms);
        let passed = i64::try_from(passed_ms).unwrap_or(i64::MAX).saturating_mul(1000);
        let expected = earlier.now.as_micros().saturating_add(passed);
        let off = self.now.as_micros().abs_diff(expected);
        (off > CLOCK_JUMP_MICROS).then(|| Moment::from_micros(expected))
    }
}

/// Who writes, and when.
pub(crate) struct Pen<'a> {
    pub(crate) device: DeviceId,
    pub(crate) officer: OfficerId,
    pub(crate) key: &'a MemoryKey,
    pub(crate) clocks: Clocks,
}

/// What an entry is to say.
pub(crate) struct Line<'a, B> {
    pub(crate) kind: Kind,
    pub(crate) inspection: Option<InspectionId>,
    pub(crate) content: Option<Digest>,
    /// None for what no person did.
    pub(crate) officer: Option<OfficerId>,
    pub(crate) body: &'a B,
}

impl Pen<'_> {
    /// Adds an entry; returns its hash.
    pub(crate) fn write<B: Serialize>(
        &self,
        tx: &Connection,
        line: Line<'_, B>,
    ) -> Result<Digest, ClientError> {
        self.write_text(tx, line.kind, line.inspection, line.content, line.officer, body::write(line.body))
    }

    /// Adds an entry whose body is already a text.
    pub(crate) fn write_text(
        &self,
        tx: &Connection,
        kind: Kind,
        inspection: Option<InspectionId>,
        content: Option<Digest>,
        officer: Option<OfficerId>,
        body: String,
    ) -> Result<Digest, ClientError> {
        // The journal stays in the order of what happened. Where it goes on after the store came back older comes first: what the
        // store has unsigned may have been signed already, elsewhere.
        if !matches!(kind, Kind::Saved | Kind::RolledBack | Kind::SetAside) {
            match inspection {
                Some(inspection) => runs::sign_visit(tx, self, inspection)?,
                None => runs::sign(tx, self).map(drop)?,
            }
        }
        let tip = journal::tip(tx)?;
        let (server_at, _) = meta::last_contact(tx)?;
        let entry = Entry {
            device: self.device,
            seq: tip.seq + 1,
            prev: tip.hash,
            kind,
            officer,
            inspection,
            content,
            device_at: self.clocks.now,
            monotonic_ms: self.clocks.monotonic_ms,
            server_at,
            session: meta::session(tx)?,
            body,
        };
        let signed = entry.sign(self.key);
        if signed.bytes.len() > JOURNAL_ENTRY_BYTES_MAX {
            return Err(ClientError::StateWrong { why: Obstacle::StatementTooLong });
        }
        journal::append(tx, &entry, &signed)
    }

    /// Notes that the wall clock moved against the monotonic one since `earlier`.
    pub(crate) fn note_clock(&self, tx: &Connection, earlier: Option<Clocks>) -> Result<(), ClientError> {
        let Some(expected) = earlier.and_then(|earlier| self.clocks.jumped_since(earlier)) else {
            return Ok(());
        };
        let body = body::ClockJumped { expected, found: self.clocks.now };
        let line =
            Line { kind: Kind::ClockJumped, inspection: None, content: None, officer: None, body: &body };
        self.write(tx, line).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_jumps_when_it_leaves_the_monotonic_one_by_two_minutes() {
        let at = |seconds: i64, monotonic_ms| Clocks {
            now: Moment::from_micros(0).plus_seconds(seconds),
            monotonic_ms,
        };
        let earlier = at(1000, 0);
        for (now, monotonic_ms, jumped) in [
            (1010, 10_000, false),
            (1120, 0, false),
            (1121, 0, true),
            (879, 0, true),
            (1000 + 86_400, 86_400_000, false),
            (1000, 86_400_000, true),
        ] {
            assert_eq!(at(now, monotonic_ms).jumped_since(earlier).is_some(), jumped, "{now} {monotonic_ms}");
        }
        assert_eq!(at(0, 5_000).jumped_since(earlier), Some(at(1005, 0).now));
    }
}
