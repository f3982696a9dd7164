-- What is asked of one capture, or in every round, is found without walking through all captures.

CREATE INDEX evidence_by_digest ON evidence (digest);
CREATE INDEX evidence_unsent ON evidence (inspection, size_bytes) WHERE receipt IS NULL;
CREATE INDEX receipts_by_time ON receipts (at);
-- `changes_by_receipt` begins like it.
DROP INDEX changes_held;
-- What of a visit has no receipt is counted without reading the changes.
DROP INDEX changes_open;
CREATE INDEX changes_open ON changes (inspection, entry, outcome) WHERE own = 1 AND receipt IS NULL;
