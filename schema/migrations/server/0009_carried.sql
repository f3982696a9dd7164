-- What one terminal signed and another one brought: it vouches like the chain of the terminal that signed it.

CREATE TABLE journal_carried (
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    kind TEXT NOT NULL,
    officer TEXT,
    inspection TEXT NOT NULL,
    content BYTEA,
    server_at BIGINT,
    bytes BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    -- The terminal that brought it first.
    carried_by TEXT NOT NULL,
    PRIMARY KEY (org, device, seq, hash)
);
CREATE INDEX journal_carried_by_inspection ON journal_carried (org, inspection, device, seq);
