-- What people did, act by act, each sealed and chained to the one before it. This is the truth; `matter` and what belongs to it are
-- read from it and can be made again. Minutes are counted in China Standard Time from 1970-01-01.
CREATE TABLE act (
    matter TEXT NOT NULL,
    number INTEGER NOT NULL,
    leaf BLOB NOT NULL,
    sealed BLOB,
    instant INTEGER NOT NULL,
    PRIMARY KEY (matter, number)
) STRICT;

CREATE TABLE matter (
    id TEXT NOT NULL PRIMARY KEY,
    procedure TEXT NOT NULL,
    version INTEGER NOT NULL,
    acts INTEGER NOT NULL,
    organisation TEXT NOT NULL,
    path TEXT NOT NULL,
    department TEXT NOT NULL,
    standing TEXT NOT NULL CHECK (standing IN ('open', 'closed', 'covert', 'sealed')),
    state TEXT NOT NULL,
    ended TEXT,
    parent TEXT,
    opened INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    due INTEGER NOT NULL
) STRICT;

CREATE INDEX matter_by_place ON matter (organisation, standing, due, id);
CREATE INDEX matter_by_path ON matter (path, standing, due, id);
CREATE INDEX matter_by_due ON matter (due, id);
CREATE INDEX matter_by_parent ON matter (parent, id);

CREATE TABLE matter_party (
    matter TEXT NOT NULL REFERENCES matter (id),
    side TEXT NOT NULL,
    organisation TEXT NOT NULL,
    PRIMARY KEY (matter, side)
) STRICT;

CREATE INDEX matter_party_by_organisation ON matter_party (organisation, side, matter);

-- The attributes that every matter is counted by.
CREATE TABLE matter_attribute (
    matter TEXT NOT NULL REFERENCES matter (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (matter, name)
) STRICT;

CREATE INDEX matter_attribute_by_value ON matter_attribute (name, value, matter);

-- Who is named in a matter: a sealed one is known to them only.
CREATE TABLE matter_person (
    matter TEXT NOT NULL REFERENCES matter (id),
    person TEXT NOT NULL,
    PRIMARY KEY (matter, person)
) STRICT;

-- Numbers of papers, each used once.
CREATE TABLE series (
    name TEXT NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT;

-- What is to be told or written after an act, until it was.
CREATE TABLE errand (
    matter TEXT NOT NULL,
    act INTEGER NOT NULL,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('notify', 'render')),
    side TEXT NOT NULL,
    what TEXT NOT NULL,
    item TEXT NOT NULL,
    PRIMARY KEY (matter, act, place)
) STRICT;
