CREATE TABLE token (
    serial TEXT COLLATE "C" PRIMARY KEY,
    seed   TEXT NOT NULL,
    hash   TEXT NOT NULL,
    digits BIGINT NOT NULL,
    period BIGINT NOT NULL,
    drift  BIGINT NOT NULL DEFAULT 0,
    last   BIGINT NOT NULL,
    person TEXT,
    id     TEXT UNIQUE
);
ALTER TABLE factor ADD COLUMN pin TEXT;
