-- How far own changes got is said once for all that one entry covers, not change by change: a receipt for a visit of sixty
-- changes writes one row.

CREATE TABLE runs (
    -- The order in which they are offered.
    id INTEGER PRIMARY KEY,
    inspection BLOB NOT NULL,
    -- The journal entry that covers them.
    entry BLOB NOT NULL,
    -- How many changes are of it. Those of which something else is said get a run of their own.
    changes INTEGER NOT NULL,
    -- The receipt that names them; without one they are offered again, unless they were refused for good.
    receipt BLOB,
    outcome TEXT,
    code TEXT
) STRICT;
INSERT INTO runs (inspection, entry, changes, receipt, outcome, code)
SELECT inspection, entry, COUNT(*), receipt, outcome, code FROM changes WHERE own = 1 AND entry IS NOT NULL
GROUP BY inspection, entry, receipt, outcome, code ORDER BY MIN(ordinal);
CREATE INDEX runs_by_inspection ON runs (inspection, id);
CREATE INDEX runs_by_entry ON runs (entry);

CREATE TABLE kept (
    -- The order of arrival here.
    ordinal INTEGER PRIMARY KEY,
    inspection BLOB NOT NULL,
    change BLOB NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    -- 1 when this store wrote it.
    own INTEGER NOT NULL CHECK (own IN (0, 1)),
    -- The run that an own change is of; null until an entry covers it, and for what others wrote.
    run INTEGER,
    -- The journal entry that covers it, where others wrote it.
    entry BLOB,
    device BLOB,
    officer BLOB,
    -- What this device's clock said; for own changes.
    device_at INTEGER,
    -- The interval that the server vouches for.
    earliest INTEGER,
    latest INTEGER,
    -- 1 while its predecessors are not here: part of the record, not yet of the document.
    waiting INTEGER NOT NULL CHECK (waiting IN (0, 1)),
    -- Who wrote it, as which of its own; null in those from before runs until the store is opened.
    actor BLOB,
    seq INTEGER,
    bytes BLOB NOT NULL,
    UNIQUE (inspection, change)
) STRICT;
INSERT INTO kept (ordinal, inspection, change, digest, own, run, entry, device, officer, device_at, earliest, latest,
  waiting, actor, seq, bytes)
SELECT c.ordinal, c.inspection, c.change, c.digest, c.own,
  CASE WHEN c.own = 1 THEN (SELECT r.id FROM runs r WHERE r.entry = c.entry AND r.inspection = c.inspection
    AND r.receipt IS c.receipt AND r.outcome IS c.outcome AND r.code IS c.code) END,
  CASE WHEN c.own = 0 THEN c.entry END,
  c.device, c.officer, c.device_at, c.earliest, c.latest, c.waiting, c.actor, c.seq, c.bytes
FROM changes c ORDER BY c.ordinal;
DROP TABLE changes;
ALTER TABLE kept RENAME TO changes;

CREATE INDEX changes_in_order ON changes (inspection, ordinal, own);
CREATE INDEX changes_waiting ON changes (inspection) WHERE waiting = 1;
CREATE INDEX changes_by_run ON changes (run) WHERE run IS NOT NULL;
-- What no entry covers yet: a visit's last minute, hardly ever more.
CREATE INDEX changes_unsigned ON changes (ordinal, inspection) WHERE own = 1 AND run IS NULL;
CREATE INDEX runs_open ON runs (id, inspection, outcome, changes) WHERE receipt IS NULL;
CREATE INDEX runs_apart ON runs (outcome, changes) WHERE outcome IN ('waiting', 'quarantined', 'refused');
