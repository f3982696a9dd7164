-- Numbers of documents: what was leased to terminals, what was used, and what was decided about it after a seal.

CREATE TABLE number_series (
    -- How far the numbers of a unit, a form and a year were given out.
    org TEXT NOT NULL,
    unit_code TEXT NOT NULL,
    form TEXT NOT NULL,
    year BIGINT NOT NULL,
    last_serial BIGINT NOT NULL,
    PRIMARY KEY (org, unit_code, form, year)
);

CREATE TABLE number_blocks (
    -- Consecutive numbers that were given out together. They are never given out again.
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    unit_code TEXT NOT NULL,
    form TEXT NOT NULL,
    year BIGINT NOT NULL,
    first_serial BIGINT NOT NULL,
    last_serial BIGINT NOT NULL,
    -- To which terminal, and whose it was; none for what the server gave or passed over itself.
    device TEXT,
    officer TEXT,
    -- How long the terminal's journal was, as the server held it.
    at_entry BIGINT NOT NULL,
    leased_at BIGINT NOT NULL,
    -- Since when no number of it is given any more, and why: spent, lost_sight, moved, revoked, taken_back, restored.
    closed_at BIGINT,
    closed_why TEXT,
    -- In the words of whoever took it back.
    closed_note TEXT,
    PRIMARY KEY (org, id)
);
CREATE INDEX number_blocks_open ON number_blocks (org, device) WHERE closed_at IS NULL;
CREATE INDEX number_blocks_by_serial ON number_blocks (org, unit_code, form, year, first_serial);

CREATE TABLE number_uses (
    -- One row for each number that a paper form has or had.
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    record TEXT NOT NULL,
    unit_code TEXT NOT NULL,
    form TEXT NOT NULL,
    year BIGINT NOT NULL,
    serial BIGINT NOT NULL,
    spelled TEXT NOT NULL,
    -- Out of which block; none for one that was typed.
    block TEXT,
    -- The terminal that first wrote it; none for the server.
    device TEXT,
    -- An `Origin` in JSON.
    origin TEXT NOT NULL,
    known_at BIGINT NOT NULL,
    -- standing, void, corrected.
    state TEXT NOT NULL,
    -- 1 where a decision beside a seal says so, and not the document.
    beside BIGINT NOT NULL,
    -- 1 where people decided that it stands outside its lease.
    allowed BIGINT NOT NULL,
    PRIMARY KEY (org, inspection, record, unit_code, form, year, serial)
);
CREATE INDEX number_uses_by_number ON number_uses (org, unit_code, form, year, serial);

CREATE TABLE number_corrections (
    -- What was decided about the number of a paper form after it was sealed.
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    record TEXT NOT NULL,
    decision TEXT NOT NULL,
    -- A `PaperCorrection` in JSON.
    body TEXT NOT NULL,
    PRIMARY KEY (org, inspection, record)
);
CREATE INDEX number_corrections_by_decision ON number_corrections (org, decision);
