//! Why a draw or a recusal is refused.

use crate::ids::{EntityId, OfficerId};
use crate::limits;

/// An input from which nothing is drawn. Nothing has changed when it is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// More of something than [`crate::limits`] allows.
    #[error("{count} {what} are more than {max}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// An entity is listed twice, which would double its chance.
    #[error("entity {0} is listed twice")]
    DuplicateEntity(EntityId),
    /// An officer is listed twice.
    #[error("officer {0} is listed twice")]
    DuplicateOfficer(OfficerId),
    /// A field of an entity has a number with a fraction, which machines write differently.
    #[error("field {field:?} of entity {entity} is not a whole number; state it in a smaller unit")]
    FractionInField {
        /// The entity.
        entity: EntityId,
        /// The field.
        field: String,
    },
    /// A rule of the plan compares with a number that has a fraction.
    #[error("a rule of the plan compares {field:?} with a number that is not whole")]
    FractionInRule {
        /// The field that is compared.
        field: String,
    },
    /// A rule of the plan is nested deeper than [`limits::RULE_DEPTH_MAX`].
    #[error("a rule of the plan is nested {depth} deep, more than {max}", max = limits::RULE_DEPTH_MAX)]
    RuleTooDeep {
        /// How deep it is.
        depth: usize,
    },
    /// An undirected draw (不定向抽查) sets no condition (rule 53).
    #[error("an undirected draw sets no conditions, but the plan reads {field:?}")]
    ConditionInUndirectedDraw {
        /// A field that a condition reads.
        field: String,
    },
    /// A team has at least two officers (rule 56).
    #[error("a team of {0} is not between 2 and {max}", max = limits::DRAW_TEAM_SIZE_MAX)]
    TeamSize(u32),
    /// A weight rule adds more than [`limits::DRAW_WEIGHT_ADD_MAX`].
    #[error("weight factor {factor:?} adds {add}, more than {max}", max = limits::DRAW_WEIGHT_ADD_MAX)]
    WeightTooLarge {
        /// The factor.
        factor: String,
        /// What it adds.
        add: u32,
    },
    /// A public record lists an entity twice, out of order or with a weight that no plan gives.
    #[error("entry {position} of the pool is out of order or has an impossible weight")]
    MalformedPool {
        /// Which entry, from 1.
        position: usize,
    },
    /// Nobody has contributed entropy, so that the server alone would decide the outcome.
    #[error("the public entropy is missing")]
    EntropyMissing,
    /// The entropy is longer than [`limits::DRAW_ENTROPY_BYTES_MAX`].
    #[error("the public entropy has {bytes} bytes, more than {max}", max = limits::DRAW_ENTROPY_BYTES_MAX)]
    EntropyTooLong {
        /// Its length in UTF-8.
        bytes: usize,
    },
    /// The secret is not the one that was committed beforehand.
    #[error("the secret is not the one that was committed beforehand")]
    WrongSecret,
    /// There is no such pick.
    #[error("there is no pick {0}")]
    NoSuchPick(u32),
    /// Only a member of the team can step back from it.
    #[error("officer {officer} is not in the team of pick {pick}")]
    NotInTeam {
        /// The pick.
        pick: u32,
        /// The officer.
        officer: OfficerId,
    },
    /// A recusal needs a reason.
    #[error("the recusal gives no reason")]
    ReasonMissing,
    /// The reason is longer than [`limits::REASON_CHARS_MAX`].
    #[error("the reason has {chars} characters, more than {max}", max = limits::REASON_CHARS_MAX)]
    ReasonTooLong {
        /// Its length.
        chars: usize,
    },
    /// The recusal is dated before the draw.
    #[error("the recusal is dated {at}, before the draw on {on}")]
    RecusalBeforeDraw {
        /// The day of the recusal in China.
        at: jiff::civil::Date,
        /// The day of the draw.
        on: jiff::civil::Date,
    },
}

/// Checks the public entropy.
pub(super) fn check_entropy(entropy: &str) -> Result<(), DrawError> {
    if entropy.trim().is_empty() {
        return Err(DrawError::EntropyMissing);
    }
    if entropy.len() > limits::DRAW_ENTROPY_BYTES_MAX {
        return Err(DrawError::EntropyTooLong { bytes: entropy.len() });
    }
    Ok(())
}
