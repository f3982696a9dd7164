use super::build::{ENTROPY, SECRET, date, drawn, entity, entity_id, input, rule, usual};
use crate::draw::{DrawError, DrawInput, DrawSecret, Exclusion, Scope, WeightRule, draw, freeze};
use crate::ids::EntityId;
use crate::limits;
use proptest::prelude::*;
use serde_json::json;

fn refused(input: DrawInput) -> DrawError {
    draw(input, DrawSecret::from_bytes(SECRET), ENTROPY).unwrap_err()
}

fn why(input: DrawInput, id: EntityId) -> Option<Exclusion> {
    let record = drawn(input);
    assert!(
        record.steps.picks.iter().all(|pick| record.steps.eligible.iter().any(|e| e.entity == pick.entity))
    );
    record.steps.excluded.into_iter().find(|excluded| excluded.entity == id).map(|excluded| excluded.why)
}

#[test]
fn an_empty_pool_gives_an_empty_draw() {
    let record = drawn(input(Vec::new(), Vec::new()));
    assert_eq!((record.steps.sample_size, record.result.len()), (0, 0));
}

#[test]
fn the_whole_share_takes_everybody_once() {
    let mut input = usual();
    input.terms.plan.ratio = "1".parse().unwrap();
    let mut picked: Vec<_> = drawn(input).steps.picks.iter().map(|pick| pick.entity).collect();
    picked.sort_unstable();
    assert_eq!(picked, (1..=8).map(entity_id).collect::<Vec<_>>());
}

#[test]
fn every_exclusion_has_its_reason() {
    let mut input = usual();
    input.terms.frequency.rest_days = 90;
    let entities = &mut input.directory.entities;
    entities[0].active = false;
    entities[1].fields.insert("registrationStatus".to_owned(), json!("deregistered"));
    entities[2].inspections_this_year = 1;
    entities[3].last_inspection = Some(date("2026-07-11"));
    entities[4].last_inspection = Some(date("2026-07-10"));
    assert_eq!(why(input.clone(), entity_id(1)), Some(Exclusion::Inactive));
    assert_eq!(why(input.clone(), entity_id(2)), Some(Exclusion::Outside));
    assert_eq!(why(input.clone(), entity_id(3)), Some(Exclusion::Ceiling { inspections: 1 }));
    assert_eq!(why(input.clone(), entity_id(4)), Some(Exclusion::Resting { until: date("2026-10-09") }));
    assert_eq!(why(input.clone(), entity_id(5)), None);
    input.terms.frequency.per_year_max = None;
    assert_eq!(why(input, entity_id(3)), None);
}

#[test]
fn a_missing_field_decides_nothing_and_is_named() {
    for value in [None, Some(json!(null))] {
        let mut input = usual();
        input.directory.entities[0].fields.clear();
        if let Some(value) = value {
            input.directory.entities[0].fields.insert("registrationStatus".to_owned(), value);
        }
        let fields = vec!["registrationStatus".to_owned()];
        assert_eq!(why(input, entity_id(1)), Some(Exclusion::Unknown { fields }));
    }
}

#[test]
fn weights_are_recorded_with_their_factors() {
    let mut input = usual();
    for (factor, field, op, value, add) in [
        ("complaints", "complaints12m", ">=", json!(3), 2),
        ("riskLevel", "riskLevel", "==", json!("high"), 4),
    ] {
        let when = rule(json!({"field": field, "op": op, "value": value}));
        input.terms.plan.weights.push(WeightRule { factor: factor.to_owned(), when, add });
    }
    let fields = &mut input.directory.entities[0].fields;
    fields.insert("complaints12m".to_owned(), json!(5));
    fields.insert("riskLevel".to_owned(), json!("high"));
    input.directory.entities[1].fields.insert("complaints12m".to_owned(), json!(0));
    let record = drawn(input);
    let of = |n| record.steps.eligible.iter().find(|e| e.entity == entity_id(n)).unwrap();
    assert_eq!((of(1).weight, of(1).factors.len(), of(1).undecided.len()), (7, 2, 0));
    assert_eq!((of(2).weight, of(2).factors.len()), (1, 0));
    assert_eq!(of(2).undecided, ["riskLevel"]);
    assert_eq!(record.steps.picks[0].drawn.of, 14);
}

#[test]
fn a_heavier_entity_is_drawn_more_often() {
    let mut hits = [0; 2];
    for seed in 0..200 {
        let mut input = usual();
        input.terms.plan.ratio = "1/8".parse().unwrap();
        input.terms.plan.weights.push(WeightRule {
            factor: "riskLevel".to_owned(),
            when: rule(json!({"field": "riskLevel", "op": "==", "value": "high"})),
            add: 7,
        });
        input.directory.entities[2].fields.insert("riskLevel".to_owned(), json!("high"));
        let record = draw(input, DrawSecret::from_bytes(SECRET), &format!("entropy {seed}")).unwrap();
        hits[usize::from(record.steps.picks[0].entity == entity_id(3))] += 1;
    }
    // Weight 8 of 15: about 107 of 200.
    assert!((85..130).contains(&hits[1]), "{hits:?}");
}

