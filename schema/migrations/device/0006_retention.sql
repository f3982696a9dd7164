-- What is settled is kept as one document: the changes of a visit that the server has receipted and taken into the record
-- are in its fold and nowhere else. A document that came whole is a fold that was not opened yet.

CREATE TABLE folds (
    inspection BLOB NOT NULL PRIMARY KEY,
    -- How many of its changes this store wrote.
    own INTEGER NOT NULL,
    -- 0 when the receipts of these do not count any more: they are taken out again and offered.
    held INTEGER NOT NULL CHECK (held IN (0, 1)),
    -- 0 for one that came whole, until somebody opens it or something is added to it.
    opened INTEGER NOT NULL CHECK (opened IN (0, 1)),
    -- Where the changes come from, writer by writer.
    runs BLOB NOT NULL,
    -- Gives every change back byte for byte.
    document BLOB NOT NULL
) STRICT;
INSERT INTO folds (inspection, own, held, opened, runs, document)
SELECT f.inspection, 0, 1, 0, f.origins, d.snapshot FROM folded f JOIN documents d ON d.inspection = f.inspection;
INSERT INTO wanted (inspection) SELECT f.inspection FROM folded f
WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.inspection = f.inspection) ON CONFLICT (inspection) DO NOTHING;
DELETE FROM documents WHERE inspection IN (SELECT inspection FROM folded);
DROP TABLE folded;
ALTER TABLE folds RENAME TO folded;
-- Counting must not read the documents.
CREATE INDEX folded_own ON folded (inspection, held, own) WHERE own > 0;

-- Visits that are this terminal's no more: what is safe elsewhere is deleted.
CREATE INDEX inspections_left ON inspections (inspection) WHERE scoped = 0;

-- Originals that nothing here names any more; their files are removed after the commit that says so.
CREATE TABLE freed (
    digest BLOB NOT NULL PRIMARY KEY
) STRICT;
