-- The code by which the national interface names an institution (定点医药机构编号), and the organisation that it is here.
CREATE TABLE institution_code (
    code TEXT NOT NULL PRIMARY KEY,
    organisation TEXT NOT NULL REFERENCES organisation (id)
) STRICT;

CREATE INDEX institution_code_by_organisation ON institution_code (organisation, code);

-- For whom the masked fields of a matter were shown whole, why, and until when.
CREATE TABLE matter_unmasking (
    account TEXT NOT NULL REFERENCES account (id),
    matter TEXT NOT NULL,
    reason TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (account, matter, until)
) STRICT;

-- Files that an institution sent over the national interface (3704) to go with an appeal, in bundles that it names. Name and content are
-- sealed; the digest is what an act's paper names.
CREATE TABLE appeal_file (
    organisation TEXT NOT NULL REFERENCES organisation (id),
    bundle TEXT NOT NULL,
    place INTEGER NOT NULL,
    digest TEXT NOT NULL,
    name BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (organisation, bundle, place)
) STRICT;

CREATE INDEX appeal_file_by_digest ON appeal_file (digest, organisation);
