//! Every officer, with a terminal in use and with one that was revoked, about every kind of row: what the one function
//! allows is what the rule says, worked out here from the directory and the teams.

use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{DeviceId, EntityId, InspectionId, OfficerId, TaskId};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;
use fieldproof_server::auth::DeviceActor;
use fieldproof_server::db::{DbError, Tx};
use fieldproof_server::scope::DeviceScope;
use fieldproof_server::store::{changes, entities, inspections, rows, scope};
use fieldproof_tests::world::World;
use fieldproof_tests::world::rogue::Rogue;
use serde_json::json;
use std::collections::BTreeSet;

/// A visit with whom it is for.
#[derive(Clone)]
struct Visit {
    id: InspectionId,
    task: TaskId,
    entity: EntityId,
    change: ChangeId,
    team: Vec<OfficerId>,
}

/// A subject, and whose it is.
#[derive(Clone)]
enum About {
    Everybody,
    Visit(Visit),
    Entity { id: EntityId, unit: String },
    Terminal(DeviceId),
    TerminalInUse(DeviceId),
    Nobody,
}

/// One row that may be asked for.
type Cell = (RowKind, String, About);

/// A terminal and its officer, and the units of the officer's region.
struct Asker {
    actor: DeviceActor,
    in_use: bool,
    region: BTreeSet<String>,
}

fn allowed(asker: &Asker, visits: &[Visit], about: &About) -> bool {
    let officer = asker.actor.officer;
    match about {
        About::Nobody => false,
        About::Terminal(device) => *device == asker.actor.id,
        _ if !asker.in_use => false,
        About::Everybody => true,
        About::TerminalInUse(device) => *device == asker.actor.id,
        About::Visit(visit) => visit.team.contains(&officer),
        About::Entity { id, unit } => {
            asker.region.contains(unit)
                || visits.iter().any(|visit| visit.entity == *id && visit.team.contains(&officer))
        }
    }
}

/// Every kind about everything that there is, about nothing, and about what cannot be.
fn cells(visits: &[Visit], all: &[(EntityId, String)], terminals: &[DeviceId]) -> Vec<Cell> {
    let mut cells = Vec::new();
    let nothing = InspectionId::from_bytes([9; 16]);
    for kind in RowKind::ALL {
        let mut add = |subject: String, about: About| cells.push((*kind, subject, about));
        match kind {
            RowKind::Officer | RowKind::Template | RowKind::Laws | RowKind::Released => {
                add("whatever".into(), About::Everybody);
                continue;
            }
            RowKind::Entity => {
                for (id, unit) in all {
                    add(id.to_string(), About::Entity { id: *id, unit: unit.clone() });
                }
            }
            RowKind::Task => visits.iter().for_each(|v| add(v.task.to_string(), About::Visit(v.clone()))),
            RowKind::Inspection | RowKind::Document => {
                visits.iter().for_each(|v| add(v.id.to_string(), About::Visit(v.clone())));
            }
            RowKind::Change => {
                for visit in visits {
                    add(rows::change_subject(visit.id, visit.change), About::Visit(visit.clone()));
                }
            }
            RowKind::Verdict => {
                for (terminal, visit) in terminals.iter().flat_map(|t| visits.iter().map(move |v| (t, v))) {
                    let subject = rows::verdict_subject(visit.id, &Digest::of(b"x"), *terminal);
                    add(subject, About::Terminal(*terminal));
                }
            }
            RowKind::Numbers => {
                terminals.iter().for_each(|t| add(t.to_string(), About::TerminalInUse(*t)));
            }
        }
        for subject in ["", ":", "x", "*", "%"] {
            add(subject.to_owned(), About::Nobody);
        }
        add(nothing.to_string(), About::Nobody);
    }
    cells
}

