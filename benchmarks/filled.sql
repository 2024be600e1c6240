-- A long history out of the one job that a daemon has published.

-- name: count
SELECT count(*) FROM jobs;

-- name: jobs
-- One a minute; of a hundred, four failed, one died, five were superseded, the others published.
WITH RECURSIVE numbers (n) AS (
    SELECT 1
    UNION ALL
    SELECT n + 1 FROM numbers WHERE n < :jobs
),
first AS (SELECT * FROM jobs ORDER BY id LIMIT 1),
times (n, at) AS (
    SELECT n, strftime('%Y-%m-%dT%H:%M:%S', substr(first.created_at, 1, 19), '-' || (:jobs + 1 - n) || ' minutes')
    FROM numbers, first
)
INSERT INTO jobs (
    state, root, path, kind, build_key, input_key, model_digest, policy_json, trigger_source,
    priority, is_forced, sandbox, attempts, created_at, queued_at, started_at, finished_at,
    failure_code, failure_message, failure_hint, failure_is_retryable
)
SELECT
    CASE
        WHEN n % 100 < 4 THEN 'failed'
        WHEN n % 100 < 5 THEN 'dead'
        WHEN n % 100 < 10 THEN 'superseded'
        ELSE 'published'
    END,
    root, printf('m%05d', n % :models), kind, 'past ' || build_key, 'past ' || input_key,
    model_digest, policy_json, trigger_source, priority, is_forced, sandbox, 1,
    at || '.000000+00:00', at || '.000000+00:00', at || '.500000+00:00', at || '.900000+00:00',
    CASE WHEN n % 100 < 5 THEN 'needs_select_ops' END,
    CASE WHEN n % 100 < 5 THEN 'An operator is missing.' END,
    CASE WHEN n % 100 < 5 THEN 'add SELECT_TF_OPS to ops' END,
    CASE WHEN n % 100 < 5 THEN 0 END
FROM times, first;

-- name: builds
-- The record of every published job that has none yet.
INSERT INTO builds (
    job_id, root, path, build_key, input_key, published_at, toolchain_json, variants_json
)
SELECT jobs.id, jobs.root, jobs.path, jobs.build_key, jobs.input_key, jobs.finished_at,
    first.toolchain_json, first.variants_json
FROM jobs, (SELECT * FROM builds ORDER BY id LIMIT 1) AS first
WHERE jobs.state = 'published' AND jobs.id NOT IN (SELECT job_id FROM builds);
