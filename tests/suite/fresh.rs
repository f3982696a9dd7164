//! A fresh terminal is given today's work before last year's, may be cut anywhere, and ends with all.

use crate::support::{self, City};
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::wire::frame;
use fieldproof_schema::wire::row::{Body, DocumentRow};
use fieldproof_schema::wire::sync::{Cursor, SyncAnswer, SyncRequest};
use fieldproof_server::db::{DbError, Tx, Value};
use fieldproof_server::store::feeds;
use fieldproof_server::store::visits_open;
use fieldproof_tests::measure::fill::fill;
use fieldproof_tests::world::World;
use fieldproof_tests::world::link::Fate;
use fieldproof_tests::world::rogue::Rogue;
use std::collections::{BTreeMap, BTreeSet};

/// Visits of last year.
const PAST: usize = 500;
/// Visits that were dispatched today.
const TODAY: usize = 5;

/// Answers after which a terminal dies.
const CUTS: usize = 4;

/// An officer with a long past, and five visits that were dispatched after all of it.
async fn long_past(world: &World, city: &City) -> BTreeSet<InspectionId> {
    let (officer, org) = (city.task.team[0], world.app.org().await.unwrap());
    let of = move |tx: &mut Tx<'_>| {
        let feed = feeds::of_officer(officer);
        visits_open::told(tx, org, officer, &feed, (0, i64::MAX as u64), i64::MAX)
    };
    let before = world.app.db.read::<_, DbError, _>(of).await.unwrap();
    fill(world, city.task.inspection, officer, PAST + TODAY).await.unwrap();
    let mut all = world.app.db.read::<_, DbError, _>(of).await.unwrap();
    all.retain(|visit| !before.contains(visit));
    let past: Vec<InspectionId> = all.iter().take(PAST).map(|visit| visit.id).collect();
    assert_eq!((past.len(), all.len()), (PAST, PAST + TODAY));
    set_state(world, org, past, "disclosed").await;
    let open = world.app.db.read::<_, DbError, _>(of).await.unwrap();
    let open: BTreeSet<InspectionId> = open.iter().map(|visit| visit.id).collect();
    assert_eq!(open.len(), before.len() + TODAY);
    open
}

/// Moves visits on behind the server's back.
async fn set_state(world: &World, org: OrgId, visits: Vec<InspectionId>, state: &'static str) {
    let set = move |tx: &mut Tx<'_>| {
        for visit in &visits {
            let values = [Value::from(org), Value::from(*visit), Value::from(state)];
            tx.execute("UPDATE inspections SET state = $3 WHERE org = $1 AND id = $2", &values)?;
        }
        Ok(())
    };
    world.app.db.write::<(), DbError, _>(set).await.unwrap();
}

async fn ask(world: &World, rogue: &Rogue, cursors: &BTreeMap<String, Cursor>) -> SyncAnswer {
    let request = SyncRequest {
        protocol: 2,
        cursors: cursors.values().cloned().collect(),
        epoch: None,
        entries: Vec::new(),
        chunks: Vec::new(),
        still_unsent: None,
        wants: None,
        nonce: None,
        program: None,
        floor: None,
        holds: None,
        carried: None,
        numbers_since: None,
    };
    let (_, bytes) = world.send("POST", "/api/v1/sync", Some(rogue.token()), frame::pack(&request)).await;
    frame::unpack(&bytes).unwrap()
}

fn documents(answer: &SyncAnswer) -> impl Iterator<Item = &DocumentRow> {
    answer.rows.iter().filter_map(|row| match &row.body {
        Body::Document(row) => Some(row),
        _ => None,
    })
}

fn take(cursors: &mut BTreeMap<String, Cursor>, answer: &SyncAnswer) {
    cursors.extend(answer.cursors.iter().map(|cursor| (cursor.feed.clone(), cursor.clone())));
}

