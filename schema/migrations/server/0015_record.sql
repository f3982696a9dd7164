-- The record, run by run: what one writer brought at once is one row and not sixty.

CREATE TABLE record (
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    -- Of the first change in the row: in the order of acceptance, each after its predecessors.
    position BIGINT NOT NULL,
    -- How many they are. They follow each other, also in their writer's count.
    amount BIGINT NOT NULL,
    actor BYTEA NOT NULL,
    -- The writer's own count at the first; null in changes from before 0004, which stand alone.
    seq BIGINT,
    device TEXT,
    officer TEXT,
    entry BYTEA,
    -- As they were written, one behind the other.
    bytes BYTEA NOT NULL,
    written_earliest BIGINT,
    written_latest BIGINT,
    accepted_at BIGINT NOT NULL,
    PRIMARY KEY (org, inspection, position)
);
INSERT INTO record (org, inspection, position, amount, actor, seq, device, officer, entry, bytes,
  written_earliest, written_latest, accepted_at)
SELECT org, inspection, position, 1, actor, seq, device, officer, entry, bytes,
  written_earliest, written_latest, accepted_at FROM changes;
DROP TABLE changes;
ALTER TABLE record RENAME TO changes;
