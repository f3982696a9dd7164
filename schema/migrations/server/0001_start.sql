-- The server's first schema. One text for SQLite and PostgreSQL: columns are BIGINT, TEXT or BYTEA; moments are
-- microseconds since 1970 (UTC); flags are 0 or 1; ids are UUID texts; digests and keys are one suite byte and the value;
-- JSON is opaque text, and what is searched is a column of its own. Every table begins with the key of the organisation.

CREATE TABLE tenants (
    org TEXT NOT NULL PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- Drawn at creation and after every restore; cursors of another epoch count for nothing.
    epoch BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- Units of the organisation: regions, authorities, enforcement bodies, township stations.
CREATE TABLE units (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    code TEXT NOT NULL,
    parent_code TEXT,
    level TEXT NOT NULL,
    -- region, authority, enforcement, assistance, label.
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, code)
);

CREATE TABLE officers (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    code TEXT NOT NULL,
    unit_code TEXT NOT NULL,
    name TEXT NOT NULL,
    certificate TEXT NOT NULL,
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    body TEXT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, code)
);

CREATE TABLE entities (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    code TEXT NOT NULL,
    unit_code TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The name as it is searched: lower case, without blanks.
    folded TEXT NOT NULL,
    uscc TEXT,
    address TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, code)
);
CREATE INDEX entities_by_name ON entities (org, folded, id);

-- Checklists, one row per revision; a revision never changes.
CREATE TABLE templates (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    revision TEXT NOT NULL,
    hash BYTEA NOT NULL,
    title TEXT NOT NULL,
    withdrawn_at BIGINT,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, id, revision)
);

-- The register of laws and provisions, as imported; the newest counts.
CREATE TABLE law_registers (
    org TEXT NOT NULL,
    hash BYTEA NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, hash)
);

-- Provisions that the legal reviewer released for documents and automatic verdicts.
CREATE TABLE released_provisions (
    org TEXT NOT NULL,
    provision TEXT NOT NULL,
    released_by TEXT NOT NULL,
    released_at BIGINT NOT NULL,
    PRIMARY KEY (org, provision)
);

CREATE TABLE users (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    -- The unit whose records the user may see, with everything below it.
    unit_code TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, login)
);

CREATE TABLE user_sessions (
    org TEXT NOT NULL,
    -- The hash of the token; the token itself is with the user only.
    token BYTEA NOT NULL,
    user_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (org, token)
);

-- Failed sign-ins, enrolments and challenges, counted per account and per address.
CREATE TABLE failures (
    org TEXT NOT NULL,
    subject TEXT NOT NULL,
    window_start BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (org, subject)
);

CREATE TABLE plans (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    plan_no TEXT NOT NULL,
    task_no TEXT NOT NULL,
    name TEXT NOT NULL,
    year BIGINT NOT NULL,
    unit_code TEXT NOT NULL,
    body TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, year, plan_no, task_no)
);

CREATE TABLE draws (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    plan TEXT NOT NULL,
    -- committed, drawn, dispatched.
    state TEXT NOT NULL,
    commitment BYTEA NOT NULL,
    secret BYTEA NOT NULL,
    -- The whole record, once drawn; recusals replace it by a record that contains them.
    record TEXT,
    version BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE INDEX draws_by_plan ON draws (org, plan, id);

CREATE TABLE tasks (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    draw TEXT NOT NULL,
    plan TEXT NOT NULL,
    entity TEXT NOT NULL,
    inspection TEXT NOT NULL,
    unit_code TEXT NOT NULL,
    due TEXT,
    body TEXT NOT NULL,
    dispatched_at BIGINT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, draw, entity)
);

