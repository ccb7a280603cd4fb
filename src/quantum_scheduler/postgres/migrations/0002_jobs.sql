-- A job is the customer's record: written once, kept for good. `events` counts what was told about it.
CREATE TABLE job (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    org_id uuid NOT NULL REFERENCES organisation (id),
    name text NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 3),
    backend text NOT NULL,
    lane text NOT NULL,
    problem bytea NOT NULL,
    summary jsonb NOT NULL,
    fingerprint text NOT NULL,
    time_limit_s double precision NOT NULL CHECK (time_limit_s > 0),
    seed bigint NOT NULL,
    use_cache boolean NOT NULL,
    cached boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    deadline_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    attempts smallint NOT NULL DEFAULT 0,
    events integer NOT NULL DEFAULT 1,
    progress jsonb,
    error jsonb,
    idempotency_key text,
    request_digest text,
    CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled'))),
    CHECK ((idempotency_key IS NULL) = (request_digest IS NULL))
);

-- The problem is compressed before it comes here.
ALTER TABLE job ALTER COLUMN problem SET STORAGE EXTERNAL;

CREATE UNIQUE INDEX job_idempotency_key ON job (org_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX job_org_id ON job (org_id, id);
CREATE INDEX job_state ON job (org_id, state, id);
CREATE INDEX job_finished_at ON job (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE job_result (
    job_id uuid PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    result jsonb NOT NULL
);

-- `seq` runs from 1 without a gap in each job, in the order of commits, because every writer holds the job's row.
CREATE TABLE job_event (
    job_id uuid NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    seq integer NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL CHECK (kind IN ('state', 'progress')),
    data jsonb NOT NULL,
    PRIMARY KEY (job_id, seq)
);

-- A task is what a worker has still to do; it comes in the transaction of its job and goes in the one that ends it.
-- `attempt` counts claims and fences the finish; `failures` and `takeovers` count why it was claimed again.
CREATE TABLE task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane text NOT NULL,
    org_id uuid NOT NULL,
    kind text NOT NULL,
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 3),
    job_id uuid UNIQUE REFERENCES job (id) ON DELETE CASCADE,
    dedupe_key text,
    state text NOT NULL CHECK (state IN ('scheduled', 'ready', 'running')),
    run_at timestamptz NOT NULL DEFAULT now(),
    deadline_at timestamptz,
    attempt integer NOT NULL DEFAULT 0,
    failures smallint NOT NULL DEFAULT 0,
    takeovers smallint NOT NULL DEFAULT 0,
    owner uuid,
    started_at timestamptz,
    cancelled_at timestamptz,
    CHECK ((state = 'running') = (owner IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE UNIQUE INDEX task_dedupe_key ON task (dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX task_ready ON task (lane, priority, org_id, run_at, id) WHERE state = 'ready';
CREATE INDEX task_scheduled ON task (run_at) WHERE state = 'scheduled';
CREATE INDEX task_running ON task (owner) WHERE state = 'running';
CREATE INDEX task_deadline_at ON task (deadline_at) WHERE deadline_at IS NOT NULL AND state <> 'running';

-- A lane without a row is open.
CREATE TABLE lane (
    name text PRIMARY KEY,
    paused_reason text,
    paused_until timestamptz,
    CHECK (paused_until IS NULL OR paused_reason IS NOT NULL)
);

-- Whose task was claimed last, so that the next organisation has the next turn.
CREATE TABLE lane_turn (
    lane text NOT NULL,
    priority smallint NOT NULL,
    org_id uuid NOT NULL,
    PRIMARY KEY (lane, priority)
) WITH (fillfactor = 50);

-- A worker is a lease: its tasks are its own until it has not beaten for `lease_s`.
CREATE TABLE worker (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    host text NOT NULL,
    pid integer NOT NULL,
    lanes text[] NOT NULL,
    slots integer NOT NULL CHECK (slots > 0),
    lease_s double precision NOT NULL CHECK (lease_s > 0),
    started_at timestamptz NOT NULL DEFAULT now(),
    beat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
