-- Labels that operators gave to an agent, whatever its instances claim: a row per agent that has any.
CREATE TABLE agent_labels (
  namespace TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  labels TEXT NOT NULL,
  PRIMARY KEY (namespace, agent_id)
) STRICT, WITHOUT ROWID;
