//! The record of a draw: what it was made from, every step, and what came out.

use super::canonical;
use super::input::DrawInput;
use super::pick::Pick;
use super::pool::{Eligible, Excluded};
use super::recusal::Redraw;
use super::seed::{DrawSecret, Frozen};
use super::team::{Shortage, TeamDraw, TeamOutcome, UnfitOfficer};
use crate::ids::{EntityId, OfficerId};
use crate::suite::Digest;
use serde::{Deserialize, Serialize};

/// A complete draw. It names entities, officers and declared interests, and so is never published: see
/// [`super::pseudonymous`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawRecord {
    /// What was fixed beforehand; entities and officers by id.
    pub input: DrawInput,
    /// The server's secret, revealed.
    pub secret: DrawSecret,
    /// What two witnesses typed, or a beacon's value.
    pub entropy: String,
    /// How the draw went.
    pub steps: Steps,
    /// Recusals declared by hand, each with its redraw, in order.
    pub recusals: Vec<Redraw>,
    /// Who inspects whom, after all recusals.
    pub result: Vec<Assignment>,
    /// The hash of everything above; log it with every change of the record.
    pub digest: Digest,
}

/// How a draw went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// What was logged before the entropy was known.
    pub frozen: Frozen,
    /// Who could be drawn, in the order of the draw.
    pub eligible: Vec<Eligible>,
    /// Who could not, and why; by id.
    pub excluded: Vec<Excluded>,
    /// The seed of all random numbers.
    pub seed: Digest,
    /// How many entities the ratio asks for.
    pub sample_size: usize,
    /// The drawn entities, in order.
    pub picks: Vec<Pick>,
    /// Officers who took no part; by id.
    pub unfit: Vec<UnfitOfficer>,
    /// The matching of each pick.
    pub teams: Vec<TeamDraw>,
}

/// Who inspects one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The pick, from 1.
    pub pick: u32,
    /// The entity.
    pub entity: EntityId,
    /// The team.
    pub team: Team,
}

/// The team of one pick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Team {
    /// These officers go.
    Assigned(Vec<OfficerId>),
    /// Nobody can be sent; people have to decide.
    Unassigned(Shortage),
}

impl Team {
    /// The officers; empty where nobody can be sent.
    pub fn officers(&self) -> &[OfficerId] {
        match self {
            Self::Assigned(officers) => officers,
            Self::Unassigned(_) => &[],
        }
    }
}

impl Assignment {
    pub(super) fn of(draw: &TeamDraw) -> Self {
        let team = match &draw.outcome {
            TeamOutcome::Seats(seats) => Team::Assigned(seats.iter().map(|seat| seat.officer).collect()),
            TeamOutcome::Unassigned(shortage) => Team::Unassigned(*shortage),
        };
        Self { pick: draw.pick, entity: draw.entity, team }
    }
}

impl DrawRecord {
    pub(super) fn close(
        input: DrawInput,
        secret: DrawSecret,
        entropy: String,
        steps: Steps,
        recusals: Vec<Redraw>,
        result: Vec<Assignment>,
    ) -> Self {
        let digest = canonical::digest(&(&input, &secret, &entropy, &steps, &recusals, &result));
        Self { input, secret, entropy, steps, recusals, result, digest }
    }

    /// The record as a file: readable JSON that [`super::verify`] takes.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("draw types have text keys");
        text.push('\n');
        text
    }
}