#[tokio::test]
async fn todays_work_comes_before_last_years_and_everything_once() {
    let world = World::start(961, None).await;
    let city = support::city(&world).await;
    let open = long_past(&world, &city).await;
    let code = city.administrator.enrolment_code(&world, city.task.team[0]).await;
    let rogue = Rogue::enrol(&world, &code, 55).await;
    let mut cursors = BTreeMap::new();
    let first = ask(&world, &rogue, &cursors).await;
    assert!(first.more);
    let given: BTreeSet<InspectionId> = documents(&first).map(|row| row.inspection).collect();
    assert_eq!(given, open, "what is under way, and nothing of the past");
    for kind in ["template", "entity", "inspection", "laws", "officer"] {
        assert!(first.rows.iter().any(|row| row.kind == kind), "{kind} is needed to work");
    }

    // While the rest streams a colleague writes into one of them, and another one is sealed and returned.
    let visit = city.task.inspection;
    assert!(open.contains(&visit));
    support::answer_one(&city.two, visit);
    city.two.sync().await;
    let mut times: BTreeMap<InspectionId, Vec<DocumentRow>> = BTreeMap::new();
    let mut answer = first;
    let mut rounds = 0;
    loop {
        for row in documents(&answer) {
            times.entry(row.inspection).or_default().push(row.clone());
        }
        take(&mut cursors, &answer);
        if !answer.more {
            break;
        }
        rounds += 1;
        assert!(rounds < 50, "it ends");
        answer = ask(&world, &rogue, &cursors).await;
        // Whoever lost the answer asks the same again, and is given the same.
        let again = ask(&world, &rogue, &cursors).await;
        assert_eq!((&answer.rows, &answer.cursors, answer.more), (&again.rows, &again.cursors, again.more));
    }
    assert!(rounds > 1, "the past did not fit into one answer");
    assert!(times.len() >= PAST + TODAY);
    for (id, rows) in &times {
        let expected = if *id == visit { 2 } else { 1 };
        assert_eq!(rows.len(), expected, "{id}");
    }
    let there = city.two.client().inspection(visit).unwrap();
    assert_eq!(times[&visit].last().unwrap().heads, there.heads);
    // Its own cursor is done with; nothing is new.
    assert!(cursors.iter().filter(|(feed, _)| feed.starts_with("now:")).all(|(_, cursor)| cursor.seq == 0));
    let quiet = ask(&world, &rogue, &cursors).await;
    assert!(quiet.rows.is_empty() && quiet.cursors.is_empty() && !quiet.more, "{:?}", quiet.cursors);
}

#[tokio::test]
async fn what_closes_or_opens_while_a_fresh_terminal_reads_is_told_in_the_end() {
    let world = World::start(962, None).await;
    let city = support::city(&world).await;
    let open = long_past(&world, &city).await;
    let (officer, org) = (city.task.team[0], world.app.org().await.unwrap());
    let code = city.administrator.enrolment_code(&world, officer).await;
    let rogue = Rogue::enrol(&world, &code, 55).await;
    let mut cursors = BTreeMap::new();
    let first = ask(&world, &rogue, &cursors).await;
    take(&mut cursors, &first);
    // As reviews do it: the state moves, and the team is told. It is the last visit of the feed.
    let closed = *open.last().unwrap();
    let publish = move |tx: &mut Tx<'_>| {
        feeds::publish_inspection(tx, org, &[officer], closed);
        Ok(())
    };
    for state in ["sealed", "returned"] {
        set_state(&world, org, vec![closed], state).await;
        world.app.db.write::<(), DbError, _>(publish).await.unwrap();
    }
    let mut seen: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut state = String::new();
    loop {
        let answer = ask(&world, &rogue, &cursors).await;
        for row in &answer.rows {
            *seen.entry((row.kind.clone(), row.subject.clone())).or_default() += 1;
            if let (Body::Reference(text), "inspection") = (&row.body, row.kind.as_str())
                && row.subject == closed.to_string()
            {
                text.clone_into(&mut state);
            }
        }
        take(&mut cursors, &answer);
        if !answer.more {
            break;
        }
    }
    assert!(state.contains("\"returned\""), "{state}");
    let document = |id: InspectionId| seen.get(&("document".to_owned(), id.to_string())).copied();
    // Of what was said about again everything is given again, of the others nothing.
    assert_eq!((document(closed), document(city.task.inspection)), (Some(1), None));
}

#[tokio::test]
async fn a_fresh_terminal_that_is_cut_after_every_answer_works_at_once_and_ends_with_all() {
    let world = World::start(963, None).await;
    let city = support::city(&world).await;
    let open = long_past(&world, &city).await;
    let mut fresh = city.administrator.terminal(&world, city.task.team[0], "fresh").await;
    let mut rounds = 0;
    loop {
        // A session is opened, one answer arrives, and the next is lost; the battery dies. In the end the link holds.
        if rounds < CUTS {
            fresh.link.next(&[Fate::Answered, Fate::Answered, Fate::Answered, Fate::AnswerLost]);
        }
        let synced = fresh.try_sync().await;
        let listed: BTreeSet<InspectionId> =
            fresh.client().inspections().unwrap().iter().map(|visit| visit.id).collect();
        assert!(open.is_subset(&listed), "round {rounds}");
        if rounds == 0 {
            assert!(synced.is_err() && listed.len() == open.len());
            for visit in &open {
                let detail = fresh.client().inspection(*visit).unwrap();
                assert!(detail.editable && detail.template.is_some() && detail.entity.is_some());
            }
            support::answer_one(&fresh, city.task.inspection);
        }
        rounds += 1;
        if synced.is_ok() {
            break;
        }
        assert!(rounds <= CUTS, "{synced:?}");
        fresh.die();
        fresh.switch_on();
    }
    assert!(fresh.client().inspections().unwrap().len() >= PAST + TODAY);
    assert!(fresh.client().status().unwrap().unsent.is_empty());
    city.one.sync().await;
    let (here, there) = (city.one.client(), fresh.client());
    for visit in here.inspections().unwrap().iter().step_by(20) {
        let (here, there) = (here.inspection(visit.id).unwrap(), there.inspection(visit.id).unwrap());
        assert_eq!(here.heads, there.heads);
    }
}
