-- A receipt marks all changes of a visit at once, and every index over what has one or has none is written for each of
-- them: one instead of three. What is held is what is own and not open.

DROP INDEX changes_by_receipt;
DROP INDEX changes_pending;
DROP INDEX changes_open;
CREATE INDEX changes_open ON changes (ordinal, inspection, outcome) WHERE own = 1 AND receipt IS NULL;
DROP INDEX changes_in_order;
CREATE INDEX changes_in_order ON changes (inspection, ordinal, own);
