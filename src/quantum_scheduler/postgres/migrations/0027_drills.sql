-- Whether something may be broken here on purpose; `up` says so whenever it starts.
CREATE TABLE drill_ground (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    is_allowed boolean NOT NULL,
    said_at timestamptz NOT NULL
);

-- Drills. One is under way until it has finished, or its driller has not renewed it until `expires_at`; until then the
-- holds of the runs of its runbook are multiplied with `pace`.
CREATE TABLE drill (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    runbook text NOT NULL,
    fault text NOT NULL,
    pace double precision NOT NULL CHECK (pace > 0 AND pace <= 1),
    started_by text NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    finished_at timestamptz,
    report jsonb
);
