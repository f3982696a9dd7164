-- Teams change after the dispatch, and terminals hand over what is no longer theirs to write.

-- Whoever was on a team stays written: from when, where it was not from the dispatch on, and until when.
ALTER TABLE inspection_officers ADD COLUMN joined_at BIGINT;
ALTER TABLE inspection_officers ADD COLUMN left_at BIGINT;

CREATE TABLE captures_apart (
    -- Captures that a terminal declared when it could not add to the visit. Their bytes are taken all the same, so that
    -- nothing of value is on that terminal only; they belong to the visit once people let the declaration in.
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    record TEXT NOT NULL,
    digest BYTEA NOT NULL,
    device TEXT NOT NULL,
    body TEXT NOT NULL,
    declared_at BIGINT NOT NULL,
    -- As in `captures`.
    held_at BIGINT,
    PRIMARY KEY (org, device, inspection, record)
);
CREATE INDEX captures_apart_by_digest ON captures_apart (org, digest, device);
