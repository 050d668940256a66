/** What agents give, as results of the engine: uploaded outputs are looked for, others are checked by the schema of the instance. */
import type { Clock } from '../../core/clock.ts';
import type { AttemptKey } from '../../core/ids.ts';
import { isJsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { BlobValue } from '../../core/stored-value.ts';
import { decodeValue } from '../../core/value.ts';
import type { AttemptResult } from '../engine/commands.ts';
import type { Failure } from '../engine/events.ts';
import type { ReportedResult } from '../registry/frames.ts';
import { capabilityOf, type Instance } from '../registry/instance.ts';
import { untilRead } from './read-trouble.ts';
import type { Pending } from './run-holder.ts';
import type { SchemaChecks } from './schema-checks.ts';
import type { Uploads } from './uploads.ts';

export interface GivenResultsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly uploads: Uploads;
  readonly schemas: SchemaChecks;
}

export interface GivenResult {
  readonly instance: Instance;
  readonly key: AttemptKey;
  readonly reported: ReportedResult;
}

export interface SettledResult {
  readonly result: AttemptResult;
  readonly attachment: Pending['attachment'];
}

type Settle = (settled: SettledResult) => void;

export class GivenResults {
  private readonly options: GivenResultsOptions;

  constructor(options: GivenResultsOptions) {
    this.options = options;
  }

  /** `onLost`: it could not be looked at, and the log says so. */
  take(given: GivenResult, settle: Settle, onLost: () => void): void {
    const { result } = given.reported;
    const output = result.kind === 'completed' ? result.output : undefined;
    if (output?.kind === 'blob') void this.withBlob(given, output, settle).catch(onLost);
    else this.withFit(given, settle);
  }

  /** An output that does not fit fails the try as a failure of the handler does. */
  private withFit({ instance, key, reported }: GivenResult, settle: Settle): void {
    const { attemptId, result } = reported;
    const held = instance.held.get(attemptId);
    if (held === undefined || result.kind !== 'completed') return settle(toResult(reported, key));
    const capability = capabilityOf(instance, held.capability);
    this.options.schemas.check('output', capability, result.output, (misfit) => {
      if (misfit === undefined) return settle(toResult(reported, key));
      const failure: Failure = { ...misfit, path: key.path, attempt: key.number };
      settle({ result: { kind: 'failed', failure, retryable: true, retryAfterMs: 0 }, attachment: undefined });
    });
  }

  /** A blob that this attempt did not upload fails the step: a resent result would name it for ever. */
  private async withBlob({ key, reported }: GivenResult, blob: BlobValue, settle: Settle): Promise<void> {
    const { attemptId } = reported;
    try {
      const { uploads } = this.options;
      const problem = await untilRead(this.options, { attempt: attemptId }, () => uploads.check(key, blob));
      if (problem === undefined) return settle(toResult(reported, key));
      const message = `Cannot take the output of "${key.path}": ${problem}`;
      const failure: Failure = { code: 'INVALID_OUTPUT', message };
      settle({ result: { kind: 'failed', failure, retryable: false, retryAfterMs: 0 }, attachment: undefined });
    } catch (error) {
      // The agent keeps the result and sends it again when it returns.
      this.options.logger.error('an uploaded output could not be read', { attempt: attemptId, error });
      throw error;
    }
  }
}

/** The engine's result; an output above the inline size becomes a blob that is stored with it. */
function toResult(reported: ReportedResult, { runId, path, number }: AttemptKey): SettledResult {
  const { result } = reported;
  switch (result.kind) {
    case 'completed': {
      const { output } = result;
      if (output.kind === 'blob' || output.bytes.length <= limits.inlineEventBytesMax) {
        return { result: { kind: 'completed', output }, attachment: undefined };
      }
      // With the run: one that takes values over gives its own attempts the same numbers again.
      const blobId = `result/${path}#${number}~${runId}`;
      return {
        result: { kind: 'completed', output: { kind: 'blob', blobId, size: output.bytes.length } },
        attachment: { blobId, bytes: output.bytes },
      };
    }
    case 'failed':
      return {
        result: {
          kind: 'failed',
          failure: toFailure(result),
          retryable: result.retryable,
          retryAfterMs: result.retryAfterMs,
        },
        attachment: undefined,
      };
    case 'cancelled':
      return { result: { kind: 'cancelled' }, attachment: undefined };
    case 'handedBack':
      return { result: { kind: 'handedBack' }, attachment: undefined };
  }
}

function toFailure(result: Extract<ReportedResult['result'], { kind: 'failed' }>): Failure {
  const details =
    result.details === undefined || result.details.length > limits.inlineEventBytesMax
      ? undefined
      : decodeValue(result.details);
  return {
    code: result.code === '' ? 'HANDLER_ERROR' : result.code.slice(0, 128),
    message: result.message.slice(0, limits.errorMessageCharsMax),
    ...(isJsonObject(details) ? { details } : {}),
  };
}
