//! The entities of the directory as they are searched: a view that can be made again from rows.

use super::columns::{count, id, signed};
use crate::error::ClientError;
use fieldproof_schema::ids::EntityId;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::reference::EntityRow;
use fieldproof_schema::wire::row::RowKind;
use rusqlite::{Connection, params};

/// An entity in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) entity: EntityId,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) uscc: String,
    pub(crate) address: String,
    /// Visits to it that this terminal knows.
    pub(crate) visits: u64,
    /// Those of them that nobody has sealed.
    pub(crate) open: u64,
}

/// Takes a row over into the view, when it is about an entity and of a form that this version can read.
pub(crate) fn note(tx: &Connection, kind: &str, body: &[u8]) -> Result<(), ClientError> {
    if RowKind::find(kind) != Some(RowKind::Entity) {
        return Ok(());
    }
    let Ok(row) = serde_json::from_slice::<EntityRow>(body) else { return Ok(()) };
    let mut statement = tx.prepare_cached(
        "INSERT INTO entities (entity, code, name, uscc, address) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (entity) DO UPDATE SET code = excluded.code, name = excluded.name, uscc = excluded.uscc,
           address = excluded.address",
    )?;
    let uscc = row.uscc.unwrap_or_default();
    statement.execute(params![row.id.as_bytes(), row.code, row.name, uscc, row.address])?;
    Ok(())
}

/// Takes an entity out of the view whose row left the scope.
pub(crate) fn forget(tx: &Connection, kind: &str, subject: &str) -> Result<(), ClientError> {
    if RowKind::find(kind) != Some(RowKind::Entity) {
        return Ok(());
    }
    let Ok(entity) = subject.parse::<EntityId>() else { return Ok(()) };
    tx.prepare_cached("DELETE FROM entities WHERE entity = ?1")?.execute([entity.as_bytes()])?;
    Ok(())
}

/// Makes the view anew.
pub(crate) fn rebuild(tx: &Connection) -> Result<(), ClientError> {
    tx.execute("DELETE FROM entities", [])?;
    if planted::is(Bug::RebuildForgets) {
        return Ok(());
    }
    for body in super::rows::bodies(tx, RowKind::Entity)? {
        note(tx, RowKind::Entity.as_str(), body.as_bytes())?;
    }
    Ok(())
}

/// Those whose name, code, credit code or address has `words` in it, by name; and how many there are in all.
pub(crate) fn search(
    conn: &Connection,
    words: &str,
    from: u64,
    limit: u64,
) -> Result<(Vec<Found>, u64), ClientError> {
    const MATCH: &str = "name LIKE ?1 ESCAPE '\\' OR code LIKE ?1 ESCAPE '\\' OR uscc LIKE ?1 ESCAPE '\\'
        OR address LIKE ?1 ESCAPE '\\'";
    let pattern = contains(words);
    let mut statement = conn.prepare_cached(&format!("SELECT COUNT(*) FROM entities WHERE {MATCH}"))?;
    let total = statement.query_row([&pattern], |row| count(row, 0))?;
    let mut statement = conn.prepare_cached(&format!(
        "SELECT e.entity, e.code, e.name, e.uscc, e.address,
           (SELECT COUNT(*) FROM inspections i WHERE i.entity = e.entity),
           (SELECT COUNT(*) FROM inspections i WHERE i.entity = e.entity
              AND i.state IN ('dispatched', 'in_progress', 'returned'))
         FROM (SELECT * FROM entities WHERE {MATCH} ORDER BY name, entity LIMIT ?2 OFFSET ?3) e
         ORDER BY e.name, e.entity"
    ))?;
    let rows = statement.query_map(params![pattern, signed(limit), signed(from)], |row| {
        Ok(Found {
            entity: id(row, 0)?,
            code: row.get(1)?,
            name: row.get(2)?,
            uscc: row.get(3)?,
            address: row.get(4)?,
            visits: count(row, 5)?,
            open: count(row, 6)?,
        })
    })?;
    Ok((rows.collect::<Result<_, _>>()?, total))
}

/// A pattern that finds a text anywhere.
pub(crate) fn contains(words: &str) -> String {
    let mut pattern = String::with_capacity(words.len() + 2);
    pattern.push('%');
    for c in words.trim().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_is_no_pattern() {
        assert_eq!(contains(" 50%_a\\ "), "%50\\%\\_a\\\\%");
        assert_eq!(contains(""), "%%");
    }
}
