-- What an organisation may do is in its plan: so many requests a window with one key and with all of them, so many that
-- are being answered at once by one process of the API, and the quotas below.
CREATE TABLE plan (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9-]{0,39}$' AND name NOT IN ('network', 'key', 'organisation')),
    key_requests integer NOT NULL CHECK (key_requests > 0),
    key_window_s integer NOT NULL CHECK (key_window_s BETWEEN 1 AND 86400),
    org_requests integer NOT NULL CHECK (org_requests > 0),
    org_window_s integer NOT NULL CHECK (org_window_s BETWEEN 1 AND 86400),
    requests_at_once integer NOT NULL CHECK (requests_at_once > 0)
);

-- A meter without a row is not counted. Times count by the month, stored bytes and unfinished jobs as they are.
CREATE TABLE plan_quota (
    plan text NOT NULL REFERENCES plan (name) ON DELETE CASCADE,
    meter text NOT NULL CHECK (meter IN ('solve_ms', 'qpu_ms', 'stored_bytes', 'jobs_at_once')),
    amount bigint NOT NULL CHECK (amount >= 0),
    is_soft boolean NOT NULL,
    PRIMARY KEY (plan, meter)
);

-- The plans that organisations may have been given already limit nobody who behaves.
INSERT INTO plan (name, key_requests, key_window_s, org_requests, org_window_s, requests_at_once) VALUES
    ('operator', 120000, 60, 240000, 60, 1000),
    ('standard', 12000, 60, 24000, 60, 500),
    ('free', 60, 60, 120, 60, 10),
    ('team', 600, 60, 3000, 60, 50),
    ('business', 6000, 60, 30000, 60, 200);

INSERT INTO plan_quota (plan, meter, amount, is_soft) VALUES
    ('free', 'solve_ms', 3600000, false),
    ('free', 'qpu_ms', 0, false),
    ('free', 'stored_bytes', 104857600, false),
    ('free', 'jobs_at_once', 100, false),
    ('team', 'solve_ms', 360000000, false),
    ('team', 'qpu_ms', 60000, false),
    ('team', 'stored_bytes', 10737418240, false),
    ('team', 'jobs_at_once', 10000, false),
    ('business', 'solve_ms', 7200000000, true),
    ('business', 'qpu_ms', 3600000, true),
    ('business', 'stored_bytes', 1099511627776, true);

ALTER TABLE organisation ADD CONSTRAINT organisation_plan FOREIGN KEY (plan) REFERENCES plan (name);

-- A bucket is the time at which it will be full again, in microseconds. After a crash all are full, which harms nobody.
CREATE UNLOGGED TABLE rate_bucket (
    name text PRIMARY KEY,
    full_at_us bigint NOT NULL
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- What the rates of a class are multiplied by for a while: a layer of the limits, or the name of a plan. After
-- `ends_at` it goes back to 1 over `ramp_s`.
CREATE TABLE rate_multiplier (
    class text PRIMARY KEY CHECK (length(class) BETWEEN 1 AND 40),
    multiplier double precision NOT NULL CHECK (multiplier BETWEEN 0.01 AND 100),
    ends_at timestamptz NOT NULL,
    ramp_s double precision NOT NULL CHECK (ramp_s BETWEEN 0 AND 86400),
    reason text NOT NULL,
    incident_id text,
    set_at timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW rate_factor AS
SELECT class, CASE WHEN past_s <= 0 THEN multiplier ELSE multiplier + (1 - multiplier) * past_s / ramp_s END AS factor
FROM rate_multiplier
CROSS JOIN LATERAL (SELECT extract(epoch FROM clock_timestamp() - ends_at)::float8 AS past_s) AS past
WHERE past_s <= 0 OR past_s < ramp_s;

-- What was asked of the API, added up by every process of it: by route, and by who asked. `latencies` counts the answers
-- by the bounds that the code names.
CREATE UNLOGGED TABLE request_slot (
    slot_at timestamptz NOT NULL,
    route text NOT NULL,
    status smallint NOT NULL,
    requests bigint NOT NULL,
    shadowed bigint NOT NULL,
    latencies bigint[] NOT NULL,
    PRIMARY KEY (slot_at, route, status)
) WITH (fillfactor = 60);

CREATE UNLOGGED TABLE request_consumer (
    slot_at timestamptz NOT NULL,
    org_id uuid NOT NULL,
    requests bigint NOT NULL,
    refused bigint NOT NULL,
    ms bigint NOT NULL,
    PRIMARY KEY (org_id, slot_at)
) WITH (fillfactor = 60);

CREATE INDEX request_consumer_slot_at ON request_consumer (slot_at);

-- The period of a meter that is counted now: the month for times; the others have one without an end.
CREATE FUNCTION quota_period_of(meter text) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE RETURN
    CASE WHEN meter IN ('solve_ms', 'qpu_ms') THEN (date_trunc('month', now(), 'UTC') AT TIME ZONE 'UTC')::date
    ELSE DATE '1970-01-01' END;

-- How much of a meter an organisation has used, and what its unfinished jobs may still use.
CREATE TABLE quota (
    org_id uuid NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    meter text NOT NULL,
    period date NOT NULL,
    used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
    reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    refusals bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, meter, period)
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX quota_period ON quota (period);

-- What one job has reserved. It comes and goes in the transactions of its job, so no crash can leave one behind.
CREATE TABLE quota_reservation (
    job_id uuid NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    meter text NOT NULL,
    org_id uuid NOT NULL,
    period date NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    PRIMARY KEY (job_id, meter)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- An organisation's own limit in one period, over that of its plan.
CREATE TABLE quota_raise (
    org_id uuid NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    meter text NOT NULL,
    period date NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (org_id, meter, period)
);

-- That so many percent of a quota are spoken for is told once.
CREATE TABLE quota_notice (
    org_id uuid NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    meter text NOT NULL,
    period date NOT NULL,
    percent smallint NOT NULL,
    taken bigint NOT NULL,
    amount bigint NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, meter, period, percent)
);

CREATE INDEX quota_notice_noticed_at ON quota_notice (noticed_at);

-- Our own quotas with the vendors, as their backends last reported them.
CREATE TABLE upstream_quota (
    backend text NOT NULL CHECK (length(backend) BETWEEN 1 AND 100),
    meter text NOT NULL CHECK (length(meter) BETWEEN 1 AND 100),
    used double precision NOT NULL CHECK (used >= 0),
    amount double precision NOT NULL CHECK (amount > 0),
    resets_at timestamptz,
    reported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (backend, meter)
);
