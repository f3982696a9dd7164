//! A file of organisations, officers and entities on its way into the directory.
//!
//! Bad rows never hold up good ones. A row that says what is known already changes nothing and is announced to nobody.

use super::record;
use crate::app::{App, Tenant, blocking};
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::findings;
use crate::store::entities::Entity;
use crate::store::officers::Officer;
use crate::store::scope::{self, Regions};
use crate::store::units::Unit;
use crate::store::{audit, entities, feeds, officers, proposals, units};
use fieldproof_schema::directory::{
    self, OrganisationFile, Parsed, RowError, Section, parse_organisation_rows,
};
use fieldproof_schema::ids::{EntityId, OfficerId, OrgId};
use fieldproof_schema::reference::EntityRow;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Refused rows that one answer lists.
const REFUSED_SHOWN: usize = 1000;

/// Who imports.
#[derive(Debug, Clone)]
pub struct Importer {
    /// As the audit trail names it.
    pub actor: String,
    /// The units that the importer may touch; all of them where it is absent.
    pub scope: Option<BTreeSet<String>>,
}

impl Importer {
    fn may(&self, unit: &str) -> bool {
        self.scope.as_ref().is_none_or(|scope| scope.contains(unit))
    }
}

/// A fault of a row that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Refused {
    /// `organisations`, `officers` or `entities`.
    pub section: String,
    /// Its place in the section, from 1, where it is known.
    pub row: Option<usize>,
    /// The code that the row gives itself.
    pub id: Option<String>,
    /// The field; empty for the row as a whole.
    pub field: String,
    /// A stable name of the fault.
    pub code: String,
    /// The fault in words.
    pub why: String,
}

impl From<&RowError> for Refused {
    fn from(error: &RowError) -> Self {
        Self {
            section: error.section.key().to_owned(),
            row: Some(error.row),
            id: error.id.clone(),
            field: error.field.clone(),
            code: error.problem.code().to_owned(),
            why: error.problem.to_string(),
        }
    }
}

/// What an import did: rows that were good, whether or not they changed anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Imported {
    /// Good rows about organisations.
    pub organisations: usize,
    /// Good rows about officers.
    pub officers: usize,
    /// Good rows about entities.
    pub entities: usize,
    /// Rows that were new or said something new.
    pub changed: usize,
    /// How many faults there are; the list below holds the first of them.
    pub refused_count: usize,
    /// The faults of the rows that were left out.
    pub refused: Vec<Refused>,
}

/// Imports a file.
///
/// # Errors
/// [`ErrorCode::BodyMalformed`] when it is no such file; [`ErrorCode::ImportRowsRefused`] when no row was good.
pub async fn organisation(
    app: &App,
    org: OrgId,
    importer: Importer,
    text: String,
) -> Result<Imported, ApiError> {
    let tenant = app.tenant().await?.clone();
    let known = app.db.read(move |tx| units::all(tx, org)).await?;
    let by = importer.clone();
    let parsed = blocking(move || {
        let usable = |code: &str| known.contains_key(code) && by.may(code);
        parse_organisation_rows(&text, &usable)
    })
    .await?;
    let Parsed { file, errors } = parsed.map_err(|error| {
        ApiError::new(ErrorCode::BodyMalformed).with(json!({"why": crate::error::chain(&error)}))
    })?;
    let refused: Vec<Refused> = errors.iter().map(Refused::from).collect();
    let now = app.now();
    let writer = app.clone();
    let imported = app
        .db
        .write(move |tx| {
            let refused = refused.clone();
            let mut import = Import {
                app: &writer,
                org,
                tenant: &tenant,
                by: &importer,
                done: Imported::default(),
                refused,
                moved: false,
                asked_about: proposals::entities_asked_about(tx, org)?,
            };
            let before = scope::regions(tx, org)?;
            import.file(tx, &file)?;
            import.tell_moved(tx, &before)?;
            let Import { mut done, mut refused, .. } = import;
            done.refused_count = refused.len();
            refused.truncate(REFUSED_SHOWN);
            done.refused = refused;
            if done.changed > 0 {
                let details = json!({
                    "organisations": done.organisations, "officers": done.officers, "entities": done.entities,
                    "changed": done.changed, "refused": done.refused_count,
                });
                let subject = format!("org:{org}");
                audit::insert(
                    tx,
                    org,
                    &record(&writer, &importer.actor, now, "directory.imported", subject, details),
                )?;
            }
            Ok::<_, DbError>(done)
        })
        .await?;
    if imported.organisations + imported.officers + imported.entities == 0 && imported.refused_count > 0 {
        let details = json!({"rows": imported.refused, "count": imported.refused_count});
        return Err(ApiError::new(ErrorCode::ImportRowsRefused).with(details));
    }
    Ok(imported)
}

