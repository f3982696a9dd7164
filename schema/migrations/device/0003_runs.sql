-- One journal entry for many changes: who wrote a change, as which of its writer's; null in those from before.

ALTER TABLE changes ADD COLUMN actor BLOB;
ALTER TABLE changes ADD COLUMN seq INTEGER;
-- What no entry covers yet: a visit's last minute, hardly ever more.
CREATE INDEX changes_unsigned ON changes (ordinal) WHERE own = 1 AND entry IS NULL;

-- Whole documents that were sent as parcels of changes: a receipt for one names all own changes of the visit that have
-- this receipt.
CREATE TABLE parcels (
    digest BLOB NOT NULL PRIMARY KEY,
    inspection BLOB NOT NULL,
    receipt BLOB NOT NULL
) STRICT;
CREATE INDEX changes_by_receipt ON changes (inspection, receipt) WHERE own = 1 AND receipt IS NOT NULL;

-- Documents that came whole and were not opened here yet: their changes are in the snapshot and nowhere else.
CREATE TABLE folded (
    inspection BLOB NOT NULL PRIMARY KEY,
    -- Where the changes come from, as it was told.
    origins BLOB NOT NULL
) STRICT;

-- Inspections of which changes are missing here: the server is asked for them.
CREATE TABLE wanted (
    inspection BLOB NOT NULL PRIMARY KEY
) STRICT;

-- Where a feed had been read to its end for the last time.
ALTER TABLE cursors ADD COLUMN since INTEGER;
