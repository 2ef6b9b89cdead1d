-- Sign-ins of each person, for their own eyes: bounded for each, forgotten after a year. A notice may be
-- about one session.
CREATE TABLE sign_in (
    id      INTEGER PRIMARY KEY,
    person  TEXT NOT NULL,
    refused INTEGER NOT NULL,
    what    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    address TEXT NOT NULL,
    device  TEXT NOT NULL,
    service TEXT
) STRICT;
CREATE INDEX sign_in_by_person ON sign_in (person, refused, id);
CREATE INDEX sign_in_by_age ON sign_in (at);
ALTER TABLE notice ADD COLUMN session TEXT;
