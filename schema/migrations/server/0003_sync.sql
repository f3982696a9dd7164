-- Judging apart from receipts, and what people decide about changes that are held apart.

CREATE TABLE judging (
    -- Inspections whose judging failed: they are tried again later, and shown until it succeeds.
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (org, inspection)
);

-- The last decision about a change that is held apart: accept, keep.
ALTER TABLE inbox ADD COLUMN decision TEXT;
ALTER TABLE inbox ADD COLUMN decided_at BIGINT;
ALTER TABLE inbox ADD COLUMN decided_by TEXT;
ALTER TABLE inbox ADD COLUMN reason TEXT;
-- Its record in the audit trail. Whoever decides again names the decision that is replaced: times can be equal.
ALTER TABLE inbox ADD COLUMN decision_id TEXT;
CREATE INDEX inbox_apart ON inbox (org, received_at, inspection, device, item) WHERE state = 'quarantined';
CREATE INDEX inbox_decided ON inbox (org, decided_at, inspection, device, item) WHERE decided_at IS NOT NULL;
-- The decisions about one subject are read from the trail.
CREATE INDEX audit_by_subject ON audit (org, subject, at, id);
