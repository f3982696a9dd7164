//! Numbers of documents that were used in the visits here: made again from a visit's document whenever that is read. What a
//! visit used stays when it is deleted here, so that it is not given again.

use super::columns::{id, id_or_none};
use crate::error::ClientError;
use fieldproof_schema::conflict::Origin;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::numbering::{Number, Series, Use, UseState};
use rusqlite::{Connection, Row, params};
use std::collections::BTreeSet;

/// Replaces what a visit uses.
pub(crate) fn put(tx: &Connection, inspection: InspectionId, uses: &[Use]) -> Result<(), ClientError> {
    tx.prepare_cached("DELETE FROM number_uses WHERE inspection = ?1")?.execute([inspection.as_bytes()])?;
    let mut statement = tx.prepare_cached(
        "INSERT OR REPLACE INTO number_uses (inspection, record, unit, form, year, serial, text, block, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for one in uses {
        let Series { unit, form, year } = &one.number.series;
        statement.execute(params![
            inspection.as_bytes(),
            one.record.as_bytes(),
            unit,
            form,
            year,
            one.number.serial,
            one.text,
            one.block.as_ref().map(|block| block.as_bytes()),
            one.state.as_str()
        ])?;
    }
    Ok(())
}

/// The numbers of a series that are used, whatever became of their documents.
pub(crate) fn used(conn: &Connection, series: &Series) -> Result<BTreeSet<u32>, ClientError> {
    let mut statement =
        conn.prepare_cached("SELECT serial FROM number_uses WHERE unit = ?1 AND form = ?2 AND year = ?3")?;
    let rows = statement.query_map(params![series.unit, series.form, series.year], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every use of a number.
pub(crate) fn of_number(conn: &Connection, number: &Number) -> Result<Vec<Use>, ClientError> {
    let Series { unit, form, year } = &number.series;
    let mut statement = conn.prepare_cached(
        "SELECT inspection, record, unit, form, year, serial, text, block, state FROM number_uses
         WHERE unit = ?1 AND form = ?2 AND year = ?3 AND serial = ?4 ORDER BY inspection, record",
    )?;
    let rows = statement.query_map(params![unit, form, year, number.serial], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Use> {
    let state: String = row.get(8)?;
    Ok(Use {
        inspection: id(row, 0)?,
        record: id(row, 1)?,
        number: Number {
            series: Series { unit: row.get(2)?, form: row.get(3)?, year: row.get(4)? },
            serial: row.get(5)?,
        },
        text: row.get(6)?,
        block: id_or_none(row, 7)?,
        state: UseState::find(&state).ok_or(rusqlite::Error::InvalidQuery)?,
        origin: Origin::default(),
    })
}
