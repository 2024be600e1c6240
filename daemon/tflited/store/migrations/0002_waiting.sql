-- What a queued job waits for, and the input key of the folder's policy beside a trigger's own.

ALTER TABLE jobs ADD COLUMN waits_for TEXT;
ALTER TABLE jobs ADD COLUMN folder_key TEXT;

CREATE INDEX jobs_waiting ON jobs (id) WHERE waits_for IS NOT NULL;
