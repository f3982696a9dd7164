//! Which checklist a visit uses. Pure.

use fieldproof_schema::checklist::Template;
use fieldproof_schema::rule::specialty_covers;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A checklist as an administrator names it: `water-central`, or `water-central@2026.1` for a certain revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its id.
    pub id: String,
    /// Its revision; the one imported last where it is absent.
    pub revision: Option<String>,
}

impl Wanted {
    /// Reads a name.
    pub fn parse(text: &str) -> Self {
        match text.split_once('@') {
            Some((id, revision)) => Self { id: id.to_owned(), revision: Some(revision.to_owned()) },
            None => Self { id: text.to_owned(), revision: None },
        }
    }
}

/// Chooses the checklist for an entity with these specialties, drawn from a plan about `plan`.
///
/// What `wanted` says under the entity's code counts before everything else. Otherwise the one checklist that serves the
/// entity's specialties within the plan does; where none or several do, `wanted` decides under one of these specialties
/// or under the plan's.
///
/// # Errors
/// The ids of the checklists that fit, when nothing decides between them.
pub fn choose(
    code: &str,
    specialties: &BTreeSet<String>,
    plan: &str,
    templates: &[Arc<Template>],
    wanted: &BTreeMap<String, Arc<Template>>,
) -> Result<Arc<Template>, Vec<String>> {
    if let Some(named) = wanted.get(code) {
        return Ok(Arc::clone(named));
    }
    let needs = needs(specialties, plan);
    let fitting: Vec<_> = templates.iter().filter(|t| t.serves(&needs)).collect();
    let exact: Vec<_> = fitting.iter().copied().filter(|t| needs.contains(&t.specialty.as_str())).collect();
    match (fitting.as_slice(), exact.as_slice()) {
        ([only], _) | (_, [only]) => return Ok(Arc::clone(only)),
        _ => {}
    }
    let decided = needs.iter().copied().chain([plan]).find_map(|key| wanted.get(key));
    decided.cloned().ok_or_else(|| fitting.iter().map(|t| t.id.clone()).collect())
}

/// The entity's own specialties within the plan's, else the plan's.
fn needs<'a>(specialties: &'a BTreeSet<String>, plan: &'a str) -> Vec<&'a str> {
    let own: Vec<_> =
        specialties.iter().map(String::as_str).filter(|own| specialty_covers(plan, own)).collect();
    if own.is_empty() { vec![plan] } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_schema::data;

    fn templates() -> Vec<Arc<Template>> {
        data::checklists().iter().map(|(_, text)| Arc::new(Template::parse(text).unwrap())).collect()
    }

    fn chosen(specialties: &[&str], plan: &str, wanted: &[(&str, &str)]) -> Result<String, Vec<String>> {
        let templates = templates();
        let named = |id: &str| Arc::clone(templates.iter().find(|t| t.id == id).unwrap());
        let wanted = wanted.iter().map(|(key, id)| ((*key).to_owned(), named(id))).collect();
        let specialties = specialties.iter().map(|s| (*s).to_owned()).collect();
        choose("ENT-001", &specialties, plan, &templates, &wanted).map(|t| t.id.clone())
    }

    #[test]
    fn the_one_checklist_that_serves_the_specialty_is_chosen() {
        assert_eq!(chosen(&["publicPlace/swimming"], "publicPlace", &[]), Ok("public-swimming".into()));
        assert_eq!(chosen(&["school"], "school", &[]), Ok("school".into()));
    }

    #[test]
    fn specialties_outside_the_plan_do_not_count() {
        let both = ["publicPlace/lodging", "school"];
        assert_eq!(chosen(&both, "school", &[]), Ok("school".into()));
        assert_eq!(chosen(&both, "publicPlace", &[]), Ok("public-lodging".into()));
    }

    #[test]
    fn where_several_fit_or_none_does_the_administrator_decides() {
        let water = ["drinkingWater"];
        let fitting = vec!["water-central".to_owned(), "water-secondary".to_owned()];
        assert_eq!(chosen(&water, "drinkingWater", &[]), Err(fitting));
        let named = [("drinkingWater", "water-secondary")];
        assert_eq!(chosen(&water, "drinkingWater", &named), Ok("water-secondary".into()));
        assert_eq!(chosen(&["blood"], "blood", &[]), Err(Vec::new()));
        assert_eq!(
            chosen(&["blood"], "blood", &[("blood", "medical-practice")]),
            Ok("medical-practice".into())
        );
    }

    #[test]
    fn a_name_for_the_entity_counts_before_everything_else() {
        let named = [("ENT-001", "public-bathing"), ("publicPlace", "public-lodging")];
        assert_eq!(chosen(&["publicPlace/swimming"], "publicPlace", &named), Ok("public-bathing".into()));
        assert_eq!(
            chosen(&["publicPlace/swimming"], "publicPlace", &named[1..]),
            Ok("public-swimming".into())
        );
    }

    #[test]
    fn a_revision_can_be_named() {
        let revision = |text| Wanted::parse(text).revision;
        assert_eq!(revision("school@2026.1"), Some("2026.1".to_owned()));
        assert_eq!(revision("school"), None);
    }
}
