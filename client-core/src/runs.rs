//! Signing what was written: one journal entry for the changes that an officer made to a visit one after another.
//!
//! A change is durable the moment it is committed, and names by their hashes what it builds upon, so the signature over
//! the last one of a run covers all of it. A run ends when another visit is written to, when something else about the
//! visit is journalled, when it has grown long or old, before every contact with the server, and when the store opens.
//! Before every contact, because an entry says when the server was heard last: what was written before must not claim to
//! have been written after.

use crate::error::ClientError;
use crate::journal_writer::{Line, Pen};
use crate::store::unsigned::{self, Unsigned};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::limits::{RUN_CHANGES_MAX, RUN_SECONDS_MAX};
use fieldproof_schema::moment::Moment;
use rusqlite::Connection;

/// Signs everything that no entry covers; returns the visits concerned.
pub(crate) fn sign(tx: &Connection, pen: &Pen<'_>) -> Result<Vec<InspectionId>, ClientError> {
    sign_where(tx, pen, |_| true)
}

/// Signs what no entry covers of one visit.
pub(crate) fn sign_visit(
    tx: &Connection,
    pen: &Pen<'_>,
    inspection: InspectionId,
) -> Result<(), ClientError> {
    sign_where(tx, pen, |run| run.inspection == inspection).map(drop)
}

/// Signs what must not wait while `inspection` is written to: other visits, and of this one what is long or old. Returns
/// the visits concerned.
pub(crate) fn sign_before_writing(
    tx: &Connection,
    pen: &Pen<'_>,
    inspection: InspectionId,
) -> Result<Vec<InspectionId>, ClientError> {
    sign_where(tx, pen, |run| run.inspection != inspection || is_due(run, pen.clocks.now))
}

/// A clock that went back makes a run look younger than nothing: it is signed, too.
fn is_due(run: &Unsigned, now: Moment) -> bool {
    let age = now.as_micros().saturating_sub(run.since.as_micros());
    run.last - run.first + 1 >= RUN_CHANGES_MAX || !(0..RUN_SECONDS_MAX * 1_000_000).contains(&age)
}

fn sign_where(
    tx: &Connection,
    pen: &Pen<'_>,
    wanted: impl Fn(&Unsigned) -> bool,
) -> Result<Vec<InspectionId>, ClientError> {
    let mut signed = Vec::new();
    for run in unsigned::list(tx)?.iter().filter(|run| wanted(run)) {
        let named = body::Run { actor: run.actor, first: run.first, last: run.last };
        let body = body::Saved { change: None, run: Some(named) };
        let entry = pen.write(
            tx,
            Line {
                kind: Kind::Saved,
                inspection: Some(run.inspection),
                content: Some(run.content),
                officer: run.officer,
                body: &body,
            },
        )?;
        unsigned::sign(tx, run, entry)?;
        signed.push(run.inspection);
    }
    Ok(signed)
}
