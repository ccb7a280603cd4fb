-- When somebody was told of a notice; of those from before, whoever looked knows.
ALTER TABLE quota_notice ADD COLUMN told_at timestamptz;
UPDATE quota_notice SET told_at = noticed_at;
CREATE INDEX quota_notice_untold ON quota_notice (noticed_at) WHERE told_at IS NULL;

-- That a quota will be used up before its period ends is told once in that period.
CREATE TABLE quota_forecast (
    org_id uuid NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    meter text NOT NULL,
    period date NOT NULL,
    exhausted_at timestamptz NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, meter, period)
);
