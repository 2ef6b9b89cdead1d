-- Hardware tokens of the house: seeds as those of factors, under the serial number; whose it is, and the factor
-- it became. A factor may want a PIN before its code: a keyed hash.
CREATE TABLE token (
    serial TEXT PRIMARY KEY,
    seed   TEXT NOT NULL,
    hash   TEXT NOT NULL,
    digits INTEGER NOT NULL,
    period INTEGER NOT NULL,
    drift  INTEGER NOT NULL DEFAULT 0,
    last   INTEGER NOT NULL,
    person TEXT,
    id     TEXT UNIQUE
) STRICT, WITHOUT ROWID;
ALTER TABLE factor ADD COLUMN pin TEXT;
