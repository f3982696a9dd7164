//! Step three: what is new in the device's scope.
//!
//! A device reads four kinds of feeds: everyone's, its officer's, its own, its units'. Which, and what of them it is given, is
//! its scope's to say: [`DeviceScope`].

use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::scope::DeviceScope;
use crate::store::{feeds, floors, rows, tenants};
use crate::sync::carry::Vouchers;
use crate::sync::now::Now;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::{PULL_BYTES_MAX, PULL_ROWS_MAX, WANTS_MAX};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::floor::{ProgramVersion, SignedFloor};
use fieldproof_schema::wire::row::{Body, Row, RowKind};
use fieldproof_schema::wire::sync::Cursor;
use std::collections::{BTreeMap, BTreeSet};

/// What a device is given.
#[derive(Debug)]
pub struct Pulled {
    /// The server's epoch as these rows were read.
    pub epoch: Digest,
    /// New rows, each subject once.
    pub rows: Vec<Row>,
    /// How far they reach.
    pub cursors: Vec<Cursor>,
    /// True when more wait.
    pub more: bool,
    /// How new a device must be to be given rows.
    pub floor: Option<SignedFloor>,
    /// What is under way, for a device that begins.
    now: Option<Now>,
    /// How far the officer's feed was read.
    officers_at: u64,
    bytes: usize,
    seen: BTreeSet<(String, String)>,
}

/// The first protocol in which changes are given by inspection.
const DOCUMENTS_SINCE: u16 = 2;
/// References that one answer looks at: most of a long history are said again later.
const LOOKED_AT_MAX: usize = 16 * PULL_ROWS_MAX;

/// What a device asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// How far it has read.
    pub cursors: Vec<Cursor>,
    /// In which epoch that was: in another than the present one it counts for nothing, since its numbers may have been given
    /// to other rows since.
    pub given_in: Option<Digest>,
    /// Inspections that it wants whole.
    pub wants: Vec<InspectionId>,
    /// The protocol that it speaks.
    pub protocol: u16,
    /// The version of its program, where it says.
    pub program: Option<ProgramVersion>,
    /// Up to where it may have lost its own journal: it came back older, or is a copy.
    pub own_through: u64,
}

/// Reads on from the device's cursors, bounded by rows and bytes.
pub async fn pull(app: &App, device: &DeviceActor, asked: Asked) -> Result<Pulled, ApiError> {
    let (device, worker) = (device.clone(), app.clone());
    let read = move |tx: &mut Tx<'_>| {
        let epoch = tenants::epoch(tx, device.org)?;
        let valid = asked.given_in.is_none_or(|given_in| given_in == epoch);
        let mut pulled = Pulled {
            epoch,
            rows: Vec::new(),
            cursors: Vec::new(),
            more: false,
            floor: None,
            now: None,
            officers_at: 0,
            bytes: 0,
            seen: BTreeSet::new(),
        };
        if let Some(set) = floors::current(tx, device.org)? {
            pulled.floor = Some(set.signed);
            if !set.floor.admits(asked.protocol, asked.program) {
                // Its cursors stay where they are: once it was updated it reads on.
                return Ok(pulled);
            }
        }
        let mut reader = Reader {
            device: &device,
            protocol: asked.protocol,
            scope: DeviceScope::of(tx, &device)?,
            vouchers: Vouchers::new(worker.key.as_ref(), device.org, device.id).with_own(asked.own_through),
        };
        let mut ends = BTreeMap::new();
        for feed in reader.scope.feeds(tx)? {
            let end = feeds::end(tx, device.org, &feed)?;
            ends.insert(feed, end);
        }
        for inspection in asked.wants.iter().take(WANTS_MAX) {
            pulled.whole(tx, &mut reader, *inspection)?;
        }
        if reader.scope.is_in_use() && asked.protocol >= DOCUMENTS_SINCE {
            let cursors = if valid { asked.cursors.as_slice() } else { &[] };
            let end = ends.get(&feeds::of_officer(device.officer)).copied().unwrap_or(0);
            pulled.now = Now::of(tx, &device, cursors, end)?;
            pulled.under_way(tx, &mut reader)?;
        }
        for feed in reader.scope.feeds(tx)? {
            // A cursor beyond the end is not of this history: read everything again.
            let end = ends.get(&feed).copied().unwrap_or(0);
            let cursor =
                asked.cursors.iter().find(|cursor| valid && cursor.feed == feed && cursor.seq <= end);
            let (start, since) = cursor.map_or((0, 0), |c| (c.seq, c.since.unwrap_or(c.seq).min(c.seq)));
            if pulled.now.as_ref().is_some_and(|now| now.of == feed) {
                pulled.officers_at = start;
            }
            if start < end && !pulled.waits_for_now(&feed) {
                pulled.feed(tx, &mut reader, feed, (start, since), end)?;
            }
        }
        pulled.cursors.extend(pulled.now.as_ref().and_then(|now| now.cursor(pulled.officers_at)));
        pulled.forget(&mut reader.scope, tx, &asked.cursors)?;
        Ok::<_, DbError>(pulled)
    };
    Ok(app.db.read(read).await?)
}

