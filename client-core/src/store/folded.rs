//! Folds: visits whose settled changes are in one document, with where each of them comes from; and visits of which
//! something is missing here.
//!
//! A fold is the record, not a cache: what is in it is in no row of `changes`. Its document gives every change back byte
//! for byte, so that it can be taken apart again.

use super::changes::Origin;
use super::columns::{count, digest, digest_or_none, id, id_or_none, moment_or_none, signed};
use crate::error::ClientError;
use fieldproof_schema::document::{Actor, ChangeId};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, ReceiptId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::Origin as Told;
use minicbor::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension, params};

/// Changes of one writer that follow each other and came here in the same way.
///
/// The first seven positions are those of [`Told`]: what came whole is kept as it was told.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Run {
    #[n(0)]
    pub(crate) actor: Actor,
    #[n(1)]
    pub(crate) first: u64,
    #[n(2)]
    pub(crate) last: u64,
    #[n(3)]
    pub(crate) device: Option<DeviceId>,
    #[n(4)]
    pub(crate) officer: Option<OfficerId>,
    #[n(5)]
    pub(crate) entry: Option<Digest>,
    #[n(6)]
    pub(crate) written: Interval,
    /// What is known of own changes besides.
    #[n(7)]
    pub(crate) own: Option<Own>,
}

/// What this store knows of changes that it wrote itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Own {
    /// The receipt that names them.
    #[n(0)]
    pub(crate) receipt: ReceiptId,
    /// What this device's clock said at each, as microseconds since the one before, the first since 1970.
    #[n(1)]
    steps: Vec<i64>,
}

/// A settled change, as it stood by itself.
pub(crate) struct Settled {
    pub(crate) change: ChangeId,
    pub(crate) digest: Digest,
    pub(crate) run: Run,
}

/// Where the changes of a fold come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fold {
    pub(crate) held: bool,
    pub(crate) opened: bool,
    pub(crate) runs: Vec<Run>,
}

impl Run {
    /// Whether the writer's change of this count is one of them.
    pub(crate) fn names(&self, (actor, seq): (Actor, u64)) -> bool {
        self.actor == actor && (self.first..=self.last).contains(&seq)
    }

    /// What this device's clock said at the own change of this count.
    pub(crate) fn device_at(&self, seq: u64) -> Option<Moment> {
        let place = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        let steps = self.own.as_ref()?.steps.get(..=place)?;
        Some(Moment::from_micros(steps.iter().fold(0, |at, step| i64::wrapping_add(at, *step))))
    }

    /// The latest that this device's clock said at one of them; it may have been set back meanwhile.
    fn clock_at_most(&self) -> Option<Moment> {
        let steps = self.own.iter().flat_map(|own| &own.steps);
        let clock = steps.scan(0, |at, step| {
            *at = i64::wrapping_add(*at, *step);
            Some(*at)
        });
        clock.max().map(Moment::from_micros)
    }

    /// Only those of the counts from `first` to `last`, which are among them.
    fn part(&self, first: u64, last: u64) -> Self {
        let own = self.own.as_ref().map(|own| {
            let at: Vec<Moment> = (first..=last).filter_map(|seq| self.device_at(seq)).collect();
            Own { receipt: own.receipt, steps: steps(&at) }
        });
        Self { first, last, own, ..self.clone() }
    }

    /// Whether `next` can be told together with these.
    fn goes_on_with(&self, next: &Self) -> bool {
        let same = |run: &Self| {
            let receipt = run.own.as_ref().map(|own| own.receipt);
            (run.actor, run.device, run.officer, run.entry, run.written, receipt)
        };
        self.last.checked_add(1) == Some(next.first) && same(self) == same(next)
    }
}

fn steps(moments: &[Moment]) -> Vec<i64> {
    let mut before = 0;
    let step =
        |at: &Moment| i64::wrapping_sub(at.as_micros(), std::mem::replace(&mut before, at.as_micros()));
    moments.iter().map(step).collect()
}

