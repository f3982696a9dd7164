-- What pages ask of the store: entities with the visits to them, and records counted by how far they got.

-- Whose visit it is; null until the view is made again.
ALTER TABLE inspections ADD COLUMN entity BLOB;
CREATE INDEX inspections_by_entity ON inspections (entity) WHERE entity IS NOT NULL;

CREATE TABLE entities (
    -- A view of the rows of that kind, for searching; made again from them.
    entity BLOB NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    uscc TEXT NOT NULL,
    address TEXT NOT NULL
) STRICT;
CREATE INDEX entities_by_name ON entities (name, entity);

-- Counting what the server holds must not read the changes themselves: pages ask every few seconds.
CREATE INDEX changes_held ON changes (inspection) WHERE own = 1 AND receipt IS NOT NULL;
CREATE INDEX changes_open ON changes (inspection, entry) WHERE own = 1 AND receipt IS NULL;
CREATE INDEX changes_apart ON changes (outcome) WHERE outcome IN ('waiting', 'quarantined', 'refused');
CREATE INDEX journal_apart ON journal (outcome) WHERE outcome IN ('waiting', 'quarantined', 'refused');
CREATE INDEX journal_sealed ON journal (inspection, receipt) WHERE kind = 'sealed';
