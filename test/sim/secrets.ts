/** A secret that some steps get. Handlers give it away wherever they can; it must be in no byte that is stored. */
import type { MemoryData } from '../../src/control-plane/store/memory/memory-data.ts';
import type { JsonValue } from '../../src/core/json.ts';
import type { StepDefinition, WorkflowDefinition } from '../../src/workflow/definition.ts';
import type { Dice } from './dice.ts';
import { mapSteps } from './steps.ts';

export const SECRETS: Readonly<Record<string, string>> = { TOKEN: 'hush-5d41402abc4b' };
const [NAME = '', VALUE = ''] = Object.entries(SECRETS)[0] ?? [];

/** Some workflows have it, in some of their agent steps. */
export function withSecrets(definition: WorkflowDefinition, dice: Dice): WorkflowDefinition {
  if (!dice.chance(0.15)) return definition;
  const give = (step: StepDefinition): StepDefinition => {
    if (step.type !== 'agent' || !dice.fork(step.id).chance(0.5)) return step;
    return { ...step, parameters: { given: step.parameters ?? null, token: `secret:${NAME}` } };
  };
  return { ...definition, secrets: [NAME], steps: mapSteps(definition.steps, give) };
}

/** What a handler got for it; undefined: its step has none. */
export function tokenIn(input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null || !('token' in input)) return undefined;
  return String(input.token);
}

export function isRight(token: string): boolean {
  return token === VALUE;
}

/** What is kept of a value that a handler gave. */
export function cleared(value: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(value).replaceAll(VALUE, `[secret ${NAME}]`));
}

/** Where it is stored, if it is. */
export function findLeak({ journals, blobs, tasks, outputs }: MemoryData): string | undefined {
  const isIn = (bytes: Uint8Array): boolean =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(VALUE);
  for (const [runId, rows] of journals) if ([...rows.values()].some(isIn)) return `the journal of ${runId}`;
  for (const [runId, values] of blobs)
    if ([...values.values()].some((parts) => isIn(Buffer.concat(parts)))) return `a blob of ${runId}`;
  for (const [runId, ofRun] of outputs)
    for (const { chunks } of ofRun.values())
      if ([...chunks.values()].some(({ bytes }) => isIn(bytes))) return `the output of ${runId}`;
  for (const row of tasks.values())
    if (JSON.stringify(row, asText).includes(VALUE)) return `the task ${row.runId}/${row.path}`;
  return undefined;
}

function asText(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
}
