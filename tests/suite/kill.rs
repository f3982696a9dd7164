//! The real programs are killed in the middle of their work: nothing that they answered for is lost.
//!
//! A few cycles of each; `cargo sim crash kill` has as many as it is asked for.

use fieldproof_tests::crash::Side;
use fieldproof_tests::kill::kill;

/// Fixed: `cargo sim crash kill --seed` has all others. What is drawn is the same, when it meets the program is not.
const SEED: u64 = 20_260_603;

async fn holds(side: Side, cycles: u64) {
    let tally = kill(side, cycles, SEED).await.unwrap();
    assert_eq!(tally.lost, Vec::<String>::new());
    assert_eq!(tally.cycles, cycles);
    assert!(tally.answered >= cycles, "{tally:?}");
    assert!(tally.teeth > 0, "what is missing is found");
}

#[tokio::test]
async fn nothing_that_a_terminal_answered_for_is_lost_when_it_is_killed() {
    holds(Side::Device, 12).await;
}

#[tokio::test]
async fn nothing_that_the_server_answered_for_is_lost_when_it_is_killed() {
    holds(Side::Server, 10).await;
}
