-- The store of one terminal. What was written here is the record: journal, changes and receipts are only added to.
-- Ids are their sixteen bytes, digests and keys the suite's byte and the value, moments microseconds since 1970 (UTC).

CREATE TABLE meta (
    -- Single facts: session counter, epoch, the server's clock at the last contact, the base of the chain.
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    -- The entry's name: over bytes and signature.
    hash BLOB NOT NULL UNIQUE,
    bytes BLOB NOT NULL,
    signature BLOB NOT NULL,
    kind TEXT NOT NULL,
    inspection BLOB,
    content BLOB,
    -- The receipt that names it; without one it is offered again, unless it was refused for good.
    receipt BLOB,
    outcome TEXT,
    code TEXT
) STRICT;
CREATE INDEX journal_pending ON journal (seq) WHERE receipt IS NULL AND outcome IS NOT 'refused';
CREATE INDEX journal_by_inspection ON journal (inspection, kind);

CREATE TABLE forked (
    -- Entries that the server's chain went past: kept as they were signed, their content is journalled anew.
    hash BLOB NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    signature BLOB NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT;

CREATE TABLE changes (
    -- The order of arrival here.
    ordinal INTEGER PRIMARY KEY,
    inspection BLOB NOT NULL,
    change BLOB NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    bytes BLOB NOT NULL,
    -- 1 when this store wrote it.
    own INTEGER NOT NULL CHECK (own IN (0, 1)),
    -- The journal entry that covers it.
    entry BLOB,
    device BLOB,
    officer BLOB,
    -- What this device's clock said; for own changes.
    device_at INTEGER,
    -- The interval that the server vouches for.
    earliest INTEGER,
    latest INTEGER,
    -- 1 while its predecessors are not here: part of the record, not yet of the document.
    waiting INTEGER NOT NULL CHECK (waiting IN (0, 1)),
    receipt BLOB,
    outcome TEXT,
    code TEXT,
    UNIQUE (inspection, change)
) STRICT;
CREATE INDEX changes_in_order ON changes (inspection, ordinal);
CREATE INDEX changes_waiting ON changes (inspection) WHERE waiting = 1;
CREATE INDEX changes_pending ON changes (ordinal) WHERE own = 1 AND receipt IS NULL AND outcome IS NOT 'refused';
CREATE INDEX changes_by_entry ON changes (entry) WHERE entry IS NOT NULL;

CREATE TABLE documents (
    -- A cache that can be thrown away: the document after the change `through`.
    inspection BLOB NOT NULL PRIMARY KEY,
    snapshot BLOB NOT NULL,
    through INTEGER NOT NULL
) STRICT;

CREATE TABLE rows (
    -- What the server said, as it came; kinds that this version does not know included.
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- The inspection that it is about, where it is about one.
    inspection BLOB,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT;
CREATE INDEX rows_by_inspection ON rows (inspection, kind) WHERE inspection IS NOT NULL;

CREATE TABLE cursors (
    feed TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;

CREATE TABLE evidence (
    -- Captures of this device. The bytes are in `evidence/<digest>` beside the database.
    record BLOB NOT NULL PRIMARY KEY,
    inspection BLOB NOT NULL,
    digest BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    kind TEXT NOT NULL,
    media_type TEXT NOT NULL,
    item TEXT,
    -- The journal entry that declares it.
    entry BLOB NOT NULL,
    captured_at INTEGER NOT NULL,
    receipt BLOB,
    -- Why it cannot be sent, as an error code: the local file is damaged, or the server refused it for good.
    code TEXT
) STRICT;
CREATE INDEX evidence_by_inspection ON evidence (inspection);
CREATE INDEX evidence_pending ON evidence (size_bytes) WHERE receipt IS NULL AND code IS NULL;

CREATE TABLE receipts (
    id BLOB NOT NULL PRIMARY KEY,
    epoch BLOB NOT NULL,
    bytes BLOB NOT NULL,
    signature BLOB NOT NULL,
    at INTEGER NOT NULL,
    backup_horizon INTEGER NOT NULL
) STRICT;

CREATE TABLE inspections (
    -- A view for lists; made again by `rebuild`.
    inspection BLOB NOT NULL PRIMARY KEY,
    -- 1 when the server gave the task or the inspection to this device and has not taken it back.
    scoped INTEGER NOT NULL CHECK (scoped IN (0, 1)),
    entity_name TEXT NOT NULL,
    task_no TEXT NOT NULL,
    plan_name TEXT NOT NULL,
    due TEXT,
    state TEXT NOT NULL,
    -- Null until the checklist and the document are here.
    answered INTEGER,
    applicable INTEGER,
    conflicts INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    last_edit_at INTEGER
) STRICT;
