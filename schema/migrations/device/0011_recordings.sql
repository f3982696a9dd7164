-- Recordings that have not ended: what is known of them, so that what came before a kill becomes a capture all the same.

CREATE TABLE recordings (
    -- The capture that it becomes.
    record BLOB PRIMARY KEY,
    inspection BLOB NOT NULL,
    -- What its file is called until it ends.
    file TEXT NOT NULL,
    -- What is known of it, in JSON: kind, type, item, caption, place.
    facts TEXT NOT NULL,
    -- What its file is called by from its end on, and how long it is; null before.
    digest BLOB,
    size_bytes INTEGER,
    -- 1 when it ends early.
    truncated INTEGER NOT NULL DEFAULT 0 CHECK (truncated IN (0, 1))
) STRICT;
