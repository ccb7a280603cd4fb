-- The outbox: what is to be told to whom. Written in the transaction of what it tells of, sent afterwards.
-- `dedup_key` tells one thing to one address once, however often it is posted.
CREATE TABLE notification (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    channel text NOT NULL,
    address text NOT NULL,
    dedup_key text NOT NULL,
    message jsonb NOT NULL,
    incident_id bigint REFERENCES incident (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    next_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    failed_at timestamptz,
    read_at timestamptz,
    error text,
    receipt jsonb,
    UNIQUE (channel, address, dedup_key),
    CHECK ((next_at IS NULL) = (sent_at IS NOT NULL OR failed_at IS NOT NULL))
);

CREATE INDEX notification_next_at ON notification (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX notification_incident_id ON notification (incident_id, id) WHERE incident_id IS NOT NULL;
CREATE INDEX notification_address ON notification (channel, address, id);
