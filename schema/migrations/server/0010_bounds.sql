-- How new terminals must be to be given rows, what they said that they are; what a fresh one is given first.

CREATE TABLE floors (
    org TEXT NOT NULL,
    -- Counts up; the highest counts. Floors are only added.
    version BIGINT NOT NULL,
    -- What was signed, and the signature.
    bytes BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    set_at BIGINT NOT NULL,
    -- `user:…` or `system`; `device:…` where a terminal brought back one that this database had lost.
    set_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (org, version)
);

-- As said with the last request; null before, and the program where the terminal does not say.
ALTER TABLE devices ADD COLUMN protocol BIGINT;
ALTER TABLE devices ADD COLUMN program TEXT;
-- A fresh terminal is given the visits under way first: those of an officer are asked for without walking through all.
CREATE INDEX inspection_officers_by_officer ON inspection_officers (org, officer, inspection);
-- What a device has sent and is not part of the record is counted whenever it sends more.
CREATE INDEX inbox_backlog ON inbox (org, device) WHERE state <> 'accepted';
