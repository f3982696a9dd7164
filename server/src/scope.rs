//! What a terminal may read, write and upload: the one place that decides, and what is not allowed here is not.
//!
//! A terminal's scope is its officer's: the visits on whose team the officer is now, what belongs to them, the entities of
//! the officer's region, and what everybody has. A terminal that was revoked still hands over what it holds, which is held
//! apart; it is given what became of that, and nothing else.

use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::store::captures::{self, Declared};
use crate::store::captures_apart;
use crate::store::devices::{self, Device};
use crate::store::{entities, feeds, inspections, rows, scope, tasks};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::server::{NOBODY, SERVER};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;
use std::collections::{BTreeMap, BTreeSet};

/// The scope of one terminal, for one transaction: what it looked up once it does not look up again.
#[derive(Debug)]
pub struct DeviceScope {
    org: OrgId,
    device: DeviceId,
    officer: OfficerId,
    in_use: bool,
    units: Option<BTreeSet<String>>,
    visits: BTreeMap<InspectionId, bool>,
}

impl DeviceScope {
    /// The scope of a terminal. One that is not known is not in use.
    pub fn of(tx: &mut Tx<'_>, actor: &DeviceActor) -> Result<Self, DbError> {
        let known = devices::find(tx, actor.org, actor.id)?;
        Ok(Self::when_known(actor, known.as_ref()))
    }

    /// The same for a terminal that was looked up in this transaction.
    pub fn when_known(actor: &DeviceActor, known: Option<&Device>) -> Self {
        Self {
            org: actor.org,
            device: actor.id,
            officer: actor.officer,
            in_use: known.is_some_and(|known| known.revoked_at.is_none()),
            units: None,
            visits: BTreeMap::new(),
        }
    }

    /// The scope of what the server wrote itself: every visit.
    pub fn of_server(org: OrgId) -> Self {
        Self { org, device: SERVER, officer: NOBODY, in_use: true, units: None, visits: BTreeMap::new() }
    }

    /// Whether the terminal is in use, and not revoked.
    pub fn is_in_use(&self) -> bool {
        self.in_use
    }

    /// The feeds that it reads: checklists and own work first, so that today's tasks come before the region's directory.
    pub fn feeds(&mut self, tx: &mut Tx<'_>) -> Result<Vec<String>, DbError> {
        let own = feeds::of_device(self.device);
        if !self.in_use {
            return Ok(vec![own]);
        }
        let mut all = vec![feeds::EVERYONE.to_owned(), feeds::of_officer(self.officer), own];
        all.extend(self.units(tx)?.iter().map(|unit| feeds::of_unit(unit)));
        Ok(all)
    }

    /// Whether it is given the row of this kind about `subject`. What it is not given is gone for it.
    pub fn may_read(&mut self, tx: &mut Tx<'_>, kind: RowKind, subject: &str) -> Result<bool, DbError> {
        if kind == RowKind::Verdict {
            return Ok(rows::verdict_device(subject) == Some(self.device));
        }
        if !self.in_use {
            return Ok(false);
        }
        match kind {
            RowKind::Numbers => Ok(subject.parse().ok() == Some(self.device)),
            RowKind::Officer | RowKind::Template | RowKind::Laws | RowKind::Released => Ok(true),
            RowKind::Entity => self.has_entity(tx, subject),
            RowKind::Task => match tasks::inspection(tx, self.org, subject)? {
                Some(inspection) => self.has_visit(tx, inspection),
                None => Ok(false),
            },
            RowKind::Inspection | RowKind::Change | RowKind::Document => {
                let inspection = subject.split(':').next().and_then(|inspection| inspection.parse().ok());
                inspection.map_or(Ok(false), |inspection| self.has_visit(tx, inspection))
            }
            RowKind::Verdict => Ok(false),
        }
    }

    /// Whether what it writes into a visit counts without anybody deciding about it; otherwise why not.
    pub fn may_write(
        &mut self,
        tx: &mut Tx<'_>,
        inspection: InspectionId,
    ) -> Result<Result<(), ErrorCode>, DbError> {
        Ok(if !self.in_use {
            if planted::is(Bug::RevokedCounts) { Ok(()) } else { Err(ErrorCode::DeviceRevoked) }
        } else if self.has_visit(tx, inspection)? {
            Ok(())
        } else {
            Err(ErrorCode::ChangeOutOfScope)
        })
    }

    /// The capture whose bytes it may upload: one that it journalled itself, also when that is held apart; or one of a visit
    /// on whose team its officer is or was, since a package may have brought the original, and its own terminal may never
    /// come back. Whatever others sent under the same hash does not show.
    pub fn may_upload(&self, tx: &mut Tx<'_>, digest: &Digest) -> Result<Option<Declared>, DbError> {
        let own = match captures::declared(tx, self.org, digest, self.device)? {
            Some(declared) if declared.held_at.is_none() => Some(declared),
            known => captures_apart::declared(tx, self.org, digest, self.device)?
                .filter(|apart| known.is_none() || apart.held_at.is_none())
                .or(known),
        };
        if own.is_some() || !self.in_use {
            return Ok(own);
        }
        captures::declared_to(tx, self.org, digest, self.officer)
    }

    fn has_visit(&mut self, tx: &mut Tx<'_>, inspection: InspectionId) -> Result<bool, DbError> {
        if !self.in_use {
            return Ok(false);
        }
        if let Some(known) = self.visits.get(&inspection) {
            return Ok(*known);
        }
        let found = match self.device {
            SERVER => inspections::find(tx, self.org, inspection)?.is_some(),
            _ => inspections::is_on_team(tx, self.org, inspection, self.officer)?,
        };
        self.visits.insert(inspection, found);
        Ok(found)
    }

    fn has_entity(&mut self, tx: &mut Tx<'_>, subject: &str) -> Result<bool, DbError> {
        let Ok(entity) = subject.parse() else { return Ok(false) };
        let Some(unit) = entities::unit(tx, self.org, entity)? else { return Ok(false) };
        Ok(self.units(tx)?.contains(&unit) || inspections::visits(tx, self.org, entity, self.officer)?)
    }

    fn units(&mut self, tx: &mut Tx<'_>) -> Result<&BTreeSet<String>, DbError> {
        let known = match self.units.take() {
            Some(known) => known,
            None => scope::units_of_officer(tx, self.org, self.officer)?.into_iter().collect(),
        };
        Ok(self.units.insert(known))
    }
}
