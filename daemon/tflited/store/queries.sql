-- Every statement of the store, each under the name the code asks for it by.
-- Times are ISO 8601 in UTC with six decimals, so that text order is time order.

-- name: insert_job
INSERT INTO jobs (
    state, root, path, kind, build_key, input_key, model_digest, policy_json,
    trigger_source, trigger_id, priority, is_forced, save_to, folder_key, sandbox, policy_name,
    waits_for, created_at, queued_at, finished_at
) VALUES (
    :state, :root, :path, :kind, :build_key, :input_key, :model_digest, :policy_json,
    :trigger_source, :trigger_id, :priority, :is_forced, :save_to, :folder_key, :sandbox, :policy_name,
    :waits_for, :now, :now, :finished_at
)
RETURNING *;

-- name: supersede_queued
UPDATE jobs
SET state = 'superseded', finished_at = :now, waits_for = NULL,
    failure_code = :failure_code, failure_message = :failure_message,
    failure_hint = :failure_hint, failure_is_retryable = :failure_is_retryable
WHERE state = 'queued' AND root = :root AND path = :path AND save_to IS :save_to
RETURNING *;

-- name: claim
-- A start time beyond the horizon was written by a clock that has been set back since.
UPDATE jobs
SET state = 'running', attempts = attempts + 1, started_at = :now, not_before = NULL
WHERE id = (
    SELECT candidate.id
    FROM jobs AS candidate INDEXED BY jobs_queue
    WHERE candidate.state = 'queued'
        AND candidate.waits_for IS NULL
        AND (
            candidate.not_before IS NULL
            OR candidate.not_before <= :now
            OR candidate.not_before > :horizon
        )
        AND NOT EXISTS (
            SELECT 1
            FROM jobs AS busy
            WHERE busy.state = 'running'
                AND busy.root = candidate.root
                AND busy.path = candidate.path
        )
    ORDER BY candidate.priority DESC, candidate.id
    LIMIT 1
)
RETURNING *;

-- name: wait
-- A job that was claimed for nothing has used up no attempt.
UPDATE jobs
SET state = 'queued', waits_for = :reason,
    attempts = attempts - (state = 'running'),
    started_at = CASE WHEN state = 'running' THEN NULL ELSE started_at END
WHERE id = :id AND state IN ('queued', 'running')
RETURNING *;

-- name: bind
UPDATE jobs
SET kind = :kind, build_key = :build_key, input_key = :input_key, model_digest = :model_digest,
    policy_json = :policy_json, folder_key = :folder_key, sandbox = :sandbox,
    policy_name = :policy_name, waits_for = NULL
WHERE id = :id AND state IN ('queued', 'running')
RETURNING *;

-- name: waiting
SELECT *
FROM jobs
WHERE waits_for IS NOT NULL
ORDER BY id;

-- name: finish
UPDATE jobs
SET state = :state, finished_at = :now, waits_for = NULL,
    failure_code = :failure_code, failure_message = :failure_message,
    failure_hint = :failure_hint, failure_is_retryable = :failure_is_retryable
WHERE id = :id AND state IN (SELECT value FROM json_each(:before))
RETURNING *;

-- name: requeue
UPDATE jobs
SET state = 'queued', not_before = :not_before, deaths = deaths + :died,
    failure_code = :failure_code, failure_message = :failure_message,
    failure_hint = :failure_hint, failure_is_retryable = :failure_is_retryable
WHERE id = :id AND state = 'running'
RETURNING *;

-- name: retry
UPDATE jobs
SET state = 'queued', queued_at = :now, attempts = 0, deaths = 0,
    waits_for = NULL, not_before = NULL, started_at = NULL, finished_at = NULL,
    failure_code = NULL, failure_message = NULL,
    failure_hint = NULL, failure_is_retryable = NULL
WHERE id = :id AND state IN ('failed', 'dead')
RETURNING *;

-- name: discard
-- Its failure and its end stay as they were: what is put away can still be read.
UPDATE jobs
SET state = 'cancelled'
WHERE id = :id AND state IN ('failed', 'dead')
RETURNING *;

-- name: shift_rests
UPDATE jobs
SET not_before = :not_before
WHERE id = :id;

-- name: resting
SELECT *
FROM jobs
WHERE state = 'queued' AND not_before IS NOT NULL;

-- name: recover
UPDATE jobs
SET state = 'queued'
WHERE state = 'running'
RETURNING *;

-- name: forget_waits
UPDATE jobs
SET waits_for = NULL
WHERE waits_for IS NOT NULL;

-- name: begin_numbers
INSERT INTO sqlite_sequence (name, seq)
SELECT 'jobs', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'jobs');

-- name: skip_numbers
UPDATE sqlite_sequence
SET seq = MAX(seq, :newest) + :gap
WHERE name = 'jobs';

-- name: job
SELECT * FROM jobs WHERE id = :id;

-- name: job_of_trigger
SELECT *
FROM jobs
WHERE id = COALESCE(
    (SELECT jobs.id FROM jobs WHERE jobs.trigger_id = :trigger_id),
    (SELECT triggers.job_id FROM triggers WHERE triggers.id = :trigger_id AND is_accepted)
);

-- name: jobs
SELECT *
FROM jobs
WHERE id < :before
ORDER BY id DESC
LIMIT :limit;

-- name: jobs_in_state
SELECT *
FROM jobs INDEXED BY jobs_newest
WHERE state = :state AND id < :before
ORDER BY id DESC
LIMIT :limit;

-- name: jobs_of_model
SELECT *
FROM jobs
WHERE root = :root AND path = :path AND id < :before
    AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
ORDER BY id DESC
LIMIT :limit;

-- name: latest
SELECT *
FROM jobs
WHERE root = :root AND path = :path AND state NOT IN ('superseded', 'cancelled')
ORDER BY id DESC
LIMIT 1;

-- name: counts
-- Counted from an index alone; only of those in the queue a column is read.
SELECT
    state,
    COUNT(*) AS jobs,
    CASE state WHEN 'queued' THEN (
        SELECT MIN(waiting.queued_at)
        FROM jobs AS waiting
        WHERE waiting.state = 'queued' AND waiting.waits_for IS NULL
    ) END AS oldest
FROM jobs
GROUP BY state;

-- name: active
SELECT COUNT(*) AS jobs
FROM jobs
WHERE state IN ('queued', 'running');

-- name: record_receipt
-- What was accepted once stays accepted: a later refusal of the same id changes nothing.
INSERT INTO triggers (id, source, received_at, is_accepted, reason, job_id)
VALUES (:id, :source, :received_at, :is_accepted, :reason, :job_id)
ON CONFLICT (id) DO UPDATE
SET source = excluded.source, received_at = excluded.received_at,
    is_accepted = excluded.is_accepted, reason = excluded.reason, job_id = excluded.job_id
WHERE NOT triggers.is_accepted;

-- name: insert_build
INSERT INTO builds (
    job_id, root, path, build_key, input_key, published_at, toolchain_json, variants_json
) VALUES (
    :job_id, :root, :path, :build_key, :input_key, :now, :toolchain_json, :variants_json
);

-- name: builds
SELECT *
FROM builds
WHERE root = :root AND path = :path
ORDER BY id DESC
LIMIT :limit;

-- name: count_jobs
SELECT count(*) FROM jobs
