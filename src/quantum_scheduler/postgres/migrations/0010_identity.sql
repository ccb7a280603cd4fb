-- What an organisation may use depends on its plan; one that is blocked may not enter at all.
ALTER TABLE organisation
    ADD COLUMN plan text NOT NULL DEFAULT 'standard' CHECK (length(plan) BETWEEN 1 AND 60),
    ADD COLUMN blocked_at timestamptz,
    ADD COLUMN blocked_reason text;

UPDATE organisation SET plan = 'operator' WHERE id = '00000000-0000-7000-8000-000000000001';

-- A person. `email` is lower case; `epoch` counts what makes all tokens before it worthless.
CREATE TABLE person (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    email text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    password_hash text,
    epoch integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    blocked_at timestamptz,
    blocked_reason text,
    oidc_issuer text,
    oidc_subject text,
    UNIQUE (oidc_issuer, oidc_subject),
    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL))
);

-- What a person is in an organisation.
CREATE TABLE membership (
    org_id uuid NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    roles text[] NOT NULL CHECK (
        cardinality(roles) > 0 AND roles <@ ARRAY['customer', 'operator', 'finance', 'admin']
    ),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id)
);

CREATE INDEX membership_user_id ON membership (user_id);

-- `pepper` is the version of the secret that the digest was made with; 0 is none, a plain SHA-256. A key that was
-- replaced names the one that came in its place and works until it expires.
ALTER TABLE api_key
    ADD COLUMN name text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    ADD COLUMN pepper smallint NOT NULL DEFAULT 0,
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{jobs:read,jobs:write}',
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN replaced_by uuid REFERENCES api_key (id),
    ADD COLUMN created_by uuid REFERENCES person (id) ON DELETE SET NULL;

-- The key of an installation that had no accounts yet may do all that its owner may.
UPDATE api_key SET scopes = '{all}' WHERE org_id = '00000000-0000-7000-8000-000000000001';

-- The secrets of the installation are outside the database; by `check_digest` each is recognised.
CREATE TABLE pepper (
    version smallint PRIMARY KEY CHECK (version > 0),
    check_digest bytea NOT NULL CHECK (length(check_digest) = 32)
);

-- Every process forgets what it knew of whoever is named, in the moment of the commit; no name stands for everybody.
CREATE FUNCTION tell_of_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('access_changed', OLD.id::text);
    RETURN NULL;
END $$;

CREATE FUNCTION tell_of_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('access_changed', '');
    RETURN NULL;
END $$;

CREATE TRIGGER api_key_changed AFTER DELETE OR UPDATE OF revoked_at, expires_at, scopes ON api_key
    FOR EACH ROW EXECUTE FUNCTION tell_of_key();
CREATE TRIGGER organisation_changed AFTER UPDATE OF blocked_at, plan ON organisation
    FOR EACH ROW EXECUTE FUNCTION tell_of_access();
CREATE TRIGGER person_changed AFTER DELETE OR UPDATE OF epoch, blocked_at ON person
    FOR EACH ROW EXECUTE FUNCTION tell_of_key();
CREATE TRIGGER membership_changed AFTER DELETE OR UPDATE ON membership
    FOR EACH ROW EXECUTE FUNCTION tell_of_access();

-- What was done and by whom. Each entry's hash covers the hash of the one before; `audit_head` is the last one.
CREATE TABLE audit_entry (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    at timestamptz NOT NULL,
    action text NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
    org_id uuid,
    user_id uuid,
    key_id uuid,
    subject text NOT NULL,
    detail json NOT NULL,
    incident_id text,
    network text,
    hash bytea NOT NULL CHECK (length(hash) = 32)
);

CREATE INDEX audit_entry_org_id ON audit_entry (org_id, seq);
CREATE INDEX audit_entry_subject ON audit_entry (subject, seq);

CREATE TABLE audit_head (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    seq bigint NOT NULL,
    hash bytea NOT NULL
);

INSERT INTO audit_head (seq, hash) VALUES (0, '\x0000000000000000000000000000000000000000000000000000000000000000');

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_head_kept BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
