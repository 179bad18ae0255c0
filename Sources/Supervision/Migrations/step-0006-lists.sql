-- The limit of time of its matter beside each party and attribute, so that their lists go along one index.
ALTER TABLE matter_party ADD COLUMN due INTEGER NOT NULL DEFAULT 2147483647;
ALTER TABLE matter_attribute ADD COLUMN due INTEGER NOT NULL DEFAULT 2147483647;

UPDATE matter_party SET due = (SELECT m.due FROM matter m WHERE m.id = matter_party.matter);
UPDATE matter_attribute SET due = (SELECT m.due FROM matter m WHERE m.id = matter_attribute.matter);

CREATE INDEX matter_party_by_due ON matter_party (organisation, side, due, matter);
CREATE INDEX matter_attribute_by_due ON matter_attribute (name, value, due, matter);
CREATE INDEX matter_by_state ON matter (state, due, id);
DROP INDEX matter_party_by_organisation;
DROP INDEX matter_attribute_by_value;
