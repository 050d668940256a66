/** A call of a tool is a run: its progress is told, its end is the answer, and who calls it off cancels it. */
import type { CallToolResult } from '@modelcontextprotocol/server';
import { readPayload } from '../client/blobs.ts';
import { callWorkflow, type Orchestrator, type RunView } from '../client/index.ts';
import { isYardmasterError, type YardmasterError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { FleetTool } from './tools.ts';

export interface CallOptions {
  readonly mesh: Orchestrator;
  /** Of the run: a second call with it follows the same run. */
  readonly requestId: string;
  /** Aborts when the caller calls it off, or is gone. */
  readonly signal: AbortSignal;
  /** `progress`: 0 to 100, never less than before. Undefined: the caller did not ask. */
  readonly onProgress: ((progress: number, message: string) => void) | undefined;
}

/** What a caller may send along with a call, and what comes back with its answer. */
export const REQUEST_ID_KEY = 'yardmaster/requestId';
export const RUN_ID_KEY = 'yardmaster/runId';

/** A larger output is described, and not even read: it would fill the context of a model. */
const ANSWER_BYTES_MAX = 1024 * 1024;

/** Never throws what the caller can do something about: that is an answer with `isError`. */
export async function callTool(called: FleetTool, given: JsonObject, options: CallOptions): Promise<CallToolResult> {
  const ids: Record<string, string> = { [REQUEST_ID_KEY]: options.requestId };
  try {
    const runId = await start(called, given, options);
    ids[RUN_ID_KEY] = runId;
    const run = await follow(runId, options);
    return { ...(await answerOf(run, called.tool.outputSchema !== undefined, options.mesh)), _meta: ids };
  } catch (error) {
    if (!isYardmasterError(error)) throw error;
    return { ...failed(describe(error)), _meta: ids };
  }
}

/** Without the signal: a start that was cut off would leave open whether there is a run to cancel. */
async function start(
  { target, argument }: FleetTool,
  given: JsonObject,
  { mesh, requestId }: CallOptions,
): Promise<string> {
  if (target.kind === 'workflow') return (await mesh.startWorkflow(target.name, given, { requestId })).id;
  const { workflow } = await mesh.registerWorkflow(callWorkflow(target.name, { argument }));
  return (await mesh.startWorkflow(workflow.name, given, { requestId, version: workflow.version })).id;
}

/** To its end. Throws when the caller calls it off, after the run was told to end. */
async function follow(runId: string, { mesh, signal, onProgress }: CallOptions): Promise<RunView> {
  let last = -1;
  let lastMessage = '';
  try {
    for await (const { run } of mesh.trackRun(runId, signal)) {
      const progress = Math.max(last, Math.floor(run.progress * 100));
      const message = messageOf(run);
      if (progress === last && message === lastMessage) continue;
      last = progress;
      lastMessage = message;
      onProgress?.(progress, message);
    }
    signal.throwIfAborted();
  } catch (error) {
    if (signal.aborted) await mesh.cancelRun(runId, 'the caller called it off');
    throw error;
  }
  return mesh.getRun(runId, { values: true });
}

function messageOf({ status, steps }: RunView): string {
  const running = steps.find((step) => step.kind === 'AGENT' && step.status === 'RUNNING');
  return running === undefined ? status : [running.path, running.progressMessage].filter(Boolean).join(': ');
}

async function answerOf(run: RunView, hasOutputSchema: boolean, mesh: Orchestrator): Promise<CallToolResult> {
  const { runId, status, error, output } = run;
  const next = `next: yardmaster runs get ${runId}`;
  if (status !== 'COMPLETED') {
    const fact = error === undefined ? `The run ended ${status}` : `${error.code}: ${error.message}`;
    return failed(`${fact}\n${next}`);
  }
  if (output.kind === 'blob' && output.size > ANSWER_BYTES_MAX)
    return failed(
      `The call is done and need not be made again, but its output has ${output.size} bytes: at most ${ANSWER_BYTES_MAX} are shown\n${next}`,
    );
  const value = (await readPayload(mesh.api, runId, output, undefined)) ?? null;
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  if (hasOutputSchema && !isJsonObject(value))
    return failed(`The output is no object, as its schema says:\n${text}\n${next}`);
  return {
    content: [{ type: 'text', text }],
    ...(isJsonObject(value) ? { structuredContent: { ...value } } : {}),
  };
}

function failed(text: string): CallToolResult {
  return { isError: true, content: [{ type: 'text', text }] };
}

function describe({ code, message, problems, next }: YardmasterError): string {
  const lines = [`${code}: ${message}`, ...problems.map((problem) => `- ${problem.message}`)];
  return [...lines, ...(next === undefined ? [] : [`next: ${next}`])].join('\n');
}
