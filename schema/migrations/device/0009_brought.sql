-- Originals that colleagues' terminals took and a package brought: the server is given them from here, since theirs may never
-- come back.

CREATE TABLE brought (
    digest BLOB NOT NULL PRIMARY KEY,
    inspection BLOB NOT NULL,
    record BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    receipt BLOB
) STRICT;
CREATE INDEX brought_by_inspection ON brought (inspection);
CREATE INDEX brought_unsent ON brought (size_bytes) WHERE receipt IS NULL;
