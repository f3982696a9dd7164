-- When the server began anew from a backup. What the present epoch is stays in `tenants`.

CREATE TABLE epochs (
    org TEXT NOT NULL,
    epoch BYTEA NOT NULL,
    began_at BIGINT NOT NULL,
    -- Why, in the operator's words; empty for the first one, which began with the organisation.
    reason TEXT NOT NULL,
    PRIMARY KEY (org, epoch)
);
INSERT INTO epochs (org, epoch, began_at, reason) SELECT org, epoch, created_at, '' FROM tenants;
