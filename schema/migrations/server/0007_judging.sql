-- What is judged while a server could end of it is written down before, so that no server ends of it twice in the same way.

-- 1 while an inspection that an earlier run of a server left unjudged is being judged.
ALTER TABLE judging ADD COLUMN begun BIGINT NOT NULL DEFAULT 0;
-- The change of it that is being judged alone.
ALTER TABLE judging ADD COLUMN alone_item BYTEA;
ALTER TABLE judging ADD COLUMN alone_device TEXT;
