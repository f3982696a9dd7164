//! A proxy on the way that lets no large bodies through, and says so with a page of its own.

use crate::support::{self, City};
use fieldproof_client_core::{CaptureFacts, CaptureSource, Stage};
use fieldproof_tests::photo;
use fieldproof_tests::world::World;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What the proxy lets through.
const BOUND: usize = 64 * 1024;

/// Letters that no compression makes much shorter.
fn letters(dice: &mut ChaCha8Rng, count: usize) -> String {
    let all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    let all = all.as_bytes();
    (0..count).map(|_| char::from(all[(dice.next_u64() % 64) as usize])).collect()
}

#[tokio::test]
async fn a_proxy_that_stops_large_bodies_stops_only_what_is_larger_by_itself() {
    let world = World::start(321, None).await;
    let City { administrator, task, mut one, two, .. } = support::city(&world).await;
    let (visit, other) = (task.inspection, support::other_visit(&one, task.inspection));
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    // Much that is small, a bit of everything between, and one change that no budget makes smaller.
    let items = support::plain_items(&one, visit);
    for n in 0..16 {
        let note = letters(&mut dice, 12_000 + n * 100);
        one.client().note(visit, &items[n % items.len()].0, None, &note).unwrap();
    }
    let large = letters(&mut dice, 3 * BOUND);
    one.client().narrative(other, None, &large).unwrap();
    let bytes = photo::jpeg(1, None, 1600, 1200);
    assert!(bytes.len() > BOUND, "{} bytes", bytes.len());
    let facts = CaptureFacts { caption: "水质", ..CaptureFacts::PHOTO };
    one.client().capture(visit, CaptureSource::Bytes(&bytes), &facts).unwrap();

    one.link.bound(Some(BOUND));
    let report = one.sync().await;
    assert_eq!(report.refused.len(), 1, "{:?}", report.refused);
    assert_eq!((report.refused[0].code.as_str(), report.refused[0].held), ("body_too_large", false));
    assert_eq!(report.refused[0].inspection, Some(other));
    assert_eq!(report.evidence_completed, 1);
    let status = one.client().status().unwrap();
    assert_eq!((status.refused, status.unsent.entries, status.unsent.evidence), (1, 0, 0), "{status:?}");
    // The size is learnt once: Some 200 kB went through in pieces of up to 64 kB.
    let stopped = one.link.bounded();
    assert!((5..30).contains(&stopped), "{stopped} requests were stopped");
    two.sync().await;
    let there = two.client().inspection(visit).unwrap();
    assert_eq!(there.view.notes, one.client().inspection(visit).unwrap().view.notes);

    // It is not tried again and again; what comes later goes through at once.
    one.client().narrative(visit, None, "余氯合格").unwrap();
    one.sync().await;
    assert!(one.link.bounded() - stopped <= 2, "{} requests were stopped", one.link.bounded());
    assert!(one.client().inspection(visit).unwrap().evidence.iter().all(|e| e.stage == Stage::Held));

    // Another way, another day.
    one.link.bound(None);
    one.die();
    one.switch_on();
    one.sync().await;
    let status = one.client().status().unwrap();
    assert!(status.refused == 0 && status.unsent.is_empty(), "{status:?}");
    let there = administrator.get(&world, &format!("/api/v1/inspections/{other}")).await;
    assert_eq!(there["view"]["narrative"], large);
}
