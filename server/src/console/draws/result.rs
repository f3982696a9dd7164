//! What a draw gave: who was left out and why, who was picked, who goes, who stood back and who came instead.

use super::super::words;
use fieldproof_presentation::page::Page;
use fieldproof_schema::draw::{
    DeclaredBy, DrawRecord, Exclusion, RecusalKind, Redraw, Shortage, Team, TeamDraw, Unfit,
};
use fieldproof_schema::ids::{EntityId, InspectionId, OfficerId, UserId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::TaskRow;
use fieldproof_schema::suite::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// Names that a page gives for one reason before it counts the rest.
const NAMED: usize = 50;

/// Names behind ids, as the directory has them now.
pub(super) struct Names {
    pub(super) entities: BTreeMap<EntityId, String>,
    /// Codes as they were frozen.
    pub(super) codes: BTreeMap<EntityId, String>,
    pub(super) officers: BTreeMap<OfficerId, String>,
    pub(super) users: BTreeMap<UserId, String>,
}

impl Names {
    fn entity(&self, id: EntityId) -> String {
        let code = || self.codes.get(&id).cloned().unwrap_or_else(|| id.to_string());
        self.entities.get(&id).cloned().unwrap_or_else(code)
    }

    fn officer(&self, id: OfficerId) -> String {
        self.officers.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn team(&self, officers: &[OfficerId]) -> Vec<String> {
        officers.iter().map(|officer| self.officer(*officer)).collect()
    }
}

/// The result in words.
pub(super) struct Outcome {
    pub(super) entropy: String,
    pub(super) digest: Digest,
    pub(super) eligible: usize,
    pub(super) sample_size: usize,
    pub(super) excluded: Vec<Group>,
    pub(super) unfit: Vec<Group>,
    pub(super) picks: Vec<Picked>,
    /// Picks without a team.
    pub(super) unassigned: usize,
}

/// Everybody who was left out for one reason.
pub(super) struct Group {
    pub(super) why: String,
    pub(super) count: usize,
    pub(super) names: Vec<String>,
}

/// One pick.
pub(super) struct Picked {
    pub(super) pick: u32,
    pub(super) entity: EntityId,
    pub(super) name: String,
    pub(super) code: String,
    pub(super) needs: String,
    pub(super) team: Vec<(OfficerId, String)>,
    /// Why nobody goes.
    pub(super) shortage: Option<String>,
    /// Who stood back by a declared interest, before anybody was drawn.
    pub(super) withdrawn: Vec<String>,
    pub(super) redraws: Vec<Redrawn>,
    pub(super) task: Option<(InspectionId, Option<String>, String)>,
}

/// A recusal and what it changed.
pub(super) struct Redrawn {
    pub(super) who: String,
    pub(super) kind: String,
    pub(super) reason: String,
    pub(super) by: String,
    pub(super) at: Moment,
    pub(super) before: Vec<String>,
    pub(super) replacement: Option<String>,
}

impl Outcome {
    pub(super) fn of(p: &Page, record: &DrawRecord, names: &Names, tasks: &[TaskRow]) -> Self {
        let steps = &record.steps;
        let excluded = steps.excluded.iter().map(|e| {
            let name = names.entity(e.entity);
            match &e.why {
                // One reason, each with its own day.
                Exclusion::Resting { until } => {
                    (p.t("admin.excluded.resting"), p.t2("admin.excluded.until", "name", name, "day", until))
                }
                why => (excluded(p, why), name),
            }
        });
        let unfit = steps.unfit.iter().map(|u| (unfit(p, u.why), names.officer(u.officer)));
        let tasks: BTreeMap<EntityId, &TaskRow> = tasks.iter().map(|task| (task.entity, task)).collect();
        let teams: BTreeMap<u32, &TeamDraw> = steps.teams.iter().map(|team| (team.pick, team)).collect();
        let picks: Vec<_> = record
            .result
            .iter()
            .map(|assignment| Picked {
                pick: assignment.pick,
                entity: assignment.entity,
                name: names.entity(assignment.entity),
                code: names.codes.get(&assignment.entity).cloned().unwrap_or_default(),
                team: assignment.team.officers().iter().map(|o| (*o, names.officer(*o))).collect(),
                shortage: match &assignment.team {
                    Team::Assigned(_) => None,
                    Team::Unassigned(shortage) => Some(short(p, *shortage)),
                },
                task: tasks.get(&assignment.entity).map(|task| {
                    let checklist = format!("{} @ {}", task.template.id, task.template.revision);
                    (task.inspection, task.due.clone(), checklist)
                }),
                redraws: redraws(p, record, assignment.pick, names),
                needs: needs(p, teams.get(&assignment.pick).copied()),
                withdrawn: teams
                    .get(&assignment.pick)
                    .map(|team| names.team(&team.withdrawn))
                    .unwrap_or_default(),
            })
            .collect();
        Self {
            entropy: record.entropy.clone(),
            digest: record.digest,
            eligible: steps.eligible.len(),
            sample_size: steps.sample_size,
            excluded: groups(excluded),
            unfit: groups(unfit),
            unassigned: picks.iter().filter(|pick| pick.team.is_empty()).count(),
            picks,
        }
    }
}

fn groups(all: impl Iterator<Item = (String, String)>) -> Vec<Group> {
    let mut found: BTreeMap<String, Group> = BTreeMap::new();
    for (why, name) in all {
        let group = found.entry(why.clone()).or_insert_with(|| Group { why, count: 0, names: Vec::new() });
        group.count += 1;
        if group.names.len() < NAMED {
            group.names.push(name);
        }
    }
    let mut groups: Vec<_> = found.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

fn needs(p: &Page, team: Option<&TeamDraw>) -> String {
    let needs = team.map(|team| team.needs.iter().cloned().collect::<Vec<_>>()).unwrap_or_default();
    words::specialties(p, &needs)
}

fn redraws(p: &Page, record: &DrawRecord, pick: u32, names: &Names) -> Vec<Redrawn> {
    let redrawn = |redraw: &Redraw| {
        let recusal = &redraw.recusal;
        Redrawn {
            who: names.officer(recusal.officer),
            kind: kind(p, recusal.kind),
            reason: recusal.reason.clone(),
            by: match recusal.declared_by {
                DeclaredBy::Officer(officer) => names.officer(officer),
                DeclaredBy::User(user) => names.users.get(&user).cloned().unwrap_or_default(),
            },
            at: recusal.at,
            before: names.team(&redraw.before),
            replacement: redraw.replacement.as_ref().map(|seat| names.officer(seat.officer)),
        }
    };
    record.recusals.iter().filter(|redraw| redraw.recusal.pick == pick).map(redrawn).collect()
}

/// Who declared recusals at the console.
pub(super) fn declared_by_users(record: &DrawRecord) -> BTreeSet<UserId> {
    let declared = record.recusals.iter().map(|redraw| redraw.recusal.declared_by);
    declared
        .filter_map(|by| match by {
            DeclaredBy::User(user) => Some(user),
            DeclaredBy::Officer(_) => None,
        })
        .collect()
}

fn excluded(p: &Page, why: &Exclusion) -> String {
    match why {
        Exclusion::Inactive => p.t("admin.excluded.inactive"),
        Exclusion::Outside => p.t("admin.excluded.outside"),
        Exclusion::Unknown { fields } => {
            let fields: Vec<_> = fields.iter().map(|field| words::code(p, "field", field)).collect();
            p.t1("admin.excluded.unknown", "fields", fields.join(&p.t("admin.list.comma")))
        }
        Exclusion::Ceiling { inspections } => p.t1("admin.excluded.ceiling", "n", inspections),
        Exclusion::Resting { .. } => p.t("admin.excluded.resting"),
    }
}

fn unfit(p: &Page, why: Unfit) -> String {
    p.t(match why {
        Unfit::NotInDirectory => "admin.unfit.not_in_directory",
        Unfit::Inactive => "admin.unfit.inactive",
        Unfit::NoCertificate => "admin.unfit.no_certificate",
        Unfit::CertificateExpired => "admin.unfit.certificate_expired",
    })
}

fn short(p: &Page, shortage: Shortage) -> String {
    match shortage {
        Shortage::Specialist => p.t("admin.shortage.specialist"),
        Shortage::Officers { available } => p.t1("admin.shortage.officers", "n", available),
    }
}

fn kind(p: &Page, kind: RecusalKind) -> String {
    p.t(kind_key(kind))
}

pub(super) fn kind_key(kind: RecusalKind) -> &'static str {
    match kind {
        RecusalKind::Kinship => "admin.recusal.kinship",
        RecusalKind::Investment => "admin.recusal.investment",
        RecusalKind::Employment => "admin.recusal.employment",
        RecusalKind::Other => "admin.recusal.other",
    }
}
