//! Photos and a film that go together, over links that are cut at random.

use super::{Failure, Finding, Line, Tally, Way, connect};
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::limits::{EVIDENCE_LARGE_BYTES, UPLOADS_AT_ONCE_MAX};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use rand_core::Rng;
use std::collections::BTreeSet;

/// Photos that are taken when few are left.
const PHOTOS: usize = 12;
/// Bytes of the longest photo.
const PHOTO_BYTES_MAX: u64 = 300_000;
/// Bytes of the film: it goes as a large one.
const FILM_BYTES: u64 = EVIDENCE_LARGE_BYTES + 4321;
/// Places of cuts are drawn from 2^8 to 2^22 bytes, as many from each power: in the first request as often as in a late part.
const POWERS: (u32, u32) = (8, 22);
/// Bytes of one part.
const PART_BYTES: u64 = 1024 * 1024;
/// What a sync sends besides originals, at most.
const RECORDS_BYTES: u64 = 256 * 1024;

impl Line {
    /// Sends photos and a film together until so many connections were cut: each of a sync's, wherever it is. What was sent is
    /// followed by others.
    ///
    /// # Errors
    /// When something fails that nobody cut.
    pub async fn many_at_random(&mut self, cuts: u64) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        let (mut taken, mut taken_bytes, mut syncs) = (BTreeSet::new(), 0, 0);
        let (before, sent_before) = (self.proxy.cuts(), self.proxy.bytes_up());
        while self.proxy.cuts() - before < cuts {
            if self.device.client().status()?.unsent.evidence < 2 {
                let (digests, bytes) = self.take_many()?;
                taken.extend(digests);
                taken_bytes += bytes;
            }
            let power = u64::from(POWERS.0) + self.chance.next_u64() % u64::from(POWERS.1 - POWERS.0);
            let at = (1 << power) + self.chance.next_u64() % (1 << power);
            self.proxy.cut_each_after(Some(usize::try_from(at)?));
            let struck = self.device.client().sync(&connect(&self.proxy)?).await;
            syncs += 1;
            match struck {
                Ok(report) if report.refused.is_empty() => tally.unharmed += 1,
                Err(error) if error.code() == ErrorCode::Offline => {}
                other => {
                    let why = format!("the sync ended otherwise: {other:?}");
                    tally.diverged.push(Finding { way: Way::Up, at: usize::try_from(at)?, why });
                }
            }
        }
        tally.cuts = self.proxy.cuts() - before;
        self.proxy.cut_each_after(None);
        self.device.client().sync(&self.whole).await?;
        let sent = self.proxy.bytes_up() - sent_before;
        // What a cut costs is what was under way.
        let most = taken_bytes + (syncs + 1) * (UPLOADS_AT_ONCE_MAX as u64 * PART_BYTES + RECORDS_BYTES);
        let mut differ = |why| tally.diverged.push(Finding { way: Way::Up, at: usize::MAX, why });
        if sent > most {
            differ(format!("{sent} bytes were sent for {taken_bytes} of originals in {syncs} syncs"));
        }
        let status = self.device.client().status()?;
        if !status.unsent.is_empty() || status.quarantined + status.refused + status.waiting > 0 {
            differ(format!("not everything is held: {status:?}"));
        }
        let (visit, _) = &self.visits[0];
        let held = self.held(*visit).await?.originals;
        for original in &taken {
            let times = held.iter().filter(|held| *held == original).count();
            if times != 1 {
                differ(format!("original {original} is held {times} times"));
            }
        }
        self.compare(&mut tally).await?;
        Ok(tally)
    }

    /// Takes photos and a film; what they are, and how long together.
    fn take_many(&mut self) -> Result<(Vec<Digest>, u64), Failure> {
        let (visit, _) = self.visits[0];
        let (mut digests, mut all_bytes) = (Vec::new(), 0);
        for n in 0..=PHOTOS {
            let length = match n {
                PHOTOS => FILM_BYTES,
                _ => 1_000 + self.chance.next_u64() % PHOTO_BYTES_MAX,
            };
            let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0];
            bytes.resize(usize::try_from(length)?, 0);
            self.chance.fill_bytes(&mut bytes[4..]);
            self.device.client().capture(visit, CaptureSource::Bytes(&bytes), &CaptureFacts::PHOTO)?;
            digests.push(Digest::of(&bytes));
            all_bytes += length;
        }
        Ok((digests, all_bytes))
    }
}
