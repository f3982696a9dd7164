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
