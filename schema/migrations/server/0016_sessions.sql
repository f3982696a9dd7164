-- The session that a terminal opened last. What comes in an earlier one was under way when it was opened.
ALTER TABLE devices ADD COLUMN session BYTEA;
