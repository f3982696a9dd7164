-- Who keeps shares of the keys of terminals, so that a forgotten passphrase loses nothing.

CREATE TABLE custodians (
    org TEXT NOT NULL,
    officer TEXT NOT NULL,
    -- For whose terminals: those of this unit and of everything below it.
    unit TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at BIGINT NOT NULL,
    -- Another administrator; none until then, and nothing is shared before.
    confirmed_by TEXT,
    confirmed_at BIGINT,
    PRIMARY KEY (org, officer)
);
CREATE INDEX custodians_by_unit ON custodians (org, unit, officer);
-- What shares for its officer are sealed to, where she is a custodian.
ALTER TABLE devices ADD COLUMN custody_key BYTEA;
