-- Organisations form a free tree; `path` is the identifiers from the root down, each followed by `/`.
CREATE TABLE organisation (
    id TEXT NOT NULL PRIMARY KEY,
    parent TEXT REFERENCES organisation (id),
    path TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    area TEXT NOT NULL
) STRICT;

-- Whose money it is. A pool is not a county: several organisations may handle one.
CREATE TABLE pool (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE organisation_pool (
    organisation TEXT NOT NULL REFERENCES organisation (id),
    pool TEXT NOT NULL REFERENCES pool (id),
    PRIMARY KEY (organisation, pool)
) STRICT;

-- A body that acts in another's name: delegated body, agency, team. Times are seconds since 1970 UTC.
CREATE TABLE mandate (
    id TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL REFERENCES organisation (id),
    principal TEXT NOT NULL REFERENCES organisation (id),
    kind TEXT NOT NULL CHECK (kind IN ('delegated', 'agency', 'team')),
    basis TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER
) STRICT;

CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'left')),
    password TEXT NOT NULL,
    password_since INTEGER NOT NULL,
    must_change INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER NOT NULL DEFAULT 0,
    second_key BLOB,
    second_used INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE earlier_password (
    account TEXT NOT NULL REFERENCES account (id),
    since INTEGER NOT NULL,
    password TEXT NOT NULL,
    PRIMARY KEY (account, since)
) STRICT;

-- A post stands in a department of an organisation; who holds it has its roles there.
CREATE TABLE post (
    id TEXT NOT NULL PRIMARY KEY,
    organisation TEXT NOT NULL REFERENCES organisation (id),
    department TEXT NOT NULL,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE post_role (
    post TEXT NOT NULL REFERENCES post (id),
    role TEXT NOT NULL,
    PRIMARY KEY (post, role)
) STRICT;

-- own: appointed; lent: the superior's person serves here; delegated: stands in for another holding.
CREATE TABLE holding (
    id TEXT NOT NULL PRIMARY KEY,
    post TEXT NOT NULL REFERENCES post (id),
    account TEXT NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL CHECK (kind IN ('own', 'lent', 'delegated')),
    behind TEXT REFERENCES holding (id),
    granted_by TEXT REFERENCES account (id),
    basis TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER
) STRICT;

CREATE INDEX holding_by_account ON holding (account, id);
CREATE INDEX holding_by_post ON holding (post, id);

-- The three administrators: the key makes a second one of these roles impossible for an account.
CREATE TABLE administrator (
    account TEXT NOT NULL PRIMARY KEY REFERENCES account (id),
    role TEXT NOT NULL
) STRICT;

-- Only the hash of a session's token is kept.
CREATE TABLE session (
    token BLOB NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    began INTEGER NOT NULL,
    used INTEGER NOT NULL,
    ended INTEGER
) STRICT;

CREATE INDEX session_by_account ON session (account, began);

-- Who did what at the door, allowed or not. Never the sensitive value itself.
CREATE TABLE trail (
    number INTEGER NOT NULL PRIMARY KEY,
    instant INTEGER NOT NULL,
    account TEXT NOT NULL,
    feature TEXT NOT NULL,
    object TEXT NOT NULL,
    allowed INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

CREATE TABLE counter (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;

INSERT INTO counter (name, value) VALUES ('trail', 0);

CREATE INDEX trail_by_object ON trail (object, number);

-- What somebody has to do in a matter; a leaver's open ones are handed over.
CREATE TABLE assignment (
    matter TEXT NOT NULL,
    task TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    since INTEGER NOT NULL,
    PRIMARY KEY (matter, task, account)
) STRICT;

CREATE INDEX assignment_by_account ON assignment (account, matter, task);

-- Persons by pseudonym. Number and name are sealed with a key outside the store; search goes over keyed codes of the whole
-- number or name, never over parts.
CREATE TABLE person (
    id TEXT NOT NULL PRIMARY KEY,
    number_code TEXT NOT NULL UNIQUE,
    name_code TEXT NOT NULL,
    number BLOB NOT NULL,
    name BLOB NOT NULL
) STRICT;

CREATE INDEX person_by_name ON person (name_code, id);

-- For whom a person was unmasked, why, and until when.
CREATE TABLE unmasking (
    account TEXT NOT NULL REFERENCES account (id),
    person TEXT NOT NULL REFERENCES person (id),
    matter TEXT NOT NULL,
    reason TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (account, person, until)
) STRICT;
