-- What SQLite has after eight migrations (see ../sqlite for what each table is for). Numbers are BIGINT and
-- texts that are put in order go by their bytes, as they do there.
CREATE TABLE account (
    id            TEXT PRIMARY KEY,
    realm         TEXT NOT NULL,
    login         TEXT COLLATE "C" NOT NULL,
    mail          TEXT,
    title         TEXT NOT NULL,
    given_name    TEXT COLLATE "C" NOT NULL,
    surname       TEXT COLLATE "C" NOT NULL,
    posts         TEXT NOT NULL,
    delegations   TEXT NOT NULL,
    groups        TEXT NOT NULL,
    roles         TEXT NOT NULL,
    second_factor TEXT NOT NULL,
    enabled       BIGINT NOT NULL DEFAULT 1,
    password      TEXT NOT NULL,
    numen         TEXT,
    birth_date    TEXT,
    recovery      TEXT
);
CREATE UNIQUE INDEX account_by_login ON account (realm, login);
CREATE UNIQUE INDEX account_by_mail ON account (realm, mail) WHERE mail IS NOT NULL;
CREATE UNIQUE INDEX account_by_numen ON account (numen) WHERE numen IS NOT NULL;
CREATE TABLE release (
    person   TEXT NOT NULL,
    service  TEXT COLLATE "C" NOT NULL,
    names    TEXT NOT NULL,
    last     BIGINT NOT NULL,
    times    BIGINT NOT NULL,
    told     TEXT,
    declined TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (person, service)
);
CREATE INDEX release_by_age ON release (last);
CREATE TABLE factor (
    id        TEXT COLLATE "C" PRIMARY KEY,
    person    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    name      TEXT NOT NULL,
    seed      TEXT NOT NULL,
    hash      TEXT NOT NULL,
    digits    BIGINT NOT NULL,
    period    BIGINT NOT NULL,
    drift     BIGINT NOT NULL DEFAULT 0,
    last      BIGINT NOT NULL DEFAULT -1,
    created   BIGINT NOT NULL,
    last_used BIGINT,
    active    BIGINT NOT NULL,
    session   TEXT
);
CREATE INDEX factor_by_person ON factor (person);
CREATE TABLE recovery_code (
    person TEXT NOT NULL,
    code   TEXT NOT NULL,
    PRIMARY KEY (person, code)
);
CREATE TABLE factor_standing (
    person   TEXT PRIMARY KEY,
    failures BIGINT NOT NULL DEFAULT 0,
    until    BIGINT NOT NULL DEFAULT 0,
    asked    BIGINT
);
CREATE TABLE notice (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person  TEXT NOT NULL,
    realm   TEXT NOT NULL,
    what    TEXT NOT NULL,
    spared  TEXT,
    at      BIGINT NOT NULL,
    session TEXT
);
CREATE INDEX notice_by_age ON notice (at);
CREATE TABLE one_time_code (
    person TEXT NOT NULL,
    code   TEXT NOT NULL,
    given  BIGINT NOT NULL,
    until  BIGINT NOT NULL,
    PRIMARY KEY (person, code)
);
CREATE TABLE sign_in (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person  TEXT NOT NULL,
    refused BIGINT NOT NULL,
    what    TEXT NOT NULL,
    at      BIGINT NOT NULL,
    address TEXT NOT NULL,
    device  TEXT NOT NULL,
    service TEXT
);
CREATE INDEX sign_in_by_person ON sign_in (person, refused, id);
CREATE INDEX sign_in_by_age ON sign_in (at);
CREATE TABLE past_password (
    person   TEXT NOT NULL,
    password TEXT NOT NULL,
    until    BIGINT NOT NULL,
    PRIMARY KEY (person, password)
);
