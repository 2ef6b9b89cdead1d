CREATE TABLE place (
    person TEXT NOT NULL,
    mark   TEXT NOT NULL,
    seen   BIGINT NOT NULL,
    proven BIGINT NOT NULL,
    PRIMARY KEY (person, mark)
);
