-- Whether those who look after an organisation must have shown a second factor to do anything in it.
ALTER TABLE organisation ADD COLUMN needs_second_factor boolean NOT NULL DEFAULT false;

CREATE TRIGGER organisation_second_factor AFTER UPDATE OF needs_second_factor ON organisation
    FOR EACH ROW EXECUTE FUNCTION tell_of_access();
