-- What attempts write while they work. number: of the last chunk; bytes: of all of them, as limits count them; is_cut: there is no more.
CREATE TABLE outputs (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL,
  path TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  number INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  is_cut INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX outputs_attempt ON outputs (run_id, path, attempt);

-- A rowid table: rows are appended. kind: text, data, or cut for the end of an output that was longer than is kept.
CREATE TABLE chunks (
  output_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  channel TEXT NOT NULL,
  kind TEXT NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX chunks_number ON chunks (output_id, number);
