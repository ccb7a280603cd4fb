-- The status page: what customers see of the service. A component is as its last change says; without one, it is well.
CREATE TABLE status_component (
    name text PRIMARY KEY,
    position integer NOT NULL UNIQUE,
    title text NOT NULL
);

INSERT INTO status_component (name, position, title) VALUES
    ('api', 1, 'API'), ('scheduling', 2, 'Scheduling'), ('billing', 3, 'Billing'), ('provenance', 4, 'Provenance'),
    ('ibm', 5, 'Backend: IBM Quantum'), ('braket', 6, 'Backend: Amazon Braket'), ('dwave', 7, 'Backend: D-Wave'),
    ('dynex', 8, 'Backend: Dynex'), ('simulator', 9, 'Backend: simulator'), ('classical', 10, 'Backend: classical');

CREATE TABLE status_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    component text NOT NULL REFERENCES status_component (name),
    state text NOT NULL
        CHECK (state IN ('operational', 'degraded', 'partial_outage', 'major_outage', 'maintenance')),
    at timestamptz NOT NULL,
    actor text NOT NULL,
    incident_id bigint REFERENCES incident (id) ON DELETE SET NULL
);

CREATE INDEX status_change_component ON status_change (component, id DESC);
CREATE INDEX status_change_at ON status_change (at);

-- What customers are told of an incident. One without a row here is not shown to them.
CREATE TABLE status_update (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    status text NOT NULL CHECK (status IN ('investigating', 'identified', 'monitoring', 'resolved')),
    body text NOT NULL,
    at timestamptz NOT NULL
);

CREATE INDEX status_update_incident_id ON status_update (incident_id, id);
CREATE INDEX status_update_at ON status_update (at);
