//! The handle through which a job talks to its transaction.

use super::error::DbError;
use super::feeds::Publication;
use super::session::{Purpose, Session};
use super::value::{Row, Value};
use fieldproof_schema::ids::OrgId;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A transaction of one job, blocking, on either engine.
///
/// After a statement failed, no further one runs and the job cannot succeed, whatever it returns: PostgreSQL cannot go
/// on after an error, so SQLite does not either. "Insert unless it exists" is `ON CONFLICT DO NOTHING`, not a caught
/// error. Begin, commit and savepoints belong to whoever runs the job.
pub struct Tx<'a> {
    session: &'a mut dyn Session,
    seen: &'a mut Seen,
    purpose: Purpose,
    publications: Vec<Publication>,
    fault: Option<DbError>,
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

impl<'a> Tx<'a> {
    pub(super) fn new(session: &'a mut dyn Session, seen: &'a mut Seen, purpose: Purpose) -> Self {
        Self { session, seen, purpose, publications: Vec::new(), fault: None }
    }

    /// Runs a statement that answers no rows; returns how many rows it changed.
    ///
    /// # Errors
    /// [`DbError`]; the job cannot succeed any more, except after [`DbError::NulInText`], which ran nothing.
    pub fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, DbError> {
        self.admit(sql, params)?;
        let done = self.session.execute(sql, params);
        self.note(done)
    }

    /// Runs a statement once for each element of `rows`, in order, without waiting in between; returns how many rows
    /// all of them changed.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub fn execute_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<u64, DbError> {
        if rows.is_empty() {
            return Ok(0);
        }
        for params in rows {
            self.admit(sql, params)?;
        }
        let done = self.session.execute_many(sql, rows);
        self.note(done)
    }

    /// Runs a statement and returns all its rows. The statement bounds their number.
    ///
    /// # Errors
    /// As [`Tx::execute`], and [`DbError::Decode`] when a column's type is none of the three that both engines share.
    pub fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.admit(sql, params)?;
        let done = self.session.query(sql, params);
        self.note(done)
    }

    /// Runs a statement that finds one row or none.
    ///
    /// # Errors
    /// As [`Tx::query`], and [`DbError::TooManyRows`].
    pub fn query_opt(&mut self, sql: &'static str, params: &[Value]) -> Result<Option<Row>, DbError> {
        let mut rows = self.query(sql, params)?.into_iter();
        match (rows.next(), rows.next()) {
            (_, Some(_)) => Err(DbError::TooManyRows { sql }),
            (row, None) => Ok(row),
        }
    }

    /// Announces in `feed` that `subject` (of this `kind`) changed. It gets its number when the job succeeded, in the
    /// order of commits, so that a reader's cursor never skips it; said twice in one job, it is announced once.
    pub fn publish(&mut self, org: OrgId, feed: &str, kind: &str, subject: &str) {
        self.publish_with(org, feed, kind, subject, None);
    }

    /// As [`Self::publish`], with a number that the announcement carries.
    pub fn publish_with(&mut self, org: OrgId, feed: &str, kind: &str, subject: &str, detail: Option<i64>) {
        let [feed, kind, subject] = [feed, kind, subject].map(str::to_owned);
        let fault = match self.purpose {
            Purpose::Read => Some(DbError::PublishInRead),
            Purpose::Write => [&feed, &kind, &subject]
                .iter()
                .any(|text| text.contains('\0'))
                .then_some(DbError::NulInText { sql: "publish" }),
        };
        match fault {
            Some(fault) => drop(self.fault.get_or_insert(fault)),
            None => self.publications.push(Publication { org, feed, kind, subject, detail }),
        }
    }

    /// The failure after which the job cannot succeed.
    pub(super) fn fault(&self) -> Option<&DbError> {
        self.fault.as_ref()
    }

    /// What the job published, each once, and the failure after which it cannot succeed.
    pub(super) fn finish(self) -> (Vec<Publication>, Option<DbError>) {
        let mut publications = self.publications;
        let mut known = HashSet::with_capacity(publications.len());
        publications.retain(|publication| known.insert(publication.clone()));
        (publications, self.fault)
    }

    fn admit(&mut self, sql: &'static str, params: &[Value]) -> Result<(), DbError> {
        if let Some(fault) = &self.fault {
            return Err(DbError::Poisoned { sql, source: Arc::new(fault.clone()) });
        }
        // PostgreSQL cannot hold it, SQLite would: refused before either sees it.
        let nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
        if params.iter().any(nul) {
            return Err(DbError::NulInText { sql });
        }
        self.seen.note(sql);
        Ok(())
    }

    fn note<T>(&mut self, done: Result<T, DbError>) -> Result<T, DbError> {
        if let Err(error) = &done {
            self.fault = Some(error.clone());
        }
        done
    }
}

/// The statements that ran on one database, of all its connections.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedSeen(Arc<Mutex<BTreeSet<&'static str>>>);

impl SharedSeen {
    pub(super) fn all(&self) -> BTreeSet<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One connection's own view of [`SharedSeen`], so that a statement takes the lock only the first time.
#[derive(Debug)]
pub(super) struct Seen {
    shared: SharedSeen,
    /// Address and length: texts are static, and comparing them would cost more than running some of them.
    known: HashSet<(usize, usize)>,
}

impl Seen {
    pub(super) fn new(shared: SharedSeen) -> Self {
        Self { shared, known: HashSet::new() }
    }

    fn note(&mut self, sql: &'static str) {
        if self.known.insert((sql.as_ptr().addr(), sql.len())) {
            self.shared.0.lock().unwrap_or_else(PoisonError::into_inner).insert(sql);
        }
    }
}
