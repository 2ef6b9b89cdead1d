-- What every process that serves must hear about an account, in order. Appended to, never changed; forgotten
-- once every session that it could concern is over. at is in milliseconds.
CREATE TABLE notice (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    person TEXT NOT NULL,
    realm  TEXT NOT NULL,
    what   TEXT NOT NULL,
    spared TEXT,
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX notice_by_age ON notice (at);
