//! Who may do what: the one place that decides, deny by default.
//!
//! Console users are decided by role and unit here, terminals in [`crate::scope`].
//! What a unit scope contains is resolved when the session is opened; this module compares.

use crate::error::ApiError;
use fieldproof_schema::ids::UserId;
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::BTreeSet;

/// What a console user is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 监督员: reads what belongs to the unit.
    Inspector,
    /// 审核人: reviews, returns, accepts, discloses.
    Supervisor,
    /// 业务管理员: directories, plans, draws, devices, users, conflicts.
    Administrator,
}

impl Role {
    /// Every role.
    pub const ALL: &[Role] = &[Self::Inspector, Self::Supervisor, Self::Administrator];

    /// The name in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inspector => "inspector",
            Self::Supervisor => "supervisor",
            Self::Administrator => "administrator",
        }
    }

    /// Finds a role by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == name)
    }
}

/// What someone wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Read the directories: units, officers, entities, checklists, laws.
    ReadDirectory,
    /// Import or change directories and checklists.
    ChangeDirectory,
    /// Release a provision for documents and automatic verdicts.
    ReleaseProvision,
    /// Read plans and draws.
    ReadPlans,
    /// Make plans, draw, declare recusals, dispatch.
    Draw,
    /// Read inspections and their evidence.
    ReadInspections,
    /// Return or accept.
    Review,
    /// Publish results.
    Disclose,
    /// Decide conflicts.
    DecideConflicts,
    /// Decide about correction proposals.
    DecideProposals,
    /// Look at changes that are held apart, and decide what becomes of them.
    DecideQuarantine,
    /// Hand in packages that terminals exported.
    HandInPackages,
    /// Put officers on the team of a visit, or take them off it.
    Reassign,
    /// See, enrol and revoke devices.
    ManageDevices,
    /// Propose and confirm custodians of terminals' keys.
    NameCustodians,
    /// See with which originals something is the matter.
    LookAfterOriginals,
    /// Raise the floor of versions, for the whole organisation.
    RaiseFloor,
    /// See and change users.
    ManageUsers,
    /// Read the audit trail.
    ReadAudit,
}

/// A signed-in console user.
#[derive(Debug, Clone)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// 登录名.
    pub login: String,
    /// As printed.
    pub name: String,
    /// What for.
    pub role: Role,
    /// The codes of the user's unit and of everything below it.
    pub scope: BTreeSet<String>,
}

impl User {
    /// Allows an act, or says that the role does not include it.
    pub fn may(&self, act: Act) -> Result<(), ApiError> {
        use Act::*;
        let allowed = match (self.role, act) {
            (_, ReadDirectory | ReadPlans | ReadInspections) => true,
            (Role::Supervisor, Review | Disclose | DecideProposals | HandInPackages | ReadAudit) => true,
            (
                Role::Administrator,
                ChangeDirectory | ReleaseProvision | Draw | DecideConflicts | DecideQuarantine
                | HandInPackages | Reassign | ManageDevices | NameCustodians | LookAfterOriginals
                | RaiseFloor | ManageUsers | ReadAudit,
            ) => true,
            (Role::Inspector, _) | (Role::Supervisor, _) | (Role::Administrator, _) => false,
        };
        if allowed { Ok(()) } else { Err(ErrorCode::NotAllowed.into()) }
    }

    /// Allows an act upon a record of `unit`. What is outside the scope does not exist for the asker.
    pub fn may_on(&self, act: Act, unit: &str) -> Result<(), ApiError> {
        self.may(act)?;
        if self.scope.contains(unit) { Ok(()) } else { Err(ErrorCode::NotFound.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(role: Role) -> User {
        User {
            id: UserId::from_bytes([1; 16]),
            login: "u".into(),
            name: "U".into(),
            role,
            scope: BTreeSet::from(["ORG-D1".to_owned()]),
        }
    }

    #[test]
    fn who_reviews_does_not_decide_conflicts_and_the_other_way_round() {
        assert!(user(Role::Supervisor).may(Act::Review).is_ok());
        assert!(user(Role::Supervisor).may(Act::DecideConflicts).is_err());
        assert!(user(Role::Administrator).may(Act::DecideConflicts).is_ok());
        assert!(user(Role::Administrator).may(Act::DecideQuarantine).is_ok());
        assert!(user(Role::Supervisor).may(Act::DecideQuarantine).is_err());
        assert!(user(Role::Administrator).may(Act::Review).is_err());
        assert!(user(Role::Supervisor).may(Act::DecideProposals).is_ok());
        assert!(user(Role::Administrator).may(Act::DecideProposals).is_err());
        assert!(user(Role::Inspector).may(Act::Draw).is_err());
        assert!(user(Role::Inspector).may(Act::HandInPackages).is_err());
    }

    #[test]
    fn what_is_outside_the_unit_does_not_exist() {
        let error = user(Role::Supervisor).may_on(Act::Review, "ORG-D2").unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
        assert!(user(Role::Supervisor).may_on(Act::Review, "ORG-D1").is_ok());
    }
}
