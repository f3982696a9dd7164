use super::*;
use crate::law::{Cited, Mark};

#[test]
fn all_fourteen_checklists_are_read_without_a_fault() {
    let index: Value = serde_json::from_str(data::checklist_index()).unwrap();
    let mut items = 0;
    for ((name, json), entry) in data::checklists().iter().zip(index["checklists"].as_array().unwrap()) {
        let template = Template::parse(json).unwrap_or_else(|e| panic!("{name}: {:?}", e.violations()));
        assert_eq!(template.id, entry["id"]);
        assert_eq!(template.title, entry["name"]);
        assert_eq!(template.specialty, entry["specialty"]);
        assert_eq!(template.items.len(), entry["items"]);
        assert_eq!(template.items.iter().filter(|item| item.key).count(), entry["keyItems"]);
        let numbers = template.items.iter().filter(|item| matches!(item.kind, ItemKind::Number(_)));
        assert_eq!(numbers.count(), entry["numericItems"]);
        let by_section: usize = template.sections.iter().map(|s| template.items_of(s).count()).sum();
        assert_eq!(by_section, template.items.len());
        items += template.items.len();
    }
    assert_eq!(index["totalItems"], items);
}

#[test]
fn every_reference_leads_to_the_register_and_repeats_its_mark() {
    let law = law();
    let mut references = 0;
    for (name, json) in data::checklists() {
        let template = Template::parse(json).unwrap();
        for (item, reference) in template.references() {
            assert!(law.resolve(reference).is_some(), "{name} {}: {reference}", item.id);
            references += 1;
        }
        for reference in template.items.iter().flat_map(|item| item.provisions.iter().chain(&item.penalties))
        {
            let Some(Cited::Provision(provision, its_law)) = law.resolve(&reference.provision) else {
                panic!()
            };
            assert_eq!(law.mark(&reference.provision), Some(reference.mark));
            assert_eq!(reference.law.as_deref(), Some(its_law.title.as_str()));
            assert_eq!(reference.article, provision.article);
        }
    }
    assert_eq!(references, 332 + 227 + 43);
}

#[test]
fn limits_are_as_many_and_as_certain_as_the_source_says() {
    let templates: Vec<_> =
        data::checklists().iter().map(|(_, json)| Template::parse(json).unwrap()).collect();
    let limits: Vec<_> = templates.iter().flat_map(|t| &t.items).filter_map(Item::limit).collect();
    let marked = |mark| limits.iter().filter(|limit| limit.source.mark == mark).count();
    let marks = [Mark::Verified, Mark::SecondarySource, Mark::Unverified].map(marked);
    assert_eq!((limits.len(), marks), (57, [2, 36, 19]));
    let cases: Vec<_> =
        limits.iter().filter_map(|limit| limit.cases.as_ref()).map(|c| c.by.as_str()).collect();
    assert_eq!(cases, ["Stage", "FreeSilica", "Type"]);
}

#[test]
fn item_ids_differ_between_all_checklists() {
    let templates: Vec<_> =
        data::checklists().iter().map(|(_, json)| Template::parse(json).unwrap()).collect();
    let ids: std::collections::BTreeSet<_> = templates.iter().flat_map(Template::item_ids).collect();
    assert_eq!(ids.len(), 309);
}

/// Pins in signed documents name these hashes.
#[test]
fn released_revisions_keep_their_hashes() {
    let pins: Vec<_> = data::checklists()
        .iter()
        .map(|(_, json)| Template::parse(json).unwrap().pin())
        .map(|pin| format!("{} {} {}", pin.id, pin.revision, pin.hash))
        .collect();
    insta::assert_snapshot!(pins.join("\n"));
}

#[test]
fn the_hash_depends_on_content_alone_and_on_all_of_it() {
    let plain = small();
    let spaced = serde_json::to_string_pretty(&plain).unwrap();
    assert_eq!(read(&plain).hash(), Template::parse(&spaced).unwrap().hash());
    assert_eq!(read(&plain).canonical(), Template::parse(read(&plain).canonical()).unwrap().canonical());
    let mut marked = plain.clone();
    marked["items"][5]["futureField"] = json!(1);
    assert_ne!(read(&plain).hash(), read(&marked).hash());
}

#[test]
fn every_kind_of_the_index_can_be_read() {
    let index: Value = serde_json::from_str(data::checklist_index()).unwrap();
    let small = small();
    let used: Vec<_> = small["items"].as_array().unwrap().iter().map(|i| &i["answer"]["type"]).collect();
    for kind in index["answerTypes"].as_object().unwrap().keys() {
        assert!(used.iter().any(|used| *used == kind), "{kind}");
    }
    assert_eq!(read(&small).items[5].kind, ItemKind::Photo { min: 2 });
}

#[test]
fn checklists_are_offered_by_specialty() {
    let templates: Vec<_> =
        data::checklists().iter().map(|(_, json)| Template::parse(json).unwrap()).collect();
    let offered = |specialties: &[&str]| -> Vec<&str> {
        templates.iter().filter(|t| t.serves(specialties)).map(|t| t.id.as_str()).collect()
    };
    assert_eq!(offered(&["publicPlace/swimming"]), ["public-swimming"]);
    assert_eq!(offered(&["drinkingWater", "school"]), ["water-central", "water-secondary", "school"]);
    assert_eq!(offered(&["radiologyTechService"]), Vec::<&str>::new());
    let city = crate::directory::parse_organisation_file(data::sample_org()).unwrap().file;
    let count = |entity: &crate::directory::Entity| {
        let specialties: Vec<_> = entity.specialties.iter().map(String::as_str).collect();
        offered(&specialties).len()
    };
    let without: Vec<_> = city.entities.iter().filter(|e| count(e) == 0).map(|e| e.code.as_str()).collect();
    // A blood station, technical services and examination centres: the source has no checklist for them.
    assert_eq!(without, ["ENT-194", "ENT-195", "ENT-196", "ENT-197", "ENT-198", "ENT-199"]);
}
