-- Texts that people accepted, as they stood then, and who accepted which, when. Neither is changed afterwards.
CREATE TABLE agreed_text (
    digest TEXT PRIMARY KEY,
    text   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE agreement (
    person TEXT NOT NULL,
    digest TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (person, digest)
) STRICT, WITHOUT ROWID;