#[test]
fn every_entity_is_drawn_about_equally_often() {
    let mut counts = [0i64; 8];
    for seed in 0..400 {
        let record = draw(usual(), DrawSecret::from_bytes(SECRET), &format!("entropy {seed}")).unwrap();
        for pick in &record.steps.picks {
            counts[usize::from(pick.entity.as_bytes()[0]) - 1] += 1;
        }
    }
    // Expected 200 each, standard deviation 10; the entropies are fixed, so this either holds or never does.
    assert!(counts.iter().all(|n| (n - 200).abs() < 50), "{counts:?}");
}

#[test]
fn what_is_frozen_is_what_the_record_shows() {
    assert_eq!(freeze(usual()).unwrap(), drawn(usual()).steps.frozen);
    let mut changed = usual();
    changed.directory.entities[0].code.push('x');
    assert_ne!(freeze(changed).unwrap().snapshot, freeze(usual()).unwrap().snapshot);
}

#[test]
fn other_entropy_or_another_salt_gives_another_seed() {
    let seed = drawn(usual()).steps.seed;
    let other = draw(usual(), DrawSecret::from_bytes(SECRET), "4711 0816").unwrap();
    assert_ne!(other.steps.seed, seed);
    let mut salted = usual();
    salted.salt = DrawSecret::from_bytes([8; 32]);
    assert_ne!(drawn(salted).steps.seed, seed);
}

#[test]
fn bad_input_is_refused_with_its_reason() {
    let change = |f: &dyn Fn(&mut DrawInput)| {
        let mut input = usual();
        f(&mut input);
        refused(input)
    };
    assert_eq!(change(&|i| i.directory.entities.push(entity(3))), DrawError::DuplicateEntity(entity_id(3)));
    assert!(matches!(
        change(&|i| i.directory.officers.push(i.directory.officers[0].clone())),
        DrawError::DuplicateOfficer(_)
    ));
    assert_eq!(change(&|i| i.terms.plan.team_size = 1), DrawError::TeamSize(1));
    assert!(matches!(change(&|i| i.terms.plan.team_size = 99), DrawError::TeamSize(99)));
    assert!(matches!(
        change(&|i| {
            i.directory.entities[0].fields.insert("area".to_owned(), json!({"m2": [12.5]}));
        }),
        DrawError::FractionInField { field, .. } if field == "area"
    ));
    assert!(matches!(
        change(
            &|i| i.terms.plan.population = rule(json!({"not": {"field": "area", "op": ">", "value": 0.5}}))
        ),
        DrawError::FractionInRule { .. }
    ));
    assert!(matches!(
        change(&|i| i.terms.plan.scope = Scope::Undirected),
        DrawError::ConditionInUndirectedDraw { field } if field == "registrationStatus"
    ));
    assert!(matches!(
        change(&|i| {
            for _ in 0..limits::RULE_DEPTH_MAX {
                i.terms.plan.population = rule(json!({"not": i.terms.plan.population}));
            }
        }),
        DrawError::RuleTooDeep { .. }
    ));
    let add = limits::DRAW_WEIGHT_ADD_MAX + 1;
    assert!(matches!(
        change(&|i| {
            let when = rule(json!({"all": []}));
            i.terms.plan.weights.push(WeightRule { factor: "riskLevel".to_owned(), when, add });
        }),
        DrawError::WeightTooLarge { .. }
    ));
    assert!(matches!(
        change(&|i| i.directory.entities = vec![entity(1); limits::DRAW_ENTITIES_MAX + 1]),
        DrawError::TooMany { what: "entities", .. }
    ));
}

#[test]
fn a_draw_needs_the_committed_secret_and_bounded_entropy() {
    let other = draw(usual(), DrawSecret::from_bytes([1; 32]), ENTROPY).unwrap_err();
    assert_eq!(other, DrawError::WrongSecret);
    let secret = DrawSecret::from_bytes(SECRET);
    assert_eq!(draw(usual(), secret, " \n").unwrap_err(), DrawError::EntropyMissing);
    let long = "7".repeat(limits::DRAW_ENTROPY_BYTES_MAX + 1);
    assert!(matches!(draw(usual(), secret, &long).unwrap_err(), DrawError::EntropyTooLong { .. }));
}

#[test]
fn an_undirected_draw_takes_every_active_entity() {
    let mut input = usual();
    input.terms.plan.scope = Scope::Undirected;
    input.terms.plan.population = rule(json!({"all": []}));
    input.directory.entities[0].fields.clear();
    assert_eq!(drawn(input).steps.eligible.len(), 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn the_order_of_the_input_changes_nothing(
        entities in Just((1..=8).collect::<Vec<u8>>()).prop_shuffle(),
        officers in Just((0..5).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let mut shuffled = usual();
        let before = shuffled.directory.officers.clone();
        shuffled.directory.entities = entities.into_iter().map(entity).collect();
        shuffled.directory.officers = officers.into_iter().map(|i| before[i].clone()).collect();
        prop_assert_eq!(drawn(shuffled), drawn(usual()));
    }
}
