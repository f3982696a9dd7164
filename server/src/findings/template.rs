//! Visits that are filled on a withdrawn revision of their checklist.

use super::open;
use crate::db::{DbError, Tx};
use crate::store::visits;
use fieldproof_schema::conflict::{Conflict, ConflictKind, ConflictSide, Origin};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::moment::{Interval, Moment};

/// A revision was withdrawn: every visit on it that is not sealed is asked about. Returns how many those are.
pub(crate) fn withdrawn(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: &str,
    revision: &str,
    now: Moment,
) -> Result<usize, DbError> {
    let visits = visits::unsealed_on(tx, org, id, revision)?;
    for (visit, unit_code) in &visits {
        let written = Interval { earliest: Some(now), latest: Some(now) };
        let origin = Origin { written: Some(written), ..Origin::default() };
        let name = format!("{id}@{revision}");
        let side = ConflictSide::subject(name.clone(), name.as_bytes(), origin);
        let path = format!("template/{name}");
        let conflict = Conflict::new(ConflictKind::Template, *visit, path, vec![side]);
        open(tx, org, &conflict, unit_code, now)?;
    }
    Ok(visits.len())
}
