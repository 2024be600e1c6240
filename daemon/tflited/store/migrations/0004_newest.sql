-- The newest jobs in a state, without a walk through all of the others.

CREATE INDEX jobs_newest ON jobs (state, id);
