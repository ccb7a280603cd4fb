-- What a worker and its solver processes hold in memory, as of its last beat.
ALTER TABLE worker ADD COLUMN memory_mb double precision;

-- The processes of the API, each as of its last beat: how long it waited for a connection of its pool then.
CREATE UNLOGGED TABLE api_process (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    pool_wait_s double precision NOT NULL,
    memory_mb double precision NOT NULL,
    beat_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- When somebody was last refused a job for want of it.
ALTER TABLE quota ADD COLUMN refused_at timestamptz;
CREATE INDEX quota_refused_at ON quota (refused_at) WHERE refused_at IS NOT NULL;
