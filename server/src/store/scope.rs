//! The units whose entities an officer's terminals carry.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{OfficerId, OrgId};
use std::collections::BTreeMap;

/// The codes of all units of the officer's region: the nearest region above the officer's unit and everything below it.
pub fn units_of_officer(tx: &mut Tx<'_>, org: OrgId, officer: OfficerId) -> Result<Vec<String>, DbError> {
    let home =
        tx.query_opt("SELECT unit_code FROM officers WHERE org = $1 AND id = $2", &params![org, officer])?;
    let Some(home) = home else { return Ok(Vec::new()) };
    Ok(region_of(&home.get::<String>(0)?, &units(tx, org)?))
}

/// Units by code, each with the unit above and its kind.
type Units = BTreeMap<String, (Option<String>, String)>;

fn units(tx: &mut Tx<'_>, org: OrgId) -> Result<Units, DbError> {
    let rows =
        tx.query("SELECT code, parent_code, kind FROM units WHERE org = $1 ORDER BY code", &params![org])?;
    rows.iter().map(|row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).collect()
}

/// Where all officers are, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    units: Units,
    homes: BTreeMap<OfficerId, String>,
}

/// Where all officers are now.
pub fn regions(tx: &mut Tx<'_>, org: OrgId) -> Result<Regions, DbError> {
    let rows = tx.query("SELECT id, unit_code FROM officers WHERE org = $1 ORDER BY id", &params![org])?;
    let homes = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_, DbError>>()?;
    Ok(Regions { units: units(tx, org)?, homes })
}

impl Regions {
    /// The units that each officer had and has no more in `after`; officers who lost none are left out.
    pub fn lost(&self, after: &Regions) -> Vec<(OfficerId, Vec<String>)> {
        // Officers of one unit move together, and a bureau has few units that have officers.
        let mut known: BTreeMap<(&str, Option<&str>), Vec<String>> = BTreeMap::new();
        let mut lost = Vec::new();
        for (officer, home) in &self.homes {
            let next = after.homes.get(officer).map(String::as_str);
            let gone = known.entry((home, next)).or_insert_with(|| {
                let kept = next.map(|next| region_of(next, &after.units)).unwrap_or_default();
                region_of(home, &self.units).into_iter().filter(|unit| !kept.contains(unit)).collect()
            });
            if !gone.is_empty() {
                lost.push((*officer, gone.clone()));
            }
        }
        lost
    }
}

/// Bounded by the number of units, so that a loop in the directory ends.
fn ancestors<'a>(code: &'a str, units: &'a Units) -> impl Iterator<Item = &'a str> {
    let parent = |code: &&str| units.get(*code).and_then(|(parent, _)| parent.as_deref());
    std::iter::successors(Some(code), move |code| parent(code)).take(units.len())
}

fn region_of(home: &str, units: &Units) -> Vec<String> {
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

    #[test]
    fn who_moves_loses_what_the_new_region_does_not_have() {
        let unit = |code: &str, parent: Option<&str>| {
            (code.to_owned(), (parent.map(str::to_owned), "region".into()))
        };
        let units = Units::from([
            unit("C", None),
            unit("D1", Some("C")),
            unit("T1", Some("D1")),
            unit("D2", Some("C")),
        ]);
        let officer = |n| OfficerId::from_bytes([n; 16]);
        let at = |homes: [&str; 3]| Regions {
            units: units.clone(),
            homes: (1..).zip(homes).map(|(n, home)| (officer(n), home.to_owned())).collect(),
        };
        let lost = at(["D1", "T1", "D1"]).lost(&at(["D2", "D1", "C"]));
        assert_eq!(lost, [(officer(1), vec!["D1".to_owned(), "T1".to_owned()])]);
        let mut moved = at(["D1", "T1", "D2"]);
        moved.units.insert("T1".into(), (Some("D2".into()), "region".into()));
        assert_eq!(at(["D1", "T1", "D2"]).lost(&moved), [(officer(1), vec!["T1".to_owned()])]);
    }
}
