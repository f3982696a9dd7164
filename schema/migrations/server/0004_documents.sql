-- What terminals are given of a visit at once: its document, where its changes come from, how far it has come.

-- The writer's own count; null in changes from before.
ALTER TABLE changes ADD COLUMN seq BIGINT;

-- The changes that no other builds upon, 32 bytes each; null in snapshots from before, as what follows.
ALTER TABLE snapshots ADD COLUMN heads BYTEA;
-- Items with an answer, of items that apply or may apply; when a terminal last wrote into it, at the latest.
ALTER TABLE snapshots ADD COLUMN answered BIGINT;
ALTER TABLE snapshots ADD COLUMN applicable BIGINT;
ALTER TABLE snapshots ADD COLUMN written_at BIGINT;

-- What the announcement says besides: of a document, how many of its changes had been announced before.
ALTER TABLE feed_rows ADD COLUMN detail BIGINT;
-- Of several announcements of one subject only the newest is followed.
CREATE INDEX feed_rows_by_subject ON feed_rows (org, feed, kind, subject, seq);

-- Which register is in use is asked whenever an inspection is judged: without walking through the texts.
CREATE INDEX law_registers_in_use ON law_registers (org, created_at DESC, hash);
