-- What was answered since the table was last empty, which a crash of the server makes it: counters for Prometheus.
-- `latencies` counts by the bounds that the code names, and `exemplars` names a request for each of them.
CREATE UNLOGGED TABLE request_total (
    route text NOT NULL,
    status smallint NOT NULL,
    requests bigint NOT NULL,
    seconds double precision NOT NULL,
    latencies bigint[] NOT NULL,
    exemplars jsonb NOT NULL,
    PRIMARY KEY (route, status)
) WITH (fillfactor = 50);

-- How long jobs (by lane) and quantum attempts (by backend) took that ended up to `metric_cursor`.
CREATE TABLE solve_total (
    kind text NOT NULL CHECK (kind IN ('job', 'attempt')),
    label text NOT NULL,
    seconds double precision NOT NULL,
    counts bigint[] NOT NULL,
    exemplars jsonb NOT NULL,
    PRIMARY KEY (kind, label)
) WITH (fillfactor = 50);

CREATE TABLE metric_cursor (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    solved_until timestamptz NOT NULL
);
