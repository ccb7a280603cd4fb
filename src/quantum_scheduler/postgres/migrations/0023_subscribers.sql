-- Customers who want to be told of incidents and maintenance; until `confirmed_at` they are told nothing.
CREATE TABLE status_subscriber (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL CHECK (channel IN ('email', 'status_webhook')),
    address text NOT NULL,
    token text NOT NULL UNIQUE,
    link text NOT NULL,
    asked_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    UNIQUE (channel, address)
);

CREATE INDEX status_subscriber_asked_at ON status_subscriber (asked_at) WHERE confirmed_at IS NULL;

-- What subscribers were told of a maintenance last.
ALTER TABLE maintenance ADD COLUMN told text;
CREATE INDEX maintenance_told ON maintenance (id) WHERE told IS NULL OR told IN ('scheduled', 'in_progress');
