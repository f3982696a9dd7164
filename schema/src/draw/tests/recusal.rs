use super::build::{drawn, officer_id, usual};
use crate::draw::{DeclaredBy, DrawError, DrawRecord, Recusal, RecusalKind, Shortage, Team, recuse, verify};
use crate::ids::{OfficerId, UserId};
use crate::limits;
use crate::moment::Moment;

/// 2026-10-09 in China, the day after the draw.
const NEXT_DAY: Moment = Moment::from_micros(1_791_504_000_000_000);

fn recusal(pick: u32, officer: OfficerId) -> Recusal {
    Recusal {
        pick,
        officer,
        kind: RecusalKind::Kinship,
        reason: "近亲属任负责人".to_owned(),
        declared_by: DeclaredBy::User(UserId::from_bytes([3; 16])),
        at: NEXT_DAY,
    }
}

fn member(record: &DrawRecord, pick: u32, seat: usize) -> OfficerId {
    record.result[pick as usize - 1].team.officers()[seat]
}

#[test]
fn a_recusal_changes_one_seat_of_one_team() {
    let before = drawn(usual());
    let leaving = member(&before, 2, 1);
    let after = recuse(&before, recusal(2, leaving)).unwrap();
    assert_eq!((&after.input, &after.steps), (&before.input, &before.steps));
    for (old, new) in before.result.iter().zip(&after.result) {
        if old.pick == 2 {
            assert_eq!(old.team.officers()[0], new.team.officers()[0]);
            assert!(!new.team.officers().contains(&leaving));
            assert_eq!(new.team.officers().len(), 2);
        } else {
            assert_eq!(old, new);
        }
    }
    let redraw = &after.recusals[0];
    assert_eq!(redraw.before, before.result[1].team.officers());
    assert_eq!(redraw.after, after.result[1].team);
    assert_eq!(redraw.replacement.unwrap().officer, member(&after, 2, 1));
    assert_eq!(verify(&after.to_json()).unwrap().recusals, 1);
}

#[test]
fn a_specialist_is_replaced_by_a_specialist() {
    let specialists = [1, 2, 4].map(officer_id);
    let mut record = drawn(usual());
    for _ in 0..2 {
        let leaving = member(&record, 1, 0);
        record = recuse(&record, recusal(1, leaving)).unwrap();
        let team = record.result[0].team.officers();
        assert!(team.iter().any(|officer| specialists.contains(officer)), "{team:?}");
    }
}

#[test]
fn who_recused_never_comes_back_and_the_last_one_leaves_nobody() {
    let mut record = drawn(usual());
    let mut gone = Vec::new();
    while let Team::Assigned(team) = record.result[0].team.clone() {
        gone.push(team[0]);
        record = recuse(&record, recusal(1, team[0])).unwrap();
        assert!(gone.iter().all(|officer| !record.result[0].team.officers().contains(officer)));
    }
    let ordinals: Vec<u32> = record.recusals.iter().map(|redraw| redraw.ordinal).collect();
    assert_eq!(ordinals, (0..u32::try_from(gone.len()).unwrap()).collect::<Vec<_>>());
    assert!((2..=4).contains(&gone.len()));
    assert_eq!(verify(&record.to_json()).unwrap().assigned, 3);
}

#[test]
fn without_anybody_left_the_pick_is_short_of_officers() {
    let mut input = usual();
    input.directory.officers.truncate(2);
    let record = drawn(input);
    let after = recuse(&record, recusal(1, member(&record, 1, 0))).unwrap();
    assert_eq!(after.result[0].team, Team::Unassigned(Shortage::Officers { available: 1 }));
    assert_eq!(after.recusals[0].replacement, None);
}

#[test]
fn a_replacement_needs_a_certificate_on_the_day_of_the_recusal() {
    let mut input = usual();
    for officer in &mut input.directory.officers {
        officer.certificate_expires = Some("2026-10-08".parse().unwrap());
    }
    let record = drawn(input);
    let after = recuse(&record, recusal(1, member(&record, 1, 0))).unwrap();
    assert_eq!(after.recusals[0].replacement, None);
}

#[test]
fn a_replacement_has_no_declared_interest() {
    let record = drawn(usual());
    let leaving = member(&record, 1, 1);
    let likely = recuse(&record, recusal(1, leaving)).unwrap().recusals[0].replacement.unwrap().officer;
    let mut altered = record;
    let entity = altered.result[0].entity;
    for officer in &mut altered.input.directory.officers {
        if officer.id == likely {
            officer.interests.insert(entity);
        }
    }
    let other = recuse(&altered, recusal(1, leaving)).unwrap().recusals[0].replacement.unwrap().officer;
    assert_ne!(other, likely);
}

#[test]
fn an_impossible_recusal_is_refused() {
    let record = drawn(usual());
    let outsider = (1..=5).map(officer_id).find(|o| !record.result[0].team.officers().contains(o)).unwrap();
    let valid = recusal(1, member(&record, 1, 0));
    let refused = |recusal| recuse(&record, recusal).unwrap_err();
    assert_eq!(refused(Recusal { pick: 9, ..valid.clone() }), DrawError::NoSuchPick(9));
    assert_eq!(
        refused(Recusal { officer: outsider, ..valid.clone() }),
        DrawError::NotInTeam { pick: 1, officer: outsider }
    );
    assert_eq!(refused(Recusal { reason: "　".to_owned(), ..valid.clone() }), DrawError::ReasonMissing);
    let long = "亲".repeat(limits::REASON_CHARS_MAX + 1);
    assert!(matches!(refused(Recusal { reason: long, ..valid.clone() }), DrawError::ReasonTooLong { .. }));
    let early = NEXT_DAY.plus_seconds(-2 * 24 * 3600);
    assert!(matches!(refused(Recusal { at: early, ..valid }), DrawError::RecusalBeforeDraw { .. }));
}
