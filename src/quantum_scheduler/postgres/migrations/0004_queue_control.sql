-- How much may run at once. No number and no row mean no limit; an organisation's counts over all lanes.
ALTER TABLE lane ADD COLUMN running_max integer CHECK (running_max >= 0);

CREATE TABLE org_limit (
    org_id uuid PRIMARY KEY REFERENCES organisation (id) ON DELETE CASCADE,
    running_max integer NOT NULL CHECK (running_max >= 0)
);

-- `payload` is what a task without a job is about. `handle` is where remote work is found again, `submitting_at` says
-- that it may have been submitted and the handle lost, and `review_reason` that only a person can say.
ALTER TABLE task
    ADD COLUMN payload jsonb,
    ADD COLUMN handle jsonb,
    ADD COLUMN submitting_at timestamptz,
    ADD COLUMN review_reason text;

CREATE INDEX task_review ON task (id) WHERE review_reason IS NOT NULL;

-- A task that a tick enqueues whenever it is due; the times are UTC.
CREATE TABLE cron (
    name text PRIMARY KEY,
    schedule text NOT NULL,
    kind text NOT NULL,
    lane text NOT NULL,
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 3),
    payload jsonb,
    next_at timestamptz NOT NULL,
    fired_at timestamptz
);

CREATE INDEX cron_next_at ON cron (next_at);

-- Takeovers since the beginning; the tasks they happened to are long gone.
CREATE TABLE takeover_count (
    lane text NOT NULL,
    priority smallint NOT NULL,
    takeovers bigint NOT NULL,
    PRIMARY KEY (lane, priority)
);

-- How many slots each worker should use; no row leaves it to the workers.
CREATE TABLE worker_scale (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    slots integer NOT NULL CHECK (slots > 0),
    set_at timestamptz NOT NULL DEFAULT now()
);
