-- Files of evidence, by the keyed code of their SHA-256: the same file in two matters lies here once. Content is sealed part by part;
-- its hash and its name stand sealed too, because both can tell who is meant.
CREATE TABLE evidence (
    code TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL,
    kind TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    parts INTEGER NOT NULL
) STRICT;

CREATE TABLE evidence_part (
    code TEXT NOT NULL REFERENCES evidence (code),
    part INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (code, part)
) STRICT;

-- Which matter it was handed in to, under which name, by whom. Times are seconds since 1970 UTC.
CREATE TABLE evidence_use (
    matter TEXT NOT NULL,
    code TEXT NOT NULL REFERENCES evidence (code),
    name BLOB NOT NULL,
    account TEXT NOT NULL,
    instant INTEGER NOT NULL,
    PRIMARY KEY (matter, code)
) STRICT;

CREATE INDEX evidence_use_by_code ON evidence_use (code, matter);
