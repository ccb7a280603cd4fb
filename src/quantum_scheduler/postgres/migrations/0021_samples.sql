-- Where each metric stands in the arrays of the samples, from 1 on without a gap.
CREATE TABLE metric_name (
    place integer PRIMARY KEY CHECK (place > 0),
    name text NOT NULL UNIQUE
);

-- All metrics at one moment (`step_s` 0), or their mean, least and most over `step_s` seconds from `at` on. What was not
-- known is null; a state is its place in the list of its metric's states.
CREATE TABLE metric_sample (
    step_s integer NOT NULL CHECK (step_s IN (0, 60, 3600)),
    at timestamptz NOT NULL,
    mean double precision[] NOT NULL,
    least double precision[],
    most double precision[],
    PRIMARY KEY (step_s, at),
    CHECK ((step_s = 0) = (least IS NULL) AND (step_s = 0) = (most IS NULL))
);
