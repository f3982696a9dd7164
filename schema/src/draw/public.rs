//! The public form of a draw: pseudonyms instead of entities, no officers, no interests.
//!
//! Whoever has it can check that the picks follow from the pool, the plan, the secret and the entropy. That the pool is
//! the right one, and how officers were matched, takes the full record. It is released after the last visit, so that it
//! warns nobody; releasing it is up to others.

use super::canonical;
use super::error::{self, DrawError};
use super::input::{DrawTerms, Format};
use super::pick;
use super::record::DrawRecord;
use super::seed::{DrawSecret, Frozen};
use super::stream::{Drawn, Stream};
use super::verify::{Step, VerifyError};
use crate::ids::{DrawId, EntityId};
use crate::limits;
use crate::suite::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A draw for everyone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicDrawRecord {
    /// The version of the algorithm.
    pub format: Format,
    /// The plan and the circumstances.
    pub terms: DrawTerms,
    /// What was logged before the entropy was known.
    pub frozen: Frozen,
    /// The server's secret, revealed.
    pub secret: DrawSecret,
    /// What two witnesses typed, or a beacon's value.
    pub entropy: String,
    /// The eligible entities, in the order of the draw.
    pub pool: Vec<PublicEntity>,
    /// The drawn entities, in order.
    pub picks: Vec<PublicPick>,
    /// How large the teams are in the end. Not checkable without the full record.
    pub teams: Vec<PublicTeam>,
}

/// An eligible entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicEntity {
    /// See [`pseudonym`].
    pub pseudonym: Digest,
    /// Its weight.
    pub weight: u64,
}

/// A drawn entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicPick {
    /// Which pick it is, from 1.
    pub pick: u32,
    /// Which entity.
    pub pseudonym: Digest,
    /// The number that chose it.
    pub drawn: Drawn,
}

/// The size of a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicTeam {
    /// Which pick, from 1.
    pub pick: u32,
    /// Officers in the team; 0 where nobody could be sent.
    pub officers: usize,
    /// Recusals declared by hand.
    pub recusals: usize,
}

/// A public record whose picks follow from its pool. Compare all of it with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicVerified {
    /// The draw.
    pub draw: DrawId,
    /// What the log must hold from before the entropy was known.
    pub commitment: Digest,
    /// What the log must hold from before the entropy was known.
    pub frozen: Frozen,
    /// How many entities could be drawn.
    pub eligible: usize,
    /// How many were.
    pub picks: usize,
}

/// What shows that a pseudonym stands for `entity`, without giving any other away.
pub fn opening(salt: &DrawSecret, entity: EntityId) -> Digest {
    Digest::of(&[b"fieldproof-draw/1/opening\0", &salt.as_bytes()[..], entity.as_bytes()].concat())
}

/// The name of `entity` in the public record of the draw with this salt.
pub fn pseudonym(salt: &DrawSecret, entity: EntityId) -> Digest {
    let opening = opening(salt, entity);
    Digest::of(&[b"fieldproof-draw/1/pseudonym\0", &opening.value[..], entity.as_bytes()].concat())
}

/// Makes the public form of a record.
pub fn pseudonymous(record: &DrawRecord) -> PublicDrawRecord {
    let salt = &record.input.salt;
    let mut recusals: BTreeMap<u32, usize> = BTreeMap::new();
    for redraw in &record.recusals {
        *recusals.entry(redraw.recusal.pick).or_default() += 1;
    }
    PublicDrawRecord {
        format: record.input.format,
        terms: record.input.terms.clone(),
        frozen: record.steps.frozen,
        secret: record.secret,
        entropy: record.entropy.clone(),
        pool: record
            .steps
            .eligible
            .iter()
            .map(|eligible| PublicEntity {
                pseudonym: pseudonym(salt, eligible.entity),
                weight: eligible.weight,
            })
            .collect(),
        picks: record
            .steps
            .picks
            .iter()
            .map(|p| PublicPick { pick: p.pick, pseudonym: pseudonym(salt, p.entity), drawn: p.drawn })
            .collect(),
        teams: record
            .result
            .iter()
            .map(|assignment| PublicTeam {
                pick: assignment.pick,
                officers: assignment.team.officers().len(),
                recusals: recusals.get(&assignment.pick).copied().unwrap_or(0),
            })
            .collect(),
    }
}

/// Checks that the picks of a public record follow from its pool, plan, secret and entropy.
///
/// # Errors
/// [`VerifyError`] names the first step that does not hold.
pub fn verify_public(record_json: &str) -> Result<PublicVerified, VerifyError> {
    let record: PublicDrawRecord = serde_json::from_str(record_json)?;
    error::check_entropy(&record.entropy)?;
    let count = record.pool.len();
    if count > limits::DRAW_ENTITIES_MAX {
        return Err(DrawError::TooMany { what: "entities", count, max: limits::DRAW_ENTITIES_MAX }.into());
    }
    if record.secret.commitment() != record.terms.commitment {
        return Err(DrawError::WrongSecret.into());
    }
    check_pool(&record.pool)?;
    let entries: Vec<_> = record.pool.iter().map(|e| (e.pseudonym, e.weight)).collect();
    let terms = canonical::digest(&record.terms);
    same(Step::Frozen, "/frozen/terms", &record.frozen.terms, &terms)?;
    let pool = canonical::digest(&entries);
    same(Step::Frozen, "/frozen/pool", &record.frozen.pool, &pool)?;
    let sample_size = record.terms.plan.ratio.of(count);
    same(Step::SampleSize, "/picks", &record.picks.len(), &sample_size)?;
    let seed = record.frozen.seed(&record.secret, &record.entropy);
    let weights: Vec<u64> = record.pool.iter().map(|e| e.weight).collect();
    let picks = pick::pick(&mut Stream::new(&seed, "picks"), &weights, sample_size);
    for (i, (recorded, (index, drawn))) in record.picks.iter().zip(picks).enumerate() {
        let ordinal = u32::try_from(i + 1).unwrap_or(u32::MAX);
        let expected = PublicPick { pick: ordinal, pseudonym: record.pool[index].pseudonym, drawn };
        same(Step::Picks, &format!("/picks/{i}"), recorded, &expected)?;
    }
    Ok(PublicVerified {
        draw: record.terms.draw,
        commitment: record.terms.commitment,
        frozen: record.frozen,
        eligible: count,
        picks: record.picks.len(),
    })
}

fn check_pool(pool: &[PublicEntity]) -> Result<(), DrawError> {
    let weight_max = 1 + u64::from(limits::DRAW_WEIGHT_ADD_MAX) * limits::DRAW_WEIGHT_RULES_MAX as u64;
    let mut previous = None;
    for (entity, position) in pool.iter().zip(1..) {
        let in_order = previous.is_none_or(|earlier| earlier < entity.pseudonym);
        if !in_order || !(1..=weight_max).contains(&entity.weight) {
            return Err(DrawError::MalformedPool { position });
        }
        previous = Some(entity.pseudonym);
    }
    Ok(())
}

fn same<T: PartialEq + Serialize>(
    step: Step,
    path: &str,
    recorded: &T,
    recomputed: &T,
) -> Result<(), VerifyError> {
    if recorded == recomputed {
        return Ok(());
    }
    let show = |value: &T| crate::canonical::canonical_json(&canonical::to_value(value));
    Err(VerifyError::Differs {
        step,
        path: path.to_owned(),
        recorded: show(recorded),
        recomputed: show(recomputed),
    })
}
