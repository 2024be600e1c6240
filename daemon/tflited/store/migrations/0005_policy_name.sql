-- The named policy that a job's own policy started from, for people who look for it.

ALTER TABLE jobs ADD COLUMN policy_name TEXT NOT NULL DEFAULT '';
