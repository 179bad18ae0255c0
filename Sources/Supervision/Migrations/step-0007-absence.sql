-- Who is away until when, so that the one who signs instead may. Seconds since 1970 UTC.
CREATE TABLE absence (
    account TEXT NOT NULL REFERENCES account (id),
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (account, since)
) STRICT;
