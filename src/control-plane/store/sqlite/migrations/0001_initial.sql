-- Key facts about this file; `epoch` is the newest one given out.
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('epoch', 0);

CREATE TABLE workflows (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  hash TEXT NOT NULL,
  definition TEXT NOT NULL,
  created_at REAL NOT NULL,
  PRIMARY KEY (namespace, name, version),
  UNIQUE (namespace, name, hash)
) STRICT;

-- tail: the last 8 characters of run_id, the last one first, so that a short id is a prefix. labels: JSON, for readers.
-- actor, user_agent, address: who started it; the audit log has no row of its own for that.
-- retry_of, rerun_of: the run that it is another try of, or has its parameters from.
CREATE TABLE runs (
  run_id TEXT PRIMARY KEY,
  shard INTEGER NOT NULL,
  namespace TEXT NOT NULL,
  workflow TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  priority TEXT NOT NULL,
  queued_at REAL NOT NULL,
  ended_at REAL,
  request_id TEXT,
  input_hash TEXT NOT NULL,
  failure_code TEXT,
  tail TEXT NOT NULL,
  labels TEXT NOT NULL,
  actor TEXT,
  user_agent TEXT NOT NULL,
  address TEXT NOT NULL,
  retry_of TEXT,
  rerun_of TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX runs_request ON runs (namespace, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX runs_open ON runs (run_id) WHERE status IN ('QUEUED', 'RUNNING', 'ENDING');
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_newest ON runs (namespace, run_id);
CREATE INDEX runs_workflow ON runs (namespace, workflow, run_id);
CREATE INDEX runs_status ON runs (namespace, status, run_id);
CREATE INDEX runs_failure ON runs (namespace, failure_code, run_id) WHERE failure_code IS NOT NULL;
CREATE INDEX runs_tail ON runs (tail, namespace);
CREATE INDEX runs_actor ON runs (namespace, actor, run_id) WHERE actor IS NOT NULL;

-- The index from a label to its runs; a table, because a run has several.
CREATE TABLE labels (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  run_id TEXT NOT NULL,
  PRIMARY KEY (namespace, name, value, run_id)
) STRICT, WITHOUT ROWID;

-- A rowid table: rows are appended; the order within a run is the index's.
CREATE TABLE journal (
  run_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  events BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX journal_position ON journal (run_id, position);

CREATE TABLE blobs (
  run_id TEXT NOT NULL,
  blob_id TEXT NOT NULL,
  part INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (run_id, blob_id, part)
) STRICT;

-- One attempt that is queued, delayed or leased; or a timer. A single node keeps its queues in memory: no index but the key.
CREATE TABLE tasks (
  run_id TEXT NOT NULL,
  path TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  class TEXT NOT NULL,
  order_key REAL NOT NULL,
  state TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  instance_id TEXT NOT NULL,
  due_at REAL NOT NULL,
  loss_window_ms REAL NOT NULL,
  checkpoint BLOB,
  PRIMARY KEY (run_id, path, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_events (
  id INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  agent_id TEXT NOT NULL,
  instance_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX agent_events_agent ON agent_events (agent_id, id);
CREATE INDEX agent_events_at ON agent_events (at);

-- spec, last_tick: JSON. seen_at: every tick up to this time was handled. All rows are read at the start and kept in memory.
CREATE TABLE schedules (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  spec TEXT NOT NULL,
  paused INTEGER NOT NULL,
  created_at REAL NOT NULL,
  updated_at REAL NOT NULL,
  seen_at REAL NOT NULL,
  last_tick TEXT,
  last_run_id TEXT,
  PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

-- Calls that changed something or were refused the change, but for starts that were done. id: a ULID of `at`. error_code '': done.
-- details: a JSON object of texts.
CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  at REAL NOT NULL,
  namespace TEXT NOT NULL,
  actor TEXT,
  user_agent TEXT NOT NULL,
  address TEXT NOT NULL,
  action TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  workflow TEXT NOT NULL,
  version INTEGER NOT NULL,
  request_id TEXT NOT NULL,
  error_code TEXT NOT NULL,
  details TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_newest ON audit (namespace, id);
CREATE INDEX audit_action ON audit (namespace, action, id);
CREATE INDEX audit_subject ON audit (namespace, subject, id);
CREATE INDEX audit_workflow ON audit (namespace, workflow, id);
CREATE INDEX audit_actor ON audit (namespace, actor, id);
