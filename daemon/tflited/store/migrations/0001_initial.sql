-- The queue, the triggers that asked for it, and what was published.

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL,
    root TEXT NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    build_key TEXT NOT NULL,
    input_key TEXT NOT NULL,
    model_digest TEXT NOT NULL,
    policy_json TEXT NOT NULL,
    trigger_source TEXT NOT NULL,
    trigger_id TEXT,
    priority INTEGER NOT NULL,
    is_forced INTEGER NOT NULL,
    save_to TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    not_before TEXT,
    created_at TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    failure_code TEXT,
    failure_message TEXT,
    failure_hint TEXT,
    failure_is_retryable INTEGER
) STRICT;

CREATE INDEX jobs_queue ON jobs (priority DESC, id) WHERE state = 'queued';
CREATE UNIQUE INDEX jobs_running ON jobs (root, path) WHERE state = 'running';
CREATE UNIQUE INDEX jobs_trigger ON jobs (trigger_id) WHERE trigger_id IS NOT NULL;
CREATE INDEX jobs_model ON jobs (root, path, id);
CREATE INDEX jobs_state ON jobs (state, queued_at);

CREATE TABLE triggers (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    received_at TEXT NOT NULL,
    is_accepted INTEGER NOT NULL,
    reason TEXT NOT NULL,
    job_id INTEGER REFERENCES jobs (id)
) STRICT;

CREATE TABLE builds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    root TEXT NOT NULL,
    path TEXT NOT NULL,
    build_key TEXT NOT NULL,
    input_key TEXT NOT NULL,
    published_at TEXT NOT NULL,
    toolchain_json TEXT NOT NULL,
    variants_json TEXT NOT NULL
) STRICT;

CREATE INDEX builds_model ON builds (root, path, id);
