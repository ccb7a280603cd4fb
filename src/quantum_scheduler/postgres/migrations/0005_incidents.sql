-- An incident, from the first bad sample to the post-mortem. Its channel is #incident-<day>-<number>.
CREATE TABLE incident (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day date NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    title text NOT NULL,
    impact text NOT NULL DEFAULT '',
    severity text NOT NULL CHECK (severity IN ('P0', 'P1', 'P2', 'P3')),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'mitigated', 'resolved', 'merged')),
    runbook text,
    key text NOT NULL DEFAULT '',
    commander text,
    communications text,
    scribe text,
    began_at timestamptz NOT NULL,
    declared_at timestamptz NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text,
    acknowledged_until timestamptz,
    mitigated_at timestamptz,
    resolved_at timestamptz,
    resolution text NOT NULL DEFAULT '',
    merged_into bigint REFERENCES incident (id),
    review text,
    events integer NOT NULL DEFAULT 0,
    UNIQUE (day, number),
    CHECK ((state = 'resolved') = (resolved_at IS NOT NULL)),
    CHECK ((state = 'merged') = (merged_into IS NOT NULL)),
    CHECK (began_at <= declared_at)
);

-- One open incident of a runbook and key, however many processes see the signal.
CREATE UNIQUE INDEX incident_open ON incident (runbook, key)
    WHERE runbook IS NOT NULL AND state NOT IN ('resolved', 'merged');
CREATE INDEX incident_declared_at ON incident (declared_at DESC);
CREATE INDEX incident_unresolved ON incident (id) WHERE state NOT IN ('resolved', 'merged');

-- The timeline: everything that happened, in the order it was written down. Rows are never changed.
CREATE TABLE incident_event (
    incident_id bigint NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    seq integer NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (incident_id, seq)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER incident_event_stays BEFORE UPDATE ON incident_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The checklist, and what is to be done afterwards: items that people tick, some with an owner and a due date.
CREATE TABLE incident_item (
    incident_id bigint NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    position integer NOT NULL,
    section text NOT NULL,
    title text NOT NULL,
    due_at timestamptz,
    owner text,
    done_at timestamptz,
    done_by text,
    PRIMARY KEY (incident_id, position),
    CHECK ((done_at IS NULL) = (done_by IS NULL))
);
