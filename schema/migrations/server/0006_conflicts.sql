-- Every kind of conflict is decided, and every decision stays.

-- Whose conflict it is, so that one without a visit is listed too, and whether reviews wait for it.
ALTER TABLE conflicts ADD COLUMN unit_code TEXT;
ALTER TABLE conflicts ADD COLUMN blocks BIGINT NOT NULL DEFAULT 1;
UPDATE conflicts SET unit_code =
    (SELECT i.unit_code FROM inspections i WHERE i.org = conflicts.org AND i.id = conflicts.inspection);
CREATE INDEX conflicts_by_id ON conflicts (org, id);

CREATE TABLE conflict_decisions (
    -- What was decided about conflicts, in order; `conflicts.resolution` is what stands.
    org TEXT NOT NULL,
    conflict BYTEA NOT NULL,
    -- From 1; two decisions can bear the same moment.
    position BIGINT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- Absent for what the team settled on its terminals.
    user_id TEXT,
    user_name TEXT NOT NULL,
    -- team, administrator.
    capacity TEXT NOT NULL,
    choice TEXT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- The decision that this one takes back.
    undoes TEXT,
    PRIMARY KEY (org, conflict, position)
);

CREATE TABLE case_links (
    -- Visits that belong to one case although their first changes name two: those cannot be written again.
    org TEXT NOT NULL,
    case_id TEXT NOT NULL,
    linked_case TEXT NOT NULL,
    -- The decision that says so.
    decision TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    -- When that decision was taken back.
    ended_at BIGINT,
    PRIMARY KEY (org, case_id, linked_case, decision)
);
CREATE INDEX case_links_by_other ON case_links (org, linked_case, case_id);

-- From when on the bytes of a capture are waited for: its declaration, or the last request for it.
ALTER TABLE captures ADD COLUMN asked_at BIGINT;
UPDATE captures SET asked_at = (SELECT MIN(j.received_at) FROM journal_entries j
    WHERE j.org = captures.org AND j.content = captures.digest AND j.device = captures.device);
CREATE INDEX captures_missing ON captures (org, asked_at, inspection, record) WHERE held_at IS NULL;
CREATE INDEX inspections_by_entity ON inspections (org, entity, id);
