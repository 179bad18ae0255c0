-- What lists are filtered by stands in the index they go along, so that a filter nothing passes costs no look at the matters.
ALTER TABLE matter_party ADD COLUMN elsewhere INTEGER NOT NULL DEFAULT 0;
ALTER TABLE matter_party ADD COLUMN procedure TEXT NOT NULL DEFAULT '';
ALTER TABLE matter_party ADD COLUMN standing TEXT NOT NULL DEFAULT '';
ALTER TABLE matter_party ADD COLUMN state TEXT NOT NULL DEFAULT '';
ALTER TABLE matter_attribute ADD COLUMN procedure TEXT NOT NULL DEFAULT '';
ALTER TABLE matter_attribute ADD COLUMN standing TEXT NOT NULL DEFAULT '';
ALTER TABLE matter_attribute ADD COLUMN state TEXT NOT NULL DEFAULT '';

UPDATE matter_party SET
    elsewhere = (SELECT CASE WHEN m.organisation = matter_party.organisation THEN 0 ELSE 1 END FROM matter m
        WHERE m.id = matter_party.matter),
    procedure = (SELECT m.procedure FROM matter m WHERE m.id = matter_party.matter),
    standing = (SELECT m.standing FROM matter m WHERE m.id = matter_party.matter),
    state = (SELECT m.state FROM matter m WHERE m.id = matter_party.matter);
UPDATE matter_attribute SET
    procedure = (SELECT m.procedure FROM matter m WHERE m.id = matter_attribute.matter),
    standing = (SELECT m.standing FROM matter m WHERE m.id = matter_attribute.matter),
    state = (SELECT m.state FROM matter m WHERE m.id = matter_attribute.matter);

CREATE INDEX matter_party_list ON matter_party (organisation, side, elsewhere, due, matter, procedure, standing, state);
CREATE INDEX matter_attribute_list ON matter_attribute (name, value, standing, due, matter, procedure, state);
DROP INDEX matter_party_by_due;
DROP INDEX matter_attribute_by_due;

CREATE INDEX matter_list_place ON matter (organisation, standing, due, id, procedure, state);
CREATE INDEX matter_list_standing ON matter (standing, due, id, procedure, state, organisation);
CREATE INDEX matter_list_state ON matter (state, standing, due, id, procedure, organisation);
CREATE INDEX matter_list_procedure ON matter (procedure, standing, due, id, state, organisation);
DROP INDEX matter_by_place;
DROP INDEX matter_by_due;
DROP INDEX matter_by_state;

-- Whose turn it is: the roles that may take a step or sign as the matter stands, and where each belongs.
CREATE TABLE matter_turn (
    matter TEXT NOT NULL REFERENCES matter (id),
    role TEXT NOT NULL,
    organisation TEXT NOT NULL,
    due INTEGER NOT NULL,
    PRIMARY KEY (matter, role)
) STRICT;

CREATE INDEX matter_turn_list ON matter_turn (organisation, role, due, matter);

-- By which rules the tables were made from the acts; older ones are made again.
INSERT INTO counter (name, value) VALUES ('projection', 0);
