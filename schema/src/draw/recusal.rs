//! Recusal (回避): an officer with an interest stands back and a replacement is drawn (rules 57 and 68).
//!
//! Interests declared in the directory keep an officer out of the team from the start; this is for those that come up
//! afterwards. Who may declare or approve one is decided elsewhere.

use super::error::DrawError;
use super::input::OfficerCandidate;
use super::record::{Assignment, DrawRecord, Team};
use super::stream::Stream;
use super::team::{self, Loads, Seat, Shortage};
use crate::ids::{OfficerId, UserId};
use crate::limits;
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An officer stands back from one pick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recusal {
    /// The pick, from 1.
    pub pick: u32,
    /// The officer who stands back.
    pub officer: OfficerId,
    /// What kind of interest it is.
    pub kind: RecusalKind,
    /// The reason in words; at most [`limits::REASON_CHARS_MAX`] characters.
    pub reason: String,
    /// Who declared it.
    pub declared_by: DeclaredBy,
    /// When the server recorded it; replacements need a certificate valid on that day in China.
    pub at: Moment,
}

/// The kind of an interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecusalKind {
    /// A relative (亲属).
    Kinship,
    /// A share or other investment (投资).
    Investment,
    /// Present or past work there (任职).
    Employment,
    /// Any other interest that may affect fairness (其他利害关系).
    Other,
}

/// Who declared a recusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclaredBy {
    /// An officer, the same or another.
    Officer(OfficerId),
    /// Somebody at the console.
    User(UserId),
}

/// A recusal and what it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redraw {
    /// What was declared.
    pub recusal: Recusal,
    /// Which recusal on this pick it is, from 0.
    pub ordinal: u32,
    /// The team before.
    pub before: Vec<OfficerId>,
    /// The replacement; none where nobody could be found.
    pub replacement: Option<Seat>,
    /// The team after.
    pub after: Team,
}

/// Replaces an officer in the team of one pick; every other team stays as it is.
///
/// The record is trusted here: [`super::verify`] it first when it comes from elsewhere.
///
/// # Errors
/// [`DrawError`] when there is no such pick, the officer is not in its team, the reason is missing or too long, or the
/// date lies before the draw. Where no replacement is left, the pick becomes unassigned, which is not an error.
pub fn recuse(record: &DrawRecord, recusal: Recusal) -> Result<DrawRecord, DrawError> {
    check(record, &recusal)?;
    let current = record
        .result
        .iter()
        .find(|assignment| assignment.pick == recusal.pick)
        .ok_or(DrawError::NoSuchPick(recusal.pick))?;
    let before = current.team.officers().to_vec();
    if !before.contains(&recusal.officer) {
        return Err(DrawError::NotInTeam { pick: recusal.pick, officer: recusal.officer });
    }
    let gone = earlier(record, recusal.pick);
    let ordinal = u32::try_from(gone.len()).unwrap_or(u32::MAX);
    let candidate = record
        .input
        .directory
        .entities
        .iter()
        .find(|candidate| candidate.id == current.entity)
        .ok_or(DrawError::NoSuchPick(recusal.pick))?;
    let needs = team::needs(candidate, &record.input.terms.plan.specialty);
    let pool = standing_by(&record.input.directory.officers, current, &recusal, &gone, &needs);
    let mut stream = Stream::new(&record.steps.seed, &format!("recusal/{}/{ordinal}", recusal.pick));
    let replacement = pool
        .and_then(|pool| team::seat(&mut stream, &pool, &loads(&record.result)).ok_or(Shortage::Specialist));
    let after = match replacement {
        Ok(seat) => Team::Assigned(
            before.iter().map(|id| if *id == recusal.officer { seat.officer } else { *id }).collect(),
        ),
        Err(shortage) => Team::Unassigned(shortage),
    };
    let mut result = record.result.clone();
    for assignment in result.iter_mut().filter(|assignment| assignment.pick == recusal.pick) {
        assignment.team = after.clone();
    }
    let mut recusals = record.recusals.clone();
    recusals.push(Redraw { recusal, ordinal, before, replacement: replacement.ok(), after });
    Ok(DrawRecord::close(
        record.input.clone(),
        record.secret,
        record.entropy.clone(),
        record.steps.clone(),
        recusals,
        result,
    ))
}

/// Who recused themselves from `pick` before.
fn earlier(record: &DrawRecord, pick: u32) -> Vec<OfficerId> {
    let earlier = record.recusals.iter().map(|redraw| &redraw.recusal);
    earlier.filter(|recusal| recusal.pick == pick).map(|recusal| recusal.officer).collect()
}

/// Who may take the seat, by id; empty where somebody is free but no needed specialist.
fn standing_by<'a>(
    officers: &'a [OfficerCandidate],
    current: &Assignment,
    recusal: &Recusal,
    gone: &[OfficerId],
    needs: &BTreeSet<String>,
) -> Result<Vec<&'a OfficerCandidate>, Shortage> {
    let day = recusal.at.date_in_china();
    let members = current.team.officers();
    let covered = officers.iter().any(|officer| {
        members.contains(&officer.id) && officer.id != recusal.officer && officer.covers(needs)
    });
    let mut free: Vec<_> = officers
        .iter()
        .filter(|officer| {
            officer.unfit(day).is_none()
                && !officer.interests.contains(&current.entity)
                && !members.contains(&officer.id)
                && !gone.contains(&officer.id)
        })
        .collect();
    if free.is_empty() {
        let available = u32::try_from(members.len() - 1).unwrap_or(u32::MAX);
        return Err(Shortage::Officers { available });
    }
    free.retain(|officer| covered || officer.covers(needs));
    Ok(free)
}

fn check(record: &DrawRecord, recusal: &Recusal) -> Result<(), DrawError> {
    let chars = recusal.reason.chars().count();
    if recusal.reason.trim().is_empty() {
        return Err(DrawError::ReasonMissing);
    }
    if chars > limits::REASON_CHARS_MAX {
        return Err(DrawError::ReasonTooLong { chars });
    }
    let (at, on) = (recusal.at.date_in_china(), record.input.terms.on);
    if at < on { Err(DrawError::RecusalBeforeDraw { at, on }) } else { Ok(()) }
}

fn loads(result: &[Assignment]) -> Loads {
    let mut loads = Loads::new();
    for officer in result.iter().flat_map(|assignment| assignment.team.officers()) {
        *loads.entry(*officer).or_default() += 1;
    }
    loads
}
