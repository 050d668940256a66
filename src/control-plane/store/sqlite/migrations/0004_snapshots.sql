-- The newest snapshot of a run that has one: its state after the first `position` events. It stands for them and can always be made again.
CREATE TABLE snapshots (
  run_id TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
