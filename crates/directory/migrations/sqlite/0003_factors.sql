-- Second factors. seed is AES-256-GCM under a key outside this database; an activation that was begun
-- (active = 0) belongs to one session. Codes are keyed hashes. A code's step is taken once: last.
CREATE TABLE factor (
    id        TEXT PRIMARY KEY,
    person    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    name      TEXT NOT NULL,
    seed      TEXT NOT NULL,
    hash      TEXT NOT NULL,
    digits    INTEGER NOT NULL,
    period    INTEGER NOT NULL,
    drift     INTEGER NOT NULL DEFAULT 0,
    last      INTEGER NOT NULL DEFAULT -1,
    created   INTEGER NOT NULL,
    last_used INTEGER,
    active    INTEGER NOT NULL,
    session   TEXT
) STRICT;
CREATE INDEX factor_by_person ON factor (person);
CREATE TABLE recovery_code (
    person TEXT NOT NULL,
    code   TEXT NOT NULL,
    PRIMARY KEY (person, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE factor_standing (
    person   TEXT PRIMARY KEY,
    failures INTEGER NOT NULL DEFAULT 0,
    until    INTEGER NOT NULL DEFAULT 0,
    asked    INTEGER
) STRICT, WITHOUT ROWID;
