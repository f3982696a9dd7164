-- What the pages need beside what the engine kept.

-- A supervisor's comments on single items, by item id (JSON object of texts).
ALTER TABLE decisions ADD COLUMN items TEXT NOT NULL DEFAULT '{}';

-- What the terminal said at its last sync that it had not sent: changes, captures, bytes of captures.
ALTER TABLE devices ADD COLUMN unsent_changes BIGINT;
ALTER TABLE devices ADD COLUMN unsent_evidence BIGINT;
ALTER TABLE devices ADD COLUMN unsent_bytes BIGINT;
