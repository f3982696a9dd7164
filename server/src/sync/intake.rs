//! A request while it is taken in: what became of it so far, and how much room is left.

use super::receive::{CheckedChange, Received};
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::quota::{self, Bounds, Meter, Quota};
use crate::store::inbox;
use crate::store::usage::Amount;
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// A request while it is taken in.
pub struct Intake {
    /// Whose server it is.
    pub org: OrgId,
    /// Who sent it, as it is written down.
    pub by: String,
    /// By the server's clock.
    pub now: Moment,
    /// What became of it so far.
    pub received: Received,
    /// What is durable when the transaction is.
    pub held: Vec<Digest>,
    /// What its sender may still bring.
    pub meter: Meter,
    /// Whether its sender last heard of another epoch, and so does not know where its journal ends here.
    pub is_elsewhere: bool,
}

impl Intake {
    /// For what a person hands in: everything in it is somebody else's, and nobody's journal goes on with it. How much that
    /// may be is bounded by the file: no terminal's day pays for it, and none stands in its way.
    pub fn by_hand(org: OrgId, by: String, epoch: Digest, now: Moment) -> Self {
        let most = Amount { items: u64::MAX, bytes: u64::MAX };
        let meter = Meter::new(Bounds { entries: most, day: most, ..Bounds::default() }, Default::default());
        let received = Received::nothing(epoch);
        Self { org, by, now, received, held: Vec::new(), meter, is_elsewhere: false }
    }
}

/// How much of a device's share is left.
pub struct Share<'a> {
    quota: &'a Quota,
    backlog: Amount,
    /// What somebody else brings may fill half of it: the rest is for the device itself, whatever is brought in its name.
    weight: u64,
}

impl<'a> Share<'a> {
    /// For what `device` sends.
    pub fn of(
        tx: &mut Tx<'_>,
        quota: &'a Quota,
        device: &DeviceActor,
        changes: &[CheckedChange],
    ) -> Result<Self, DbError> {
        let backlog = match changes {
            [] => Amount::default(),
            _ => inbox::backlog(tx, device.org, device.id)?,
        };
        Ok(Self { quota, backlog, weight: 1 })
    }

    /// For what somebody else brings of it.
    pub fn of_carried(self) -> Self {
        Self { weight: 2, ..self }
    }

    /// Counts something in, where there is room for it.
    pub fn takes(&mut self, bytes: u64) -> bool {
        let weighed = Amount {
            items: self.backlog.items.saturating_mul(self.weight),
            bytes: self.backlog.bytes.saturating_mul(self.weight),
        };
        let fits = quota::has_room(weighed, bytes.saturating_mul(self.weight), self.quota.bounds().backlog);
        if fits {
            self.backlog.add(bytes);
        }
        fits
    }
}
