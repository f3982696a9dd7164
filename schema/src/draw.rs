//! The double-random draw (双随机抽查), format `fieldproof-draw/1`: which entities are inspected, and by whom.
//!
//! A draw is a pure function of a frozen directory, a plan, a secret that was committed beforehand and entropy that
//! nobody knew then; whoever has the record can run it again. It serves the rules on directed and undirected draws
//! (52–54), random matching of at least two officers (55, 56), recusal with redraw (57), weights by concern, complaints,
//! risk and record (58, 61, 64), restraint (67) and the audit of results and substitutions (40, 68). Rounding and the
//! trace are our design; the rules give only the ratio.
//!
//! Left to others: freezing the directory, keeping the secret, logging the commitment and the [`Frozen`] digests before
//! the entropy is known, making tasks, and telling people. What a verified record cannot show by itself is that nobody
//! drew twice: compare [`Verified`] with that log.
//!
//! # Specification
//!
//! `‖` joins bytes, `H` is SHA-256, integers are big-endian, `J(x)` is the JSON of `x` without white space and with the
//! keys of every object sorted by code point. Texts in quotes are ASCII; `\0` is one zero byte.
//!
//! 1. Entities and officers are sorted by id. `snapshot = H(J(directory))`, `terms = H(J(terms))`.
//! 2. `opening = H("fieldproof-draw/1/opening\0" ‖ salt ‖ entity id)`, `pseudonym = H("fieldproof-draw/1/pseudonym\0" ‖
//!    opening ‖ entity id)`. The eligible entities are sorted by pseudonym; `pool = H(J([[pseudonym, weight], …]))` with
//!    pseudonyms in their text form `std-<hex>`.
//! 3. `commitment = H("fieldproof-draw/1/commitment\0" ‖ secret)` and
//!    `seed = H("fieldproof-draw/1\0" ‖ snapshot ‖ terms ‖ pool ‖ secret ‖ entropy)`.
//! 4. Stream `label` has the words `w(c) = first 8 bytes of H(seed ‖ label ‖ "\0" ‖ c as 8 bytes)` for c = 0, 1, 2, …
//!    A number below `n` is the next word that is less than `⌊2^64 / n⌋ · n`, modulo `n`; larger words are skipped.
//! 5. `⌈eligible · ratio⌉` entities are picked one after another from stream `picks`: a number below the sum of the
//!    remaining weights falls to the first remaining entity whose running sum of weights exceeds it.
//! 6. The team of pick `p` (from 1) is drawn from stream `team/p`. The officers in the directory who are active, hold a
//!    certificate valid on the day and have no declared interest stand by id. The first seat goes to one who covers
//!    every needed specialty, the others to anyone left; each seat to a number below the count of those who have the
//!    fewest assignments so far. Without enough officers the pick stays unassigned.
//! 7. The `k`-th recusal (from 0) on pick `p` draws the replacement from stream `recusal/p/k` in the same way, without
//!    the team and all who recused themselves there; a specialist where no remaining member is one.
//! 8. `digest = H(J([input, secret, entropy, steps, recusals, result]))`.

mod canonical;
mod error;
mod input;
mod pick;
mod pool;
mod public;
mod ratio;
mod record;
mod recusal;
mod seed;
mod stream;
mod team;
mod verify;

#[cfg(test)]
mod tests;

pub use error::DrawError;
pub use input::{
    Candidate, Directory, DrawInput, DrawPlan, DrawTerms, Format, Frequency, OfficerCandidate, Scope,
    WeightRule,
};
pub use pick::Pick;
pub use pool::{Eligible, Excluded, Exclusion};
pub use public::{
    PublicDrawRecord, PublicEntity, PublicPick, PublicTeam, PublicVerified, opening, pseudonym, pseudonymous,
    verify_public,
};
pub use ratio::{Ratio, RatioError};
pub use record::{Assignment, DrawRecord, Steps, Team};
pub use recusal::{DeclaredBy, Recusal, RecusalKind, Redraw, recuse};
pub use seed::{DrawSecret, Frozen, freeze};
pub use stream::Drawn;
pub use team::{Seat, Shortage, TeamDraw, TeamOutcome, Unfit, UnfitOfficer};
pub use verify::{Step, Verified, VerifyError, verify};

use stream::Stream;

/// Makes the draw.
///
/// The order in which the input lists entities and officers does not matter; the record lists them by id.
///
/// # Errors
/// [`DrawError`] says which part of the input is out of bounds, ambiguous or does not fit the commitment. A shortage of
/// officers is not an error: it is recorded for the pick.
pub fn draw(mut input: DrawInput, secret: DrawSecret, entropy: &str) -> Result<DrawRecord, DrawError> {
    input.sort();
    input.check()?;
    error::check_entropy(entropy)?;
    if secret.commitment() != input.terms.commitment {
        return Err(DrawError::WrongSecret);
    }
    let pool = pool::sift(&input);
    let frozen = Frozen::of(&input, &pool.eligible);
    let seed = frozen.seed(&secret, entropy);
    let sample_size = input.terms.plan.ratio.of(pool.eligible.len());
    let weights: Vec<u64> = pool.eligible.iter().map(|e| e.weight).collect();
    let picks: Vec<Pick> = pick::pick(&mut Stream::new(&seed, "picks"), &weights, sample_size)
        .into_iter()
        .zip(1..)
        .map(|((index, drawn), ordinal)| Pick { pick: ordinal, entity: pool.eligible[index].entity, drawn })
        .collect();
    let (unfit, teams) = team::match_teams(&input, &seed, &picks);
    let result = teams.iter().map(Assignment::of).collect();
    let steps = Steps {
        frozen,
        eligible: pool.eligible,
        excluded: pool.excluded,
        seed,
        sample_size,
        picks,
        unfit,
        teams,
    };
    Ok(DrawRecord::close(input, secret, entropy.to_owned(), steps, Vec::new(), result))
}
