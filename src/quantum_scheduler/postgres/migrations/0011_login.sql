-- A second factor: the secret is sealed, `totp_step` is the last step whose code was used, the digests are of recovery
-- codes. Its failures are counted apart, and only after a right password.
ALTER TABLE person
    ADD COLUMN totp_sealed bytea,
    ADD COLUMN totp_waiting bytea,
    ADD COLUMN totp_step bigint NOT NULL DEFAULT 0,
    ADD COLUMN totp_failures integer NOT NULL DEFAULT 0,
    ADD COLUMN totp_next_at timestamptz,
    ADD COLUMN recovery_digests bytea[] NOT NULL DEFAULT '{}';

-- A console (cookie) or a program (refresh token) that somebody has logged in with.
CREATE TABLE login_session (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('cookie', 'token')),
    digest bytea NOT NULL CHECK (length(digest) = 32),
    previous_digest bytea,
    method text NOT NULL CHECK (method IN ('password', 'totp', 'oidc')),
    network text NOT NULL,
    agent text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX login_session_user_id ON login_session (user_id, created_at);
CREATE TRIGGER login_session_changed AFTER DELETE OR UPDATE OF revoked_at ON login_session
    FOR EACH ROW EXECUTE FUNCTION tell_of_key();

-- A device that its owner has logged in with before; it has a budget of its own, so that strangers cannot spend it.
CREATE TABLE login_device (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    next_at timestamptz
);

CREATE INDEX login_device_user_id ON login_device (user_id);

-- What all other devices together may still try on a name, whether anybody is called so or not.
CREATE TABLE login_budget (
    name_digest bytea PRIMARY KEY,
    user_id uuid REFERENCES person (id) ON DELETE CASCADE,
    failures integer NOT NULL,
    next_at timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX login_budget_user_id ON login_budget (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX login_budget_next_at ON login_budget (next_at) WHERE user_id IS NULL;

-- Every password that was compared. What was refused before that is not here.
CREATE TABLE login_attempt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    network text NOT NULL,
    name_digest bytea NOT NULL,
    outcome text NOT NULL DEFAULT 'pending' CHECK (outcome IN ('pending', 'ok', 'bad'))
);

CREATE INDEX login_attempt_at ON login_attempt (at);
CREATE INDEX login_attempt_network ON login_attempt (network, at);

CREATE TABLE login_network (
    network text PRIMARY KEY,
    blocked_until timestamptz NOT NULL,
    reason text NOT NULL
);

-- Until when every device that is not trusted must work for its attempt, whatever the failure rate.
CREATE TABLE login_policy (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    proof_until timestamptz
);

INSERT INTO login_policy DEFAULT VALUES;

-- Proofs of work that were used.
CREATE TABLE login_proof (
    digest bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

CREATE INDEX login_proof_expires_at ON login_proof (expires_at);

-- A link that was sent by mail and works once.
CREATE TABLE login_link (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('password', 'device')),
    digest bytea NOT NULL CHECK (length(digest) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE INDEX login_link_user_id ON login_link (user_id, purpose, created_at);

CREATE TABLE invitation (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    email text NOT NULL CHECK (email = lower(email)),
    roles text[] NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    invited_by uuid REFERENCES person (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz
);

CREATE INDEX invitation_org_id ON invitation (org_id, created_at);

-- What access tokens are signed with. `next` is published and does not sign yet, `retiring` does not sign any more.
CREATE TABLE access_token_key (
    kid text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('next', 'active', 'retiring', 'gone')),
    public_jwk jsonb NOT NULL,
    sealed bytea,
    published_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CHECK ((sealed IS NULL) = (state IN ('retiring', 'gone')))
);

CREATE UNIQUE INDEX access_token_key_state ON access_token_key (state) WHERE state IN ('next', 'active');
CREATE TRIGGER access_token_key_changed AFTER DELETE OR UPDATE OF state ON access_token_key
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_access();

-- A login that somebody has begun at the OpenID provider.
CREATE TABLE oidc_login (
    state_digest bytea PRIMARY KEY,
    sealed bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
