/** Starting a run, and what may be said about it. */
import type { Value } from '@bufbuild/protobuf/wkt';
import { YardmasterError } from '../core/errors.ts';
import type { Workflow } from '../workflow/builder/workflow.ts';
import { createBackoff } from './backoff.ts';
import { type PriorityName, priorityNumber } from './convert/run.ts';
import { toWireValue } from './convert/wire.ts';
import { isCut } from './errors.ts';
import type { MeshApi } from './mesh-api.ts';

/** Tries of a start with a `requestId`: about 10 s of a node that is restarting. */
const TRIES_MAX = 8;

export interface StartOptions {
  /**
   * Makes the start idempotent for as long as the run is kept: the same id answers with the same run. With it, a start
   * that met a cut is repeated; without it UNREACHABLE leaves open whether the run was started.
   */
  readonly requestId?: string;
  readonly priority?: PriorityName;
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: the newest. */
  readonly version?: number;
  readonly signal?: AbortSignal;
}

/** Parameters may be left out where their type allows it. */
export type StartArguments<Params> = object extends Params
  ? [params?: Params, options?: StartOptions]
  : [params: Params, options?: StartOptions];

export interface StartedRun {
  readonly runId: string;
  readonly version: number;
  /** False when an earlier call with this `requestId` started it. */
  readonly created: boolean;
}

export async function startRun(
  api: MeshApi,
  workflow: string | Workflow,
  params: unknown,
  options: StartOptions,
): Promise<StartedRun> {
  const { requestId = '', priority, labels, version, signal } = options;
  const request = {
    workflow: typeof workflow === 'string' ? workflow : workflow.name,
    version: version ?? 0,
    ...parametersOf(params),
    requestId,
    priority: priorityNumber(priority),
    labels: { ...labels },
  };
  const answer = await overCuts({ requestId, signal }, (call) => api.runs.startRun(request, call));
  return { runId: answer.runId, version: answer.workflowVersion, created: answer.created };
}

interface Repeatable {
  readonly requestId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A call that starts a run: with a request id it is repeated when it met a cut. */
export async function overCuts<T>(
  { requestId = '', signal }: Repeatable,
  call: (options: { readonly signal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  const backoff = createBackoff();
  for (let tries = 1; ; tries++) {
    try {
      return await call(signal === undefined ? {} : { signal });
    } catch (error) {
      if (requestId === '' || tries === TRIES_MAX || !isCut(error)) throw error;
      await backoff.pause(signal);
    }
  }
}

/** Of a message that carries them. */
export function parametersOf(params: unknown): { readonly parameters?: Value } {
  if (params === undefined) return {};
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    throw new YardmasterError('INVALID_PARAMETERS', 'Cannot start a run: its parameters are not an object', {
      meta: { status: 'INVALID_ARGUMENT' },
      next: 'pass { name: value, ... }',
    });
  }
  const parameters = toWireValue(params);
  return parameters === undefined ? {} : { parameters };
}
