-- Numbers of documents that are used in the visits here: a view, made again from the documents.

CREATE TABLE number_uses (
    inspection BLOB NOT NULL,
    record BLOB NOT NULL,
    unit TEXT NOT NULL,
    form TEXT NOT NULL,
    year INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    text TEXT NOT NULL,
    -- Out of which block; none for one that was typed.
    block BLOB,
    -- standing, void, corrected.
    state TEXT NOT NULL,
    PRIMARY KEY (inspection, record, unit, form, year, serial)
) STRICT;
CREATE INDEX number_uses_by_number ON number_uses (unit, form, year, serial);