/// Puts runs that go on with each other together; they are sorted by writer and count.
pub(crate) fn joined(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_by_key(|run| (run.actor, run.first));
    let mut joined: Vec<Run> = Vec::with_capacity(runs.len());
    for next in runs {
        match joined.last_mut().filter(|run| run.goes_on_with(&next)) {
            Some(run) => {
                if let Some((own, more)) = run.own.as_mut().zip(next.own.as_ref()) {
                    let end = own.steps.iter().fold(0, |at, step| i64::wrapping_add(at, *step));
                    let first = more.steps.first().map(|at| i64::wrapping_sub(*at, end));
                    own.steps.extend(first.into_iter().chain(more.steps.iter().skip(1).copied()));
                }
                run.last = next.last;
            }
            None => joined.push(next),
        }
    }
    joined
}

impl Fold {
    pub(crate) fn run(&self, place: (Actor, u64)) -> Option<&Run> {
        self.runs.iter().find(|run| run.names(place))
    }

    /// Where a change of this place comes from.
    pub(crate) fn origin(&self, change: ChangeId, place: (Actor, u64)) -> Origin {
        let run = self.run(place);
        let own = run.is_some_and(|run| run.own.is_some());
        Origin {
            change,
            own,
            device: run.and_then(|run| run.device),
            officer: run.and_then(|run| run.officer),
            device_at: run.and_then(|run| run.device_at(place.1)),
            written: run.map_or(Interval::default(), |run| run.written),
            received: own && self.held,
            entry_received: false,
        }
    }

    /// When any of it was last written to, as far as is known.
    pub(crate) fn last_edit_at(&self) -> Option<Moment> {
        let by_people = self.runs.iter().filter(|run| run.device.is_some());
        by_people.filter_map(|run| run.clock_at_most().or(run.written.latest).or(run.written.earliest)).max()
    }

    /// What the server says about changes that are here already: when they were written. False when that was known.
    pub(crate) fn confirm(&mut self, told: &Told) -> bool {
        let mut runs = Vec::with_capacity(self.runs.len());
        let mut changed = false;
        for run in self.runs.drain(..) {
            let (first, last) = (run.first.max(told.first), run.last.min(told.last));
            if run.actor != told.actor || first > last || run.written == told.written {
                runs.push(run);
                continue;
            }
            changed = true;
            if run.first < first {
                runs.push(run.part(run.first, first - 1));
            }
            runs.push(Run { written: told.written, ..run.part(first, last) });
            if last < run.last {
                runs.push(run.part(last + 1, run.last));
            }
        }
        self.runs = joined(runs);
        changed
    }
}

fn written(runs: &[Run]) -> Vec<u8> {
    minicbor::to_vec(runs).expect("writing to memory cannot fail")
}

/// Keeps a document that came whole, and where its changes come from, without opening it.
pub(crate) fn put_whole(
    tx: &Connection,
    inspection: InspectionId,
    document: &[u8],
    origins: &[Told],
) -> Result<(), ClientError> {
    let origins = minicbor::to_vec(origins).expect("writing to memory cannot fail");
    tx.prepare_cached(
        "INSERT INTO folded (inspection, own, held, opened, runs, document) VALUES (?1, 0, 1, 0, ?2, ?3)",
    )?
    .execute(params![inspection.as_bytes(), origins, document])?;
    Ok(())
}

/// Keeps the fold of a visit in place of an earlier one.
pub(crate) fn put(
    tx: &Connection,
    inspection: InspectionId,
    document: &[u8],
    runs: &[Run],
) -> Result<(), ClientError> {
    let own: u64 = runs.iter().filter(|run| run.own.is_some()).map(|run| run.last - run.first + 1).sum();
    tx.prepare_cached(
        "INSERT INTO folded (inspection, own, held, opened, runs, document) VALUES (?1, ?2, 1, 1, ?3, ?4)
         ON CONFLICT (inspection) DO UPDATE SET own = excluded.own, held = 1, opened = 1, runs = excluded.runs,
           document = excluded.document",
    )?
    .execute(params![inspection.as_bytes(), signed(own), written(runs), document])?;
    Ok(())
}

