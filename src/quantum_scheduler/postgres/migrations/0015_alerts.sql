-- Alerts that others send, each once by its fingerprint, with the incident that it is about.
CREATE TABLE alert (
    source text NOT NULL,
    fingerprint text NOT NULL,
    title text NOT NULL,
    labels jsonb NOT NULL DEFAULT '{}',
    is_firing boolean NOT NULL,
    incident_id bigint REFERENCES incident (id) ON DELETE SET NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times integer NOT NULL DEFAULT 1,
    PRIMARY KEY (source, fingerprint)
);

CREATE INDEX alert_incident_id ON alert (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX alert_fingerprint ON alert (fingerprint);
CREATE INDEX alert_last_at ON alert (last_at);
