-- A run of a runbook: pinned to the text of its document, so that an edit never changes one that has begun. `state` is
-- what its machine remembers; `pending` are the payloads of the tasks that it waits for, by their `pc`.
CREATE TABLE run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    runbook text NOT NULL,
    sha256 text NOT NULL,
    document text NOT NULL,
    incident_id bigint REFERENCES incident (id),
    lock text,
    status text NOT NULL CHECK (status IN ('running', 'aborting', 'succeeded', 'aborted', 'superseded')),
    started_by text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    state jsonb NOT NULL,
    pending jsonb NOT NULL,
    events integer NOT NULL DEFAULT 0,
    CHECK ((finished_at IS NULL) = (status IN ('running', 'aborting')))
);

-- One run at a time per lock key.
CREATE UNIQUE INDEX run_lock ON run (lock) WHERE finished_at IS NULL AND lock IS NOT NULL;
CREATE INDEX run_incident_id ON run (incident_id);
CREATE INDEX run_unfinished ON run (id) WHERE finished_at IS NULL;

-- What has been done, each once: `pc` is its number in the run.
CREATE TABLE step (
    run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    pc integer NOT NULL,
    step text NOT NULL,
    kind text NOT NULL,
    outcome text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, pc)
);

-- What people said to a run, also before they were asked.
CREATE TABLE signal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step text NOT NULL,
    answer text NOT NULL,
    role text,
    by text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX signal_run_id ON signal (run_id);

-- The story of a run, for those that have no incident as well. Rows are never changed.
CREATE TABLE run_event (
    run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    seq integer NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    step text NOT NULL,
    by text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (run_id, seq)
);

CREATE TRIGGER run_event_stays BEFORE UPDATE ON run_event FOR EACH ROW EXECUTE FUNCTION refuse_change();
