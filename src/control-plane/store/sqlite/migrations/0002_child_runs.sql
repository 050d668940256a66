-- The step of another run that a run is the child run of.
ALTER TABLE runs ADD COLUMN parent_run_id TEXT;
ALTER TABLE runs ADD COLUMN parent_step TEXT;
CREATE INDEX runs_parent ON runs (namespace, parent_run_id, run_id) WHERE parent_run_id IS NOT NULL;
