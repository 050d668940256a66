/**
 * Every code of the product: its gRPC status and one line on what it means. docs/errors.md lists the same; a test compares
 * both ways, and compares with the codes that the sources use.
 */
import type { StatusName } from './errors.ts';

export interface CatalogueEntry {
  readonly status: StatusName;
  readonly explanation: string;
}

function entry(status: StatusName, explanation: string): CatalogueEntry {
  return { status, explanation };
}

/** What handlers of agents say is theirs; these are ours. */
export const errorCatalogue: Readonly<Record<string, CatalogueEntry>> = {
  // Requests.
  INVALID_ARGUMENT: entry(
    'INVALID_ARGUMENT',
    'A field of a request is missing, too large or out of range; the problems name it.',
  ),
  MALFORMED_REQUEST: entry('INVALID_ARGUMENT', 'The bytes of a request are not the message of that method.'),
  PARAMETERS_INVALID: entry(
    'INVALID_ARGUMENT',
    'The parameters of a run are not a JSON object, too large, or do not fit the schema of the workflow; each problem is listed with its place.',
  ),
  SCHEMA_TOO_COSTLY: entry(
    'RESOURCE_EXHAUSTED',
    'The parameters of a run could not be checked by the schema of the workflow within the limits of time and memory.',
  ),
  CHECKS_BUSY: entry('UNAVAILABLE', 'Too many parameters wait to be checked; try again in a moment.'),
  INVALID_PARAMETERS: entry('INVALID_ARGUMENT', 'The parameters given to the client are not an object.'),
  INVALID_VALUE: entry(
    'INVALID_ARGUMENT',
    'A value is not JSON: a function, NaN, an integer beyond 2^53, or nested more than 32 deep.',
  ),
  REQUEST_ID_REUSED: entry(
    'ALREADY_EXISTS',
    'This request id was used for something else: a run with other input, or another signal.',
  ),
  RUN_NOT_FOUND: entry(
    'NOT_FOUND',
    'No run has this id or ends with these characters; it may have been removed after its retention.',
  ),
  CONCURRENCY_LIMIT: entry(
    'RESOURCE_EXHAUSTED',
    'As many runs of the workflow are open as its concurrency allows, and its overflow is reject.',
  ),
  QUEUE_FULL: entry('RESOURCE_EXHAUSTED', 'Too many runs of the workflow wait for their turn.'),
  RUN_NOT_RETRYABLE: entry(
    'FAILED_PRECONDITION',
    'Another try was asked of a run that is still open, or COMPLETED; a rerun starts such a run again from the beginning.',
  ),
  RUN_ID_AMBIGUOUS: entry('INVALID_ARGUMENT', 'Several run ids end with these characters; give more of them.'),
  PAGE_TOKEN_MISMATCH: entry('INVALID_ARGUMENT', 'A page token came with another filter than the page before.'),
  STEP_NOT_FOUND: entry('NOT_FOUND', 'The run has no step with this path.'),
  NO_OUTPUT: entry('FAILED_PRECONDITION', 'The output of a step was asked for that no agent does, so nothing writes.'),
  NOTHING_WAITS: entry('FAILED_PRECONDITION', 'No step of the run waits, so there is nothing to explain.'),
  RUN_OVER: entry('FAILED_PRECONDITION', 'The run has ended, and takes no signals.'),
  SIGNAL_NOT_FOUND: entry(
    'NOT_FOUND',
    'No step of the workflow waits for a signal of this name; the message lists the names.',
  ),
  SIGNAL_NOT_ALLOWED: entry('PERMISSION_DENIED', 'Only the answerers that the workflow names may send this signal.'),
  SIGNAL_INVALID: entry(
    'INVALID_ARGUMENT',
    'What is sent with a signal does not fit the form that the workflow states for it; each problem is listed with its place.',
  ),
  TOO_MANY_SIGNALS: entry('RESOURCE_EXHAUSTED', 'The run keeps 100 signals of this name already; no step took them.'),
  WORKFLOW_NOT_FOUND: entry('NOT_FOUND', 'No workflow has this name, or not in this version.'),
  SCHEDULE_NOT_FOUND: entry('NOT_FOUND', 'No schedule has this name.'),
  SCHEDULE_INVALID: entry('INVALID_ARGUMENT', 'A schedule has problems; each names its field.'),
  SCHEDULE_OF_WORKFLOW: entry(
    'FAILED_PRECONDITION',
    'The schedule stands in the definition of a workflow: another version changes it, or takes it away.',
  ),
  SCHEDULE_TAKEN: entry(
    'FAILED_PRECONDITION',
    'The schedule of a workflow has its name, and there is one of that name which was put by hand.',
  ),
  BAD_CRON: entry('INVALID_ARGUMENT', 'A cron expression cannot be read, or never ticks.'),
  UNKNOWN_TIMEZONE: entry('INVALID_ARGUMENT', 'A timezone is no name of the IANA database.'),
  AGENT_NOT_FOUND: entry('NOT_FOUND', 'No agent with this id was ever seen, or it has no such instance.'),
  INSTANCE_AMBIGUOUS: entry('INVALID_ARGUMENT', 'Several instances of the agent end with these characters; give more.'),
  ORCHESTRATION_FAILED: entry(
    'FAILED_PRECONDITION',
    'A program around an orchestrator refused something itself; its message says what.',
  ),
  NOT_READY: entry(
    'FAILED_PRECONDITION',
    'The client has not read the agents and workflows yet, which it answers about without a call; await ready() first.',
  ),
  HEALTH_NAME_UNKNOWN: entry('NOT_FOUND', 'A health check asked for a name that nothing has.'),
  CHANNELZ_ID_UNKNOWN: entry(
    'NOT_FOUND',
    'Channelz was asked for a server, channel or socket that is not there, or not any more.',
  ),
  WATCH_TOO_SLOW: entry(
    'RESOURCE_EXHAUSTED',
    'A watcher read too slowly and was cut off; it resumes after the last position it saw.',
  ),
  SHUTTING_DOWN: entry('UNAVAILABLE', 'This control plane is about to stop; try again in a moment.'),
  UNAVAILABLE: entry('UNAVAILABLE', 'The other side cannot be reached now; it is tried again.'),
  INTERNAL: entry('INTERNAL', 'A bug in Yardmaster: the log of the control plane has the stack.'),

  // Definitions.
  WORKFLOW_INVALID: entry('INVALID_ARGUMENT', 'A definition has problems; each is listed with its place.'),
  MALFORMED_TEXT: entry('INVALID_ARGUMENT', 'The text of a definition is not YAML or JSON.'),
  BAD_FIELD: entry('INVALID_ARGUMENT', 'A field of a definition has the wrong type or value.'),
  MISSING_FIELD: entry('INVALID_ARGUMENT', 'A field that a definition needs is not there.'),
  UNKNOWN_FIELD: entry('INVALID_ARGUMENT', 'A definition has a field that does not exist.'),
  NOT_SUPPORTED: entry('INVALID_ARGUMENT', 'The definition uses something that this version does not have yet.'),
  BAD_SCHEMA: entry(
    'INVALID_ARGUMENT',
    'The schema of the parameters is no JSON Schema 2020-12, or uses a part of it that is not supported.',
  ),
  BAD_ID: entry('INVALID_ARGUMENT', 'An id has other characters than letters, digits, "_" and "-", or more than 64.'),
  DUPLICATE_ID: entry('INVALID_ARGUMENT', 'Two steps of a workflow have the same id.'),
  UNKNOWN_DEPENDENCY: entry('INVALID_ARGUMENT', 'A step depends on one that does not exist.'),
  NOT_SIBLING: entry('INVALID_ARGUMENT', 'A step depends on one of another block.'),
  CYCLE: entry('INVALID_ARGUMENT', 'Steps wait for each other in a circle.'),
  UNKNOWN_STEP: entry('INVALID_ARGUMENT', 'An expression names a step that does not exist.'),
  NOT_UPSTREAM: entry('INVALID_ARGUMENT', 'An expression reads a step that need not have ended before.'),
  UNKNOWN_SECRET: entry('INVALID_ARGUMENT', "A step refers to a secret that is not on the workflow's list."),
  BAD_EXPRESSION: entry('INVALID_ARGUMENT', 'An expression cannot be read, or failed when it was evaluated.'),
  UNKNOWN_CAPABILITY: entry('INVALID_ARGUMENT', 'A warning: no agent offers this action now.'),
  UNKNOWN_WORKFLOW: entry(
    'INVALID_ARGUMENT',
    'A warning: there is no workflow of this name, or not this version of it, now.',
  ),
  CAPABILITY_NOT_FOUND: entry('NOT_FOUND', 'No agent, or not the one that is named, offers this capability.'),
  CAPABILITY_INVALID: entry('INVALID_ARGUMENT', 'A capability has no usable name, version or schema.'),
  EXPRESSION_NOT_RECORDED: entry(
    'INVALID_ARGUMENT',
    'A builder callback computed with a value that exists only when the workflow runs; use the cel tag.',
  ),

  // Why a run, a step or an attempt failed.
  STEP_TIMEOUT: entry('DEADLINE_EXCEEDED', 'An attempt took longer than the timeout of its step.'),
  HEARTBEAT_TIMEOUT: entry('DEADLINE_EXCEEDED', 'A handler showed no progress and no checkpoint for too long.'),
  TOTAL_TIMEOUT: entry(
    'DEADLINE_EXCEEDED',
    'All attempts of a step together, or a block, took longer than its total timeout.',
  ),
  SIGNAL_TIMEOUT: entry('DEADLINE_EXCEEDED', 'No signal came within the timeout of the step that waited for it.'),
  INVALID_TIME: entry(
    'INVALID_ARGUMENT',
    'The `for` of a wait is no duration, its `until` is no time, or it is more than a hundred years away.',
  ),
  LOOP_LIMIT: entry('FAILED_PRECONDITION', 'A loop ran as often as its maxIterations allows and would have gone on.'),
  CHILD_FAILED: entry(
    'FAILED_PRECONDITION',
    'The child run of a step did not complete; the details name the run, how it ended, and the step and code that it ended for.',
  ),
  CHILD_DEPTH: entry(
    'RESOURCE_EXHAUSTED',
    'A step would have started a child run, or its handler a call, within more of them than this product allows.',
  ),
  CALL_KEY_REUSED: entry(
    'ALREADY_EXISTS',
    'A handler called twice under one key with another capability, version, agent, labels, input or number of retries.',
  ),
  CALL_LIMIT: entry('RESOURCE_EXHAUSTED', 'The handlers of one step have as many calls open as this product allows.'),
  NOT_A_LIST: entry('INVALID_ARGUMENT', 'The items of a map are no list.'),
  TOO_MANY_ITEMS: entry('RESOURCE_EXHAUSTED', 'A map was given more than 10,000 items.'),
  QUORUM_NOT_REACHED: entry(
    'FAILED_PRECONDITION',
    'Too many children of a parallel block, or items of a map, did not complete for the quorum to be reached.',
  ),
  RUN_TIMEOUT: entry('DEADLINE_EXCEEDED', 'The run took longer than the timeout of its workflow.'),
  TIMEOUT: entry('DEADLINE_EXCEEDED', 'A handler ended because its time was over.'),
  NO_AGENT: entry('UNAVAILABLE', 'No agent took the step within its queue timeout.'),
  POISONED: entry('ABORTED', 'Three instances were lost while they held this step; it is not given to a fourth.'),
  LIMIT: entry('RESOURCE_EXHAUSTED', 'Something is larger than this product allows; the message names the limit.'),
  SECRET_MISSING: entry(
    'FAILED_PRECONDITION',
    'A step needs a secret that the control plane does not have, or no longer has.',
  ),
  ASSERTION_FAILED: entry('FAILED_PRECONDITION', 'The assert of a step was false.'),
  NOT_COMPENSATED: entry(
    'ABORTED',
    'The cleanup of a run was ended (a second cancel, its cleanupTimeout, a run that could not go on) before all that its steps did was undone.',
  ),
  MISSING_DATA: entry('FAILED_PRECONDITION', 'An expression read something that is not there.'),
  INVALID_INPUT: entry('INVALID_ARGUMENT', 'The input of a step does not fit the schema of the capability.'),
  INVALID_OUTPUT: entry(
    'INVALID_ARGUMENT',
    'The output of a handler is not JSON, or does not fit the schema of the capability.',
  ),
  HANDLER_ERROR: entry('ABORTED', 'A handler threw something without a code of its own.'),
  HUNG: entry('ABORTED', 'The thread of a handler did not answer for 60 s.'),
  CANCELLED: entry('CANCELLED', 'Somebody cancelled the run.'),
  CANCELLED_BY_AGENT: entry('ABORTED', 'A handler said it was cancelled although nobody had asked it to stop.'),

  // The agent stream.
  MALFORMED_FRAME: entry(
    'INVALID_ARGUMENT',
    'An agent sent something that is not a frame; the problems name the fields.',
  ),
  NO_HELLO: entry('FAILED_PRECONDITION', 'A stream sent no Hello within 10 s.'),
  HELLO_FIRST: entry('FAILED_PRECONDITION', 'The first frame of a stream was not a Hello.'),
  HELLO_TWICE: entry('FAILED_PRECONDITION', 'A stream said Hello twice.'),
  HELLO_INVALID: entry('INVALID_ARGUMENT', 'A Hello has a wrong id, or claims more than the limits allow.'),
  STATE_INVALID: entry('INVALID_ARGUMENT', 'A State claims more than the limits allow.'),
  PROTOCOL_UNSUPPORTED: entry('FAILED_PRECONDITION', 'The agent speaks another version of the protocol.'),
  LIMIT_REACHED: entry(
    'RESOURCE_EXHAUSTED',
    'As many agent streams are open, in all or from one address, as the settings of the control plane allow.',
  ),
  OVERLOAD: entry('RESOURCE_EXHAUSTED', 'An agent reads too slowly and its outgoing queue is full.'),
  AGENT_DISCONNECTED: entry('UNAVAILABLE', 'An operator ended the stream of an agent; it may connect again.'),
  AGENT_DEAF: entry('UNAVAILABLE', 'An agent beats and accepts nothing; its stream was ended.'),
  AGENT_SILENT: entry('DEADLINE_EXCEEDED', 'An agent missed three beats; its stream was ended.'),
  ATTEMPT_UNKNOWN: entry(
    'FAILED_PRECONDITION',
    'An upload names an attempt that no connected agent holds, or a call one that there never was.',
  ),
  ATTEMPT_NOT_LIVE: entry(
    'FAILED_PRECONDITION',
    'The attempt that a call is made for, or waited for, has ended or is being stopped: its handler has nothing to call for.',
  ),
  UPLOAD_INVALID: entry(
    'INVALID_ARGUMENT',
    'The bytes of an upload do not have the size or the SHA-256 that was announced, or are no Value.',
  ),
  VALUE_TOO_LARGE: entry('RESOURCE_EXHAUSTED', 'A value is over 64 MiB; store it elsewhere and return where it is.'),
  VALUE_NOT_FOUND: entry('NOT_FOUND', 'The run has no such value.'),
  RESOURCE_EXHAUSTED: entry('RESOURCE_EXHAUSTED', 'A message was larger than the other side takes.'),

  // Agents and clients.
  AGENT_INVALID: entry('INVALID_ARGUMENT', 'An agent was built with an id, slots or a setting that cannot be used.'),
  HANDLER_EXISTS: entry('ALREADY_EXISTS', 'An agent already handles a capability of this name.'),
  NOT_CONNECTED: entry('UNAVAILABLE', 'The agent could not connect before it was stopped.'),
  INVALID_URL: entry('INVALID_ARGUMENT', 'The address of the control plane is not a usable URL.'),
  UNREACHABLE: entry('UNAVAILABLE', 'No control plane answers at this address.'),
  CLIENT_CLOSED: entry('FAILED_PRECONDITION', 'The client was closed before this call.'),
  ABORTED_BY_CALLER: entry('CANCELLED', 'The signal that the caller gave was aborted.'),
  BLOB_CORRUPT: entry('INTERNAL', 'A downloaded value does not have the SHA-256 that its reference states.'),
  BLOB_TOO_LARGE: entry('RESOURCE_EXHAUSTED', 'A downloaded value is over 64 MiB.'),
  USAGE: entry('INVALID_ARGUMENT', 'A command was called with an option or an argument that it does not have.'),
  UNKNOWN_CODE: entry('NOT_FOUND', 'No error has this code.'),
  AGENT_EXISTS: entry('ALREADY_EXISTS', 'This process has an agent with this id already.'),
  NODE_TOO_OLD: entry('FAILED_PRECONDITION', 'Node is older than 24.16 or 26.1.'),
  DISK_SLOW: entry(
    'FAILED_PRECONDITION',
    'Making data durable takes so long on this disk that every step waits for it.',
  ),
  DISK_UNWRITABLE: entry('FAILED_PRECONDITION', 'The folder of the store cannot be written to.'),
  PORT_REFUSED: entry('FAILED_PRECONDITION', 'The system does not let this process listen on the address.'),
  CLOCK_SKEW: entry(
    'FAILED_PRECONDITION',
    'The clock of this machine is wrong, or differs from that of the control plane.',
  ),
  DEMO_FAILED: entry('INTERNAL', 'The demo did not reach its end; the message says where.'),
  LANGUAGE_UNAVAILABLE: entry(
    'FAILED_PRECONDITION',
    'The example agent in a language cannot be built here: it is in the repository only, or a program is not installed; each problem says which.',
  ),

  // The port, the configuration and the store.
  NON_LOOPBACK: entry(
    'FAILED_PRECONDITION',
    'The address is reachable from other machines and this version has no authentication; a flag allows it.',
  ),
  PORT_IN_USE: entry('ALREADY_EXISTS', 'Another process listens on this port.'),
  LISTEN_FAILED: entry('UNAVAILABLE', 'The address cannot be listened on.'),
  CONFIG_INVALID: entry(
    'INVALID_ARGUMENT',
    'A setting is unknown or has a value that cannot be used; all of them are listed.',
  ),
  STORE_OWNED: entry('FAILED_PRECONDITION', 'The store belongs to another process.'),
  STORE_UNAVAILABLE: entry('UNAVAILABLE', 'The store is busy, full or in trouble; it is tried again every second.'),
  STORE_LOST: entry('UNAVAILABLE', 'The thread of the store ended and could not be started again.'),
  STORE_CORRUPT: entry('INTERNAL', 'The store holds something that cannot be read.'),
  SCHEMA_NEWER: entry('FAILED_PRECONDITION', 'The store was written by a newer version of this program.'),

  // Tests with the virtual clock.
  STILL_BUSY: entry('DEADLINE_EXCEEDED', 'A handler stayed busy for 5 s of real time while the virtual clock stood.'),
  NOT_RUNNING: entry('FAILED_PRECONDITION', 'The control plane of a test mesh has crashed and was not restarted.'),
  NOTHING_RUNNABLE: entry(
    'FAILED_PRECONDITION',
    'A test asked for a result that only time can bring; advance the clock.',
  ),
  INVALID_DURATION: entry('INVALID_ARGUMENT', 'A text is not a duration such as 30s.'),
};

/** The entry of a code; codes of handlers have none. */
export function findError(code: string): CatalogueEntry | undefined {
  return Object.hasOwn(errorCatalogue, code) ? errorCatalogue[code] : undefined;
}
