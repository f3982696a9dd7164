-- What officers propose about the directory, and what becomes of it.

CREATE TABLE proposals (
    -- One row for the words that one change wrote: other words in their place are another proposal.
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    id BYTEA NOT NULL,
    entity TEXT NOT NULL,
    field TEXT NOT NULL,
    -- A `Proposed` in JSON, with who wrote it, where and when.
    body TEXT NOT NULL,
    found_at BIGINT NOT NULL,
    -- Whether they stand in the document: what was decided stays decided when officers write on.
    stands BIGINT NOT NULL,
    -- open, accepted, edited, rejected, met, withdrawn.
    state TEXT NOT NULL,
    closed_at BIGINT,
    -- The decision about it, or about the conflict in which it stood; absent for met and withdrawn.
    decision TEXT,
    decided_by TEXT,
    decided_name TEXT,
    -- What was written into the directory in its place.
    decided_value TEXT,
    reason TEXT,
    PRIMARY KEY (org, inspection, id)
);
CREATE INDEX proposals_by_id ON proposals (org, id);
CREATE INDEX proposals_by_decision ON proposals (org, decision) WHERE decision IS NOT NULL;
CREATE INDEX proposals_waiting ON proposals (org, entity, found_at, id) WHERE state = 'open';
CREATE INDEX proposals_closed ON proposals (org, closed_at, id) WHERE closed_at IS NOT NULL;

-- Conflicts about the directory belong to no visit, and there are more of them every year; few are open.
CREATE INDEX conflicts_open_at ON conflicts (org, inspection, kind, path) WHERE closed_at IS NULL;

CREATE TABLE directory_corrections (
    -- Facts of entities that decisions changed, so that a decision can be taken back.
    org TEXT NOT NULL,
    -- The decision.
    id TEXT NOT NULL,
    entity TEXT NOT NULL,
    field TEXT NOT NULL,
    -- Absent where the directory said nothing.
    former TEXT,
    value TEXT,
    corrected_at BIGINT NOT NULL,
    PRIMARY KEY (org, id)
);