/// Writes down where the changes of a fold come from.
pub(crate) fn put_runs(tx: &Connection, inspection: InspectionId, runs: &[Run]) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE folded SET runs = ?2 WHERE inspection = ?1")?
        .execute(params![inspection.as_bytes(), written(runs)])?;
    Ok(())
}

/// Where the changes of a visit's fold come from; `None` for a visit without one.
pub(crate) fn get(conn: &Connection, inspection: InspectionId) -> Result<Option<Fold>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT held, opened, runs FROM folded WHERE inspection = ?1")?;
    let found = statement
        .query_row([inspection.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)));
    let Some((held, opened, runs)) = found.optional()? else { return Ok(None) };
    let runs = minicbor::decode(&runs).map_err(|_| ClientError::Damaged { what: "an origin" })?;
    Ok(Some(Fold { held, opened, runs }))
}

/// The document of a visit's fold.
pub(crate) fn document(conn: &Connection, inspection: InspectionId) -> Result<Option<Vec<u8>>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT document FROM folded WHERE inspection = ?1")?;
    Ok(statement.query_row([inspection.as_bytes()], |row| row.get(0)).optional()?)
}

/// Whether a visit has a fold with exactly this document.
pub(crate) fn is_same(
    conn: &Connection,
    inspection: InspectionId,
    document: &[u8],
) -> Result<bool, ClientError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM folded WHERE inspection = ?1 AND document = ?2)";
    Ok(conn.prepare_cached(sql)?.query_row(params![inspection.as_bytes(), document], |row| row.get(0))?)
}

/// Whether a visit came whole and was not opened yet.
pub(crate) fn is_unopened(conn: &Connection, inspection: InspectionId) -> Result<bool, ClientError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM folded WHERE inspection = ?1 AND opened = 0)";
    Ok(conn.prepare_cached(sql)?.query_row([inspection.as_bytes()], |row| row.get(0))?)
}

/// Notes that a visit was opened.
pub(crate) fn open(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    let sql = "UPDATE folded SET opened = 1 WHERE inspection = ?1 AND opened = 0";
    tx.prepare_cached(sql)?.execute([inspection.as_bytes()])?;
    Ok(())
}

/// Takes a fold away.
pub(crate) fn remove(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    tx.prepare_cached("DELETE FROM folded WHERE inspection = ?1")?.execute([inspection.as_bytes()])?;
    Ok(())
}

/// Every visit with a fold.
pub(crate) fn all(conn: &Connection) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT inspection FROM folded ORDER BY inspection")?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Receipts stopped counting: what this store wrote is to be offered again, wherever it is folded.
pub(crate) fn discount_all(tx: &Connection) -> Result<(), ClientError> {
    tx.execute("UPDATE folded SET held = 0 WHERE own > 0", [])?;
    Ok(())
}

/// The same for visits whose own changes are covered by entries behind a place of the journal; returns which.
pub(crate) fn discount_after(tx: &Connection, seq: u64) -> Result<Vec<InspectionId>, ClientError> {
    discount_where(tx, (seq, u64::MAX))
}

/// The same for visits whose own changes are covered by entries behind the first place, or behind the second and without a
/// receipt.
pub(crate) fn discount_where(
    tx: &Connection,
    (behind, waiting): (u64, u64),
) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement =
        tx.prepare_cached("SELECT inspection FROM folded WHERE own > 0 ORDER BY inspection")?;
    let known: Vec<InspectionId> = statement.query_map([], |row| id(row, 0))?.collect::<Result<_, _>>()?;
    let mut concerned = tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM journal WHERE hash = ?1 AND (seq > ?2 OR receipt IS NULL AND seq > ?3))",
    )?;
    let mut found = Vec::new();
    for inspection in known {
        let runs = get(tx, inspection)?.map(|fold| fold.runs).unwrap_or_default();
        for entry in runs.iter().filter(|run| run.own.is_some()).filter_map(|run| run.entry) {
            let place = params![entry.to_bytes(), signed(behind), signed(waiting)];
            if concerned.query_row(place, |row| row.get(0))? {
                tx.prepare_cached("UPDATE folded SET held = 0 WHERE inspection = ?1")?
                    .execute([inspection.as_bytes()])?;
                found.push(inspection);
                break;
            }
        }
    }
    Ok(found)
}

