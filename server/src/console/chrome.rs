//! What stands around every page of the console: who is signed in, where one can go, what waits there.

use super::gate::Seat;
use super::inbox;
use crate::db::{DbError, Tx};
use crate::policy::{Act, Role, User};
use crate::store::originals::{self, Standing};
use crate::store::worklist::{self, Waits};
use crate::store::{conflicts, proposals, quarantine};
use fieldproof_schema::ids::OrgId;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// One place to go.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its name, under which the catalogues hold `console.<name>`.
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) current: bool,
    /// How much waits there; none where nothing is counted.
    pub(crate) count: Option<i64>,
}

/// What stands around a page. Templates see it as `c`.
#[derive(Debug, Clone)]
pub(crate) struct Chrome {
    pub(crate) user: User,
    pub(crate) places: Vec<Place>,
    /// What every form carries in the field `token`.
    pub(crate) token: String,
    /// The address with its query.
    pub(crate) here: String,
}

/// What waits in the scope of a user: the same numbers in the navigation, the inbox and the lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    visits: BTreeMap<Waits, i64>,
    /// Open conflicts.
    pub(crate) conflicts: i64,
    /// Changes that are held apart and wait for a decision; nothing for who decides nothing about them.
    pub(crate) quarantine: i64,
    /// Correction proposals that nobody has decided.
    pub(crate) proposals: i64,
    /// How the originals stand; nothing for who does not look after them.
    pub(crate) originals: Standing,
}

impl Waiting {
    /// Counts what waits on the day `today`.
    pub(super) fn read(tx: &mut Tx<'_>, org: OrgId, user: &User, today: Date) -> Result<Self, DbError> {
        let quarantine = match user.may(Act::DecideQuarantine) {
            Ok(()) => quarantine::open_count(tx, org, user.id)?,
            Err(_) => 0,
        };
        let originals = match user.may(Act::LookAfterOriginals) {
            Ok(()) => originals::standing(tx, org)?,
            Err(_) => Standing::default(),
        };
        Ok(Self {
            originals,
            quarantine,
            visits: worklist::counts(tx, org, user.id, today)?,
            conflicts: conflicts::open_count(tx, org, user.id)?,
            proposals: proposals::waiting_count(tx, org, user.id)?,
        })
    }

    /// How many visits wait for one reason.
    pub(super) fn of(&self, waits: Waits) -> i64 {
        self.visits.get(&waits).copied().unwrap_or_default()
    }

    /// How much is in the inbox of a role.
    fn inbox(&self, role: Role) -> i64 {
        let visits: i64 = inbox::asked(role).iter().map(|waits| self.of(*waits)).sum();
        let disputes = if inbox::decides(role) { self.conflicts + self.quarantine } else { 0 };
        let proposals = if inbox::corrects(role) { self.proposals } else { 0 };
        visits + disputes + proposals
    }
}

/// Every place: name, path, icon, and what one must be allowed to do there.
const PLACES: &[(&str, &str, &str, Act)] = &[
    ("inbox", "/console", "inbox", Act::ReadInspections),
    ("cases", "/console/cases", "clipboard-list", Act::ReadInspections),
    ("conflicts", "/console/conflicts", "arrows-diff", Act::ReadInspections),
    ("proposals", "/console/proposals", "pencil", Act::ReadInspections),
    ("quarantine", "/console/quarantine", "shield-lock", Act::DecideQuarantine),
    ("packages", "/console/packages", "cloud-up", Act::HandInPackages),
    ("numbers", "/console/numbers", "file-text", Act::ReadInspections),
    ("plans", "/console/plans", "dice-5", Act::ReadPlans),
    ("directory", "/console/units", "building-community", Act::ReadDirectory),
    ("checklists", "/console/checklists", "checklist", Act::ReadDirectory),
    ("laws", "/console/laws", "scale", Act::ReadDirectory),
    ("devices", "/console/devices", "device-mobile", Act::ManageDevices),
    ("originals", "/console/originals", "stack-2", Act::LookAfterOriginals),
    ("users", "/console/users", "users", Act::ManageUsers),
    ("audit", "/console/audit", "history", Act::ReadAudit),
    ("password", "/console/password", "key", Act::ReadDirectory),
];

impl Chrome {
    /// Around the page that belongs to the place `current`.
    pub(crate) fn new(seat: &Seat, current: &str) -> Self {
        let user = seat.actor.user.clone();
        let count = |name: &str| match name {
            "inbox" => Some(seat.waits.inbox(user.role)),
            "conflicts" => Some(seat.waits.conflicts),
            "proposals" => Some(seat.waits.proposals),
            "quarantine" => Some(seat.waits.quarantine),
            "originals" => Some(i64::try_from(seat.waits.originals.open()).unwrap_or(i64::MAX)),
            _ => None,
        };
        let allowed = PLACES.iter().filter(|(_, _, _, act)| user.may(*act).is_ok());
        let places = allowed
            .map(|(name, path, icon, _)| Place {
                name,
                path,
                icon,
                current: *name == current,
                count: count(name).filter(|count| *count > 0),
            })
            .collect();
        Self { user, places, token: seat.token.clone(), here: seat.here.clone() }
    }

    /// Whether the reader changes teams.
    pub(crate) fn reassigns(&self) -> bool {
        self.user.may(Act::Reassign).is_ok()
    }

    /// Whether the reader decides about what is held apart.
    pub(crate) fn decides_quarantine(&self) -> bool {
        self.user.may(Act::DecideQuarantine).is_ok()
    }
}
