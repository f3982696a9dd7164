//! The units whose entities an officer's terminals carry.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{OfficerId, OrgId};
use std::collections::BTreeMap;

/// The codes of all units of the officer's region: the nearest region above the officer's unit and everything below it.
pub fn units_of_officer(tx: &mut Tx<'_>, org: OrgId, officer: OfficerId) -> Result<Vec<String>, DbError> {
    let home =
        tx.query_opt("SELECT unit_code FROM officers WHERE org = $1 AND id = $2", &params![org, officer])?;
    let Some(home) = home else { return Ok(Vec::new()) };
    let rows =
        tx.query("SELECT code, parent_code, kind FROM units WHERE org = $1 ORDER BY code", &params![org])?;
    let mut units: BTreeMap<String, (Option<String>, String)> = BTreeMap::new();
    for row in &rows {
        units.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
    }
    Ok(region_of(&home.get::<String>(0)?, &units))
}

/// Bounded by the number of units, so that a loop in the directory ends.
fn ancestors<'a>(
    code: &'a str,
    units: &'a BTreeMap<String, (Option<String>, String)>,
) -> impl Iterator<Item = &'a str> {
    let parent = |code: &&str| units.get(*code).and_then(|(parent, _)| parent.as_deref());
    std::iter::successors(Some(code), move |code| parent(code)).take(units.len())
}

fn region_of(home: &str, units: &BTreeMap<String, (Option<String>, String)>) -> Vec<String> {
    let is_region = |code: &&str| units.get(*code).is_some_and(|(_, kind)| kind == "region");
    let Some(region) = ancestors(home, units).find(is_region) else { return Vec::new() };
    units.keys().filter(|code| ancestors(code, units).any(|above| above == region)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_officer_carries_the_region_of_the_own_unit() {
        let units: BTreeMap<String, (Option<String>, String)> = [
            ("C", None, "region"),
            ("C-HC", Some("C"), "authority"),
            ("C-SUP", Some("C-HC"), "enforcement"),
            ("D1", Some("C"), "region"),
            ("D1-T1", Some("D1"), "region"),
            ("D2", Some("C"), "region"),
            ("LOOP", Some("LOOP"), "enforcement"),
        ]
        .into_iter()
        .map(|(code, parent, kind)| (code.to_owned(), (parent.map(str::to_owned), kind.to_owned())))
        .collect();
        assert_eq!(region_of("C-SUP", &units).len(), 6);
        assert_eq!(region_of("D1", &units), ["D1", "D1-T1"]);
        assert!(region_of("LOOP", &units).is_empty());
        assert!(region_of("NOWHERE", &units).is_empty());
    }
}
