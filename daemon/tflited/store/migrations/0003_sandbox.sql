-- What was demanded of the sandbox when the job was bound; jobs from before had none to demand.

ALTER TABLE jobs ADD COLUMN sandbox TEXT NOT NULL DEFAULT 'required';
