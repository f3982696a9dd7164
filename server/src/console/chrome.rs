//! What stands around every page of the console: who is signed in, where one can go, what waits there.

use super::gate::Seat;
use crate::policy::{Act, User};

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

/// Every place: name, path, icon, and what one must be allowed to do there.
const PLACES: &[(&str, &str, &str, Act)] = &[
    ("inbox", "/console", "inbox", Act::ReadInspections),
    ("plans", "/console/plans", "dice-5", Act::ReadPlans),
    ("directory", "/console/units", "building-community", Act::ReadDirectory),
    ("checklists", "/console/checklists", "checklist", Act::ReadDirectory),
    ("laws", "/console/laws", "scale", Act::ReadDirectory),
    ("devices", "/console/devices", "device-mobile", Act::ManageDevices),
    ("users", "/console/users", "users", Act::ManageUsers),
    ("audit", "/console/audit", "history", Act::ReadAudit),
    ("password", "/console/password", "key", Act::ReadDirectory),
];

impl Chrome {
    /// Around the page that belongs to the place `current`.
    pub(crate) fn new(seat: &Seat, current: &str) -> Self {
        let user = seat.actor.user.clone();
        let allowed = PLACES.iter().filter(|(_, _, _, act)| user.may(*act).is_ok());
        let places = allowed
            .map(|(name, path, icon, _)| Place { name, path, icon, current: *name == current, count: None })
            .collect();
        Self { user, places, token: seat.token.clone(), here: seat.here.clone() }
    }
}
