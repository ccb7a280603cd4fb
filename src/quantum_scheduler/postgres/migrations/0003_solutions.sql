-- Answers worth giving again. `backend` is the class that may be answered from it: `classical` serves `auto` too.
CREATE TABLE solution (
    org_id uuid NOT NULL REFERENCES organisation (id),
    fingerprint text NOT NULL,
    backend text NOT NULL,
    time_limit_s double precision NOT NULL CHECK (time_limit_s > 0),
    status text NOT NULL CHECK (status IN ('optimal', 'feasible')),
    objective double precision NOT NULL,
    result jsonb NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, fingerprint, backend)
);

CREATE INDEX solution_stored_at ON solution (stored_at);
