//! Scope against a model: teams, districts and revocations change in any order between syncs, and after each sync a terminal
//! has what is its officer's and nothing else; what it wrote counts where it was allowed to, and nowhere else.

use super::district::move_to;
use axum::http::StatusCode;
use fieldproof_schema::data;
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{InspectionId, OfficerId};
use fieldproof_tests::sim::holdings::recorded;
use fieldproof_tests::world::World;
use fieldproof_tests::world::console::Person;
use fieldproof_tests::world::device::Device;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Terminals, each of an officer of its own: two of the team that is drawn, one of another.
const TERMINALS: usize = 3;
/// Visits of which teams change.
const VISITS: usize = 2;
/// More entities than the sample city has.
const ENTITIES_MAX: u64 = 1000;
/// Where officers move: two districts, and the city, which has all.
const UNITS: [&str; 3] = ["ORG-D1-BRG", "ORG-D2-BRG", "ORG-C-SUP"];

#[derive(Debug, Clone)]
enum Step {
    Team { visit: usize, officer: usize, joins: bool },
    Move { officer: usize, unit: usize },
    Revoke(usize),
    Write { terminal: usize, visit: usize },
    Sync(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (terminal, visit) = (0..TERMINALS, 0..VISITS);
    prop_oneof![
        4 => (visit.clone(), terminal.clone(), any::<bool>())
            .prop_map(|(visit, officer, joins)| Step::Team { visit, officer, joins }),
        2 => (terminal.clone(), 0..UNITS.len()).prop_map(|(officer, unit)| Step::Move { officer, unit }),
        1 => prop::bool::weighted(0.2).prop_flat_map(|revokes| (Just(revokes), 0..TERMINALS))
            .prop_map(|(revokes, terminal)| if revokes { Step::Revoke(terminal) } else { Step::Sync(terminal) }),
        6 => (terminal.clone(), visit).prop_map(|(terminal, visit)| Step::Write { terminal, visit }),
        6 => terminal.prop_map(Step::Sync),
    ]
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unsent,
    Apart,
    Counts,
}

/// A terminal as the model knows it.
struct Hand {
    device: Device,
    officer: OfficerId,
    code: String,
    unit: String,
    revoked: bool,
}

struct Scene {
    world: World,
    administrator: Person,
    visits: Vec<InspectionId>,
    hands: Vec<Hand>,
    teams: BTreeMap<InspectionId, BTreeSet<OfficerId>>,
    /// By terminal and visit, in order.
    written: Vec<(usize, InspectionId, ChangeId, Fate)>,
}

/// The entities of the sample city that a unit's officers carry.
fn directory(unit: &str) -> BTreeSet<String> {
    let city: Value = serde_json::from_str(data::sample_org()).unwrap();
    let is_of = |entity: &&Value| unit.starts_with("ORG-C") || entity["orgId"] == unit[..6];
    let all = city["entities"].as_array().unwrap().iter().filter(is_of);
    all.map(|entity| entity["id"].as_str().unwrap().to_owned()).collect()
}

impl Scene {
    async fn open(seed: u64) -> Self {
        let world = World::start(seed, None).await;
        let (administrator, _) = world.found_city().await;
        let tasks = administrator.draw_and_dispatch(&world).await;
        let first = tasks.iter().max_by_key(|task| task.template.clone()).expect("tasks were dispatched");
        let mut visits: Vec<_> =
            tasks.iter().filter(|task| task.team == first.team).map(|task| task.inspection).collect();
        visits.truncate(VISITS);
        let known = administrator.get(&world, "/api/v1/officers").await["rows"].clone();
        let known: Vec<(OfficerId, String, String)> = known
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["active"] != false)
            .map(|row| {
                let text = |name: &str| row[name].as_str().unwrap().to_owned();
                (text("id").parse().unwrap(), text("code"), text("unit"))
            })
            .collect();
        let third = known.iter().find(|(id, ..)| !first.team.contains(id)).unwrap().0;
        let mut hands = Vec::new();
        for (name, officer) in ["one", "two", "three"].into_iter().zip([first.team[0], first.team[1], third])
        {
            let (_, code, unit) = known.iter().find(|(id, ..)| *id == officer).unwrap().clone();
            let device = administrator.terminal(&world, officer, name).await;
            hands.push(Hand { device, officer, code, unit, revoked: false });
        }
        let teams = visits.iter().map(|visit| (*visit, first.team.iter().copied().collect())).collect();
        Self { world, administrator, visits, hands, teams, written: Vec::new() }
    }

