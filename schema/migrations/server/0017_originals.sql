-- When each original was last looked at, and what was found.

CREATE TABLE originals (
    org TEXT NOT NULL,
    digest BYTEA NOT NULL,
    -- When its bytes were last read, or found not to be there. It is read back when it comes, so that counts, too.
    looked_at BIGINT NOT NULL,
    -- How many bytes were read; none until it was looked at for the first time.
    size_bytes BIGINT,
    -- missing, altered, unreadable; none where it is what it was.
    fault TEXT,
    -- Since when this is known.
    found_at BIGINT,
    -- Since when terminals are asked for it again; none where nobody asks.
    asked_at BIGINT,
    PRIMARY KEY (org, digest)
);
CREATE INDEX originals_due ON originals (org, looked_at, digest) WHERE asked_at IS NULL;
CREATE INDEX originals_faulty ON originals (org, looked_at, digest) WHERE fault IS NOT NULL;
CREATE INDEX originals_found ON originals (org, asked_at, found_at, digest) WHERE fault IS NOT NULL;
INSERT INTO originals (org, digest, looked_at)
SELECT org, digest, MAX(held_at) FROM (
    SELECT org, digest, held_at FROM captures WHERE held_at IS NOT NULL
    UNION ALL SELECT org, digest, held_at FROM captures_apart WHERE held_at IS NOT NULL) held
GROUP BY org, digest;