/// The first visits whose own changes are folded and have to be offered again, with how many those are.
pub(crate) fn discounted(conn: &Connection, limit: usize) -> Result<Vec<(InspectionId, u64)>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT inspection, own FROM folded WHERE own > 0 AND held = 0 ORDER BY inspection LIMIT ?1",
    )?;
    let rows = statement.query_map([signed(limit as u64)], |row| Ok((id(row, 0)?, count(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The changes of a visit that stand by themselves, when all of them are settled: own ones are receipted, accepted, and
/// covered by an entry that is; others' are part of the record by the server's word. `None` when one is not.
pub(crate) fn settled(
    conn: &Connection,
    inspection: InspectionId,
) -> Result<Option<Vec<Settled>>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT c.change, c.digest, c.actor, c.seq, c.device, c.officer, COALESCE(r.entry, c.entry), c.earliest,
           c.latest, c.own, r.receipt, c.device_at,
           c.waiting = 0 AND c.actor IS NOT NULL AND CASE WHEN c.own = 1
             THEN r.receipt IS NOT NULL AND r.outcome IS 'accepted' AND c.device_at IS NOT NULL
               AND j.receipt IS NOT NULL AND COALESCE(j.outcome, 'accepted') = 'accepted'
             ELSE c.device IS NULL OR c.latest IS NOT NULL END
         FROM changes c LEFT JOIN runs r ON r.id = c.run LEFT JOIN journal j ON j.hash = r.entry
         WHERE c.inspection = ?1 ORDER BY c.ordinal",
    )?;
    let mut rows = statement.query([inspection.as_bytes()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if !row.get::<_, bool>(12)? {
            return Ok(None);
        }
        let seq = count(row, 3)?;
        let own = if row.get(9)? {
            let at = moment_or_none(row, 11)?.unwrap_or(Moment::from_micros(0));
            Some(Own { receipt: id(row, 10)?, steps: steps(&[at]) })
        } else {
            None
        };
        let run = Run {
            actor: Actor(row.get(2)?),
            first: seq,
            last: seq,
            device: id_or_none(row, 4)?,
            officer: id_or_none(row, 5)?,
            entry: digest_or_none(row, 6)?,
            written: Interval { earliest: moment_or_none(row, 7)?, latest: moment_or_none(row, 8)? },
            own,
        };
        let change = super::columns::change(row, 0)?;
        found.push(Settled { change, digest: digest(row, 1)?, run });
    }
    Ok(Some(found))
}

/// Asks for an inspection with the next sync, or stops asking.
pub(crate) fn want(tx: &Connection, inspection: InspectionId, wanted: bool) -> Result<(), ClientError> {
    let sql = if wanted {
        "INSERT INTO wanted (inspection) VALUES (?1) ON CONFLICT (inspection) DO NOTHING"
    } else {
        "DELETE FROM wanted WHERE inspection = ?1"
    };
    tx.prepare_cached(sql)?.execute([inspection.as_bytes()])?;
    Ok(())
}

/// Whether an inspection is asked for.
pub(crate) fn is_wanted(conn: &Connection, inspection: InspectionId) -> Result<bool, ClientError> {
    let mut statement = conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM wanted WHERE inspection = ?1)")?;
    Ok(statement.query_row([inspection.as_bytes()], |row| row.get(0))?)
}

/// Every inspection that is asked for.
pub(crate) fn wanted(conn: &Connection) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT inspection FROM wanted ORDER BY inspection")?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
