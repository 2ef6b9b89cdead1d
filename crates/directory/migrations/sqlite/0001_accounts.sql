-- People with an account. Secrets are never in clear: password is an Argon2id PHC string, numen and
-- birth_date are keyed hashes whose key lives outside this database.
CREATE TABLE account (
    id            TEXT PRIMARY KEY,
    realm         TEXT NOT NULL,
    login         TEXT NOT NULL,
    mail          TEXT,
    title         TEXT NOT NULL,
    given_name    TEXT NOT NULL,
    surname       TEXT NOT NULL,
    posts         TEXT NOT NULL,
    delegations   TEXT NOT NULL,
    groups        TEXT NOT NULL,
    roles         TEXT NOT NULL,
    second_factor TEXT NOT NULL,
    enabled       INTEGER NOT NULL DEFAULT 1,
    password      TEXT NOT NULL,
    numen         TEXT,
    birth_date    TEXT
) STRICT;
CREATE UNIQUE INDEX account_by_login ON account (realm, login);
CREATE UNIQUE INDEX account_by_mail ON account (realm, mail) WHERE mail IS NOT NULL;
CREATE UNIQUE INDEX account_by_numen ON account (numen) WHERE numen IS NOT NULL;