-- One visit. The document is in changes; this is the view that lists read.
CREATE TABLE inspections (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    task TEXT,
    entity TEXT NOT NULL,
    entity_name TEXT NOT NULL,
    unit_code TEXT NOT NULL,
    template_id TEXT NOT NULL,
    template_revision TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Steps with every accepted change; a merge made against another version is made again.
    version BIGINT NOT NULL,
    changes BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    open_conflicts BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE INDEX inspections_by_state ON inspections (org, state, updated_at, id);

CREATE TABLE inspection_officers (
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    officer TEXT NOT NULL,
    PRIMARY KEY (org, inspection, officer)
);

CREATE TABLE cases (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    entity TEXT NOT NULL,
    unit_code TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (org, id)
);

CREATE TABLE devices (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    officer TEXT NOT NULL,
    name TEXT NOT NULL,
    key BYTEA NOT NULL,
    enrolled_at BIGINT NOT NULL,
    seen_at BIGINT,
    revoked_at BIGINT,
    -- The end of its journal as held here.
    tip_seq BIGINT NOT NULL,
    tip_hash BYTEA,
    PRIMARY KEY (org, id)
);
CREATE INDEX devices_by_officer ON devices (org, officer, id);

-- Keys with which officers sign seals.
CREATE TABLE officer_keys (
    org TEXT NOT NULL,
    officer TEXT NOT NULL,
    key BYTEA NOT NULL,
    device TEXT NOT NULL,
    registered_at BIGINT NOT NULL,
    PRIMARY KEY (org, officer, key)
);

CREATE TABLE enrolment_codes (
    org TEXT NOT NULL,
    code BYTEA NOT NULL,
    officer TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_by TEXT,
    used_at BIGINT,
    PRIMARY KEY (org, code)
);

CREATE TABLE challenges (
    org TEXT NOT NULL,
    challenge TEXT NOT NULL,
    device TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (org, challenge)
);

CREATE TABLE device_sessions (
    org TEXT NOT NULL,
    token BYTEA NOT NULL,
    device TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (org, token)
);

-- Journals of devices, exactly as signed.
CREATE TABLE journal_entries (
    org TEXT NOT NULL,
    device TEXT NOT NULL,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    kind TEXT NOT NULL,
    officer TEXT,
    inspection TEXT,
    content BYTEA,
    device_at BIGINT NOT NULL,
    server_at BIGINT,
    bytes BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    -- 1 on the chain; 0 for the branch of a fork that came second: kept, but it vouches for nothing.
    on_chain BIGINT NOT NULL CHECK (on_chain IN (0, 1)),
    PRIMARY KEY (org, device, seq, hash)
);
CREATE INDEX journal_entries_by_content ON journal_entries (org, content, device);
CREATE INDEX journal_entries_by_inspection ON journal_entries (org, inspection, device, seq);

-- Writers of changes that journals declared.
CREATE TABLE actors (
    org TEXT NOT NULL,
    actor BYTEA NOT NULL,
    inspection TEXT NOT NULL,
    device TEXT NOT NULL,
    officer TEXT NOT NULL,
    PRIMARY KEY (org, actor, inspection)
);

-- Every change that was ever received, durable before it is acknowledged, and what became of it.
CREATE TABLE inbox (
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    -- The digest of the bytes.
    item BYTEA NOT NULL,
    device TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    -- received, accepted, waiting, quarantined.
    state TEXT NOT NULL,
    code TEXT,
    -- A change that several devices sent is judged for each by its own journal.
    PRIMARY KEY (org, inspection, item, device)
);
CREATE INDEX inbox_by_state ON inbox (org, state, inspection);

-- The record: changes that passed the gate.
CREATE TABLE changes (
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    change_id BYTEA NOT NULL,
    -- In the order of acceptance, each after its predecessors.
    position BIGINT NOT NULL,
    actor BYTEA NOT NULL,
    device TEXT,
    officer TEXT,
    entry BYTEA,
    bytes BYTEA NOT NULL,
    written_earliest BIGINT,
    written_latest BIGINT,
    accepted_at BIGINT NOT NULL,
    PRIMARY KEY (org, inspection, change_id),
    UNIQUE (org, inspection, position)
);

-- Caches of documents; can be thrown away.
CREATE TABLE snapshots (
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    version BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (org, inspection)
);

CREATE TABLE seals (
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    digest BYTEA NOT NULL,
    version BIGINT NOT NULL,
    statement TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    -- When the last officer's signature arrived and the sealed heads were here.
    completed_at BIGINT,
    PRIMARY KEY (org, inspection, digest)
);

CREATE TABLE seal_signatures (
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    digest BYTEA NOT NULL,
    officer TEXT NOT NULL,
    device TEXT NOT NULL,
    key BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    signed_at BIGINT NOT NULL,
    PRIMARY KEY (org, inspection, digest, officer)
);

CREATE TABLE conflicts (
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    body TEXT NOT NULL,
    found_at BIGINT NOT NULL,
    -- Absent while open. A conflict that merging ended without a decision is closed without a resolution.
    closed_at BIGINT,
    resolution TEXT,
    PRIMARY KEY (org, inspection, id)
);
CREATE INDEX conflicts_open ON conflicts (org, closed_at, found_at, id);

CREATE TABLE decisions (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    inspection TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT,
    comment TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE INDEX decisions_by_inspection ON decisions (org, inspection, at, id);

-- Captures that journals declared.
CREATE TABLE captures (
    org TEXT NOT NULL,
    inspection TEXT NOT NULL,
    record TEXT NOT NULL,
    digest BYTEA NOT NULL,
    device TEXT NOT NULL,
    officer TEXT NOT NULL,
    body TEXT NOT NULL,
    -- When the bytes that this device itself sent had been read back with the right hash. Knowing a hash is not having
    -- the bytes: what another device sent counts for nothing here.
    held_at BIGINT,
    PRIMARY KEY (org, inspection, record)
);
CREATE INDEX captures_by_digest ON captures (org, digest, device);

CREATE TABLE receipts (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    device TEXT NOT NULL,
    at BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE INDEX receipts_by_device ON receipts (org, device, at, id);

CREATE TABLE disclosures (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    inspection TEXT NOT NULL,
    entity_name TEXT NOT NULL,
    folded TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, inspection)
);
CREATE INDEX disclosures_by_time ON disclosures (org, published_at, id);

-- What is new for whom: references into the tables above, in commit order.
CREATE TABLE feeds (
    org TEXT NOT NULL,
    feed TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    PRIMARY KEY (org, feed)
);

CREATE TABLE feed_rows (
    org TEXT NOT NULL,
    feed TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (org, feed, seq)
);

-- One row per decision of a person or of the system.
CREATE TABLE audit (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- user, device or system, and which.
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE INDEX audit_by_time ON audit (org, at, id);
