//! A terminal as full as one gets: a thousand visits, five thousand entities.

use crate::world::World;
use fieldproof_schema::document::{EntitySnapshot, Identity, TemplatePin};
use fieldproof_schema::ids::{CaseId, EntityId, InspectionId, OfficerId};
use fieldproof_schema::reference::EntityRow;
use fieldproof_schema::wire::row::RowKind;
use fieldproof_server::app::App;
use fieldproof_server::db::Tx;
use fieldproof_server::documents;
use fieldproof_server::error::ApiError;
use fieldproof_server::store::entities::{self, Entity};
use fieldproof_server::store::feeds;

/// Visits.
pub(super) const INSPECTIONS: usize = 1000;
/// Entities.
pub(super) const ENTITIES: usize = 5000;
/// What is stored in one transaction.
const BATCH: usize = 500;
/// The district that everything is in.
const UNIT: &str = "ORG-D2";

/// Gives an officer many entities, and visits like the one that is there to the first of them.
///
/// # Errors
/// When the server does not take them.
pub async fn fill(
    world: &World,
    like: InspectionId,
    officer: OfficerId,
    visits: usize,
) -> Result<(), ApiError> {
    let app = &world.app;
    let org = app.org().await?;
    let view = documents::view(app, org, like).await?;
    let rows: Vec<EntityRow> =
        (0..ENTITIES.max(visits)).map(|n| entity(app, &view.identity.entity, n)).collect();
    for batch in rows.chunks(BATCH) {
        let batch = batch.to_vec();
        app.db
            .write(move |tx| {
                for row in &batch {
                    entities::put(tx, org, &Entity { row: row.clone(), unit_code: UNIT.to_owned() })?;
                    tx.publish(
                        org,
                        &feeds::of_officer(officer),
                        RowKind::Entity.as_str(),
                        &row.id.to_string(),
                    );
                }
                Ok::<_, ApiError>(())
            })
            .await?;
    }
    let TemplatePin { id, revision, .. } = view.identity.template.clone();
    let reader = app.clone();
    let template = app.db.read(move |tx| reader.templates.get(tx, org, &id, &revision)).await?;
    for batch in rows[..visits.min(rows.len())].chunks(BATCH) {
        let mut begun = Vec::with_capacity(batch.len());
        for row in batch {
            let now = app.now();
            let identity = Identity {
                inspection: InspectionId::new(now, app.random()),
                case: CaseId::new(now, app.random()),
                task: None,
                entity: snapshot(row),
                ..view.identity.clone()
            };
            begun.push((documents::prepare(identity, &template, now)?, now));
        }
        let create = move |tx: &mut Tx<'_>| {
            begun.iter().try_for_each(|(new, now)| documents::create(tx, org, new, UNIT, *now))
        };
        app.db.write(create).await?;
    }
    Ok(())
}

fn entity(app: &App, like: &EntitySnapshot, n: usize) -> EntityRow {
    EntityRow {
        id: EntityId::new(app.now(), app.random()),
        code: format!("M-{n:04}"),
        name: format!("{} {n}", like.name),
        uscc: None,
        address: like.address.clone(),
        fields: like.fields.clone(),
    }
}

fn snapshot(row: &EntityRow) -> EntitySnapshot {
    EntitySnapshot {
        id: row.id,
        name: row.name.clone(),
        uscc: row.uscc.clone(),
        address: row.address.clone(),
        fields: row.fields.clone(),
    }
}
