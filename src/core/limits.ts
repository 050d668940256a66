/** Every limit of the product, in one place. A constant says where its value comes from. */

const KIB = 1024;
const MIB = 1024 * KIB;

export const limits = {
  /** Steps of one workflow (design: workflows.md section 2). */
  stepsMax: 10_000,
  /** Secrets of one workflow. */
  secretsMax: 100,
  /** Times that aliases of one YAML file may be resolved; a handful is use, thousands are a bomb. */
  yamlAliasesMax: 100,
  /** Iterations of one loop: some events each, and the journal of a run has its own limit. */
  iterationsMax: 10_000,
  /** Items of one map: its list is counted when it starts, and an item costs at least six events of the run's journal. */
  mapItemsMax: 10_000,
  /** Items of a map that run at once, when it does not say (design: workflows.md section 1). */
  mapConcurrencyDefault: 100,
  /** What the items of a map give together: all of it becomes one value. */
  mapOutputBytesMax: 16 * MIB,
  /** Items of one map that an answer lists, those that have run longest; the others are counted. */
  mapItemsShown: 10,
  /** Child runs within child runs, the run that nobody's step started not counted. Each level is a run of its own. */
  childDepthMax: 8,
  /** Calls of the handlers of one step that are open at once: each is a run. */
  callsOpenMax: 100,
  /** Of those, the ones that one handler has under way; the SDK lets the others wait for their turn. */
  callsAtOnceMax: 16,
  /** Characters of the key of a call. */
  callKeyCharsMax: 128,
  /** The `retries` of a call. */
  callRetriesMax: 100,
  /** Calls that a run is shown with, the newest. */
  callsShownMax: 100,
  /** Characters of the name of the workflow that a call is a run of: its capability, agent, version range and labels. */
  callNameCharsMax: 1_024,
  /** Blocks within blocks. */
  depthMax: 32,
  /** One definition, as JSON. */
  definitionBytesMax: MIB,
  /** Events in one run's journal; beyond it the run fails with LIMIT. */
  journalEventsMax: 100_000,
  /** What the events of one run take in its journal; beyond it the run fails with LIMIT. Values above `inlineEventBytesMax` are not in it. */
  journalBytesMax: 64 * MIB,
  /** Events, and bytes of values above `inlineEventBytesMax`, of one commit: what is decided beyond that while the writer is busy goes into the next. */
  commitEventsMax: 4_096,
  commitBlobBytesMax: 16 * MIB,
  /** Rows of one run's journal from one snapshot of its state to the next (ADR 19). */
  snapshotRows: 2_000,
  /** A larger one is not written: it is made on the thread that serves everybody, some 10 ms a MiB. */
  snapshotBytesMax: MIB,
  /** A value above this stands in `blobs`, not in events. */
  inlineEventBytesMax: 4 * KIB,
  /** A value above this does not travel in a frame of the agent stream but through BlobService. */
  inlineWireBytesMax: 256 * KIB,
  /** StartRun parameters are always inline. */
  parametersBytesMax: MIB,
  /** The JSON Schema of a workflow's parameters: as JSON, the schemas in it, the values of one `enum`. */
  parameterSchemaBytesMax: 64 * KIB,
  parameterSchemasMax: 1_000,
  enumValuesMax: 1_000,
  /** Instructions of all patterns of one schema, repeats written out: some 20 ms of compiling. */
  patternSizeMax: 20_000,
  /** Weight of a schema times bytes of the parameters that are checked on the thread that serves everybody: some 15 ms at worst (ADR 14). */
  checkWorkHereMax: 256 * KIB,
  /** Checks that wait for the worker. */
  checksWaitingMax: 64,
  /** What is looked for in the directory. */
  searchCharsMax: 200,
  /** Schemas of capabilities that are kept ready to check by; the oldest is read again when it is needed. */
  schemasKeptMax: 1_000,
  /** An expression that is not a plain pass-through may read at most this much. */
  expressionReadBytesMax: MIB,
  /** One blob. */
  blobBytesMax: 64 * MIB,
  /** One row of the blobs table. */
  blobPartBytesMax: MIB,
  /** One part of an Upload or Download. */
  blobFrameBytesMax: 64 * KIB,
  /** One chunk of what an attempt writes. */
  chunkBytesMax: 64 * KIB,
  /** What is kept of the output of one attempt and of one run. A chunk counts with its bytes and these, so that there are not too many. */
  attemptOutputBytesMax: 16 * MIB,
  runOutputBytesMax: 256 * MIB,
  chunkOverheadBytes: 64,
  /** Chunks that are not durable yet, of one attempt and of all: beyond it they are refused and come again. */
  attemptOutputWaitingBytesMax: MIB,
  outputWaitingBytesMax: 64 * MIB,
  /** Chunks that one read of an output takes: of the largest, 2 MiB. */
  chunksReadMax: 32,
  /** Chunks of one attempt that are held back because a secret may begin in them. */
  chunksHeldBackMax: 256,
  /** What an SDK's handler may have written of one attempt before it waits, and what all of them may have on the stream. */
  chunkWindowBytes: 128 * KIB,
  chunksInFlightBytesMax: 2 * MIB,
  /** Counters of what an attempt uses, and characters of a name. */
  usageCountersMax: 32,
  usageNameCharsMax: 128,
  /** One gRPC message (grpc's own default). */
  frameBytesMax: 4 * MIB,
  /** A frame is cut there when it can be. */
  frameBytesSoft: MIB,
  /** Nesting of a Value. protobuf itself stops at 100 messages, which are 49 levels of lists. */
  valueDepthMax: 32,
  /** Bytes on their way to one agent above which it is given no new work: what is queued delays the stops and acks behind it (ADR 28). */
  aheadBytesMax: MIB,
  /** Outgoing bytes queued for one agent stream; beyond it the stream is closed. */
  streamQueueBytesMax: 8 * MIB,
  /** Problems of one definition that are listed. */
  problemsMax: 100,
  /** Characters of one expression and of its nesting. */
  expressionCharsMax: 4_096,
  expressionDepthMax: 32,
  /** Depth of its syntax tree: a sum of 100 terms is 100 deep without being nested. */
  expressionTreeDepthMax: 256,
  /** Expressions kept ready for the next definition that has the same text. */
  preparedExpressionsMax: 4_096,
  /** Characters of a value that an expression makes. */
  expressionResultCharsMax: 8 * MIB,
  /** Evaluation steps of one expression. */
  expressionStepsMax: 100_000,
  /** Slots that one instance may claim. */
  slotsMax: 10_000,
  /** Capabilities that one instance may claim. */
  capabilitiesMax: 1_000,
  /** Attempts that one Hello may list as held. */
  heldMax: 20_000,
  /** Distinct instances lost while they held a step, before the step is POISONED. */
  lossesMax: 3,
  /** Free instances compared for one assignment: enough to spread work, and the same cost on a fleet of any size. */
  instancesComparedMax: 16,
  /** Instances that one step wants to avoid; the last named count. */
  avoidMax: 8,
  /** Lines of one scheduler class, those with different instances to avoid counted each. */
  avoidLinesMax: 64,
  /** Scheduler classes without a waiting step that stay indexed for the next one; each costs a look per freed slot. */
  idleClassesMax: 64,
  /** Addresses of one GoAway that an agent tries, and that a control plane names. */
  moveAddressesMax: 16,
  /** Streams on one HTTP/2 connection. */
  streamsPerConnectionMax: 16,
  /** Agent streams: from one address, and in all. Settings; each agent of the SDK has a socket of its own for its stream. */
  streamsPerAddressMax: 10_000,
  streamsMax: 20_000,
  /** Sockets on the port: from one address, and in all. A bench of 10,000 agents comes from one address. */
  connectionsPerAddressMax: 10_000,
  connectionsMax: 20_000,
  /** Text of an error message that is stored or sent. */
  errorMessageCharsMax: 4_096,
  /** Refused calls that have an entry in the audit log; the rest is counted. As many are deleted by age in a second. */
  auditRefusalsPerSecondMax: 100,
  /** Characters of an id or a name in the audit log (as names have), of a user agent and of each detail. */
  auditNameCharsMax: 128,
  userAgentCharsMax: 256,
  auditDetailCharsMax: 256,
  /** Schedules of one control plane: all are kept in memory. Their parameters are written with every tick. */
  schedulesMax: 1_000,
  scheduleParametersBytesMax: 64 * KIB,
  cronCharsMax: 256,
  /** How long ago a tick may have been missed that is still made up for: a year. */
  catchUpWindowMsMax: 365 * 86_400_000,
  /** Items of one page of a list, and the default. */
  pageSizeMax: 500,
  pageSizeDefault: 50,
  /** Runs that one page of a filtered list looks at: reads stand in front of the commits behind them, so none may take long. */
  runsLookedAtMax: 2_000,
  /** Labels of a run or of an instance, and characters of a name and of a value. */
  labelsMax: 64,
  labelCharsMax: 256,
  /** What makes a call idempotent. */
  requestIdCharsMax: 128,
  /** An attempt id is a run id, a path of a few step ids and a number. */
  attemptIdCharsMax: 2_048,
  blobIdCharsMax: 4_096,
  /** Updates and results of one report. */
  reportEntriesMax: 100_000,
  failureCodeCharsMax: 256,
  /** Labels of one filter. */
  filterLabelsMax: 16,
  /** Runs of one portion of a bulk action: all are durable before the next portion is read and before progress is told. */
  bulkPortion: 50,
  /** What one signal says; it is read as a whole when a step takes it. */
  signalPayloadBytesMax: 64 * KIB,
  /** Signals of one name that no step of the run has taken (design: workflows.md section 4). */
  signalsKeptMax: 100,
  /** Actors that may answer one signal. */
  answerersMax: 100,
  /** What somebody is asked, with its values; the rest is cut. */
  titleCharsMax: 512,
  /** Names of signals in one workflow: an error lists them, and each may keep that many. */
  signalNamesMax: 100,
  /** Workflows, and steps of all of them, of which the last durations are kept. */
  pastWorkflowsMax: 2_000,
  pastStepsMax: 20_000,
  /** Runs of one workflow that wait for their turn: some 50 bytes of memory each, and a start reads past none of them. */
  queuedRunsMax: 100_000,
  /** The `concurrency` of a workflow. */
  concurrencyMax: 100_000,
  /** Attempts that one concurrency key lets run at once: each look at a key looks at so many steps. */
  keyLimitMax: 100,
  /** Characters of a concurrency key. */
  keyCharsMax: 256,
  /** The `retries` of a workflow: the journal of a run holds all its tries. */
  runRetriesMax: 100,
  /** Ids that the answer of a bulk action names. */
  bulkIdsMax: 20,
  /** The file of settings, and a file with a secret. */
  configFileBytesMax: MIB,
  secretFileBytesMax: 64 * KIB,
} as const;

