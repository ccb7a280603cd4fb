-- Answers that came back from Slack and PagerDuty, so that one that is sent again does nothing.
CREATE TABLE incident_answer (
    service text NOT NULL,
    id text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (service, id)
);

CREATE INDEX incident_answer_at ON incident_answer (at);