/// Who is given something.
struct Reader<'a> {
    device: &'a DeviceActor,
    protocol: u16,
    scope: DeviceScope,
    vouchers: Vouchers<'a>,
}

impl Pulled {
    /// Has a device forget how far it had read what it reads no more: should it read that again, it begins anew, since what
    /// it had of it is taken from it.
    fn forget(
        &mut self,
        scope: &mut DeviceScope,
        tx: &mut Tx<'_>,
        cursors: &[Cursor],
    ) -> Result<(), DbError> {
        if !scope.is_in_use() {
            return Ok(());
        }
        let feeds = scope.feeds(tx)?;
        for cursor in cursors.iter().filter(|cursor| cursor.seq > 0 && !feeds.contains(&cursor.feed)) {
            if self.now.as_ref().is_some_and(|now| now.feed == cursor.feed) {
                continue;
            }
            self.cursors.push(Cursor { feed: cursor.feed.clone(), seq: 0, since: Some(0) });
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= PULL_ROWS_MAX || self.bytes >= PULL_BYTES_MAX
    }

    fn feed(
        &mut self,
        tx: &mut Tx<'_>,
        reader: &mut Reader<'_>,
        feed: String,
        (start, since): (u64, u64),
        end: u64,
    ) -> Result<(), DbError> {
        let limit = i64::try_from(PULL_ROWS_MAX).unwrap_or(i64::MAX);
        let mut reached = start;
        let mut looked_at = 0;
        while reached < end && !self.is_full() && looked_at < LOOKED_AT_MAX {
            let references = feeds::after(tx, reader.device.org, &feed, (reached, since), limit)?;
            if references.is_empty() {
                // Another transaction numbered them and has not committed yet.
                break;
            }
            for reference in references {
                if self.is_full() {
                    break;
                }
                looked_at += 1;
                reached = reference.seq;
                self.row(tx, reader, &feed, reference)?;
            }
        }
        if self.now.as_ref().is_some_and(|now| now.of == feed) {
            self.officers_at = reached;
        }
        self.more |= reached < end;
        if reached > start {
            let since = if reached < end { since } else { reached };
            self.cursors.push(Cursor { feed, seq: reached, since: Some(since) });
        }
        Ok(())
    }

    fn row(
        &mut self,
        tx: &mut Tx<'_>,
        reader: &mut Reader<'_>,
        feed: &str,
        reference: feeds::Reference,
    ) -> Result<(), DbError> {
        let feeds::Reference { seq, kind, subject, detail, newest, least } = reference;
        let Some(known) = RowKind::find(&kind) else { return Ok(()) };
        if let Some(now) = &self.now
            && now.has_given(tx, reader.device, (feed, known, &subject), newest)?
        {
            return Ok(());
        }
        // What is said again later is said then.
        let is_last = newest <= seq && !self.seen.contains(&(kind.clone(), subject.clone()));
        let org = reader.device.org;
        if !reader.scope.may_read(tx, known, &subject)? {
            if is_last {
                self.push(kind, subject, Body::Gone);
            }
            return Ok(());
        }
        let inspection = subject.parse().ok().filter(|_| known == RowKind::Document);
        if let (Some(inspection), true) = (inspection, reader.protocol < DOCUMENTS_SINCE) {
            for (subject, body) in rows::changes_beyond(tx, org, inspection, detail.unwrap_or(0))? {
                self.push(RowKind::Change.as_str().to_owned(), subject, body);
            }
            return Ok(());
        }
        if !is_last {
            return Ok(());
        }
        let body = match inspection {
            Some(inspection) => {
                let asker = Some(reader.device.id);
                let mut body = rows::document(tx, org, inspection, least.unwrap_or(0), asker)?;
                if let Body::Document(row) = &mut body {
                    reader.vouchers.add(tx, row, false)?;
                }
                body
            }
            None => rows::body(tx, org, known, &subject)?,
        };
        self.push(kind, subject, body);
        Ok(())
    }

    /// Whether a feed is not read yet because visits under way are left to give: the officer's own, which repeats them.
    fn waits_for_now(&mut self, feed: &str) -> bool {
        let waits = self.now.as_ref().is_some_and(|now| now.of == feed && now.is_giving());
        self.more |= waits;
        waits
    }

    /// Visits under way, each with what one needs to work on it.
    fn under_way(&mut self, tx: &mut Tx<'_>, reader: &mut Reader<'_>) -> Result<(), DbError> {
        let (org, me) = (reader.device.org, reader.device.id);
        let Some(mut now) = self.now.take() else { return Ok(()) };
        while let Some(visit) = now.next().filter(|_| !self.is_full()).cloned() {
            let template = rows::template_subject(&visit.template_id, &visit.template_revision);
            let needed = [
                (RowKind::Template, Some(template)),
                (RowKind::Task, visit.task.map(|task| task.to_string())),
                (RowKind::Entity, Some(visit.entity.to_string())),
                (RowKind::Inspection, Some(visit.id.to_string())),
            ];
            for (kind, subject) in needed {
                let Some(subject) = subject else { continue };
                // Visits share checklists and entities, which are read once.
                if self.seen.contains(&(kind.as_str().to_owned(), subject.clone())) {
                    continue;
                }
                if reader.scope.may_read(tx, kind, &subject)? {
                    let body = rows::body(tx, org, kind, &subject)?;
                    self.push(kind.as_str().to_owned(), subject, body);
                }
            }
            let subject = visit.id.to_string();
            if reader.scope.may_read(tx, RowKind::Document, &subject)? {
                let mut body = rows::document(tx, org, visit.id, 0, Some(me))?;
                if let Body::Document(row) = &mut body {
                    reader.vouchers.add(tx, row, false)?;
                }
                self.push(RowKind::Document.as_str().to_owned(), subject, body);
            }
            now.gave(visit.told);
        }
        self.now = Some(now);
        Ok(())
    }

    /// A whole inspection for a device that lacks something of it, when it may read it.
    fn whole(
        &mut self,
        tx: &mut Tx<'_>,
        reader: &mut Reader<'_>,
        inspection: InspectionId,
    ) -> Result<(), DbError> {
        let subject = inspection.to_string();
        if reader.scope.may_read(tx, RowKind::Document, &subject)? {
            let mut body = rows::document(tx, reader.device.org, inspection, 0, None)?;
            if let Body::Document(row) = &mut body {
                reader.vouchers.add(tx, row, true)?;
            }
            self.push(RowKind::Document.as_str().to_owned(), subject, body);
        }
        Ok(())
    }

    fn push(&mut self, kind: String, subject: String, body: Body) {
        if !self.seen.insert((kind.clone(), subject.clone())) {
            return;
        }
        self.bytes += match &body {
            Body::Reference(text) => text.len(),
            Body::Change(row) => row.change.0.len(),
            Body::Document(row) => row.changes.iter().map(|change| change.0.len()).sum(),
            Body::Gone => 0,
        };
        self.rows.push(Row { kind, subject, body });
    }
}
