-- Where a person who has lost their password is reached, and the codes they were given: keyed hashes, each
-- taken once and worth nothing after `until`.
ALTER TABLE account ADD COLUMN recovery TEXT;
CREATE TABLE one_time_code (
    person TEXT NOT NULL,
    code   TEXT NOT NULL,
    given  INTEGER NOT NULL,
    until  INTEGER NOT NULL,
    PRIMARY KEY (person, code)
) STRICT, WITHOUT ROWID;
