use super::build::{date, drawn, entity_id, officer, officer_id, set, usual};
use crate::draw::{DrawInput, DrawRecord, Shortage, Team, Unfit};
use crate::ids::OfficerId;

fn everybody(mut input: DrawInput) -> DrawRecord {
    input.terms.plan.ratio = "1".parse().unwrap();
    drawn(input)
}

fn loads(record: &DrawRecord, n: u8) -> usize {
    record.result.iter().filter(|a| a.team.officers().contains(&officer_id(n))).count()
}

fn unfit(record: &DrawRecord, n: u8) -> Option<Unfit> {
    record.steps.unfit.iter().find(|u| u.officer == officer_id(n)).map(|u| u.why)
}

#[test]
fn every_team_has_two_officers_and_one_specialist() {
    let specialists = [1, 2, 4].map(officer_id);
    let record = everybody(usual());
    assert_eq!(record.result.len(), 8);
    for assignment in &record.result {
        let [first, second] = assignment.team.officers() else { panic!("{assignment:?}") };
        assert!(specialists.contains(first) && first != second);
    }
}

#[test]
fn work_is_spread_evenly() {
    let record = everybody(usual());
    // 16 seats for five officers, of which 8 go to the three specialists.
    assert!((1..=5).all(|n| (3..=4).contains(&loads(&record, n))), "{:?}", record.result);
}

#[test]
fn a_larger_team_is_filled() {
    let mut input = usual();
    input.terms.plan.team_size = 4;
    assert!(everybody(input).result.iter().all(|a| a.team.officers().len() == 4));
}

#[test]
fn a_general_specialty_covers_the_special_one_but_not_the_reverse() {
    let mut input = usual();
    input.directory.entities[0].specialties = set(&["publicPlace/swimming", "school"]);
    input.directory.entities[1].specialties = set(&["publicPlace"]);
    let record = everybody(input);
    for (n, needs) in [(1, "publicPlace/swimming"), (2, "publicPlace"), (3, "publicPlace/lodging")] {
        let team = record.steps.teams.iter().find(|t| t.entity == entity_id(n)).unwrap();
        assert_eq!(team.needs, set(&[needs]));
        let first = record.result[team.pick as usize - 1].team.officers()[0];
        assert!(n == 3 || first != officer_id(4), "lodging alone does not cover {needs}");
    }
}

#[test]
fn an_expired_certificate_does_not_count() {
    let mut input = usual();
    input.directory.officers[0].certificate_expires = Some(date("2026-10-07"));
    input.directory.officers[1].certificate_expires = Some(date("2026-10-08"));
    let record = everybody(input);
    assert_eq!((unfit(&record, 1), loads(&record, 1)), (Some(Unfit::CertificateExpired), 0));
    assert_eq!(unfit(&record, 2), None);
    assert!(loads(&record, 2) > 0);
}

#[test]
fn who_is_not_enrolled_not_in_service_or_without_certificate_stays_out() {
    let mut input = usual();
    let officers = &mut input.directory.officers;
    officers[0].in_directory = false;
    officers[1].active = false;
    officers[2].certificate_no = Some(" ".to_owned());
    officers[4].certificate_expires = None;
    officers.push(officer(6, &[]));
    let record = everybody(input);
    assert_eq!(
        [1, 2, 3, 4, 5, 6].map(|n| unfit(&record, n)),
        [
            Some(Unfit::NotInDirectory),
            Some(Unfit::Inactive),
            Some(Unfit::NoCertificate),
            None,
            Some(Unfit::NoCertificate),
            None
        ]
    );
    assert_eq!((loads(&record, 4), loads(&record, 6)), (8, 8));
}

#[test]
fn a_declared_interest_keeps_an_officer_away() {
    let mut input = usual();
    for n in [1, 2, 3] {
        input.directory.officers[0].interests.insert(entity_id(n));
    }
    let record = everybody(input);
    for team in &record.steps.teams {
        let concerned = [1, 2, 3].map(entity_id).contains(&team.entity);
        let withdrawn: &[OfficerId] = if concerned { &[officer_id(1)] } else { &[] };
        assert_eq!(team.withdrawn, withdrawn);
        let members = record.result[team.pick as usize - 1].team.officers();
        assert!(!concerned || !members.contains(&officer_id(1)));
    }
    assert!(loads(&record, 1) > 0);
}

#[test]
fn a_shortage_leaves_the_pick_unassigned_and_the_others_alone() {
    let mut input = usual();
    for n in [0, 1, 3] {
        input.directory.officers[n].interests.insert(entity_id(5));
    }
    for officer in &mut input.directory.officers[..4] {
        officer.interests.insert(entity_id(6));
    }
    let record = everybody(input);
    for assignment in &record.result {
        match (assignment.entity, &assignment.team) {
            (id, Team::Unassigned(shortage)) if id == entity_id(5) => {
                assert_eq!(*shortage, Shortage::Specialist);
            }
            (id, Team::Unassigned(shortage)) if id == entity_id(6) => {
                assert_eq!(*shortage, Shortage::Officers { available: 1 });
            }
            (id, team) => {
                assert!(![5, 6].map(entity_id).contains(&id));
                assert_eq!(team.officers().len(), 2);
            }
        }
    }
}

#[test]
fn a_plan_outside_the_entitys_specialties_needs_its_own() {
    let mut input = usual();
    input.terms.plan.specialty = "familyPlanning".to_owned();
    let record = everybody(input);
    assert!(record.result.iter().all(|a| a.team == Team::Unassigned(Shortage::Specialist)));
    assert!(record.steps.teams.iter().all(|t| t.needs == set(&["familyPlanning"])));
}
