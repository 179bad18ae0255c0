-- The one tree over all acts (RFC 6962). An act waits in `arrival` from its transaction on; a sequencer gives it its place. Numbers of
-- arrival follow real time: who had an answer before another began has the smaller one.
CREATE TABLE arrival (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    matter TEXT NOT NULL,
    act INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE leaf (
    place INTEGER NOT NULL PRIMARY KEY,
    matter TEXT NOT NULL,
    act INTEGER NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (matter, act)
) STRICT;

-- Complete subtrees of two leaves and more: level n covers 2^n of them.
CREATE TABLE tree_node (
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (level, place)
) STRICT;

-- One row. Whoever holds its lock is the sequencer, as long as its transaction lasts.
CREATE TABLE ledger_head (
    name TEXT NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL
) STRICT;

INSERT INTO ledger_head (name, size) VALUES ('acts', 0);

-- Signed checkpoints in the order they were made; `note` is what outsiders are given.
CREATE TABLE checkpoint (
    number INTEGER NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;

-- Acts of a store from before there was a tree.
INSERT INTO arrival (matter, act, hash) SELECT matter, number, leaf FROM act ORDER BY number, instant, matter;
