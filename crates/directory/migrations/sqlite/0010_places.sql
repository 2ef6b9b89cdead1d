-- Where each person signs in from: a keyed hash of network and browser, forgotten after a year. proven: the
-- first one of theirs, or a second factor was proven there.
CREATE TABLE place (
    person TEXT NOT NULL,
    mark   TEXT NOT NULL,
    seen   INTEGER NOT NULL,
    proven INTEGER NOT NULL,
    PRIMARY KEY (person, mark)
) STRICT, WITHOUT ROWID;
