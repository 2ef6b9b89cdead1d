-- What the ministry's files (AAF) call a person, in a realm; and its schools, which its people are told by.
ALTER TABLE account ADD COLUMN jointure TEXT;
CREATE UNIQUE INDEX account_by_jointure ON account (realm, jointure) WHERE jointure IS NOT NULL;
CREATE TABLE school (
    jointure TEXT PRIMARY KEY,
    uai      TEXT NOT NULL,
    name     TEXT NOT NULL,
    kind     TEXT NOT NULL
);