/** An attempt that takes so many times what is usual is overdue. */
export const STUCK_OVERDUE_FACTOR = 3;

/** Times, in milliseconds. */
export const times = {
  /** Default of a step's `timeout`, per attempt. */
  stepTimeoutMs: 3_600_000,
  cleanupTimeoutMs: 300_000,
  beatIntervalMs: 5_000,
  /** Beats missed before SUSPECT and before UNREACHABLE. */
  suspectBeats: 2,
  silentBeats: 3,
  /** How long an ack of a beat may wait for others. */
  beatAckDelayMs: 250,
  lossWindowMs: 30_000,
  /** An agent stops non-idempotent work after this part of the window (the CP waits the whole of it). */
  lossWindowAgentShare: 0.9,
  acceptMs: 5_000,
  helloMs: 10_000,
  /** From a socket to the first bytes that say which protocol it speaks. */
  prefaceMs: 5_000,
  /** From our end of a stream to the end of its connection, when the other side does not read. */
  streamEndGraceMs: 5_000,
  /** How long the queue of a stream may be above `aheadBytesMax` without a pause: before its agent is behind, and before it is ended. */
  behindMs: 5_000,
  overloadMs: 15_000,
  /** How long agents may take to open a stream elsewhere before a control plane that stops ends theirs. */
  moveMs: 2_000,
  /** An agent that was asked to move and is still here, as when nobody is there, is asked again after this. */
  moveAgainMs: 30_000,
  stopGraceMs: 10_000,
  checkpointIntervalMs: 1_000,
  /** How long a chunk waits for the next when a secret may begin at its end. */
  chunkHoldBackMs: 250,
  /** In the worker that checks parameters: compiling a schema, and one check with it. */
  schemaCompileMs: 2_000,
  parameterCheckMs: 500,
  retentionMs: 14 * 86_400_000,
  /** When an open run counts as stuck: with nothing under way, without an agent for a step, at the least for an attempt. */
  stuckIdleMs: 60_000,
  stuckNoAgentMs: 600_000,
  stuckOverdueMs: 60_000,
} as const;