struct Import<'a> {
    app: &'a App,
    org: OrgId,
    tenant: &'a Tenant,
    by: &'a Importer,
    done: Imported,
    refused: Vec<Refused>,
    /// Whether some officer's region may be another now.
    moved: bool,
    /// Entities about which proposals wait.
    asked_about: BTreeSet<EntityId>,
}

impl Import<'_> {
    /// Tells the terminals of officers who moved what they carry no more. What is in their new region comes with its own
    /// feeds; whatever they lost is looked at once more when it is read, so that who moves back meanwhile keeps it.
    fn tell_moved(&self, tx: &mut Tx<'_>, before: &Regions) -> Result<(), DbError> {
        if !self.moved {
            return Ok(());
        }
        let after = scope::regions(tx, self.org)?;
        for (officer, units) in before.lost(&after) {
            for unit in units {
                for entity in entities::ids_of_unit(tx, self.org, &unit)? {
                    let feed = feeds::of_officer(officer);
                    tx.publish(self.org, &feed, RowKind::Entity.as_str(), &entity.to_string());
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, tx: &mut Tx<'_>, file: &OrganisationFile) -> Result<(), DbError> {
        let known = units::all(tx, self.org)?;
        // Units of the file that end up within the scope: what is below them is, too.
        let mut made: BTreeSet<&str> = BTreeSet::new();
        let mut waiting: Vec<_> = file.organisations.iter().collect();
        loop {
            let (ready, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|unit| self.may_place(unit, &known, &made));
            if ready.is_empty() {
                for unit in later {
                    self.outside(Section::Organisations, &unit.code);
                }
                break;
            }
            for unit in ready {
                self.unit(tx, unit, &known)?;
                made.insert(&unit.code);
            }
            waiting = later;
        }
        for officer in &file.officers {
            if made.contains(officer.org_code.as_str()) || self.by.may(&officer.org_code) {
                self.officer(tx, officer)?;
            } else {
                self.outside(Section::Officers, &officer.code);
            }
        }
        for entity in &file.entities {
            if made.contains(entity.org_code.as_str()) || self.by.may(&entity.org_code) {
                self.entity(tx, entity)?;
            } else {
                self.outside(Section::Entities, &entity.code);
            }
        }
        Ok(())
    }

    /// The unit above: the file's topmost units stand below the organisation itself.
    fn parent(&self, unit: &directory::Organisation) -> Option<String> {
        match &unit.parent {
            _ if unit.code == self.tenant.code => None,
            None => Some(self.tenant.code.clone()),
            Some(parent) => Some(parent.clone()),
        }
    }

    fn may_place(
        &self,
        unit: &directory::Organisation,
        known: &BTreeMap<String, Unit>,
        made: &BTreeSet<&str>,
    ) -> bool {
        let mine = |code: &str| made.contains(code) || self.by.may(code);
        let above = self.parent(unit).is_none_or(|parent| mine(&parent));
        above && (!known.contains_key(&unit.code) || mine(&unit.code))
    }

    fn outside(&mut self, section: Section, code: &str) {
        self.refused.push(Refused {
            section: section.key().to_owned(),
            row: None,
            id: Some(code.to_owned()),
            field: "id".to_owned(),
            code: "outsideScope".to_owned(),
            why: "belongs to a unit outside your scope".to_owned(),
        });
    }

    fn unit(
        &mut self,
        tx: &mut Tx<'_>,
        unit: &directory::Organisation,
        known: &BTreeMap<String, Unit>,
    ) -> Result<(), DbError> {
        let before = known.get(&unit.code);
        let id = before.map_or_else(|| OrgId::new(self.app.now(), self.app.random()), |unit| unit.id);
        let after = Unit {
            id,
            code: unit.code.clone(),
            parent_code: self.parent(unit),
            level: unit.level.clone(),
            kind: unit.kind.clone(),
            name: unit.name.clone(),
            body: serde_json::to_string(unit).expect("directory rows are plain data with text keys"),
        };
        self.done.organisations += 1;
        if before != Some(&after) {
            units::put(tx, self.org, &after)?;
            self.moved |=
                before.is_some_and(|b| (&b.parent_code, &b.kind) != (&after.parent_code, &after.kind));
            self.done.changed += 1;
        }
        Ok(())
    }

    fn officer(&mut self, tx: &mut Tx<'_>, facts: &directory::Officer) -> Result<(), DbError> {
        let before = officers::by_code(tx, self.org, &facts.code)?;
        if before.as_ref().is_some_and(|b| !self.by.may(&b.facts.org_code)) {
            self.outside(Section::Officers, &facts.code);
            return Ok(());
        }
        let id = before.as_ref().map_or_else(|| OfficerId::new(self.app.now(), self.app.random()), |b| b.id);
        let after = Officer { id, facts: facts.clone() };
        self.done.officers += 1;
        if before.as_ref() != Some(&after) {
            officers::put(tx, self.org, &after)?;
            self.moved |= before.is_some_and(|b| b.facts.org_code != after.facts.org_code);
            tx.publish(self.org, feeds::EVERYONE, RowKind::Officer.as_str(), &id.to_string());
            self.done.changed += 1;
        }
        Ok(())
    }

    fn entity(&mut self, tx: &mut Tx<'_>, facts: &directory::Entity) -> Result<(), DbError> {
        let before = entities::by_code(tx, self.org, &facts.code)?;
        if before.as_ref().is_some_and(|b| !self.by.may(&b.unit_code)) {
            self.outside(Section::Entities, &facts.code);
            return Ok(());
        }
        let id =
            before.as_ref().map_or_else(|| EntityId::new(self.app.now(), self.app.random()), |b| b.row.id);
        let after = Entity { row: row(id, facts), unit_code: facts.org_code.clone() };
        self.done.entities += 1;
        if before.as_ref() == Some(&after) {
            return Ok(());
        }
        entities::put(tx, self.org, &after)?;
        // A unit that loses an entity is told, too.
        let units = before.iter().map(|b| &b.unit_code).chain([&after.unit_code]);
        for unit in units {
            tx.publish(self.org, &feeds::of_unit(unit), RowKind::Entity.as_str(), &id.to_string());
        }
        if self.asked_about.contains(&id) {
            findings::entity::look(tx, self.org, id, self.app.now())?;
        }
        self.done.changed += 1;
        Ok(())
    }
}

/// What devices receive: the four facts that have a place of their own, and everything else as the file had it.
fn row(id: EntityId, facts: &directory::Entity) -> EntityRow {
    let fields = match serde_json::to_value(facts) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    };
    let own = ["id", "name", "uscc", "address"];
    EntityRow {
        id,
        code: facts.code.clone(),
        name: facts.name.clone(),
        uscc: facts.uscc.clone(),
        address: facts.address.clone(),
        fields: fields.into_iter().filter(|(name, _)| !own.contains(&name.as_str())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use fieldproof_schema::data;

    fn everything() -> Importer {
        Importer { actor: "system".into(), scope: None }
    }

    #[tokio::test]
    async fn the_sample_city_is_imported_whole_and_a_second_time_changes_nothing() {
        let world = testing::world().await;
        let org = world.app.org().await.unwrap();
        let import = || organisation(&world.app, org, everything(), data::sample_org().to_owned());
        let first = import().await.unwrap();
        assert_eq!((first.organisations, first.officers, first.entities), (56, 12, 200));
        assert_eq!((first.changed, first.refused_count), (268, 0));
        let second = import().await.unwrap();
        assert_eq!((second.entities, second.changed), (200, 0));
    }

    #[tokio::test]
    async fn a_bad_row_holds_up_nobody_and_a_file_without_a_good_row_is_refused() {
        let world = testing::world().await;
        let org = world.app.org().await.unwrap();
        let file = |entities: Value| json!({"entities": entities}).to_string();
        let good = json!({"id": "E1", "name": "浴池", "orgId": testing::CODE, "address": "路1", "specialties": ["school"]});
        let bad = json!({"id": "E2", "name": "浴池", "orgId": "NOWHERE", "address": "路1", "specialties": ["school"]});
        let import = |text: String| organisation(&world.app, org, everything(), text);
        let imported = import(file(json!([good, bad]))).await.unwrap();
        assert_eq!((imported.entities, imported.refused_count), (1, 1));
        assert_eq!(imported.refused[0].code, "unknownOrganisation");
        let error = import(file(json!([bad]))).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::ImportRowsRefused);
        assert_eq!(import("[]".into()).await.unwrap_err().code, ErrorCode::BodyMalformed);
    }

    #[tokio::test]
    async fn an_importer_touches_the_own_scope_only() {
        let world = testing::city().await;
        let org = world.app.org().await.unwrap();
        let units = world.app.db.read(move |tx| units::all(tx, org)).await.unwrap();
        let below = units.into_keys().filter(|code| code == "ORG-D1" || code.starts_with("ORG-D1-"));
        let district = Importer { actor: "system".into(), scope: Some(below.collect()) };
        let mut file: Value = serde_json::from_str(data::sample_org()).unwrap();
        for entity in file["entities"].as_array_mut().unwrap() {
            entity["complaints12m"] = 99.into();
        }
        let done = organisation(&world.app, org, district, file.to_string()).await.unwrap();
        assert_eq!((done.entities, done.changed), (58, 58));
        assert!(done.refused.iter().all(|r| r.code == "outsideScope" || r.code == "unknownOrganisation"));
    }
}