    async fn play(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Team { visit, officer, joins } => self.change_team(visit, officer, joins).await,
            Step::Move { officer, unit } => {
                let hand = &mut self.hands[officer];
                move_to(&self.world, &self.administrator, &hand.code, UNITS[unit]).await;
                hand.unit = UNITS[unit].to_owned();
                Ok(())
            }
            Step::Revoke(terminal) => {
                let hand = &mut self.hands[terminal];
                let device = hand.device.client().status().unwrap().enrolled.unwrap().device;
                let path = format!("/api/v1/devices/{device}/revoke");
                if !hand.revoked {
                    self.administrator.post(&self.world, &path, json!({"reason": "遗失"})).await;
                }
                hand.revoked = true;
                Ok(())
            }
            Step::Write { terminal, visit } => self.write(terminal, visit),
            Step::Sync(terminal) => self.sync(terminal).await,
        }
    }

    async fn change_team(&mut self, visit: usize, officer: usize, joins: bool) -> Result<(), TestCaseError> {
        let (visit, officer) = (self.visits[visit % self.visits.len()], self.hands[officer].officer);
        let change = if joins { "joins" } else { "leaves" };
        let body = json!({"officer": officer, "change": change, "reason": "调整"});
        let path = format!("/api/v1/inspections/{visit}/team");
        let token = Some(self.administrator.token());
        let (status, said) = self.world.call("POST", &path, token, &body).await;
        let team = self.teams.get_mut(&visit).unwrap();
        // Two officers at least go, by law.
        let allowed =
            if joins { !team.contains(&officer) } else { team.contains(&officer) && team.len() > 2 };
        prop_assert_eq!(status == StatusCode::OK, allowed, "{} {}: {}", change, officer, said);
        if allowed && joins {
            team.insert(officer);
            // What was held apart only for this is let in.
            for (terminal, of, _, fate) in &mut self.written {
                let hand = &self.hands[*terminal];
                if (*of, hand.officer, *fate) == (visit, officer, Fate::Apart) {
                    *fate = Fate::Counts;
                }
            }
        } else if allowed {
            team.remove(&officer);
        }
        Ok(())
    }

    fn write(&mut self, terminal: usize, visit: usize) -> Result<(), TestCaseError> {
        let visit = self.visits[visit % self.visits.len()];
        let client = self.hands[terminal].device.client();
        let Ok(detail) = client.inspection(visit) else { return Ok(()) };
        if !detail.editable {
            return Ok(());
        }
        let text = format!("{}第{}笔。", detail.view.narrative, self.written.len());
        client.narrative(visit, None, &text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let last = client.changes(visit, 0, 1).unwrap().rows.remove(0).change;
        self.written.push((terminal, visit, last, Fate::Unsent));
        Ok(())
    }

    async fn sync(&mut self, terminal: usize) -> Result<(), TestCaseError> {
        let Hand { device, officer, revoked, unit, .. } = &self.hands[terminal];
        device.try_sync().await.ok();
        for (by, visit, _, fate) in &mut self.written {
            if *by == terminal && *fate == Fate::Unsent {
                let counts = !revoked && self.teams[visit].contains(officer);
                *fate = if counts { Fate::Counts } else { Fate::Apart };
            }
        }
        let record: BTreeSet<ChangeId> = self
            .world
            .app
            .db
            .read(recorded)
            .await
            .unwrap()
            .into_iter()
            .map(|(_, change, _)| change)
            .collect();
        for (by, visit, change, fate) in &self.written {
            let counts = *fate == Fate::Counts;
            prop_assert_eq!(record.contains(change), counts, "{} {} {:?}: {:?}", by, visit, change, fate);
        }
        if *revoked {
            return Ok(());
        }
        prop_assert!(device.client().status().unwrap().unsent.is_empty());
        let mut entities = directory(unit);
        for visit in &self.visits {
            let own = self.teams[visit].contains(officer);
            prop_assert_eq!(super::listed(device, *visit), own, "{}", visit);
            if own {
                let entity = device.client().inspection(*visit).unwrap().entity;
                prop_assert!(entity.is_some(), "{} has its entity", visit);
            }
        }
        for known in device.client().inspections().unwrap() {
            let detail = device.client().inspection(known.id).unwrap();
            entities.extend(detail.entity.map(|entity| entity.code));
        }
        let page = device.client().entities("", 0, ENTITIES_MAX).unwrap().rows;
        let carried: BTreeSet<String> = page.into_iter().map(|line| line.code).collect();
        prop_assert_eq!(carried, entities);
        Ok(())
    }
}

#[test]
fn a_terminal_has_what_is_its_officers_whatever_changes_in_between() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: 6, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let plans = prop::collection::vec(step(), 1..60);
    let played = runner.run(&plans, |plan| {
        runtime.block_on(async {
            let mut scene = Scene::open(641).await;
            for step in &plan {
                scene.play(step).await?;
            }
            for terminal in 0..TERMINALS {
                scene.sync(terminal).await?;
            }
            Ok(())
        })
    });
    played.unwrap_or_else(|failure| panic!("{failure}"));
}
