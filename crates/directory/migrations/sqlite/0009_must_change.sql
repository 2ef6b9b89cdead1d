-- Whether the password was given by somebody else, and is to be changed at the next sign-on.
ALTER TABLE account ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;
