/** A call of a tool is a run: its progress is told, its end is the answer, and who calls it off cancels it. */
import type { CallToolResult } from '@modelcontextprotocol/server';
import { callWorkflow, type Orchestrator, type RunHandle, type WorkflowResult } from '../client/index.ts';
import { isYardmasterError, type YardmasterError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import type { FleetTool } from './tools.ts';

export interface CallOptions {
  readonly mesh: Orchestrator;
  /** Aborts when the caller calls it off, or is gone. */
  readonly signal: AbortSignal;
  /** `progress`: 0 to 100, never less than before. Undefined: the caller did not ask. */
  readonly onProgress: ((progress: number, message: string) => void) | undefined;
}

const ANSWER_CHARS_MAX = 1024 * 1024;

/** Never throws what the caller can do something about: that is an answer with `isError`. */
export async function callTool(
  { target, argument, tool }: FleetTool,
  given: JsonObject,
  options: CallOptions,
): Promise<CallToolResult> {
  const { mesh, signal } = options;
  try {
    const name = target.kind === 'workflow' ? target.name : await registerCall(mesh, target.name, argument);
    const handle: RunHandle = await mesh.startWorkflow(name, given, { requestId: crypto.randomUUID(), signal });
    return answerOf(await follow(handle, options), tool.outputSchema !== undefined);
  } catch (error) {
    if (!isYardmasterError(error)) throw error;
    return failed(describe(error));
  }
}

async function registerCall(mesh: Orchestrator, capability: string, argument: string | undefined): Promise<string> {
  const { workflow } = await mesh.registerWorkflow(callWorkflow(capability, { argument }));
  return workflow.name;
}

async function follow(handle: RunHandle, { mesh, signal, onProgress }: CallOptions): Promise<WorkflowResult> {
  const cancel = (): void => void handle.cancel('the caller called it off').catch(() => {});
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  const watching = new AbortController();
  const told = onProgress === undefined ? undefined : tell(mesh, handle.id, watching.signal, onProgress);
  try {
    return await handle.result();
  } finally {
    signal.removeEventListener('abort', cancel);
    watching.abort();
    await told;
  }
}

async function tell(
  mesh: Orchestrator,
  runId: string,
  signal: AbortSignal,
  onProgress: (progress: number, message: string) => void,
): Promise<void> {
  let last = -1;
  let lastMessage = '';
  try {
    for await (const { run } of mesh.trackRun(runId, signal)) {
      const running = run.steps.filter(({ kind, status }) => kind === 'AGENT' && status === 'RUNNING');
      const [first] = running;
      const message = first === undefined ? run.status : [first.path, first.progressMessage].filter(Boolean).join(': ');
      const progress = Math.max(last, Math.floor(run.progress * 100));
      if (progress === last && message === lastMessage) continue;
      last = progress;
      lastMessage = message;
      onProgress(progress, message);
    }
  } catch (error) {
    // Progress is a courtesy: the result says how it ended.
    if (!signal.aborted && !isYardmasterError(error)) throw error;
  }
}

function answerOf(result: WorkflowResult, hasOutputSchema: boolean): CallToolResult {
  if (result.status !== 'COMPLETED') {
    const { error, runId } = result;
    const fact = error === undefined ? `The run ended ${result.status}` : `${error.code}: ${error.message}`;
    return failed(`${fact}\nnext: yardmaster runs get ${runId}`);
  }
  const value: JsonValue = result.output;
  const text = JSON.stringify(value, null, 2);
  if (text.length > ANSWER_CHARS_MAX)
    return failed(
      `The output has ${text.length} characters; a tool answers with at most ${ANSWER_CHARS_MAX}\nnext: yardmaster runs get ${result.runId} -o json`,
    );
  if (hasOutputSchema && !isJsonObject(value)) return failed(`The output is no object, as its schema says:\n${text}`);
  return {
    content: [{ type: 'text', text: typeof value === 'string' ? value : text }],
    ...(isJsonObject(value) ? { structuredContent: { ...value } } : {}),
  };
}

function failed(text: string): CallToolResult {
  return { isError: true, content: [{ type: 'text', text }] };
}

function describe(error: YardmasterError): string {
  const problems = error.problems.map(({ message }) => `- ${message}`);
  return [
    `${error.code}: ${error.message}`,
    ...problems,
    ...(error.next === undefined ? [] : [`next: ${error.next}`]),
  ].join('\n');
}
