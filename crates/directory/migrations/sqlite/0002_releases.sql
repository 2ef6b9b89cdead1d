-- What each person sent to each service, the last time and how often, and what they said they need not
-- be shown again: told is a keyed digest of the names and values they saw, never the values.
CREATE TABLE release (
    person  TEXT NOT NULL,
    service TEXT NOT NULL,
    names   TEXT NOT NULL,
    last    INTEGER NOT NULL,
    times   INTEGER NOT NULL,
    told    TEXT,
    PRIMARY KEY (person, service)
) STRICT, WITHOUT ROWID;
CREATE INDEX release_by_age ON release (last);
