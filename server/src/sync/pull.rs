//! Step three: what is new in the device's scope.
//!
//! A device reads four kinds of feeds: everyone's, its officer's, its own, its units'. Scope is decided here and nowhere else:
//! a feed that [`feeds_of`] does not list is not read.

use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::store::{feeds, rows, scope, tenants};
use fieldproof_schema::limits::{PULL_BYTES_MAX, PULL_ROWS_MAX};
use fieldproof_schema::suite::Digest;
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
    bytes: usize,
    seen: BTreeSet<(String, String)>,
}

/// The feeds of a device: checklists and own work first, so that today's tasks come before the district's directory.
pub(crate) fn feeds_of(tx: &mut Tx<'_>, device: &DeviceActor) -> Result<Vec<String>, DbError> {
    let own = [feeds::of_officer(device.officer), feeds::of_device(device.id)];
    let mut feeds = vec![feeds::EVERYONE.to_owned()];
    feeds.extend(own);
    let units = scope::units_of_officer(tx, device.org, device.officer)?;
    feeds.extend(units.iter().map(|unit| feeds::of_unit(unit)));
    Ok(feeds)
}

/// Reads on from the device's cursors, bounded by rows and bytes. Cursors that were given in another epoch than the present
/// one count for nothing: their numbers may have been given to other rows since.
pub async fn pull(
    app: &App,
    device: &DeviceActor,
    cursors: &[Cursor],
    given_in: Option<Digest>,
) -> Result<Pulled, ApiError> {
    let device = device.clone();
    let cursors: BTreeMap<String, u64> = cursors.iter().map(|c| (c.feed.clone(), c.seq)).collect();
    let read = move |tx: &mut Tx<'_>| {
        let ends: BTreeMap<String, u64> = feeds::ends(tx, device.org)?.into_iter().collect();
        let epoch = tenants::epoch(tx, device.org)?;
        let valid = given_in.is_none_or(|given_in| given_in == epoch);
        let mut pulled = Pulled {
            epoch,
            rows: Vec::new(),
            cursors: Vec::new(),
            more: false,
            bytes: 0,
            seen: BTreeSet::new(),
        };
        for feed in feeds_of(tx, &device)? {
            // A cursor beyond the end is not of this history: read everything again.
            let end = ends.get(&feed).copied().unwrap_or(0);
            let start = cursors.get(&feed).copied().filter(|seq| valid && *seq <= end).unwrap_or(0);
            if start < end {
                pulled.feed(tx, &device, feed, start, end)?;
            }
        }
        Ok::<_, DbError>(pulled)
    };
    Ok(app.db.read(read).await?)
}

impl Pulled {
    fn is_full(&self) -> bool {
        self.rows.len() >= PULL_ROWS_MAX || self.bytes >= PULL_BYTES_MAX
    }

    fn feed(
        &mut self,
        tx: &mut Tx<'_>,
        device: &DeviceActor,
        feed: String,
        start: u64,
        end: u64,
    ) -> Result<(), DbError> {
        let limit = i64::try_from(PULL_ROWS_MAX).unwrap_or(i64::MAX);
        let mut reached = start;
        if !self.is_full() {
            for reference in feeds::after(tx, device.org, &feed, start, limit)? {
                if self.is_full() {
                    break;
                }
                reached = reference.seq;
                self.row(tx, device, reference)?;
            }
        }
        self.more |= reached < end;
        if reached > start {
            self.cursors.push(Cursor { feed, seq: reached });
        }
        Ok(())
    }

    fn row(
        &mut self,
        tx: &mut Tx<'_>,
        device: &DeviceActor,
        reference: feeds::Reference,
    ) -> Result<(), DbError> {
        let feeds::Reference { kind, subject, .. } = reference;
        if let Some(known) = RowKind::find(&kind)
            && self.seen.insert((kind.clone(), subject.clone()))
        {
            let body = rows::body(tx, device.org, known, &subject)?;
            self.bytes += match &body {
                Body::Reference(text) => text.len(),
                Body::Change(row) => row.change.0.len(),
                Body::Gone => 0,
            };
            self.rows.push(Row { kind, subject, body });
        }
        Ok(())
    }
}
