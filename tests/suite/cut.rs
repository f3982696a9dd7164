//! Links that are cut in the middle of an exchange: the next sync brings both sides to the same end.
//!
//! A share of the places; `cargo sim crash cut --every-byte` has them all.

use fieldproof_tests::cut::{Line, Tally, Way};

/// Fixed; `cargo sim crash cut --seed` has all others.
const SEED: u64 = 20_260_604;
/// Bytes between two cuts of an exchange.
const STEP: usize = 797;
/// Uploads that are cut.
const UPLOADS: u64 = 4;
/// Connections that are cut while photos and a film go together.
const TOGETHER: u64 = 40;

fn same(tally: &Tally) {
    let findings: Vec<String> = tally.diverged.iter().map(ToString::to_string).collect();
    assert_eq!(findings, Vec::<String>::new());
}

#[tokio::test]
async fn an_exchange_that_is_cut_anywhere_is_made_good_by_the_next() {
    let mut line = Line::lay(SEED).await.unwrap();
    for (number, way) in Way::ALL.into_iter().enumerate() {
        for away in [false, true] {
            let first = number * 137 + usize::from(away) * 61;
            let tally = line.at_every(way, away, (first, STEP)).await.unwrap();
            same(&tally);
            assert!(tally.cuts > 3, "{way:?}: {tally:?}");
        }
    }
    let tally = line.at_random(UPLOADS).await.unwrap();
    same(&tally);
    assert_eq!(tally.cuts, UPLOADS);
}

#[tokio::test]
async fn photos_and_a_film_that_go_together_arrive_however_often_they_are_cut() {
    let mut line = Line::lay(SEED).await.unwrap();
    let tally = line.many_at_random(TOGETHER).await.unwrap();
    same(&tally);
    assert!(tally.cuts >= TOGETHER, "{tally:?}");
}
