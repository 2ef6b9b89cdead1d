-- Passwords of before, as Argon2id strings: what a new one must not be again, and when the last one went.
CREATE TABLE past_password (
    person   TEXT NOT NULL,
    password TEXT NOT NULL,
    until    INTEGER NOT NULL,
    PRIMARY KEY (person, password)
) STRICT, WITHOUT ROWID;
