-- Of an account that is kept elsewhere: which it is there. Without one it is kept here.
ALTER TABLE account ADD COLUMN origin TEXT;
CREATE UNIQUE INDEX account_by_origin ON account (origin) WHERE origin IS NOT NULL;
