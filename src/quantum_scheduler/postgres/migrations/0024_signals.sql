-- How each signal of a runbook stands, so that whoever leads the watch next loses no count. `definition` is what it was
-- when it was seen so; `incident_id` is the incident that it has raised and that it must end.
CREATE TABLE detected_signal (
    runbook text NOT NULL,
    title text NOT NULL,
    definition text NOT NULL,
    severity text NOT NULL,
    is_raised boolean NOT NULL,
    is_flapping boolean NOT NULL,
    held_back text,
    incident_id bigint REFERENCES incident (id) ON DELETE SET NULL,
    state jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (runbook, title)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
