//! Runs a recorded draw again and compares it step by step.

use super::canonical;
use super::draw;
use super::error::DrawError;
use super::record::DrawRecord;
use super::recusal::recuse;
use super::seed::Frozen;
use crate::ids::DrawId;
use crate::suite::Digest;
use serde_json::Value;
use std::fmt;

/// A record that follows from what it was made from. Compare all of it with the log: a record cannot show by itself
/// that its commitment and frozen digests were logged first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The draw.
    pub draw: DrawId,
    /// What the log must hold from before the entropy was known.
    pub commitment: Digest,
    /// What the log must hold from before the entropy was known.
    pub frozen: Frozen,
    /// [`DrawRecord::digest`]: shows that no recusal is missing at the end.
    pub record: Digest,
    /// How many entities could be drawn.
    pub eligible: usize,
    /// How many were.
    pub picks: usize,
    /// How many picks have a team.
    pub assigned: usize,
    /// How many officers were replaced or left without replacement.
    pub recusals: usize,
}

/// A part of the record, in the order in which they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The input as it is listed.
    Input,
    /// The revealed secret.
    Secret,
    /// The public entropy.
    Entropy,
    /// The hashes of directory, terms and pool.
    Frozen,
    /// The eligible entities and their weights.
    Eligible,
    /// The excluded entities and the reasons.
    Excluded,
    /// The seed.
    Seed,
    /// The number of entities to be drawn.
    SampleSize,
    /// The drawn entities.
    Picks,
    /// The officers who took no part.
    Unfit,
    /// The matching of officers.
    Teams,
    /// The recusals and redraws.
    Recusals,
    /// The final assignments.
    Result,
    /// The hash of the record.
    Digest,
}

/// What the steps are called and where they stand. Recusals are re-run only once everything before them agrees.
const BEFORE_RECUSALS: [(Step, &str); 11] = [
    (Step::Input, "/input"),
    (Step::Secret, "/secret"),
    (Step::Entropy, "/entropy"),
    (Step::Frozen, "/steps/frozen"),
    (Step::Eligible, "/steps/eligible"),
    (Step::Excluded, "/steps/excluded"),
    (Step::Seed, "/steps/seed"),
    (Step::SampleSize, "/steps/sample_size"),
    (Step::Picks, "/steps/picks"),
    (Step::Unfit, "/steps/unfit"),
    (Step::Teams, "/steps/teams"),
];
const AFTER_RECUSALS: [(Step, &str); 3] =
    [(Step::Recusals, "/recusals"), (Step::Result, "/result"), (Step::Digest, "/digest")];

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "the list of what was drawn from is not in order",
            Self::Secret => "the secret is not written as it should be",
            Self::Entropy => "the entropy is not written as it should be",
            Self::Frozen => "the directory, the plan or the pool is not the one that was frozen",
            Self::Eligible => "the eligible entities or their weights are not those that the plan gives",
            Self::Excluded => "the excluded entities or the reasons are not those that the plan gives",
            Self::Seed => "the seed does not follow from what was frozen, the secret and the entropy",
            Self::SampleSize => "the number of entities is not the one that the ratio gives",
            Self::Picks => "the drawn entities are not those that the seed gives",
            Self::Unfit => "the officers who took no part are not those whom the directory gives",
            Self::Teams => "the teams are not those that the seed gives",
            Self::Recusals => "the redraws are not those that the seed gives",
            Self::Result => "the final assignments do not follow from the teams and the redraws",
            Self::Digest => "the hash of the record does not match its content",
        })
    }
}

/// Why a record does not hold.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The text is not a record of this format.
    #[error("the file is not a draw record: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Nothing can be drawn from what it says it was drawn from.
    #[error("the draw cannot be repeated: {0}")]
    Refused(#[from] DrawError),
    /// One of its recusals is impossible.
    #[error("recusal {number} cannot be repeated: {source}")]
    RecusalRefused {
        /// Which recusal, from 1.
        number: usize,
        /// Why.
        source: DrawError,
    },
    /// The first step that differs when the draw is run again.
    #[error("{step} (at {path}: recorded {recorded}, recomputed {recomputed})")]
    Differs {
        /// The step.
        step: Step,
        /// Where in the file, as a JSON pointer.
        path: String,
        /// What stands there, shortened.
        recorded: String,
        /// What should stand there, shortened.
        recomputed: String,
    },
}

/// Runs the draw of `record_json` again, with all recusals, and compares every step.
///
/// # Errors
/// [`VerifyError`] names the first step that does not hold.
pub fn verify(record_json: &str) -> Result<Verified, VerifyError> {
    let record: DrawRecord = serde_json::from_str(record_json)?;
    let recorded: Value = serde_json::from_str(record_json)?;
    let mut rerun = draw(record.input, record.secret, &record.entropy)?;
    compare(&BEFORE_RECUSALS, &recorded, &canonical::to_value(&rerun))?;
    for (redraw, number) in record.recusals.into_iter().zip(1..) {
        rerun = recuse(&rerun, redraw.recusal)
            .map_err(|source| VerifyError::RecusalRefused { number, source })?;
    }
    compare(&AFTER_RECUSALS, &recorded, &canonical::to_value(&rerun))?;
    Ok(Verified {
        draw: rerun.input.terms.draw,
        commitment: rerun.input.terms.commitment,
        frozen: rerun.steps.frozen,
        record: rerun.digest,
        eligible: rerun.steps.eligible.len(),
        picks: rerun.steps.picks.len(),
        assigned: rerun.result.iter().filter(|a| !a.team.officers().is_empty()).count(),
        recusals: rerun.recusals.len(),
    })
}

fn compare(steps: &[(Step, &str)], recorded: &Value, recomputed: &Value) -> Result<(), VerifyError> {
    for (step, path) in steps {
        let mut path = (*path).to_owned();
        let (a, b) = (recorded.pointer(&path), recomputed.pointer(&path));
        if let Some((a, b)) = difference(a, b, &mut path) {
            return Err(VerifyError::Differs { step: *step, path, recorded: shown(a), recomputed: shown(b) });
        }
    }
    Ok(())
}

type Pair<'a> = (Option<&'a Value>, Option<&'a Value>);

/// The first place where two values differ; `path` is extended to it.
fn difference<'a>(a: Option<&'a Value>, b: Option<&'a Value>, path: &mut String) -> Option<Pair<'a>> {
    let length = path.len();
    match (a, b) {
        (Some(Value::Object(x)), Some(Value::Object(y))) => {
            for key in x.keys().chain(y.keys()) {
                path.push('/');
                path.push_str(&key.replace('~', "~0").replace('/', "~1"));
                if let Some(found) = difference(x.get(key), y.get(key), path) {
                    return Some(found);
                }
                path.truncate(length);
            }
            None
        }
        (Some(Value::Array(x)), Some(Value::Array(y))) => {
            for i in 0..x.len().max(y.len()) {
                path.push_str(&format!("/{i}"));
                if let Some(found) = difference(x.get(i), y.get(i), path) {
                    return Some(found);
                }
                path.truncate(length);
            }
            None
        }
        (a, b) => (a != b).then_some((a, b)),
    }
}

fn shown(value: Option<&Value>) -> String {
    const CHARS_MAX: usize = 160;
    let Some(value) = value else { return "nothing".to_owned() };
    let text = crate::canonical::canonical_json(value);
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
