//! What the legal reviewer's release of a reference changes on a terminal.

use crate::support::{self, City};
use fieldproof_schema::checklist::{Answer, ItemKind, Judgement, Verdict};
use fieldproof_schema::law::{InForce, Mark};
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::Device;
use serde_json::json;

/// What a terminal says of an item's answer now.
fn judgement(device: &Device, city: &City, item: &str) -> Judgement {
    let detail = device.client().inspection(city.task.inspection).unwrap();
    let state = detail.items.into_iter().find(|state| state.item == item).unwrap();
    state.judgement.unwrap()
}

#[tokio::test]
async fn a_limit_warns_until_its_standard_is_released_and_decides_from_then_on() {
    let world = World::start(31, None).await;
    let city = support::city(&world).await;
    let visit = city.task.inspection;
    let template = city.one.client().inspection(visit).unwrap().template.unwrap();
    // A number far beyond a limit whose value is known and whose standard is in force.
    let (item, warned) = template
        .items
        .iter()
        .filter(|item| item.condition.is_none())
        .find_map(|item| {
            let ItemKind::Number(number) = &item.kind else { return None };
            number.limit.as_ref().filter(|limit| limit.source.mark < Mark::Unverified)?;
            let value = "9999".parse().unwrap();
            let answer = Answer::Number { value, unit: number.unit.clone(), case: None, result: None };
            let judged = city.one.client().answer(visit, &item.id, &answer).ok()?;
            let why = judged.why.as_ref()?;
            let in_force = why.authorities.iter().all(|(_, standing)| standing.in_force == InForce::Yes);
            (why.outside() && in_force).then(|| (item.id.clone(), judged))
        })
        .expect("the checklist has a limit of a standard in force");
    assert_eq!((warned.verdict, warned.automatic), (Verdict::NotDecided, false));
    let why = warned.why.unwrap();
    assert!(!why.usable);
    city.one.sync().await;

    for (reference, _) in &why.authorities {
        let path = format!("/api/v1/provisions/{reference}/release");
        assert_eq!(city.supervisor.refused(&world, &path, json!({})).await, "not_allowed");
        let released = city.administrator.post(&world, &path, json!({})).await;
        assert_eq!(released["new"], true);
        let again = city.administrator.post(&world, &path, json!({})).await;
        assert_eq!(again["new"], false);
    }
    assert_eq!(judgement(&city.one, &city, &item).verdict, Verdict::NotDecided, "nothing came yet");
    city.one.sync().await;
    let judged = judgement(&city.one, &city, &item);
    assert_eq!((judged.verdict, judged.automatic), (Verdict::Fail, true));
    assert!(judged.why.unwrap().usable);
    // Nobody wrote anything: the law was read anew, on the colleague's terminal, too.
    city.two.sync().await;
    assert_eq!(judgement(&city.two, &city, &item).verdict, Verdict::Fail);
}
