-- What is asked for every visit is found without walking through what other visits have.

CREATE INDEX actors_by_inspection ON actors (org, inspection, actor);
CREATE INDEX inspections_by_case ON inspections (org, case_id, id);
CREATE INDEX inspections_by_update ON inspections (org, updated_at, id);
CREATE INDEX tasks_by_draw ON tasks (org, draw, id);
-- What waits longest is judged first.
CREATE INDEX inbox_received ON inbox (org, received_at, inspection) WHERE state = 'received';
