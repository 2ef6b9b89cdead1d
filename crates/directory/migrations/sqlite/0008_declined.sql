-- What a person keeps back of what a service can do without: short names, as long as they need not be told again.
ALTER TABLE release ADD COLUMN declined TEXT NOT NULL DEFAULT '';
