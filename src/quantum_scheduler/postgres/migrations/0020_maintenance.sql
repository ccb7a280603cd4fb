-- Scheduled maintenance: customers see it coming, and what is raised in it about its components is expected.
CREATE TABLE maintenance (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL,
    body text NOT NULL DEFAULT '',
    components text[] NOT NULL CHECK (cardinality(components) BETWEEN 1 AND 100),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);

CREATE INDEX maintenance_ends_at ON maintenance (ends_at) WHERE ended_at IS NULL;

-- What an incident is about, such as quantum/dynex: its component on the status page is as bad as its severity says.
ALTER TABLE incident ADD COLUMN service text;

-- What a person said of a component wins over what follows from incidents.
ALTER TABLE status_change ADD COLUMN is_manual boolean NOT NULL DEFAULT true;
