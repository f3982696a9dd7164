//! Random matching of officers to drawn entities (随机匹配, rules 55–57).

use super::input::{Candidate, DrawInput, OfficerCandidate};
use super::pick::Pick;
use super::stream::{Drawn, Stream};
use crate::ids::{EntityId, OfficerId};
use crate::rule::specialty_covers;
use crate::suite::Digest;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

/// How the team of one pick came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamDraw {
    /// The pick, from 1.
    pub pick: u32,
    /// The entity.
    pub entity: EntityId,
    /// The specialties that one member has to cover: the entity's own below the plan's, else the plan's.
    pub needs: BTreeSet<String>,
    /// Officers who stood back because of a declared interest.
    pub withdrawn: Vec<OfficerId>,
    /// Who goes, or why nobody does.
    pub outcome: TeamOutcome,
}

/// Who goes, or why nobody does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TeamOutcome {
    /// The seats in the order in which they were drawn; the first covers the needed specialties.
    Seats(Vec<Seat>),
    /// The pick stays unassigned.
    Unassigned(Shortage),
}

/// One drawn officer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// The officer.
    pub officer: OfficerId,
    /// Assignments the officer had before this one in the same draw.
    pub load: u32,
    /// The number that chose among all who had as few.
    pub drawn: Drawn,
}

/// Why a team cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shortage {
    /// Nobody available covers the needed specialties.
    Specialist,
    /// Fewer officers are available than a team needs.
    Officers {
        /// How many are available.
        available: u32,
    },
}

/// An officer who takes no part in the draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnfitOfficer {
    /// The officer.
    pub officer: OfficerId,
    /// Why not.
    pub why: Unfit,
}

/// Why an officer takes no part: the first of these that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Unfit {
    /// Not enrolled for random matching, for instance a legal reviewer.
    NotInDirectory,
    /// Not in service.
    Inactive,
    /// Holds no enforcement certificate, or the directory does not say until when.
    NoCertificate,
    /// The certificate is no longer valid.
    CertificateExpired,
}

/// Assignments per officer.
pub(super) type Loads = BTreeMap<OfficerId, u32>;

impl OfficerCandidate {
    /// Why the officer cannot inspect on `day`, if so.
    pub(super) fn unfit(&self, day: Date) -> Option<Unfit> {
        if !self.in_directory {
            return Some(Unfit::NotInDirectory);
        }
        if !self.active {
            return Some(Unfit::Inactive);
        }
        if self.certificate_no.as_deref().is_none_or(|no| no.trim().is_empty()) {
            return Some(Unfit::NoCertificate);
        }
        match self.certificate_expires {
            None => Some(Unfit::NoCertificate),
            Some(last) if last < day => Some(Unfit::CertificateExpired),
            Some(_) => None,
        }
    }

    /// Whether the officer covers every specialty of `needs`.
    pub(super) fn covers(&self, needs: &BTreeSet<String>) -> bool {
        needs.iter().all(|need| self.specialties.iter().any(|own| specialty_covers(own, need)))
    }
}

/// The specialties that the visit of `candidate` under a plan for `specialty` needs.
pub(super) fn needs(candidate: &Candidate, specialty: &str) -> BTreeSet<String> {
    let below: BTreeSet<String> =
        candidate.specialties.iter().filter(|own| specialty_covers(specialty, own)).cloned().collect();
    if below.is_empty() { BTreeSet::from([specialty.to_owned()]) } else { below }
}

/// Draws one of those with the fewest assignments; `None` when there is nobody.
pub(super) fn seat(stream: &mut Stream, pool: &[&OfficerCandidate], loads: &Loads) -> Option<Seat> {
    let load_of = |officer: &OfficerCandidate| loads.get(&officer.id).copied().unwrap_or(0);
    let load = pool.iter().map(|officer| load_of(officer)).min()?;
    let least: Vec<_> = pool.iter().filter(|officer| load_of(officer) == load).collect();
    let drawn = stream.below(NonZeroU64::new(least.len() as u64)?);
    let officer = least[usize::try_from(drawn.value).ok()?].id;
    Some(Seat { officer, load, drawn })
}

/// Makes all teams, in the order of the picks.
pub(super) fn match_teams(
    input: &DrawInput,
    seed: &Digest,
    picks: &[Pick],
) -> (Vec<UnfitOfficer>, Vec<TeamDraw>) {
    let mut unfit = Vec::new();
    let mut fit = Vec::new();
    for officer in &input.directory.officers {
        match officer.unfit(input.terms.on) {
            Some(why) => unfit.push(UnfitOfficer { officer: officer.id, why }),
            None => fit.push(officer),
        }
    }
    let candidates: BTreeMap<EntityId, &Candidate> =
        input.directory.entities.iter().map(|candidate| (candidate.id, candidate)).collect();
    let mut loads = Loads::new();
    let mut teams = Vec::with_capacity(picks.len());
    for pick in picks {
        let needs = needs(candidates[&pick.entity], &input.terms.plan.specialty);
        let (withdrawn, free): (Vec<_>, Vec<_>) =
            fit.iter().copied().partition(|officer| officer.interests.contains(&pick.entity));
        let mut stream = Stream::new(seed, &format!("team/{}", pick.pick));
        let outcome = match fill(&mut stream, free, &needs, input.terms.plan.team_size, &loads) {
            Ok(seats) => TeamOutcome::Seats(seats),
            Err(shortage) => TeamOutcome::Unassigned(shortage),
        };
        if let TeamOutcome::Seats(seats) = &outcome {
            for seat in seats {
                *loads.entry(seat.officer).or_default() += 1;
            }
        }
        let withdrawn = withdrawn.into_iter().map(|officer| officer.id).collect();
        teams.push(TeamDraw { pick: pick.pick, entity: pick.entity, needs, withdrawn, outcome });
    }
    (unfit, teams)
}

fn fill(
    stream: &mut Stream,
    mut free: Vec<&OfficerCandidate>,
    needs: &BTreeSet<String>,
    size: u32,
    loads: &Loads,
) -> Result<Vec<Seat>, Shortage> {
    let available = u32::try_from(free.len()).unwrap_or(u32::MAX);
    if available < size {
        return Err(Shortage::Officers { available });
    }
    let specialists: Vec<_> = free.iter().copied().filter(|officer| officer.covers(needs)).collect();
    let mut seats = vec![seat(stream, &specialists, loads).ok_or(Shortage::Specialist)?];
    for _ in 1..size {
        free.retain(|officer| seats.iter().all(|seat| seat.officer != officer.id));
        seats.push(seat(stream, &free, loads).ok_or(Shortage::Officers { available })?);
    }
    Ok(seats)
}
