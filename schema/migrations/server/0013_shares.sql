-- How much one device may bring: in all, on one day, and of what is not part of the record.

CREATE TABLE device_days (
    -- What was taken of a device on one day, by the server's clock; day 0 stands for everything from before it was counted.
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    -- Days since 1970 (UTC).
    day BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    entry_bytes BIGINT NOT NULL,
    changes BIGINT NOT NULL,
    change_bytes BIGINT NOT NULL,
    evidence_bytes BIGINT NOT NULL,
    PRIMARY KEY (org, device, day)
);
INSERT INTO device_days (org, device, day, entries, entry_bytes, changes, change_bytes, evidence_bytes)
SELECT org, device, 0, COUNT(*), CAST(SUM(LENGTH(bytes)) AS BIGINT), 0, 0, 0 FROM journal_entries GROUP BY org, device;

-- As the entry says it; 0 for those from before, whose originals are not counted.
ALTER TABLE captures_apart ADD COLUMN size_bytes BIGINT NOT NULL DEFAULT 0;
CREATE INDEX captures_apart_held ON captures_apart (org, device, size_bytes) WHERE held_at IS NOT NULL;