#[tokio::test]
async fn every_officer_is_given_exactly_what_the_rule_says() {
    let world = World::start(601, None).await;
    let (administrator, _) = world.found_city().await;
    let dispatched = administrator.draw_and_dispatch(&world).await;
    let org = world.app.org().await.unwrap();
    let officers = administrator.get(&world, "/api/v1/officers").await;
    let mut rogues = Vec::new();
    for (seed, row) in
        officers["rows"].as_array().unwrap().iter().filter(|r| r["active"] != false).enumerate()
    {
        let officer = serde_json::from_value(row["id"].clone()).unwrap();
        for copy in [1, 2] {
            let code = administrator.enrolment_code(&world, officer).await;
            rogues.push(Rogue::enrol(&world, &code, 1000 * copy + seed as u64).await);
        }
    }
    // Of each officer's two terminals the second is revoked.
    for rogue in rogues.iter().skip(1).step_by(2) {
        let path = format!("/api/v1/devices/{}/revoke", rogue.id);
        let (status, _) =
            world.call("POST", &path, Some(administrator.token()), &json!({"reason": "遗失"})).await;
        assert!(status.is_success());
    }

    let ids: Vec<_> = dispatched.iter().map(|task| task.inspection).collect();
    let read = move |tx: &mut Tx<'_>| {
        let mut visits = Vec::new();
        for id in &ids {
            let info = inspections::find(tx, org, *id)?.expect("it was dispatched");
            let (task, change) = (info.task.expect("a task"), changes::list(tx, org, *id)?[0].id);
            let team = inspections::team(tx, org, *id)?;
            visits.push(Visit { id: *id, task, entity: info.entity, change, team });
        }
        let mut all = Vec::new();
        for n in 1..=200 {
            if let Some(entity) = entities::by_code(tx, org, &format!("ENT-{n:03}"))? {
                all.push((entity.row.id, entity.unit_code));
            }
        }
        Ok::<_, DbError>((visits, all))
    };
    let (visits, all) = world.app.db.read(read).await.unwrap();
    assert_eq!(all.len(), 200);
    let terminals: Vec<_> = rogues.iter().map(|rogue| rogue.id).collect();
    let cells = cells(&visits, &all, &terminals);

    let (mut given, mut denied) = (0, 0);
    for (index, rogue) in rogues.iter().enumerate() {
        let key = world.app.key.public_key();
        let actor = DeviceActor { id: rogue.id, officer: rogue.officer, key, org, session: None };
        let (cells, visits) = (cells.clone(), visits.clone());
        let check = move |tx: &mut Tx<'_>| {
            let region = scope::units_of_officer(tx, org, actor.officer)?.into_iter().collect();
            let asker = Asker { actor: actor.clone(), in_use: index % 2 == 0, region };
            let mut scope = DeviceScope::of(tx, &asker.actor)?;
            let mut counted = (0, 0);
            for (kind, subject, about) in &cells {
                let may = scope.may_read(tx, *kind, subject)?;
                assert_eq!(may, allowed(&asker, &visits, about), "{kind:?} {subject} for {:?}", asker.actor);
                if may { counted.0 += 1 } else { counted.1 += 1 }
            }
            for visit in &visits {
                let expected = match (asker.in_use, visit.team.contains(&asker.actor.officer)) {
                    (false, _) => Err(ErrorCode::DeviceRevoked),
                    (true, true) => Ok(()),
                    (true, false) => Err(ErrorCode::ChangeOutOfScope),
                };
                assert_eq!(scope.may_write(tx, visit.id)?, expected);
            }
            // What was not captured by this terminal is not taken from it.
            assert!(scope.may_upload(tx, &Digest::of(b"not mine"))?.is_none());
            let feeds = scope.feeds(tx)?;
            assert_eq!(feeds.len(), if asker.in_use { 3 + asker.region.len() } else { 1 });
            // A terminal that nobody knows is one that is not in use.
            let nobody = DeviceActor { id: DeviceId::from_bytes([8; 16]), ..asker.actor.clone() };
            let mut scope = DeviceScope::of(tx, &nobody)?;
            for (kind, subject, _) in &cells {
                assert!(!scope.may_read(tx, *kind, subject)?);
            }
            Ok::<_, DbError>(counted)
        };
        let counted = world.app.db.read(check).await.unwrap();
        given += counted.0;
        denied += counted.1;
    }
    assert!(given + denied >= 10_000 && given > 1000, "{given} {denied}");
}

#[tokio::test]
async fn a_feed_gives_nothing_that_its_reader_may_not_read() {
    let world = World::start(602, None).await;
    let (administrator, _) = world.found_city().await;
    let dispatched = administrator.draw_and_dispatch(&world).await;
    let (mine, others) = (&dispatched[0], dispatched.iter().find(|t| t.team != dispatched[0].team).unwrap());
    let stranger = others.team.iter().copied().find(|officer| !mine.team.contains(officer)).unwrap();
    // References that should not be in this officer's feed stand for any way in which they could come there.
    let (org, visit) = (world.app.org().await.unwrap(), mine.inspection);
    let plant = move |tx: &mut Tx<'_>| {
        let info = inspections::find(tx, org, visit)?.expect("it was dispatched");
        let change = changes::list(tx, org, visit)?[0].id;
        let feed = fieldproof_server::store::feeds::of_officer(stranger);
        for (kind, subject) in [
            (RowKind::Task, info.task.expect("a task").to_string()),
            (RowKind::Inspection, visit.to_string()),
            (RowKind::Document, visit.to_string()),
            (RowKind::Change, rows::change_subject(visit, change)),
        ] {
            tx.publish(org, &feed, kind.as_str(), &subject);
        }
        Ok::<_, DbError>(())
    };
    world.app.db.write(plant).await.unwrap();
    let code = administrator.enrolment_code(&world, stranger).await;
    let rogue = Rogue::enrol(&world, &code, 7).await;
    let pulled = rogue.sync(&world, vec![], vec![]).await;
    let about: Vec<_> = pulled.rows.iter().filter(|row| row.subject.contains(&visit.to_string())).collect();
    assert!(!about.is_empty(), "it is told that they are gone");
    let gone = fieldproof_schema::wire::row::Body::Gone;
    assert!(about.iter().all(|row| row.body == gone), "{about:?}");
}
