-- What colleagues' terminals signed is kept with what they wrote, so that this terminal can prove it and bring it back to a
-- server that lost it.

CREATE TABLE certificates (
    -- Whose a terminal is, by the server's word; this one's own, too.
    device BLOB NOT NULL PRIMARY KEY,
    text TEXT NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE carried (
    -- Entries of other terminals' journals.
    hash BLOB NOT NULL PRIMARY KEY,
    inspection BLOB NOT NULL,
    device BLOB NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    bytes BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;
CREATE INDEX carried_by_inspection ON carried (inspection, device, seq);

-- Visits of which the server lacks what others wrote and this terminal has.
CREATE TABLE handing (
    inspection BLOB NOT NULL PRIMARY KEY
) STRICT;

-- What came before was given without signatures: it is asked for once more.
INSERT INTO wanted (inspection)
SELECT DISTINCT inspection FROM changes WHERE own = 0 AND device IS NOT NULL
ON CONFLICT (inspection) DO NOTHING;
INSERT INTO wanted (inspection) SELECT inspection FROM folded WHERE true ON CONFLICT (inspection) DO NOTHING;
