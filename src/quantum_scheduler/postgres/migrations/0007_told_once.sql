-- A job's row is written twice, when it comes and when it ends: its result stands in it, and what it tells of itself is
-- not written down again as events. Results from before are still in `job_result`.
ALTER TABLE job ADD COLUMN result jsonb;

-- All that was told about each job. `job_event` holds what does not follow from the rows of the job and its task: of a
-- job that was claimed once and said nothing until it ended, nothing. A claim is written down with what comes after it.
CREATE VIEW job_story AS
SELECT job_id, seq, at, kind, data FROM job_event
UNION ALL
SELECT job.id, own.seq, own.at, 'state', jsonb_build_object('state', own.state, 'error', own.error)
FROM job
LEFT JOIN task ON task.job_id = job.id AND task.state = 'running' AND job.state = 'queued'
CROSS JOIN LATERAL (
    VALUES
        (1, job.created_at, 'queued', NULL::jsonb),
        (2, CASE WHEN job.finished_at IS NOT NULL AND job.events = 3 THEN job.started_at END, 'running', NULL),
        (job.events, job.finished_at, job.state, job.error),
        (job.events + 1, task.started_at, 'running', NULL)
) AS own (seq, at, state, error)
WHERE own.at IS NOT NULL
    AND NOT EXISTS (SELECT FROM job_event WHERE job_event.job_id = job.id AND job_event.seq = own.seq);
