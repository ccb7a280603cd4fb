-- One attempt at a quantum backend, or the reasons why there was none (`skipped`). `key` is what it was submitted under.
-- `doubtful` may have been submitted, and charged, without anybody knowing; `outrun` was stopped because the classical
-- answer was proven first.
CREATE TABLE quantum_attempt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    asked text NOT NULL,
    backend text,
    key text UNIQUE,
    state text NOT NULL CHECK (state IN (
        'skipped', 'submitting', 'waiting', 'answered', 'failed', 'outrun', 'cancelled', 'doubtful'
    )),
    decision jsonb NOT NULL,
    is_fallback boolean NOT NULL DEFAULT false,
    queue_position integer,
    error jsonb,
    objective double precision,
    classical_objective double precision,
    winner text,
    cost_usd double precision,
    began_at timestamptz NOT NULL DEFAULT now(),
    submitted_at timestamptz,
    ended_at timestamptz,
    CHECK ((backend IS NULL) = (state = 'skipped')),
    CHECK ((ended_at IS NULL) = (state IN ('submitting', 'waiting')))
);

CREATE INDEX quantum_attempt_job_id ON quantum_attempt (job_id, id);
CREATE INDEX quantum_attempt_ended_at ON quantum_attempt (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX quantum_attempt_open ON quantum_attempt (began_at) WHERE ended_at IS NULL;

-- A backend without a row is closed, gets every eligible job, and was never asked how it is. `probe_at` says when an
-- open breaker lets one job through, and until when that one job may take; `rest_until` is what the vendor asked for.
CREATE TABLE breaker (
    backend text PRIMARY KEY,
    state text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
    since timestamptz NOT NULL DEFAULT now(),
    trips smallint NOT NULL DEFAULT 0,
    probe_at timestamptz,
    reason text,
    is_manual boolean NOT NULL DEFAULT false,
    expires_at timestamptz,
    rest_until timestamptz,
    outruns smallint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- What came of talking to a backend, for as long as the breaker's window reaches. `kind` is null where it went well.
CREATE TABLE breaker_event (
    backend text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text
);

CREATE INDEX breaker_event_at ON breaker_event (backend, at);

CREATE TABLE backend_share (
    backend text PRIMARY KEY,
    percent smallint NOT NULL CHECK (percent BETWEEN 0 AND 100)
);

-- How a backend was when it was last asked; `asked_at` also keeps two workers from asking at once.
CREATE TABLE backend_health (
    backend text PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT now(),
    answered_at timestamptz,
    status text CHECK (status IN ('up', 'degraded', 'down')),
    latency_ms double precision,
    queue_depth integer,
    error text,
    message text NOT NULL DEFAULT ''
) WITH (fillfactor = 50);

-- What an operator decided, in place of the environment of the workers, until that changes or `expires_at`.
CREATE TABLE routing_override (
    name text PRIMARY KEY CHECK (name IN ('priority', 'classical_only')),
    value jsonb NOT NULL,
    reason text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz
);

-- What the environment of the workers says, since when: an override older than that is over.
CREATE TABLE routing_environment (
    name text PRIMARY KEY CHECK (name IN ('priority', 'classical_only')),
    value jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE job ADD COLUMN max_cost_usd double precision CHECK (max_cost_usd >= 0);

-- At most two versions of a secret are live: the one in use, and the one before it or the one to come.
CREATE TABLE secret (
    name text NOT NULL CHECK (name ~ '^[A-Z][A-Z0-9_]{0,99}$'),
    version integer NOT NULL CHECK (version > 0),
    backend text NOT NULL,
    state text NOT NULL CHECK (state IN ('current', 'next', 'previous')),
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    verified_at timestamptz,
    PRIMARY KEY (name, version),
    UNIQUE (name, state) DEFERRABLE INITIALLY IMMEDIATE
);
